// Any bytes as a model file. A first byte 'f': the file as it is. Otherwise the header and the contents of the arrays, from
// which a file is made whose checksums and sizes are right, so that what lies behind those checks is reached: the text of the
// header up to a byte 0, then the contents.
#include <algorithm>
#include <sstream>

#include "exercise.h"
#include "train/json.h"
#include "train/model_file.h"

namespace densekit::fuzz {  // inside, because POSIX has a function index
namespace {

// The contents of one array, as many bytes as its header says; zeros where the input ends.
std::string take(std::string_view& rest, std::uint64_t bytes) {
  const std::size_t there = std::min<std::uint64_t>(bytes, rest.size());
  std::string contents(rest.substr(0, there));
  rest.remove_prefix(there);
  contents.resize(bytes, '\0');
  return contents;
}

std::string made_file(std::string_view input) {
  const std::size_t end = std::min(input.find('\0'), input.size());
  std::string header(input.substr(0, end)), data;
  std::string_view rest = input.substr(std::min(end + 1, input.size()));
  std::vector<npz::Entry> entries;
  accepted([&] {
    json::Value root = json::parse(header);
    FileHeader parsed = parse_header(header);
    for (npz::Entry& e : parsed.arrays) {
      if (e.data_bytes() > 1 << 16) return;  // what is said of a file that is too short
      const std::string contents = take(rest, e.data_bytes());
      entries.push_back(npz::entry_of(e.name, e.dtype, e.shape, contents.data()));
      data += entries.back().head() + contents;
    }
    for (auto& [key, value] : std::get<json::Object>(root.data)) {
      if (key != "arrays") continue;
      auto& arrays = std::get<json::Array>(value.data);
      for (std::size_t i = 0; i < arrays.size(); ++i)
        for (auto& [field, number] : std::get<json::Object>(arrays[i].data))
          if (field == "crc32") number = {std::uint64_t{entries[i].crc}};
    }
    header = json::text(root);
  });
  entries.insert(entries.begin(), npz::entry_of("header", "|u1", {static_cast<index>(header.size())}, header.data()));
  return entries[0].head() + header + data + npz::directory(entries);
}

template <class T> void load(const std::string& bytes) {
  std::istringstream in(bytes);
  accepted([&] {
    BasicNetwork<T> net = BasicNetwork<T>::load(in);
    if (small(net.spec())) exercise(net);
  });
}

}  // namespace

static void run_input(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return;
  const std::string bytes = input[0] == 'f' ? std::string(input.substr(1)) : made_file(input.substr(1));
  load<float>(bytes);
  load<double>(bytes);
}

}  // namespace densekit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  densekit::fuzz::run_input(data, size);
  return 0;
}
