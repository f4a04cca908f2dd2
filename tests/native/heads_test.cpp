// A network with two heads from C++: trained, saved and loaded, targets checked; ranges of a batch.
#include <cmath>
#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "densekit/network.h"

namespace dk = densekit;

namespace {

int failures = 0;
void expect(bool condition, const std::string& what) {
  if (!condition && failures++ < 30) std::fprintf(stderr, "heads_test: %s\n", what.c_str());
}
template <class F> void refuses(const std::string& part, const F& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return expect(std::string(error.what()).find(part) != std::string::npos, std::string("the text is: ") + error.what());
  }
  expect(false, "is accepted: " + part);
}

// A price, and which of three classes, from four columns.
dk::Spec two_heads() {
  dk::Spec s{.inputs = 4, .seed = 5};
  s.layers = {dk::Dense{12, dk::Activation::tanh}, dk::BatchNorm{},
              dk::Parallel{{{dk::Block{{dk::Dense{6, dk::relu}, dk::Dense{1}}}, "price"}, {dk::Dense{3, dk::softmax}, "kind"}}}};
  s.heads = {{"price", dk::MeanSquaredError{}, 0.5}, {"kind", dk::Loss(dk::SoftmaxCrossEntropy{}, dk::LossReduction::mean, 1, true)}};
  s.optimizer = dk::Optimizer(dk::Adam{}, 0.02);
  return s;
}

constexpr int rows = 60;
struct Data {
  std::vector<float> x = std::vector<float>(rows * 4), price = std::vector<float>(rows);
  std::vector<std::int64_t> kind = std::vector<std::int64_t>(rows), order = std::vector<std::int64_t>(rows);
  Data() {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 101) / 50 - 1;
    for (std::size_t i = 0; i < rows; ++i) {
      price[i] = 2 * x[4 * i] - x[4 * i + 1];
      kind[i] = x[4 * i + 2] > 0.3f ? 2 : x[4 * i + 2] < -0.3f ? 0 : 1;
      order[i] = static_cast<std::int64_t>(i);
    }
  }
  std::vector<dk::Targets<float>> targets() const { return {{.values = price}, {.labels = kind}}; }
  dk::Table2D table() const { return {x.data(), dk::Table2D::Type::float32, rows, 4, 16, 4}; }
};

void trains() {
  const Data d;
  dk::Network net(two_heads());
  expect(net.outputs() == 4 && net.scores() == 4, "outputs");
  dk::EpochResult first, last;
  for (int epoch = 0; epoch < 60; ++epoch) {
    last = net.epoch(d.table(), d.targets(), d.order, {.batch_size = 20, .accumulate = epoch % 3 + 1});
    if (epoch == 0) first = last;
  }
  expect(first.head_losses.size() == 2, "a loss of each head");
  expect(last.head_losses[0] < 0.2 * first.head_losses[0] && last.head_losses[1] < 0.5 * first.head_losses[1], "both heads learn");
  expect(std::abs(last.loss - (0.5 * last.head_losses[0] + last.head_losses[1])) < 1e-12, "the loss is their weighted sum");
  const std::vector<float> y = net.predict(d.x);
  float sum = 0;
  for (int j = 1; j < 4; ++j) sum += y[static_cast<std::size_t>(j)];
  expect(std::abs(sum - 1) < 1e-5f, "the second head puts out probabilities");
  double each[2] = {};
  const double total = net.loss(d.x, d.targets(), false, {}, nullptr, each).loss;
  expect(std::abs(total - (0.5 * each[0] + each[1])) < 1e-12 && each[0] > 0 && each[1] > 0, "losses of a call");

  net.save("heads_test.model");
  dk::Network loaded = dk::Network::load("heads_test.model");
  std::remove("heads_test.model");
  expect(loaded.predict(d.x) == y, "a loaded network predicts the same");
  for (dk::Network* one : {&net, &loaded}) one->step_on(d.x, d.targets(), 0.01);
  expect(loaded.predict(d.x) == net.predict(d.x), "and goes on the same");
  const std::string text = dk::to_json(net.spec());
  expect(dk::to_json(dk::spec_from_json(text)) == text, "its spec as JSON");
}

