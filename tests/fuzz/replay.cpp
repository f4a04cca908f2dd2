// A fuzz target over the inputs that are kept, without a fuzzer and with any compiler:  replay FOLDER…
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i)
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& path : files) {
    std::ifstream in(path, std::ios::binary);
    // As long as it is, and on the heap: AddressSanitizer sees a byte too far.
    const std::vector<char> whole{std::istreambuf_iterator<char>(in), {}};
    std::printf("%s\n", path.filename().string().c_str());
    std::fflush(stdout);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(whole.data()), whole.size());
  }
  std::printf("%zu inputs\n", files.size());
  return files.size() < 10;  // the corpus is not there
}
