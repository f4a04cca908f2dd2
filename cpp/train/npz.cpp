#include "train/npz.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace densekit::npz {
namespace {

constexpr std::uint32_t full = 0xFFFFFFFF;                       // the size is in the ZIP64 field
constexpr int version = 45, utf8_names = 0x0800, date = 0x0021;  // 1980-01-01
constexpr std::uint64_t longest_header = 1 << 24;

constexpr bool little_endian = std::endian::native == std::endian::little;

void swap_bytes(char* data, std::size_t bytes, std::size_t item) {
  for (std::size_t at = 0; at < bytes; at += item) std::reverse(data + at, data + at + item);
}

[[noreturn]] void damaged(const std::string& what) { throw std::invalid_argument("the file is damaged: " + what); }

// Little-endian fields one after another.
class Fields {
 public:
  Fields& text(std::string_view t) { return bytes_ += t, *this; }
  Fields& u16(std::uint64_t x) { return little(x, 2); }
  Fields& u32(std::uint64_t x) { return little(x, 4); }
  Fields& u64(std::uint64_t x) { return little(x, 8); }
  std::string take() { return std::move(bytes_); }

 private:
  Fields& little(std::uint64_t x, int count) {
    for (int i = 0; i < count; ++i) bytes_ += static_cast<char>(x >> (8 * i) & 0xFF);
    return *this;
  }
  std::string bytes_;
};

std::uint64_t field(const std::string& bytes, std::size_t at, std::size_t count) {
  std::uint64_t x = 0;
  for (std::size_t i = count; i-- > 0;) x = x << 8 | static_cast<unsigned char>(bytes[at + i]);
  return x;
}

// Slicing by 8: table[k][b] is the effect of byte b with k bytes behind it. Kounavis and Berry, ISCC 2005.
constexpr auto crc_tables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> table{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    table[0][b] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t b = 0; b < 256; ++b) table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 0xFF];
  return table;
}();

std::string central(const Entry& entry, std::uint64_t offset) {
  const std::uint64_t size = entry.npy_head().size() + entry.data_bytes();
  const std::string name = entry.name + ".npy";
  Fields f;
  f.text("PK\1\2").u16(version).u16(version).u16(utf8_names).u16(0).u16(0).u16(date).u32(entry.crc).u32(full).u32(full);
  f.u16(name.size()).u16(28).u16(0).u16(0).u16(0).u32(0).u32(full).text(name);
  return f.u16(1).u16(24).u64(size).u64(size).u64(offset).take();
}

}  // namespace

std::uint32_t crc32(std::uint32_t before, const void* data, std::size_t bytes) {
  const auto* p = static_cast<const unsigned char*>(data);
  const auto& t = crc_tables;
  std::uint32_t crc = ~before;
  for (; bytes >= 8; p += 8, bytes -= 8) {
    const std::uint32_t low = crc ^ (p[0] | p[1] << 8 | p[2] << 16 | static_cast<std::uint32_t>(p[3]) << 24);
    crc = t[7][low & 0xFF] ^ t[6][low >> 8 & 0xFF] ^ t[5][low >> 16 & 0xFF] ^ t[4][low >> 24] ^ t[3][p[4]] ^ t[2][p[5]] ^ t[1][p[6]] ^
          t[0][p[7]];
  }
  for (; bytes > 0; ++p, --bytes) crc = crc >> 8 ^ t[0][(crc ^ *p) & 0xFF];
  return ~crc;
}

std::uint64_t Entry::data_bytes() const {
  std::uint64_t bytes = item_bytes();
  for (const index length : shape)
    if (length < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(length), &bytes) || bytes >= std::uint64_t{1} << 60)
      throw std::invalid_argument("the array '" + name + "' has a shape that no file can hold");
  return bytes;
}

std::string Entry::npy_head() const {
  std::string text = "{'descr': '" + dtype + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  text += shape.size() == 1 ? ",), }" : "), }";
  text.append(63 - (text.size() + 10) % 64, ' ');
  text += '\n';
  if (text.size() > 0xFFFF) throw std::invalid_argument("the array '" + name + "' has too many dimensions");
  return Fields().text(std::string_view("\x93NUMPY\1\0", 8)).u16(text.size()).text(text).take();
}

std::string Entry::head() const {
  const std::string npy = npy_head(), file = name + ".npy";
  if (file.size() > 0xFFFF) throw std::invalid_argument("the name of an array is longer than the 65,535 bytes that a zip file can name");
  const std::uint64_t size = npy.size() + data_bytes();
  Fields f;
  f.text("PK\3\4").u16(version).u16(utf8_names).u16(0).u16(0).u16(date).u32(crc).u32(full).u32(full).u16(file.size()).u16(20);
  return f.text(file).u16(1).u16(16).u64(size).u64(size).text(npy).take();
}

