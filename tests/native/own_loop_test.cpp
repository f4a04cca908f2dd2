// A loop of loss_and_gradients and apply_gradients has the bits of epoch; what passes see of the statistics waits for the update.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include "densekit/network.h"

namespace dk = densekit;

static int failures = 0;
static void expect(bool condition, const char* what) {
  if (condition) return;
  ++failures;
  std::printf("FAILED: %s\n", what);
}

template <class T> static dk::Spec spec() {
  dk::Spec s{.inputs = 5, .seed = 3};
  s.layers = {dk::Dense{9, dk::relu}, dk::BatchNorm{}, dk::Dropout{0.3}, dk::Dense{9, dk::tanh}, dk::GaussianNoise{0.1}, dk::Dense{3}};
  std::get<dk::Dense>(s.layers[3].is).kernel_penalty.l1 = 1e-3;
  std::get<dk::Dense>(s.layers[0].is).kernel_penalty.l2 = 1e-2;
  s.loss = dk::SoftmaxCrossEntropy{};
  s.optimizer = dk::Optimizer(dk::Adam{}, 1e-2, 1e-2);
  s.clip_norm = 0.5;
  s.dtype = dk::dtype_of<T>;
  return s;
}

template <class T> static bool same(std::span<T> a, std::span<T> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}
template <class T> static bool same(dk::BasicNetwork<T>& a, dk::BasicNetwork<T>& b) {
  bool all = a.step() == b.step() && same(a.parameters(), b.parameters()) && same(a.statistics(), b.statistics());
  for (std::size_t k = 0; k < a.states().size(); ++k) all = all && same(a.states()[k], b.states()[k]);
  return all;
}
template <class F> static bool refuses(const F& body) {
  try {
    body();
  } catch (const std::invalid_argument&) { return true; }
  return false;
}

template <class T> static void run() {
  constexpr dk::index rows = 24, batch = 8;
  std::vector<T> x(rows * 5);
  std::vector<std::int64_t> y(rows), order(rows);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(std::sin(static_cast<double>(7 * i + 1)));
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<std::int64_t>(i % 3), order[i] = static_cast<std::int64_t>(i);

  dk::BasicNetwork<T> fitted(spec<T>()), own(spec<T>());
  std::vector<T> g(static_cast<std::size_t>(own.parameter_count()), std::numeric_limits<T>::quiet_NaN());
  const dk::Table2D table{x.data(), sizeof(T) == 4 ? dk::Table2D::Type::float32 : dk::Table2D::Type::float64, rows, 5, 5 * sizeof(T),
                          sizeof(T)};
  for (int epoch = 0; epoch < 5; ++epoch) {
    fitted.epoch(table, {.labels = y}, order, {.batch_size = batch});
    for (dk::index row = 0; row < rows; row += batch) {
      const auto at = static_cast<std::size_t>(row);
      const auto result = own.loss_and_gradients(std::span(x).subspan(at * 5, batch * 5), {.labels = std::span(y).subspan(at, batch)}, g);
      expect(std::isfinite(result.loss) && result.penalty == 0 && result.weight == batch, "loss_and_gradients gives the loss of the data");
      expect(own.apply_gradients(g, 1e-2) > 0, "apply_gradients gives the penalty");
    }
    expect(same(fitted, own), "an own loop has the bits of epoch");
  }

  // Passes wait for the update, and leave no trace if an epoch comes first.
  std::vector<T> out(batch * 3), statistics(own.statistics().begin(), own.statistics().end()), waiting = statistics;
  const std::span<const T> first = std::span<const T>(x).first(batch * 5);
  const std::span<const std::int64_t> labels = std::span<const std::int64_t>(y).first(batch);
  const std::span<T> before(statistics), later(waiting);
  expect(!own.pending(waiting), "nothing waits after an update");
  own.forward(first, out, true);
  own.tape(first, true);
  own.loss(first, {.labels = labels}, true);
  own.gradient(first, {.labels = labels});
  expect(!own.pending(waiting), "passes that are not tracked leave nothing");
  own.training_forward(first, out);
  expect(own.pending(waiting) && !same(later, before), "a pass waits");
  expect(same(own.statistics(), before), "the statistics do not move before the update");
  own.training_tape(first);
  own.pending(waiting);
  own.commit();
  expect(same(own.statistics(), later) && own.step() == fitted.step() + 1, "commit takes them over");
  std::copy(statistics.begin(), statistics.end(), own.statistics().begin());
  own.set_step(fitted.step());
  own.training_forward(first, out);
  for (auto* net : {&fitted, &own}) net->epoch(table, {.labels = y}, order, {.batch_size = batch});
  expect(same(fitted, own) && !own.pending(waiting), "an epoch drops what waits");

  own.set_statistics(x);
  expect(!same(fitted.statistics(), own.statistics()), "set_statistics");

  std::vector<T> bad(x.begin(), x.begin() + batch * 5);
  bad[7] = std::numeric_limits<T>::infinity();
  std::string layer;
  own.loss_and_gradients(bad, {.labels = labels}, g, {}, &layer);
  expect(layer == "input" && !own.pending(waiting), "a loss that is not finite leaves nothing");
  expect(refuses([&] { own.apply_gradients(g, 1e-2, 8.0); }), "a weight where no penalty is divided");
  expect(refuses([&] { own.loss_and_gradients({}, {}, g); }), "no rows");
  dk::Spec without = spec<T>();
  without.optimizer.reset();
  expect(refuses([&] { dk::BasicNetwork<T>(without).apply_gradients(g, 1e-2); }), "no optimizer");
  dk::Spec divided = spec<T>();
  divided.penalty_per_weight = true;
  expect(refuses([&] { dk::BasicNetwork<T>(divided).apply_gradients(g, 1e-2); }), "no weight where penalties are divided");
}

int main() {
  run<float>();
  run<double>();
  if (failures == 0) std::printf("own loops: all as expected\n");
  return failures != 0;
}
