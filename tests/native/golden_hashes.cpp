// Prints the hashes of all kernels and of golden trainings on every instruction set of this machine, and compares them.
//   golden_hashes                                      kernels; levels with FMA must agree with each other
//   golden_hashes operations.txt                       … and with the file, which --write makes
//   golden_hashes operations.txt trainings.txt hashes.txt [count]   … and so many trainings with tests/golden
#include <cstdlib>
#include <set>

#include "golden_operations.h"
#include "golden_trainings.h"

namespace densekit {  // inside, because POSIX has a function index
namespace {

int failures = 0;
void compare(const std::string& what, const std::string& found, const std::string& expected) {
  if (found == expected) return;
  ++failures;
  std::printf("DIFFERS: %s: %s, expected %s\n", what.c_str(), found.c_str(), expected.c_str());
}

// Lines of words, the last of which is the hash of the others.
std::map<std::string, std::string> read_hashes(const std::string& path) {
  std::ifstream file(path);
  std::map<std::string, std::string> hashes;
  for (std::string line; std::getline(file, line);)
    if (const std::size_t space = line.rfind(' '); space != std::string::npos) hashes[line.substr(0, space)] = line.substr(space + 1);
  return hashes;
}

std::string family(const std::string& level) { return level == "baseline" ? "baseline" : "fma"; }

int run(int count, char** arguments) {
  Sha256 known;
  known.add("abc", 3);
  compare("SHA-256 of abc", known.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");

  const bool writes = count > 2 && std::string(arguments[2]) == "--write";
  std::map<std::string, std::string> operations = count > 1 && !writes ? read_hashes(arguments[1]) : std::map<std::string, std::string>{};
  const bool compared = !operations.empty();
  for (const Level& level : built_levels()) {
    if (!level.supported) continue;
    use_level(level.name);
    const auto take = [&](const char* dtype, const std::map<std::string, std::string>& hashes) {
      for (const auto& [kernels, hash] : hashes) {
        const std::string key = kernels + " " + dtype + " " + family(level.name);
        if (!compared) operations.emplace(key, hash);
        compare(level.name + " " + key, hash, operations[key]);
      }
    };
    take("float32", OperationHashes<float>().all());
    take("float64", OperationHashes<double>().all());
    std::printf("%s: kernels hashed\n", level.name.c_str());
    if (count > 3) {
      const std::map<std::string, std::string> golden = read_hashes(arguments[3]);
      int left = count > 4 ? std::atoi(arguments[4]) : 1 << 30, done = 0;
      for (const GoldenTraining& training : read_trainings(arguments[2])) {
        if (left-- <= 0) break;
        const auto expected = [&](const char* dtype) {
          const auto found = golden.find(training.name + " " + dtype + " " + family(level.name));
          return found == golden.end() ? std::string("no hash in the file") : found->second;
        };
        compare(level.name + " training " + training.name + " float32", hash_of<float>(training), expected("float32"));
        compare(level.name + " training " + training.name + " float64", hash_of<double>(training), expected("float64"));
        ++done;
      }
      std::printf("%s: %d trainings in both dtypes\n", level.name.c_str(), done);
    }
  }
  if (writes) {
    std::ofstream file(arguments[1]);
    for (const auto& [key, hash] : operations) file << key << ' ' << hash << '\n';
  }
  std::printf(failures ? "%d differences\n" : "golden_hashes: all agree\n", failures);
  return failures != 0;
}

}  // namespace
}  // namespace densekit

int main(int count, char** arguments) { return densekit::run(count, arguments); }
