// Model files: what is saved is loaded; every truncation, every flipped bit and thousands of lying headers are refused with
// std::invalid_argument. Meant for AddressSanitizer, too.
//   model_file_test [seed]
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <random>
#include <sstream>
#include <thread>
#include <type_traits>

#include "densekit/network.h"
#include "train/model_file.h"
#include "train/npz.h"

namespace dk = densekit;

namespace {

int failures = 0;

void expect(bool condition, const std::string& what) {
  if (!condition && failures++ < 10) std::fprintf(stderr, "model_file_test: %s\n", what.c_str());
}

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

template <class T> dk::BasicNetwork<T> small() {
  dk::Spec spec{.inputs = 2, .seed = 3};
  spec.dtype = dk::dtype_of<T>;
  spec.layers = {dk::Dense{3, dk::relu}, dk::BatchNorm{}, dk::Dense{2}};
  spec.loss = dk::SoftmaxCrossEntropy{};
  spec.optimizer = dk::Optimizer(dk::Momentum{}, 0.1);
  return dk::BasicNetwork<T>(spec);
}

// The same numbers as two rows of one column to the first layers.
template <class T> dk::BasicNetwork<T> with_axes() {
  dk::Spec spec{.inputs = {2, 1}, .seed = 3};
  spec.dtype = dk::dtype_of<T>;
  spec.layers = {dk::Dense{3, dk::relu}, dk::BatchNorm{}, dk::Reshape{{3, 2}}, dk::Flatten{}, dk::Dense{2}};
  spec.loss = dk::SoftmaxCrossEntropy{};
  spec.optimizer = dk::Optimizer(dk::Momentum{}, 0.1);
  return dk::BasicNetwork<T>(spec);
}

template <class T> void train(dk::BasicNetwork<T>& network, int epochs) {
  const T x[] = {0, 1, 1, 0, 1, 1, 0, 0, T(0.5), 2};
  const int y[] = {0, 1, 1, 0, 0}, order[] = {4, 2, 0, 1, 3};
  for (int e = 0; e < epochs; ++e) network.epoch(x, y, order, 2);
}

template <class T> bool same(dk::BasicNetwork<T>& a, dk::BasicNetwork<T>& b) {
  const auto equal = [](std::span<T> x, std::span<T> y) {
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size_bytes()) == 0;
  };
  bool all = a.step() == b.step() && a.states().size() == b.states().size() && equal(a.parameters(), b.parameters()) &&
             equal(a.statistics(), b.statistics());
  for (std::size_t i = 0; all && i < a.states().size(); ++i) all = equal(a.states()[i], b.states()[i]);
  return all;
}

// The file is refused, or (if it may be) a network; nothing else is allowed.
template <class T> bool refused(const std::string& bytes) {
  std::istringstream in(bytes);
  try {
    dk::BasicNetwork<T>::load(in);
  } catch (const std::invalid_argument&) { return true; }
  return false;
}

template <class T> void test_round_trip(const std::filesystem::path& path, dk::BasicNetwork<T> whole) {
  train(whole, 2);
  whole.save(path.string());
  const std::string first = read(path);
  auto resumed = dk::BasicNetwork<T>::load(path.string());
  expect(same(whole, resumed), "a loaded network differs");
  expect(resumed.spec().inputs == whole.spec().inputs, "the shape of a row is another one after loading");
  train(whole, 2);
  train(resumed, 2);
  expect(same(whole, resumed), "a resumed network differs");
  dk::BasicNetwork<T>::load(path.string()).save(path.string());
  expect(read(path) == first, "a file written again differs");
  expect(std::distance(std::filesystem::directory_iterator(path.parent_path()), {}) == 1, "a temporary file is left");
}

// Numbers are little-endian in the file, whatever the machine is.
template <class T> void test_byte_order(const std::filesystem::path& path) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  auto network = small<T>();
  std::string expected;
  for (int i = 0; i < 6; ++i) {  // the first kernel
    network.parameters()[i] = static_cast<T>(i - 2.75);
    const Bits bits = std::bit_cast<Bits>(network.parameters()[i]);
    for (std::size_t byte = 0; byte < sizeof(T); ++byte) expected += static_cast<char>(bits >> (8 * byte) & 0xFF);
  }
  network.save(path.string());
  expect(read(path).find(expected) != std::string::npos, "numbers in the file are not little-endian");
  auto again = dk::BasicNetwork<T>::load(path.string());
  expect(same(network, again), "a loaded network differs");
}

