#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "core/backends.h"
#include "core/cgroup.h"
#include "core/clock.h"
#include "core/float_state.h"
#include "core/openmp_library.h"
#include "core/thread_local.h"
#if defined(__linux__)
#include <sched.h>
#include <time.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace densekit {
namespace {

int positive_number(const char* name, bool strict) {  // 0: not set
  const char* text = std::getenv(name);
  if (!text || !*text) return 0;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  const bool number = end != text;
  while (*end == ' ' || *end == '\t') ++end;
  const bool clean = number && (*end == 0 || (!strict && *end == ','));  // OMP_NUM_THREADS may be a list
  if (clean && value >= 1 && value <= most_threads) return static_cast<int>(value);
  if (!strict) return 0;
  throw std::invalid_argument(std::string(name) + " must be a whole number from 1 to 1024, got '" + text + "'");
}

int processors() {  // asked anew each time: the affinity may change
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

// The same, asked once in each tick of the coarse clock: the question is a tenth of a small call.
int processors_lately() {
  const std::int64_t now = coarse_nanoseconds();
  static DENSEKIT_THREAD_LOCAL std::int64_t asked = -1;
  static DENSEKIT_THREAD_LOCAL int answer = 0;
  if (asked != now) asked = now, answer = processors();
  return answer;
}

int default_threads(int processors) {
  static const int environment = [] {
    const int own = positive_number("DENSEKIT_NUM_THREADS", true);
    return own ? own : positive_number("OMP_NUM_THREADS", false);
  }();
  if (environment) return environment;
  static const int limit = processors_by_quota();
  const int all = std::min(processors, most_threads);
  return limit ? std::min(all, limit) : all;
}

// The table of the OpenMP library; null: the pool.
using Backend = const densekit_openmp_table*;

Backend backend_by_name(const std::string& name) {
  if (name == "pool") return nullptr;
  if (name == "openmp") return &load_openmp_library();
  std::string all;
  for (const auto& backend : thread_backends()) all += (all.empty() ? "" : ", ") + backend;
  throw std::invalid_argument("thread backend '" + name + "' is not available; this build has: " + all);
}

std::atomic<Backend>& backend() {
  static std::atomic<Backend> chosen = [] {
    const char* forced = std::getenv("DENSEKIT_THREAD_BACKEND");
    return forced && *forced ? backend_by_name(forced) : nullptr;
  }();
  return chosen;
}

// A forked child has none of OpenMP's threads, and libgomp waits for them for ever. Watched from the moment of loading: another
// library may have started them before this one uses them.
std::atomic<bool> in_forked_child{false};
#if defined(__unix__) || defined(__APPLE__)
[[maybe_unused]] const int watching = pthread_atfork(nullptr, nullptr, [] { in_forked_child = true; });
#endif

std::atomic<int> requested{0};
std::atomic<double> threshold{20e3};  // what sharing work among threads that are awake costs, with room
std::atomic<bool> all_hands{false};
std::atomic<int> most_workers{1};  // since somebody asked
DENSEKIT_THREAD_LOCAL bool inside_task = false;

struct Job {
  TaskFunction function;
  const void* body;
  FloatState float_state = densekit::float_state();
  std::atomic<int> begun{0};
  int expected = 0;  // in all-hands mode: how many workers must begin
  std::atomic<bool> has_begun[most_threads]{};
};

void run_plain(const void* job_pointer, index task, int worker) {
  const Job& job = *static_cast<const Job*>(job_pointer);
  const WithFloatState state(job.float_state);
  inside_task = true;
  job.function(job.body, task, worker);
  inside_task = false;
}

void run_all_hands(const void* job_pointer, index task, int worker) {
  Job& job = *static_cast<Job*>(const_cast<void*>(job_pointer));
  if (!job.has_begun[worker].exchange(true)) {
    ++job.begun;
    const auto start = std::chrono::steady_clock::now();
    while (job.begun < job.expected && std::chrono::steady_clock::now() - start < std::chrono::seconds(2)) std::this_thread::yield();
  }
  run_plain(job_pointer, task, worker);
}

}  // namespace

static int threads_on(int processors) {
  const Backend openmp = backend();
  const int limit = openmp ? openmp->limit() : 0;
  return limit ? std::min(default_threads(processors), limit) : default_threads(processors);
}
int threads() {
  const int set = requested;
  return set ? set : threads_on(processors());
}
int threads_of_a_call() {
  const int set = requested;
  return set ? set : threads_on(processors_lately());
}
void set_threads(int count) {
  if (count < 0 || count > most_threads)
    throw std::invalid_argument("the number of threads must be from 1 to 1024 (0: the default), got " + std::to_string(count));
  requested = count;
}

std::vector<std::string> thread_backends() {
  return openmp_library_is_here() ? std::vector<std::string>{"pool", "openmp"} : std::vector<std::string>{"pool"};
}
std::string thread_backend() { return backend() ? "openmp" : "pool"; }
void use_thread_backend(const std::string& name) { backend() = backend_by_name(name); }

double serial_threshold() { return threshold; }
void set_serial_threshold(double nanoseconds) { threshold = nanoseconds; }
void set_all_hands(bool on) { all_hands = on; }
int last_workers() { return most_workers.exchange(1); }

void run_tasks(index tasks, int max_threads, double nanoseconds, TaskFunction function, const void* body) {
  const int workers = static_cast<int>(std::min<index>(tasks, max_threads));
  if (workers > 1 && nanoseconds >= threshold && !inside_task) {
    Job job{.function = function, .body = body};
    const bool everyone = all_hands;
    job.expected = everyone ? workers : 0;
    const TaskFunction run = everyone ? run_all_hands : run_plain;
    const Backend openmp = backend();
    const bool ran =
        openmp ? !in_forked_child && openmp->run(tasks, workers, run, &job) : run_on_pool(tasks, workers, nanoseconds, run, &job, everyone);
    if (everyone && ran && job.begun > most_workers) most_workers = job.begun.load();
    if (ran) return;
  }
  const bool outer = inside_task;
  inside_task = true;  // what runs inside a task is serial, whether or not the tasks are
  for (index task = 0; task < tasks; ++task) function(body, task, 0);
  inside_task = outer;
}

}  // namespace densekit
