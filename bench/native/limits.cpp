// densekit_roofline: the limits of one workload as a line of JSON, for bench/python/train.py.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>

#include "core/cpu.h"
#include "roofline.h"

namespace densekit::bench {
namespace {

Traffic traffic_of(const std::string& wanted) {
  for (int t = 0; t < static_cast<int>(Traffic::count); ++t)
    if (wanted == name(static_cast<Traffic>(t))) return static_cast<Traffic>(t);
  throw std::invalid_argument("no stream is called " + wanted + "; there are read, copy, triad and update");
}

int run(int argc, char** argv) {
  std::map<std::string, std::string> given{{"--level", active_level()}, {"--threads", "1"}, {"--stream", "update"}, {"--bytes", "1e6"}};
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc || !given.contains(argv[i]))
      throw std::invalid_argument("densekit_roofline [--level NAME] [--threads N] [--stream read|copy|triad|update] [--bytes N]");
    given[argv[i]] = argv[i + 1];
  }
  use_level(given["--level"]);
  const int threads = std::atoi(given["--threads"].c_str());
  const double bytes = std::atof(given["--bytes"].c_str());
  if (threads < 1 || bytes < 1) throw std::invalid_argument("--threads and --bytes must be positive");
  const Context context{&active_table(), threads};
  const double fma = fma_f32(given["--level"], context), rate = stream(given["--level"], context, traffic_of(given["--stream"]), bytes);
  std::printf("{\"fma_f32\": %.6g, \"stream\": %.6g}\n", fma, rate);
  return 0;
}

}  // namespace
}  // namespace densekit::bench

int main(int argc, char** argv) {
  try {
    return densekit::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "densekit_roofline: %s\n", error.what());
    return 1;
  }
}