// UTF-8 names a file on every system.
void test_names(const std::filesystem::path& folder) {
  const std::u8string name = u8"m\u00f6del \u6a21.npz", whole = (folder / name).u8string();
  const std::string text(whole.begin(), whole.end());
  auto network = small<float>();
  network.save(text);
  network.save(text);
  expect(std::filesystem::exists(folder / name), "a file with letters of other languages has another name");
  auto again = dk::BasicNetwork<float>::load(text);
  expect(same(network, again), "a network from a file with letters of other languages differs");
  std::filesystem::remove(folder / name);
}

void test_damage(const std::string& bytes) {
  for (std::size_t length = 0; length < bytes.size(); ++length)
    expect(refused<float>(bytes.substr(0, length)), "a truncation to " + std::to_string(length) + " bytes is accepted");
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ 1 << bit);
      expect(refused<float>(flipped), "bit " + std::to_string(bit) + " of byte " + std::to_string(at) + " is accepted flipped");
    }
  expect(refused<float>(bytes + '\0') && refused<float>(bytes + bytes), "a longer file is accepted");
  expect(refused<double>(bytes), "a file of another type is accepted");
}

// The file with another header, right in all checksums.
std::string with_header(const std::string& bytes, const std::string& text) {
  std::istringstream in(bytes);
  dk::npz::Reader reader(in);
  const std::string old = reader.header();
  const dk::FileHeader header = dk::parse_header(old);
  const auto rest = static_cast<std::size_t>(in.tellg());
  std::vector<dk::npz::Entry> entries{dk::npz::entry_of("header", "|u1", {static_cast<dk::index>(text.size())}, text.data())};
  entries.insert(entries.end(), header.arrays.begin(), header.arrays.end());
  const std::size_t end = bytes.size() - dk::npz::directory(entries).size();
  return entries[0].head() + text + bytes.substr(rest, end - rest) + dk::npz::directory(entries);
}

void test_lies(const std::string& bytes, unsigned seed) {
  std::istringstream in(bytes);
  const std::string text = dk::npz::Reader(in).header();
  expect(with_header(bytes, text) == bytes, "the test does not make the file again");
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    const std::size_t at = other.find(from);
    expect(at != other.npos, "the header has no " + from);
    return with_header(bytes, other.replace(at, from.size(), to));
  };
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"units\": 3", "\"units\": 1099511627776"},
           {"\"units\": 3", "\"units\": 1073741824"},
           {"\"shape\": [2, 3]", "\"shape\": [140737488355328, 140737488355328]"},
           {"\"shape\": [2, 3]", "\"shape\": [3, 2]"},
           {"\"shape\": [2, 3]", "\"shape\": [-2, 3]"},
           {"\"shape\": [2, 3]", "\"shape\": 6"},
           {"\"dtype\": \"<f4\"", "\"dtype\": \"|O\""},
           {"\"crc32\": ", "\"crc32\": 1"},
           {"dense/kernel", "dense/colonel"},
           {"\"version\": 1", "\"version\": 2"},
           {"\"step\": 2", "\"step\": -2"},
           {"\"step\": 2", "\"step\": 2.5"},
           {"\"kind\": \"dense\"", "\"kind\": \"host\""},
           {"\"kind\": \"momentum\"", "\"kind\": \"magic\""},
           {"\"numbers\"", "\"members\""},
       })
    expect(refused<float>(changed(from, to)), from + " -> " + to + " is accepted");
  // Any bytes of the header replaced: refused, or a network whose description happens to fit.
  std::mt19937 random(seed);
  for (int round = 0; round < 20000; ++round) {
    std::string other = text;
    for (unsigned changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % other.size();
      if (const unsigned kind = random() % 4; kind == 0) other.erase(at, 1 + random() % 9);
      else if (kind == 1) other.insert(at, other.substr(random() % other.size(), random() % 40));
      else other[at] = "0123456789-+.eE[]{}\",:ntf"[random() % 25];
      if (other.empty()) other.push_back('{');
    }
    refused<float>(with_header(bytes, other));
  }
}

