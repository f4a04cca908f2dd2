// Probes the machine, then runs the benchmarks; each line gives the median of the repetitions and how far it is from
// the limit. All of google-benchmark's flags work: --benchmark_filter=gemm/f32 --benchmark_repetitions=9 ...
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string_view>
#include <vector>

#include "core/cpu.h"
#include "harness.h"

namespace densekit::bench {
namespace {

struct Setting {
  std::string level;
  Context context;
  Roofline roofline;
};

std::vector<Setting>& settings() {
  static std::vector<Setting> all;
  return all;
}
std::vector<void (*)()>& families() {
  static std::vector<void (*)()> all;
  return all;
}

std::string suffix(const Setting& s) { return s.level + "/" + std::to_string(s.context.threads) + "T"; }

struct Limit {
  double seconds;
  std::string name;
};

Limit limit_of(const Work& work, const Setting& s) {
  const double peak = work.float64 ? s.roofline.fma_f64 : s.roofline.fma_f32;
  const double shared = work.traffic == Traffic::update ? 2.0 / 3 : 1.0;
  const Memory memory = home(work.footprint > 0 ? work.footprint : work.bytes * shared, s.context.threads);
  const double compute = work.flops / peak, move = work.bytes / s.roofline.bandwidth(work.traffic, memory);
  if (compute >= move) return {compute, "FMA"};
  return {move, std::string(name(memory)) + " " + name(work.traffic)};
}

void print_roofline(const Setting& s) {
  std::printf("%-14s FMA %7.1f GFLOP/s float32, %6.1f float64;  GB/s", suffix(s).c_str(), s.roofline.fma_f32 / 1e9,
              s.roofline.fma_f64 / 1e9);
  for (const Memory memory : {Memory::l2, Memory::l3, Memory::dram}) {
    std::printf("  %s", name(memory));
    for (const Traffic t : {Traffic::read, Traffic::copy, Traffic::triad, Traffic::update})
      std::printf(" %s %.1f", name(t), s.roofline.bandwidth(t, memory) / 1e9);
  }
  std::printf("\n");
  std::fflush(stdout);
}

// One line a benchmark: the median of its repetitions.
class Table : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override {
    std::printf("\n%-52s %12s %9s %8s %7s  %s\n", "benchmark", "us", "GFLOP/s", "GB/s", "limit", "which");
    return true;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) {
        std::printf("%-52s %s\n", run.benchmark_name().c_str(), run.error_message.c_str());
        continue;
      }
      const bool single = run.repetitions <= 1;
      if (!single && (run.run_type != Run::RT_Aggregate || run.aggregate_name != "median")) continue;
      // GetAdjusted*Time is in the benchmark's unit, microseconds (see add).
      const bool wall = run.run_name.time_type == "real_time";
      std::string id = run.run_name.function_name;
      std::printf("%-52s %12.2f", id.c_str(), wall ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime());
      print(run, "GFLOP/s", " %9.1f", 10);
      print(run, "GB/s", " %8.1f", 9);
      print(run, "limit%", " %6.1f%%", 8);
      std::printf("  %s\n", run.report_label.c_str());
      std::fflush(stdout);
    }
  }

 private:
  static void print(const Run& run, const char* counter, const char* format, int blank) {
    const auto found = run.counters.find(counter);
    if (found == run.counters.end()) std::printf("%*s", blank, "");
    else std::printf(format, static_cast<double>(found->second));
  }
};

}  // namespace

void add(const std::string& name, const Work& work, const Make& make) {
  for (const Setting& s : settings()) {
    const Limit limit = limit_of(work, s);
    auto* entry =
        benchmark::RegisterBenchmark((name + "/" + suffix(s)).c_str(), [work, make, limit, context = s.context](benchmark::State& state) {
          const std::function<void()> call = make(context);
          call();
          for (auto _ : state) call();
          const auto rate = [](double amount) { return benchmark::Counter(amount, benchmark::Counter::kIsIterationInvariantRate); };
          if (work.flops > 0) state.counters["GFLOP/s"] = rate(work.flops / 1e9);
          if (work.bytes > 0) state.counters["GB/s"] = rate(work.bytes / 1e9);
          state.counters["limit%"] = rate(100 * limit.seconds);
          state.SetLabel(limit.name);
        });
    entry->Unit(benchmark::kMicrosecond);
    if (s.context.threads > 1) entry->UseRealTime();  // one thread: its CPU time, as in the probe
  }
}

bool family(void (*add_all)()) {
  families().push_back(add_all);
  return true;
}

static int run(int argc, char** argv) {
  std::vector<std::string> flags{argv[0], "--benchmark_min_time=0.01", "--benchmark_repetitions=3"};
  bool only_list = false;
  for (int i = 1; i < argc; ++i) {
    flags.push_back(argv[i]);  // later flags win
    only_list = only_list || std::string_view(argv[i]).substr(0, 22) == "--benchmark_list_tests";
  }
  std::vector<char*> pointers;
  for (std::string& flag : flags) pointers.push_back(flag.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 1;

  if (!only_list) std::printf("Limits of this machine (median; STREAM counting; one thread by CPU time, several by the clock):\n");
  std::vector<int> thread_counts{1};
  if (threads() > 1) thread_counts.push_back(threads());
  for (const Level& level : built_levels()) {
    if (!level.supported) continue;
    use_level(level.name);
    for (const int t : thread_counts) {
      Setting s{level.name, {&active_table(), t}, {}};
      if (!only_list) {
        s.roofline = probe(s.level, s.context);
        print_roofline(s);
      }
      settings().push_back(s);
    }
  }
  for (const auto add_all : families()) add_all();
  Table table;
  benchmark::RunSpecifiedBenchmarks(&table);
  benchmark::Shutdown();
  if (only_list) return 0;
  // How much the machine changed meanwhile: percentages are as trustworthy as these ratios are near 1.
  std::printf("\nThe probe again, FMA float32 after / before:");
  for (const Setting& s : settings()) std::printf("  %s %.2f", suffix(s).c_str(), probe(s.level, s.context).fma_f32 / s.roofline.fma_f32);
  std::printf("\n");
  return 0;
}

}  // namespace densekit::bench

int main(int argc, char** argv) { return densekit::bench::run(argc, argv); }