void masks_and_weights() {
  const Data d;
  dk::Spec s = two_heads();
  s.heads[0].loss.missing = dk::Missing::mask;
  dk::Network net(s);
  std::vector<float> holes = d.price;
  std::vector<double> weights(rows, 1);
  for (std::size_t i = 0; i < rows; i += 3) holes[i] = std::nanf(""), weights[i] = 0;
  const std::vector<dk::Targets<float>> masked{{.values = holes}, {.labels = d.kind}},
      weighed{{.values = d.price, .element_weights = weights}, {.labels = d.kind}};
  std::vector<float> g(static_cast<std::size_t>(net.parameter_count())), h(g.size());
  const double a = net.loss_and_gradients(d.x, masked, g).loss, b = net.loss_and_gradients(d.x, weighed, h).loss;
  expect(a == b && g == h, "a missing target is one that weighs nothing");
}

// Two halves of a batch with the divisor of the whole are, added, the batch.
void divisor() {
  const Data d;
  dk::Spec s{.inputs = 4, .seed = 5};
  s.layers = {dk::Dense{8, dk::gelu}, dk::Dense{1}};
  s.loss = dk::Huber{};
  dk::Network net(s);
  const std::size_t n = static_cast<std::size_t>(net.parameter_count());
  std::vector<float> whole(n), first(n), second(n);
  const double loss = net.loss_and_gradients(d.x, {.values = d.price}, whole).loss;
  const std::span<const float> x(d.x), y(d.price);
  const double a = net.loss_and_gradients(x.first(4 * 20), {.values = y.first(20), .divisor = rows}, first).loss;
  const double b = net.loss_and_gradients(x.subspan(4 * 20), {.values = y.subspan(20), .divisor = rows}, second).loss;
  expect(std::abs(a + b - loss) < 1e-6, "losses with a divisor add up");
  float most = 0;
  for (std::size_t i = 0; i < n; ++i) most = std::max(most, std::abs(first[i] + second[i] - whole[i]));
  expect(most < 1e-6f, "gradients with a divisor add up");
}

void refused() {
  const Data d;
  dk::Network net(two_heads());
  std::vector<float> g(static_cast<std::size_t>(net.parameter_count()));
  refuses("there are targets of 1 heads, but the network has 2", [&] { net.loss(d.x, {.values = d.price}); });
  refuses("takes labels", [&] {
    dk::Spec s = two_heads();
    s.heads[1].loss = dk::MulticlassHinge{};
    dk::Network(s).loss(d.x, std::vector<dk::Targets<float>>{{.values = d.price}, {.values = d.price}});
  });
  refuses("is one of rows", [&] {
    const std::vector<double> weights(rows * 3, 1);
    const std::vector<float> soft(rows * 3, 1.0f / 3);
    net.loss(d.x, std::vector<dk::Targets<float>>{{.values = d.price}, {.values = soft, .element_weights = weights}});
  });
  refuses("element_weights has 59 numbers", [&] {
    const std::vector<double> weights(rows - 1, 1);
    net.loss(d.x, std::vector<dk::Targets<float>>{{.values = d.price, .element_weights = weights}, {.labels = d.kind}});
  });
  for (const double divisor : {-1.0, std::nan(""), HUGE_VAL})
    refuses("the divisor is", [&] {
      net.loss_and_gradients(d.x, std::vector<dk::Targets<float>>{{.values = d.price, .divisor = divisor}, {.labels = d.kind}}, g);
    });
  for (const dk::index count : {0, -1, 21})
    refuses("expected 1 to the batch size, 20",
            [&] { net.epoch(d.table(), d.targets(), d.order, {.batch_size = 20, .accumulate = count}); });
  double one = 0;
  refuses("head_losses has 1 numbers, expected 2", [&] { net.loss(d.x, d.targets(), false, {}, nullptr, {&one, 1}); });
  dk::Spec s = two_heads();
  s.heads[0].name = "cost";
  refuses("expected \"price\"", [&] { dk::Network made(s); });
  s = two_heads();
  s.loss = dk::MeanSquaredError{};
  refuses("go in place of loss", [&] { dk::Network made(s); });
  s = two_heads();
  s.layers.pop_back();
  refuses("must be of kind parallel", [&] { dk::Network made(s); });
  s = two_heads();
  std::get<dk::Parallel>(s.layers.back().is).layers.clear();
  refuses("there must be one branch at least", [&] { dk::Network made(s); });
  s.heads.clear();
  s.layers.back() = dk::Columns{{0, 12}};
  refuses("columns[1] is 12, expected a column from 0 to 11", [&] { dk::Network made(s); });
}

}  // namespace

int main() {
  trains();
  masks_and_weights();
  divisor();
  refused();
  std::printf("heads_test: %d failures\n", failures);
  return failures > 0;
}