// Any bytes as a header, and any bytes as a file.
void test_noise(unsigned seed) {
  std::mt19937 random(seed);
  for (int round = 0; round < 20000; ++round) {
    std::string noise(random() % 300, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    if (round % 2) noise.replace(0, std::min<std::size_t>(4, noise.size()), "PK\3\4");
    expect(refused<float>(noise), "noise is accepted");
  }
}

void test_failures(const std::filesystem::path& folder) {
  auto network = small<float>();
  for (const auto& path : {folder / "nowhere" / "model.npz", folder}) {
    try {
      network.save(path.string());
      expect(false, "a file that cannot be written is written");
    } catch (const std::system_error&) {}
  }
  try {
    dk::Network::load((folder / "nothing").string());
    expect(false, "a file that is not there is read");
  } catch (const std::system_error&) {}
  expect(dk::npz::crc32(0, "123456789", 9) == 0xCBF43926u, "the checksum of 123456789 is wrong");
}

// Another thread trains: every file can be read, and the number of updates never goes back.
[[maybe_unused]] void test_while_training(const std::filesystem::path& path) {
  dk::Spec spec{.inputs = 64, .seed = 3};
  spec.layers = {dk::Dense{256, dk::relu}, dk::Dense{2}};
  spec.loss = dk::SoftmaxCrossEntropy{};
  spec.optimizer = dk::Optimizer(dk::Adam{}, 1e-4);
  dk::Network network(spec);
  const std::vector<float> x(64 * 64, 0.5f);
  const std::vector<int> y(64, 1);
  std::vector<int> order(64);
  for (int i = 0; i < 64; ++i) order[static_cast<std::size_t>(i)] = i;
  std::atomic<bool> stop{false};
  std::thread trainer([&] {
    while (!stop) network.epoch(x, y, order, 4);
  });
  std::uint64_t before = 0;
  for (int i = 0; i < 50; ++i) {
    network.save(path.string());
    const std::uint64_t step = dk::Network::load(path.string()).step();
    expect(step >= before, "a later file is of an earlier update");
    before = step;
  }
  stop = true;
  trainer.join();
  network.save(path.string());
  auto last = dk::Network::load(path.string());
  expect(same(network, last), "a file saved after the training differs");
}

#ifndef _WIN32
void test_what_is_left_and_kept(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  const fs::path path = folder / "kept.npz", left = folder / ".densekit-2.tmp", other = folder / "note.tmp";
  auto network = small<float>();
  network.save(path.string());
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  std::ofstream(left) << "of a process that was killed";
  std::ofstream(other) << "somebody's";
  fs::create_symlink("kept.npz", folder / "link.npz");
  network.save((folder / "link.npz").string());
  expect(!fs::exists(left) && fs::exists(other), "what a killed process left is still there, or something else is not");
  expect(fs::status(path).permissions() == (fs::perms::owner_read | fs::perms::owner_write), "the permissions are not kept");
  expect(fs::is_symlink(folder / "link.npz"), "the symbolic link is gone");
  const std::string longest(251, 'n');
  network.save((folder / (longest + ".npz")).string());
  dk::Network::load((folder / (longest + ".npz")).string());
  for (const auto& name : {path, other, folder / "link.npz", folder / (longest + ".npz")}) fs::remove(name);
  expect(std::distance(fs::directory_iterator(folder), {}) == 1, "a temporary file is left");  // model.npz
}
#endif

}  // namespace

int main(int argc, char** argv) {
  const unsigned seed = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 1;
  const auto folder = std::filesystem::temp_directory_path() / ("densekit_" + std::to_string(std::random_device{}()));
  std::filesystem::create_directory(folder);
  const auto path = folder / "model.npz";
  test_round_trip(path, small<double>());
  test_round_trip(path, small<float>());
  test_round_trip(path, with_axes<double>());
  test_round_trip(path, with_axes<float>());
  test_byte_order<float>(path);
  test_byte_order<double>(path);
  test_names(folder);
  test_failures(folder);
#if !defined(__EMSCRIPTEN__)  // no threads
  test_while_training(path);
#endif
#ifndef _WIN32
  test_what_is_left_and_kept(folder);
#endif
  auto network = small<float>();
  train(network, 1);
  network.set_step(2);
  network.save(path.string());
  const std::string bytes = read(path);
  test_damage(bytes);
  test_lies(bytes, seed);
  test_noise(seed);
  std::filesystem::remove_all(folder);
  std::printf("model_file_test: %d failures, a file of %zu bytes\n", failures, bytes.size());
  return failures != 0;
}
