// A step of training and a block of a prediction allocate nothing: calls of one step and of a hundred ask for memory
// equally often, counted at operator new and, with glibc, at malloc and its relatives.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <numeric>
#include <string>
#include <vector>
#ifdef _WIN32
#include <malloc.h>
#endif

#include "core/parallel.h"
#include "densekit/network_class.h"
#include "train/records.h"

static std::atomic<long> requests{0};

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t size) { return ++requests, __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) { return ++requests, __libc_calloc(count, size); }
void* realloc(void* data, std::size_t size) { return ++requests, __libc_realloc(data, size); }
void* memalign(std::size_t alignment, std::size_t size) { return ++requests, __libc_memalign(alignment, size); }
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** data, std::size_t alignment, std::size_t size) {
  *data = memalign(alignment, size);
  return *data ? 0 : 12;  // ENOMEM
}
}
#endif
void* operator new(std::size_t size) {
  ++requests;
  if (void* data = std::malloc(size ? size : 1)) return data;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  ++requests;
  const std::size_t whole = static_cast<std::size_t>(alignment);
#ifdef _WIN32
  if (void* data = _aligned_malloc(size, whole)) return data;
#else
  if (void* data = std::aligned_alloc(whole, (size + whole) / whole * whole)) return data;
#endif
  throw std::bad_alloc();
}
// Not inlined: GCC would warn that memory from new goes to free.
[[gnu::noinline]] void operator delete(void* data) noexcept { std::free(data); }
[[gnu::noinline]] void operator delete(void* data, std::size_t) noexcept { std::free(data); }
static void free_aligned(void* data) {
#ifdef _WIN32
  _aligned_free(data);
#else
  std::free(data);
#endif
}
[[gnu::noinline]] void operator delete(void* data, std::align_val_t) noexcept { free_aligned(data); }
[[gnu::noinline]] void operator delete(void* data, std::size_t, std::align_val_t) noexcept { free_aligned(data); }

namespace densekit {  // inside, because POSIX has a function index
namespace {

int failures = 0;
template <class F> long count(const F& body) {
  const long before = requests;
  body();
  return requests - before;
}
void expect_same(long one, long many, const std::string& what) {
  if (one == many) return;
  ++failures;
  std::printf("FAILED: %s: %ld requests for memory by one step, %ld by many\n", what.c_str(), one, many);
}

// Layers of every kind that C++ has, and rows of two axes for the first of them.
Spec spec_of(const OptimizerKind& optimizer, DType dtype, bool fuse) {
  const auto dense = [](index units, ActivationFunction activation) {
    return Dense{.units = units, .activation = activation, .kernel_penalty = {0.01, 0.01}};
  };
  Spec spec{.inputs = {2, 10}, .seed = 1};
  spec.layers = {Normalization{},
                 Rescaling{0.5, 1},
                 dense(35, Activation::relu),
                 BatchNorm{},
                 PRelu{},
                 RmsNorm{},
                 Scale{},
                 Dropout{0.2},
                 Reshape{{7, 10}},
                 Flatten{},
                 Residual{{dense(70, Activation::gelu), LayerNorm{}}},
                 GaussianNoise{0.1},
                 ActivationLayer{Activation::log_softmax},
                 dense(10, {Activation::softmax, 2})};
  spec.loss = Loss(SoftmaxCrossEntropy{}, LossReduction::sum, 1, true);
  spec.optimizer.emplace();
  spec.optimizer->is = optimizer;
  spec.optimizer->weight_decay = 0.1;
  spec.clip_norm = 1;
  spec.dtype = dtype;
  spec.fuse = fuse;
  return spec;
}

template <class T> void counts(const OptimizerKind& optimizer, bool fuse, const std::string& what) {
  const index rows = 2500, batch = 25;
  BasicNetwork<T> network(spec_of(optimizer, dtype_of<T>, fuse));
  for (T& s : network.statistics())
    if (s != s) s = 1;  // of the layer that waits for data
  std::vector<T> x(static_cast<std::size_t>(rows * 20)), y(static_cast<std::size_t>(rows * 10));
  std::vector<std::int64_t> labels(static_cast<std::size_t>(rows)), order(labels.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i * 37 % 101) / 50 - 1;
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i * 7 % 10);
  std::iota(order.begin(), order.end(), 0);
  const Table2D table{x.data(), sizeof(T) == 4 ? Table2D::Type::float32 : Table2D::Type::float64, rows, 20, 20 * sizeof(T), sizeof(T)};
  const auto epoch = [&](index n) {
    const std::span<const std::int64_t> rows_of_it = std::span(order).first(static_cast<std::size_t>(n));
    return count([&] { network.epoch(table, {.labels = labels}, rows_of_it, {.batch_size = batch}); });
  };
  const auto predict = [&](index n) {
    const auto first = [n](auto& all, index width) { return std::span(all).first(static_cast<std::size_t>(n * width)); };
    return count([&] { network.predict(first(x, 20), first(y, 10)); });
  };
  epoch(rows), predict(rows);  // makes threads, and memory that is used again
  const long one = epoch(batch);
  expect_same(one, epoch(rows), what + ", 100 steps");
  if (one > 8) ++failures, std::printf("FAILED: %s: %ld requests for memory by an epoch\n", what.c_str(), one);
  expect_same(predict(1), predict(rows), what + ", prediction");
}

int run() {
  int* volatile kept = nullptr;  // or the compiler leaves a new without use out
  const long counted = count([&] { kept = new int; });
  delete kept;
  if (counted == 0) return std::printf("FAILED: nothing is counted\n"), 1;
  set_serial_threshold(0);
  for (const std::string& backend : thread_backends()) {
    use_thread_backend(backend);
    for (const int threads : {1, 2}) {
      set_threads(threads);
      for (const bool fuse : {true, false})
        for_kinds<OptimizerKind>([&](const auto& kind) {
          const std::string what =
              backend + ", " + std::to_string(threads) + " threads, " + std::string(kind.kind().name) + (fuse ? "" : ", without fusion");
          counts<float>(kind, fuse, what + ", float32");
          counts<double>(kind, fuse, what + ", float64");
        });
    }
  }
  std::printf("allocations_test: %d failures\n", failures);
  return failures != 0;
}

}  // namespace
}  // namespace densekit

int main() { return densekit::run(); }
