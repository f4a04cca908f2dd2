// Any text as JSON, as a spec, as a network. What is accepted is written as text that means the same.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "exercise.h"
#include "train/json.h"

namespace densekit::fuzz {  // inside, because POSIX has a function index
namespace {

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz_spec: %s\n", what);
  std::abort();
}

}  // namespace

static void run_input(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  json::Value value;
  if (!accepted([&] { value = json::parse(text); })) return;
  const std::string written = json::text(value);
  must(json::text(json::parse(written)) == written, "JSON that was written reads as something else");
  json::describe(value);
  Spec spec;
  if (!accepted([&] { spec = spec_from_json(text); })) return;
  const std::string again = to_json(spec);
  must(to_json(spec_from_json(again)) == again, "a spec that was written reads as another one");
  if (spec.dtype == DType::float32) exercise<float>(spec);
  else exercise<double>(spec);
}

}  // namespace densekit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  densekit::fuzz::run_input(data, size);
  return 0;
}
