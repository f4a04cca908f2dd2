// Every kind of layer, loss, optimizer and initialiser as a C++ program writes it: what must be given and the defaults of the struct. It
// trains, its weights move and stay finite, and its text and its saved model are the same network.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "densekit/network.h"
#include "train/records.h"

namespace densekit {
namespace {

int failures = 0;

void expect(bool condition, const std::string& what) {
  if (!condition && failures++ < 30) std::fprintf(stderr, "kinds_test: %s\n", what.c_str());
}

constexpr index columns = 4, rows = 12;

// What a kind cannot do without: widths, the layers inside it, numbers of columns, the shape of a row of 4.
template <class V> void give(std::string_view field, V& value) {
  if constexpr (std::is_same_v<V, index>) value = columns;
  else if constexpr (std::is_same_v<V, std::vector<index>>) value = field == "shape" ? V{2, 2} : V{2, 0};
  else if constexpr (std::is_same_v<V, std::vector<Layer>>) value = {Dense{columns, Activation::tanh}};
}
template <class K> K given(K kind) {
  for_fields(kind.kind(), [&](const auto& field) { give(field.name, kind.*field.member); });
  return kind;
}

template <class T> Spec spec_of(Layer layer, Loss loss, OptimizerKind optimizer) {
  Spec spec{.inputs = columns, .seed = 3};
  // Outputs between 0 and 1, for the losses that take probabilities.
  spec.layers = {std::move(layer), Dense{static_cast<index>(2 * traits_of(loss.is).outputs), Activation::sigmoid}};
  spec.loss = std::move(loss);
  spec.optimizer.emplace();
  spec.optimizer->is = optimizer;
  spec.optimizer->lr = 0.01;
  spec.dtype = dtype_of<T>;
  return spec;
}

template <class T> void tries(const std::string& what, const Spec& spec) {
  BasicNetwork<T> net(spec);
  for (T& statistic : net.statistics())
    if (statistic != statistic) statistic = 1;  // of the kind that waits for data
  const LossTraits traits = traits_of(spec.loss->is);
  const index width = net.scores() / traits.outputs;  // of the targets
  std::vector<T> x(rows * columns), y(static_cast<std::size_t>(rows * width)), before(net.parameters().begin(), net.parameters().end());
  std::vector<std::int64_t> labels(rows), order(rows);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i * 37 % 101) / 50 - 1;
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<T>((i / 2 + i) % 2);  // of all kinds of targets: 0 and 1
  if (std::holds_alternative<GammaNll>(spec.loss->is)) std::fill(y.begin(), y.end(), T(1));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i % 2);
  std::iota(order.begin(), order.end(), 0);
  const Table2D table{x.data(), sizeof(T) == 4 ? Table2D::Type::float32 : Table2D::Type::float64, rows, columns, columns * sizeof(T),
                      sizeof(T)};
  Targets<T> targets;
  if (traits.values) targets.values = y;
  else targets.labels = labels;
  const EpochResult first = net.epoch(table, targets, order, {.batch_size = 4});
  expect(first.steps == 3 && std::isfinite(first.loss), what + ": an epoch of three updates");
  expect(!std::equal(before.begin(), before.end(), net.parameters().begin()), what + ": no parameter has moved");
  const std::vector<T> found = net.predict(x);
  expect(std::all_of(found.begin(), found.end(), [](T v) { return std::isfinite(v); }), what + ": predictions are finite");

  expect(to_json(spec_from_json(to_json(net.spec()))) == to_json(net.spec()), what + ": the text of its spec is another spec");
  const std::string file = "kinds_test.npz";
  net.save(file);
  expect(BasicNetwork<T>::load(file).predict(x) == found, what + ": the saved model predicts something else");
  std::remove(file.c_str());
}

template <class T> void all_kinds() {
  const std::string in = sizeof(T) == 4 ? ", float32" : ", float64";
  for_kinds<LayerKind>([&]<class K>(const K& kind) {
    if constexpr (!std::is_same_v<K, CallbackLayer>)
      tries<T>("layer " + std::string(K::kind().name) + in, spec_of<T>(given(kind), MeanSquaredError{}, Adam{}));
  });
  for_kinds<LossKind>([&]<class K>(const K& kind) {
    if constexpr (!std::is_same_v<K, CallbackLoss>)
      tries<T>("loss " + std::string(K::kind().name) + in, spec_of<T>(Dense{columns, Activation::tanh}, given(kind), Adam{}));
  });
  for_kinds<OptimizerKind>([&]<class K>(const K& kind) {
    tries<T>("optimizer " + std::string(K::kind().name) + in,
             spec_of<T>(Dense{columns, Activation::tanh}, MeanSquaredError{}, given(kind)));
  });
  for_kinds<Initializer>([&]<class K>(const K& kind) {
    Dense dense{columns, Activation::softplus};
    dense.kernel_initializer = given(kind);
    tries<T>("initialiser " + std::string(K::kind().name) + in, spec_of<T>(dense, MeanSquaredError{}, Adam{}));
  });
  for (const ActivationRecord& record : activation_records) {
    const auto activation = static_cast<Activation>(&record - activation_records);
    tries<T>("activation " + std::string(record.name) + in, spec_of<T>(Dense{columns, activation}, MeanSquaredError{}, Adam{}));
  }
}

}  // namespace
}  // namespace densekit

int main() {
  densekit::all_kinds<float>();
  densekit::all_kinds<double>();
  std::printf("kinds_test: %d failures\n", densekit::failures);
  return densekit::failures != 0;
}