Entry entry_of(std::string name, std::string dtype, std::vector<index> shape, const void* data) {
  Entry entry{std::move(name), std::move(dtype), std::move(shape)};
  const std::string npy = entry.npy_head();
  entry.crc = crc32(0, npy.data(), npy.size());
  for_contents(entry, data, [&](const void* part, std::size_t bytes) { entry.crc = crc32(entry.crc, part, bytes); });
  return entry;
}

void for_contents(const Entry& entry, const void* data, const std::function<void(const void*, std::size_t)>& body) {
  const std::size_t all = static_cast<std::size_t>(entry.data_bytes());
  if (little_endian || entry.item_bytes() == 1) return body(data, all);
  std::array<char, 1 << 16> part;
  for (std::size_t at = 0; at < all; at += part.size()) {
    const std::size_t bytes = std::min(part.size(), all - at);
    std::memcpy(part.data(), static_cast<const char*>(data) + at, bytes);
    swap_bytes(part.data(), bytes, entry.item_bytes());
    body(part.data(), bytes);
  }
}

std::string directory(const std::vector<Entry>& entries) {
  std::string listed;
  std::uint64_t offset = 0;
  for (const Entry& entry : entries) {
    listed += central(entry, offset);
    offset += entry.head().size() + entry.data_bytes();
  }
  const std::uint64_t size = listed.size(), count = entries.size();
  Fields f;
  f.text(listed).text("PK\6\6").u64(44).u16(version).u16(version).u32(0).u32(0).u64(count).u64(count).u64(size).u64(offset);
  f.text("PK\6\7").u32(0).u64(offset + size).u32(1);
  return f.text("PK\5\6").u16(0).u16(0).u16(0xFFFF).u16(0xFFFF).u32(full).u32(full).u16(0).take();
}

Reader::Reader(std::istream& in) : in_(in) {
  in.seekg(0, std::ios::end);
  const std::streamoff end = in.tellg();
  in.seekg(0);
  if (!in || end < 0) throw std::invalid_argument("the file cannot be read from its beginning to its end");
  size_ = static_cast<std::uint64_t>(end);
}

void Reader::read(void* target, std::uint64_t bytes, const std::string& of) {
  in_.read(static_cast<char*>(target), static_cast<std::streamsize>(bytes));
  if (static_cast<std::uint64_t>(in_.gcount()) != bytes) damaged("it ends inside '" + of + "'");
}

std::string Reader::header() {
  constexpr std::size_t in_front = 30 + 10 + 20;  // the local header, "header.npy", the ZIP64 field
  std::string first(in_front, '\0');
  in_.read(first.data(), in_front);
  if (in_.gcount() != in_front || !first.starts_with("PK\3\4"))
    throw std::invalid_argument("this is no model file: it does not begin like one");
  Entry entry{"header", "|u1", {1}, static_cast<std::uint32_t>(field(first, 14, 4))};
  const std::uint64_t size = field(first, in_front - 16, 8), npy = entry.npy_head().size();
  if (size < npy || size - npy > std::min(size_, longest_header))
    throw std::invalid_argument("this is no model file, or it is damaged: its header has no possible size");
  entry.shape[0] = static_cast<index>(size - npy);
  std::string text(size - npy, '\0');
  in_.seekg(0);
  into(entry, text.data());
  entries_ = {entry};
  return text;
}

void Reader::expect(const std::vector<Entry>& entries) {
  entries_.insert(entries_.end(), entries.begin(), entries.end());
  std::uint64_t expected = directory(entries_).size();
  for (const Entry& entry : entries_) {
    expected += entry.head().size() + entry.data_bytes();
    if (expected > size_) break;  // so that the sum cannot overflow
  }
  if (expected != size_) damaged("it has " + std::to_string(size_) + " bytes, its header describes another number");
}

void Reader::into(const Entry& entry, void* target) {
  const std::string head = entry.head(), npy = entry.npy_head();
  std::string found(head.size(), '\0');
  read(found.data(), found.size(), entry.name);
  if (found != head) damaged("'" + entry.name + "' does not begin as it must");
  read(target, entry.data_bytes(), entry.name);
  if (crc32(crc32(0, npy.data(), npy.size()), target, entry.data_bytes()) != entry.crc)
    damaged("the contents of '" + entry.name + "' do not have their checksum");
  if (!little_endian) swap_bytes(static_cast<char*>(target), static_cast<std::size_t>(entry.data_bytes()), entry.item_bytes());
}

void Reader::finish() {
  const std::string end = directory(entries_);
  std::string found(end.size(), '\0');
  read(found.data(), found.size(), "directory");
  if (found != end || in_.peek() != std::istream::traits_type::eof()) damaged("its directory is not as it must be");
}

}  // namespace densekit::npz
