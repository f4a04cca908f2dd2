// Every public member function of a network and of a tape with arguments that are wrong: std::invalid_argument with a text that says
// what was expected, and a network that is as it was. Meant for AddressSanitizer, too.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "densekit/network.h"

namespace dk = densekit;

namespace {

int failures = 0, refused = 0;
constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

void expect(bool condition, const std::string& what) {
  if (!condition && failures++ < 30) std::fprintf(stderr, "network_test: %s\n", what.c_str());
}

// The call must be refused with a text that has `part` in it.
template <class F> void refuses(const std::string& what, const std::string& part, const F& call) {
  ++refused;
  try {
    call();
  } catch (const std::invalid_argument& error) {
    expect(std::string(error.what()).find(part) != std::string::npos, what + ": the text is: " + error.what());
    return;
  } catch (const std::exception& error) { return expect(false, what + ": another exception: " + error.what()); }
  expect(false, what + ": is accepted");
}

dk::Spec classifier() {
  dk::Spec s{.inputs = 3, .seed = 1};
  s.layers = {dk::Dense{5, dk::relu}, dk::BatchNorm{}, dk::Dropout{0.1}, dk::Residual{{dk::Dense{5, dk::gelu}}}, dk::Dense{4}};
  s.loss = dk::SoftmaxCrossEntropy{};
  s.optimizer = dk::Adam{};
  return s;
}
dk::Spec regressor() {
  dk::Spec s{.inputs = 3, .seed = 1};
  s.layers = {dk::Dense{2}};
  s.loss = dk::MeanSquaredError{};
  s.optimizer = dk::Optimizer(dk::Sgd{}, 0.1);
  return s;
}

constexpr int rows = 6;
struct Data {
  std::vector<float> x = std::vector<float>(rows * 3, 0.5f), y = std::vector<float>(rows * 4), values = std::vector<float>(rows * 2, 1);
  std::vector<int> labels{0, 1, 2, 3, 0, 1}, order{5, 4, 3, 2, 1, 0};
  std::vector<std::int64_t> wide_labels{0, 1, 2, 3, 0, 1}, wide_order{5, 4, 3, 2, 1, 0};
  std::vector<double> weights = std::vector<double>(rows, 1), rates = std::vector<double>(3, 0.01);
  dk::Table2D table() const { return {x.data(), dk::Table2D::Type::float32, rows, 3, 3 * sizeof(float), sizeof(float)}; }
  dk::Targets<float> targets() const { return {.labels = wide_labels, .weights = weights}; }
};

template <class T> std::span<T> null_span(std::size_t size) { return {static_cast<T*>(nullptr), size}; }

// A network that must not change.
class Unchanged {
 public:
  explicit Unchanged(dk::Network& net) : net_(net), step_(net.step()), before_(net.parameters().begin(), net.parameters().end()) {}
  ~Unchanged() {
    expect(net_.step() == step_ && std::memcmp(before_.data(), net_.parameters().data(), before_.size() * sizeof(float)) == 0,
           "a refused call has changed the network");
  }

 private:
  dk::Network& net_;
  std::uint64_t step_;
  std::vector<float> before_;
};

void predictions() {
  dk::Network net(classifier());
  const Unchanged unchanged(net);
  Data d;
  const std::span<const float> x = d.x;
  const std::span<float> y = d.y;
  const auto odd = x.first(10);
  const std::string whole_rows = "x has 10 numbers, expected whole rows of 3";
  refuses("predict, no whole rows", whole_rows, [&] { net.predict(odd, y); });
  refuses("predict, no whole rows", whole_rows, [&] { net.predict(odd); });
  refuses("predict, y too short", "y has 23 numbers, expected 6 rows of 4", [&] { net.predict(x, y.first(23)); });
  refuses("predict, y too long", "y has 24 numbers, expected 5 rows of 4", [&] { net.predict(x.first(15), y); });
  refuses("predict, a null x", "x is a null pointer to 18 numbers", [&] { net.predict(null_span<const float>(18), y); });
  refuses("predict, a null x", "x is a null pointer", [&] { net.predict(null_span<const float>(18)); });
  refuses("predict, a null y", "y is a null pointer", [&] { net.predict(x, null_span<float>(24)); });
  refuses("predict over its input", "x and y share memory", [&] { net.predict(std::span<const float>(d.y).first(9), y.subspan(8, 12)); });
  refuses("forward, no whole rows", whole_rows, [&] { net.forward(odd, y, true); });
  refuses("forward, y too short", "y has 1 numbers", [&] { net.forward(x, y.first(1), false); });
  refuses("forward, a null y", "y is a null pointer", [&] { net.forward(x, null_span<float>(24), true); });
  refuses("forward, one row for a batch norm", "at least two rows, got 1", [&] { net.forward(x.first(3), y.first(4), true); });
  refuses("hidden, no such layer", "no layer is named 'nobody'; there are: dense, batch_norm", [&] { net.hidden(x, "nobody", y); });
  refuses("hidden, y of another width", "y has 24 numbers, expected 6 rows of 5", [&] { net.hidden(x, "dense", y); });
  refuses("hidden, no whole rows", whole_rows, [&] { net.hidden(odd, "dense", y); });
  refuses("hidden, a null x", "x is a null pointer", [&] { net.hidden(null_span<const float>(18), "dense", y); });
  refuses("hidden_width, no such layer", "no layer is named ''", [&] { net.hidden_width(""); });
  refuses("tape, no whole rows", whole_rows, [&] { net.tape(odd); });
  refuses("tape, a null x", "x is a null pointer", [&] { net.tape(null_span<const float>(18)); });
  expect(net.predict({}).empty(), "no rows give predictions");
  net.predict({}, {}), net.forward({}, {}, true), net.hidden({}, "dense", {});

  const auto tape = net.tape(x);
  std::vector<float> dx(d.x.size()), dparameters(static_cast<std::size_t>(net.parameter_count()));
  refuses("pullback, dy too short", "dy has 4 numbers, expected 6 rows of 4", [&] { tape->pullback(y.first(4), dx, dparameters); });
  refuses("pullback, dx too short", "dx has 2 numbers", [&] { tape->pullback(y, std::span(dx).first(2), dparameters); });
  refuses("pullback, dparameters too short", "dparameters has 1 numbers", [&] { tape->pullback(y, dx, std::span(dparameters).first(1)); });
  refuses("pullback, a null dy", "dy is a null pointer", [&] { tape->pullback(null_span<const float>(24), dx, dparameters); });
  refuses("pullback, a null dx", "dx is a null pointer", [&] { tape->pullback(y, null_span<float>(18), dparameters); });
  refuses("pullback, null dparameters", "dparameters is a null", [&] { tape->pullback(y, dx, null_span<float>(dparameters.size())); });
  const auto nothing = net.tape({});
  nothing->pullback({}, {}, dparameters);
  expect(nothing->rows() == 0 && nothing->output().empty(), "a tape of no rows has rows");
}

// Targets that do not fit, for each call that takes some: call(x, targets).
template <class F> void targets(const std::string& name, const F& call) {
  Data d;
  const std::span<const float> x = d.x;
  const auto with = [&](const std::string& what, const std::string& part, const dk::Targets<float>& given) {
    refuses(name + ", " + what, part, [&] { call(x, given); });
  };
  const std::span<const std::int64_t> labels = d.wide_labels;
  with("too few labels", "labels has 5 numbers, expected 6", {.labels = labels.first(5)});
  with("too few weights", "weights has 3 numbers, expected 6", {.labels = labels, .weights = std::span(d.rates)});
  with("null labels", "labels is a null pointer", {.labels = null_span<const std::int64_t>(6)});
  with("null weights", "weights is a null pointer", {.labels = labels, .weights = null_span<const double>(6)});
  with("null values", "the loss needs targets", {.values = null_span<const float>(24), .width = 4});
  with("no targets", "the loss needs targets", {});
  with("labels and values", "not both", {.labels = labels, .values = d.y, .width = 4});
  with("values of another width", "targets have 2 columns, expected 4", {.values = d.values, .width = 2});
  with("a negative width", "targets have -4 columns, expected 4", {.values = d.y, .width = -4});
  with("too few values", "values has 23 numbers, expected 6 rows of 4", {.values = std::span<const float>(d.y).first(23)});
  for (const std::int64_t label : {std::int64_t{4}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()}) {
    d.wide_labels[3] = label;
    with("a label", "label " + std::to_string(label) + " in row 3 is not a class: expected 0 to 3", {.labels = d.wide_labels});
  }
}

void training() {
  dk::Network net(classifier());
  Data d;
  const std::span<const float> x = d.x;
  const auto given = d.targets();
  {
    const Unchanged unchanged(net);
    targets("loss", [&](auto some, const auto& t) { net.loss(some, t); });
    targets("gradient", [&](auto some, const auto& t) { net.gradient(some, t); });
    targets("step_on", [&](auto some, const auto& t) { net.step_on(some, t, 0.1); });
    std::vector<float> g(net.parameters().size()), statistics(net.statistics().size());
    targets("loss_and_gradients", [&](auto some, const auto& t) { net.loss_and_gradients(some, t, g); });
    targets("epoch", [&](auto, const auto& t) { net.epoch(d.table(), t, d.wide_order, {.batch_size = 6}); });
    refuses("loss, no whole rows", "x has 10 numbers", [&] { net.loss(x.first(10), given); });
    refuses("loss, a null x", "x is a null pointer", [&] { net.loss(null_span<const float>(18), given); });
    refuses("loss, outputs too short", "outputs has 5 numbers", [&] { net.loss(x, given, false, std::span(d.y).first(5)); });
    refuses("loss, null outputs", "outputs is a null pointer", [&] { net.loss(x, given, false, null_span<float>(24)); });
    refuses("gradient, no whole rows", "x has 10 numbers", [&] { net.gradient(x.first(10), given); });
    refuses("gradient, no rows", "at least one row", [&] { net.gradient({}, {}); });
    refuses("gradient, one row for a batch norm", "at least two rows",
            [&] { net.gradient(x.first(3), {.labels = std::span(d.wide_labels).first(1)}); });
    refuses("step_on, no rows", "at least one row", [&] { net.step_on({}, {}, 0.1); });
    refuses("step_on, a null x", "x is a null pointer", [&] { net.step_on(null_span<const float>(18), given, 0.1); });
    for (const double lr : {nan, infinity, -infinity, -0.1})
      refuses("step_on, a rate of " + std::to_string(lr), "expected a finite number of at least 0", [&] { net.step_on(x, given, lr); });
    refuses("step_on, a rate beyond float32", "too large for float32", [&] { net.step_on(x, given, 1e300); });

    refuses("loss_and_gradients, no rows", "at least one row", [&] { net.loss_and_gradients({}, {}, g); });
    refuses("loss_and_gradients, no whole rows", "x has 10 numbers", [&] { net.loss_and_gradients(x.first(10), given, g); });
    refuses("loss_and_gradients, gradients too short", "gradients has 3 numbers",
            [&] { net.loss_and_gradients(x, given, std::span(g).first(3)); });
    refuses("loss_and_gradients, null gradients", "gradients is a null pointer",
            [&] { net.loss_and_gradients(x, given, null_span<float>(g.size())); });
    refuses("loss_and_gradients, outputs too short", "outputs has 5 numbers",
            [&] { net.loss_and_gradients(x, given, g, std::span(d.y).first(5)); });
    refuses("apply_gradients, too few", "gradients has 3 numbers", [&] { net.apply_gradients(std::span(g).first(3), 0.1); });
    refuses("apply_gradients, null", "gradients is a null pointer", [&] { net.apply_gradients(null_span<float>(g.size()), 0.1); });
    refuses("apply_gradients, a rate", "lr is nan", [&] { net.apply_gradients(g, nan); });
    refuses("apply_gradients, a weight", "give none", [&] { net.apply_gradients(g, 0.1, 6); });
    refuses("training_forward, y too short", "y has 1 numbers", [&] { net.training_forward(x, std::span(d.y).first(1)); });
    refuses("training_forward, a null x", "x is a null pointer", [&] { net.training_forward(null_span<const float>(18), d.y); });
    refuses("training_tape, no whole rows", "x has 10 numbers", [&] { net.training_tape(x.first(10)); });
    refuses("set_statistics, no rows", "at least one row", [&] { net.set_statistics({}); });
    refuses("set_statistics, no whole rows", "x has 10 numbers", [&] { net.set_statistics(x.first(10)); });
    refuses("pending, too short", "statistics has 1 numbers", [&] { net.pending(std::span(statistics).first(1)); });
    refuses("pending, null", "statistics is a null", [&] { net.pending(null_span<float>(statistics.size())); });
    refuses("set_pending, too short", "statistics has 1 numbers", [&] { net.set_pending(std::span(statistics).first(1)); });
    refuses("set_pending, null", "statistics is a null", [&] { net.set_pending(null_span<const float>(statistics.size())); });

    using Options = dk::Network::EpochOptions;
    const auto epoch = [&](const std::string& what, const std::string& part, const dk::Table2D& table, std::span<const std::int64_t> order,
                           const Options& options) { refuses("epoch, " + what, part, [&] { net.epoch(table, given, order, options); }); };
    const Options two{.batch_size = 2};
    dk::Table2D table = d.table();
    for (const dk::index size : {dk::index{0}, dk::index{-1}, std::numeric_limits<dk::index>::min()})
      epoch("a batch size", "batch_size must be at least 1, got " + std::to_string(size), table, d.wide_order, {.batch_size = size});
    epoch("too few rates", "lr has 2 numbers, expected 3", table, d.wide_order, {.batch_size = 2, .lr = std::span(d.rates).first(2)});
    epoch("null rates", "lr is a null pointer", table, d.wide_order, {.batch_size = 2, .lr = null_span<const double>(3)});
    const std::vector<double> bad{nan, 0.1, 0.1};
    epoch("a rate that is no number", "lr is nan", table, d.wide_order, {.batch_size = 2, .lr = bad});
    epoch("outputs too short", "outputs has 5 numbers", table, d.wide_order, {.batch_size = 2, .outputs = std::span(d.y).first(5)});
    epoch("null outputs", "outputs is a null pointer", table, d.wide_order, {.batch_size = 2, .outputs = null_span<float>(24)});
    epoch("a null order", "order is a null pointer", table, null_span<const std::int64_t>(6), two);
    for (const std::int64_t row : {std::int64_t{6}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()}) {
      const std::vector<std::int64_t> order{0, row, 1};
      epoch("a row", "order[1] is " + std::to_string(row) + ", expected the number of one of 6 rows", table, order, two);
    }
    table.data = nullptr;
    epoch("a null table", "x is a null pointer", table, d.wide_order, two);
    table = d.table(), table.rows = -6;
    epoch("negative rows", "x has -6 rows", table, d.wide_order, two);
    table = d.table(), table.cols = 4;
    epoch("too many columns", "x has 4 columns, expected 3", table, d.wide_order, two);
    table = d.table(), table.type = static_cast<dk::Table2D::Type>(9);
    epoch("another type", "x is of no type", table, d.wide_order, two);

    std::vector<int> order = d.order, labels = d.labels;
    refuses("epoch, no whole rows", "x has 10 numbers", [&] { net.epoch(x.first(10), d.labels, order); });
    refuses("epoch, a null x", "x is a null pointer", [&] { net.epoch(null_span<const float>(18), d.labels, order); });
    refuses("epoch, too few labels", "labels has 4 numbers", [&] { net.epoch(x, std::span(labels).first(4), order); });
    refuses("epoch, null labels", "labels is a null pointer", [&] { net.epoch(x, null_span<const int>(6), order); });
    refuses("epoch, a null order", "order is a null pointer", [&] { net.epoch(x, labels, null_span<const int>(6)); });
    refuses("epoch, no batch size", "batch_size", [&] { net.epoch(x, labels, order, 0); });
    refuses("epoch, a negative batch size", "batch_size", [&] { net.epoch(x, labels, order, -3); });
    refuses("epoch, values for labels", "values has 12 numbers, expected 6 rows of 4", [&] { net.epoch(x, d.values, order); });
    order.back() = 6;  // the last one: checked before the first update all the same
    refuses("epoch, a row", "order[5] is 6", [&] { net.epoch(x, labels, order, 2); });
    order.back() = -1;
    refuses("epoch, a negative row", "order[5] is -1", [&] { net.epoch(x, labels, order, 2); });
    labels.front() = 4;
    refuses("epoch, a label", "label 4 in row 0", [&] { net.epoch(x, labels, d.order, 2); });
    labels.front() = -7;
    refuses("epoch, a negative label", "label -7 in row 0", [&] { net.epoch(x, labels, d.order, 2); });
    refuses("steps_of_epoch, no batch size", "batch_size", [&] { net.steps_of_epoch(6, 0, false); });
    refuses("steps_of_epoch, negative rows", "got -1", [&] { net.steps_of_epoch(-1, 2, false); });
    refuses("steps_of_epoch, no batch size", "batch_size", [] { dk::Network::steps_of_epoch(6, -1, false, true); });
    expect(net.epoch(x, labels = d.labels, std::vector<int>{}).steps == 0, "an epoch of no rows has steps");
    expect(std::isfinite(net.loss({}, {}).penalty), "the loss of no rows");
  }
  // What is wrong in the middle of an epoch.
  std::vector<std::int64_t> labels = d.wide_labels;
  labels[d.wide_order[4]] = 9;
  refuses("epoch, a label in the third batch",
          "label 9 in row 1 is not a class: expected 0 to 3; found after 2 updates of this epoch, at step 2",
          [&] { net.epoch(d.table(), {.labels = labels}, d.wide_order, {.batch_size = 2}); });
  const std::vector<double> bad{0.1, nan, 0.1};
  refuses("epoch, a rate in the second batch", "found after 1 update of this epoch, at step 3",
          [&] { net.epoch(d.table(), d.targets(), d.wide_order, {.batch_size = 2, .lr = bad}); });
  expect(net.step() == 3, "the updates before are lost");
  const auto huge = net.epoch(d.table(), d.targets(), d.wide_order, {.batch_size = std::numeric_limits<dk::index>::max()});
  expect(huge.steps == 1, "a batch may be larger than the data");

  dk::Network numbers(regressor());
  const Unchanged unchanged(numbers);
  refuses("labels for numbers", "the loss mse takes targets of floats, not labels", [&] { numbers.loss(x, given); });
  refuses("labels for numbers", "the loss mse takes targets of floats, not labels", [&] { numbers.epoch(x, d.labels, d.order); });
  refuses("too few values", "values has 24 numbers, expected 6 rows of 2", [&] { numbers.epoch(x, d.y, d.order); });
  dk::Spec s = regressor();
  s.optimizer.reset();
  dk::Network untrained(s);
  refuses("step_on without an optimizer", "no optimizer", [&] { untrained.step_on(x, {.values = d.values}, 0.1); });
  refuses("epoch without an optimizer", "no optimizer", [&] { untrained.epoch(x, d.values, d.order); });
  s.loss.reset();
  dk::Network bare(s);
  refuses("loss without one", "the network has no loss", [&] { bare.loss(x, {.values = d.values}); });
  refuses("gradient without a loss", "the network has no loss", [&] { bare.gradient(x, {.values = d.values}); });
}

void specs() {
  const auto spec = [](const std::string& what, const std::string& part, const auto& change) {
    dk::Spec s = classifier();
    change(s);
    refuses("a spec with " + what, part, [&] { dk::Network net(s); });
  };
  spec("no inputs", "inputs", [](auto& s) { s.inputs = 0; });
  spec("negative inputs", "inputs", [](auto& s) { s.inputs = -5; });
  spec("inputs beyond memory", "inputs", [](auto& s) { s.inputs = std::numeric_limits<dk::index>::max(); });
  spec("no units", "units", [](auto& s) { std::get<dk::Dense>(s.layers[0].is).units = 0; });
  spec("negative units", "units", [](auto& s) { std::get<dk::Dense>(s.layers[0].is).units = -1; });
  spec("more parameters than there can be", "more parameters",
       [](auto& s) { s.inputs = std::get<dk::Dense>(s.layers[0].is).units = dk::index{1} << (sizeof(dk::index) == 4 ? 30 : 40); });
  spec("another activation", "activation",
       [](auto& s) { std::get<dk::Dense>(s.layers[0].is).activation = static_cast<dk::Activation>(99); });
  spec("a parameter that is no number", "parameter", [](auto& s) { std::get<dk::Dense>(s.layers[0].is).activation.parameter = nan; });
  spec("a rate above 1", "rate", [](auto& s) { std::get<dk::Dropout>(s.layers[2].is).rate = 2; });
  spec("a rate that is no number", "rate", [](auto& s) { std::get<dk::Dropout>(s.layers[2].is).rate = nan; });
  spec("two layers of one name", "names must differ", [](auto& s) { s.layers[0].name = s.layers[1].name = "a"; });
  spec("an empty block", "residual block", [](auto& s) { std::get<dk::Residual>(s.layers[3].is).layers.clear(); });
  spec("a block that changes the width", "residual block", [](auto& s) { s.layers[3] = dk::Residual{{dk::Dense{6}}}; });
  spec("another reduction", "loss.reduction", [](auto& s) { s.loss->reduction = static_cast<dk::LossReduction>(3); });
  spec("another convention", "optimizer.compat", [](auto& s) { s.optimizer->compat = static_cast<dk::Compat>(-1); });
  for (const double lr : {nan, infinity, -1.0})
    spec("a learning rate of " + std::to_string(lr), "lr", [&](auto& s) { s.optimizer->lr = lr; });
  spec("a clip of 0", "clip_norm", [](auto& s) { s.clip_norm = 0; });
  spec("another type", "dtype is \"float64\", but this network is of float32", [](auto& s) { s.dtype = dk::DType::float64; });
  spec("a host that is not there", "layer 'host' is number 0 of the layers in another language",
       [](auto& s) { s.layers.push_back({dk::CallbackLayer{.outputs = 4}, "host"}); });
  spec("a host loss that is not there", "the loss is number 3", [](auto& s) { s.loss = dk::CallbackLoss{3}; });
  dk::Spec with_host = classifier();
  with_host.layers.push_back(dk::CallbackLayer{.outputs = 4});
  refuses("a host without functions", "has no forward or backward", [&] { dk::Network net(with_host, {dk::HostLayer{}}); });
  refuses("no JSON", "", [] { dk::spec_from_json("{"); });
  refuses("a file that is none", "no model file", [] {
    std::istringstream in("nothing");
    dk::Network::load(in);
  });
  for (const int count : {-1, 1025, std::numeric_limits<int>::min()})
    refuses("threads", "got " + std::to_string(count), [&] { dk::set_threads(count); });
}

// Rows of several axes: four rows of six columns to the layers along the last axis, 24 numbers to whoever calls.
dk::Spec of_axes() {
  dk::Spec s{.inputs = {4, 6}, .seed = 2};
  s.layers = {dk::Dense{5, dk::gelu}, dk::Dropout{0.1}, dk::BatchNorm{}, dk::Residual{{dk::Dense{5}}}, dk::Dense{2}};
  s.loss = dk::MeanSquaredError{};
  s.optimizer = dk::Optimizer(dk::Sgd{}, 0.1);
  return s;
}

void row_shapes() {
  const std::vector<float> x = [] {
    std::vector<float> all(6 * 24);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<float>(i % 11) / 7 - 0.5f;
    return all;
  }();
  dk::Network axes(of_axes());
  dk::Spec plain = of_axes();
  plain.inputs = 6;
  dk::Network apart(plain);
  expect(axes.inputs() == 24 && axes.outputs() == 8 && apart.outputs() == 2, "the numbers of a row");
  const std::vector<float> y(6 * 8, 0.25f);
  std::vector<int> order{3, 0, 5, 1, 2, 4}, order_apart;
  for (const int row : order)
    for (int place = 0; place < 4; ++place) order_apart.push_back(row * 4 + place);
  for (int epoch = 0; epoch < 3; ++epoch) {
    axes.epoch(x, y, order, 2);
    apart.epoch(x, y, order_apart, 8);
  }
  const auto same = [](std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
  };
  expect(same(axes.parameters(), apart.parameters()) && same(axes.statistics(), apart.statistics()), "leading axes are no rows");
  expect(same(axes.predict(x), apart.predict(x)), "leading axes are no rows in predict");
  expect(axes.hidden_width("dense") == 20 && axes.hidden_width("residual") == 20, "the numbers of a row of a layer");
  refuses("predict, no whole rows", "x has 18 numbers, expected whole rows of 24", [&] { axes.predict(std::span(x).first(18)); });
  // One row is four rows of the batch norm.
  expect(axes.step_on(std::span(x).first(24), {.values = std::span(y).first(8)}, 0.1).loss >= 0, "an update of one row");

  const std::string text = dk::to_json(axes.spec());
  expect(text.find("\"inputs\": [4, 6]") != std::string::npos, "the shape of a row in JSON: " + text);
  expect(dk::to_json(dk::spec_from_json(text)) == text, "a spec read and written again differs");
  dk::Spec shaped = of_axes();
  shaped.layers = {{dk::Reshape{{8, 3}}, "a"}, {dk::CallbackLayer{.outputs = {2, 3}}, "b"}, {dk::Flatten{}, "c"}, {dk::Dense{5}, "d"}};
  const std::string again = dk::to_json(shaped);
  expect(dk::to_json(dk::spec_from_json(again)) == again, "a spec with shapes read and written again differs");
  expect(dk::spec_from_json(again).inputs == dk::RowShape{4, 6}, "the shape of a row is another one after reading");

  using Shape = std::vector<dk::index>;
  const auto spec = [](const std::string& what, const std::string& part, const auto& change) {
    dk::Spec s = of_axes();
    change(s);
    refuses("a row shape with " + what, part, [&] { dk::Network net(s); });
  };
  spec("no axes", "inputs has 0 axes, expected 1 to 8", [](auto& s) { s.inputs = dk::RowShape(Shape{}); });
  spec("nine axes", "inputs has 9 axes", [](auto& s) { s.inputs = dk::RowShape(Shape(9, 1)); });
  spec("a length of 0", "inputs[1]", [](auto& s) { s.inputs = {4, 0, 6}; });
  spec("a negative length", "inputs[0]", [](auto& s) { s.inputs = {-4, 6}; });
  if (sizeof(dk::index) == 8) {
    const dk::index many = dk::index{1} << 20;
    spec("too many numbers", "inputs are more than 2^48 numbers", [&](auto& s) { s.inputs = {many, many, many}; });
    spec("more numbers than can be counted", "more than 2^48", [&](auto& s) { s.inputs = dk::RowShape(Shape(8, many)); });
    spec("too many numbers of a layer", "layers[0] makes rows of shape (1048576, 134217728, 8)", [&](auto& s) {
      s.inputs = {many, many << 7, 1};
      s.layers = {dk::Dense{8}};
    });
  }
  const auto reshaped = [&](const std::string& what, const std::string& part, const Shape& shape) {
    spec(what, part, [&](auto& s) { s.layers[2] = dk::Reshape{shape}; });
  };
  reshaped("another size", "layers[2].shape is (3, 6), which is 18 numbers, but rows of shape (4, 5) have 20", {3, 6});
  reshaped("no axes to reshape to", "layers[2].shape has 0 axes", {});
  reshaped("nine axes to reshape to", "layers[2].shape has 9 axes", {1, 1, 1, 1, 1, 1, 1, 4, 5});
  reshaped("a length of 0 to reshape to", "layers[2].shape has the length 0", {0, 20});
  spec("a block that changes it", "makes rows of shape (20,) of (4, 5)", [](auto& s) { s.layers[3] = dk::Residual{{dk::Flatten{}}}; });
  for (const dk::Loss& loss : {dk::Loss(dk::SoftmaxCrossEntropy{}), dk::Loss(dk::GaussianNll{}), dk::Loss(dk::MulticlassHinge{})})
    spec("a loss of rows of scores", "the network puts out rows of shape (4, 2): put a Flatten before the last dense layer",
         [&](auto& s) { s.loss = loss; });
  spec("an output of another language with no axes", "outputs has 0 axes",
       [](auto& s) { s.layers.push_back(dk::CallbackLayer{.outputs = dk::RowShape(Shape{})}); });
  for (const char* inputs : {"[]", "[4,0]", "[4,2.5]", "[4,\"6\"]", "true", "null", "[[4,6]]", "[1,1,1,1,1,1,1,1,1]"})
    refuses(std::string("inputs in JSON: ") + inputs, "inputs", [&] {
      std::string wrong = text;
      dk::Network net(dk::spec_from_json(wrong.replace(wrong.find("[4, 6]"), 6, inputs)));
    });
  dk::Spec one = of_axes();  // a batch norm of whole rows
  one.layers = {dk::Flatten{}, dk::BatchNorm{}, dk::Dense{2}};
  dk::Network whole(one);
  refuses("one row for a batch norm of whole rows", "at least two rows, got 1",
          [&] { whole.step_on(std::span(x).first(24), {.values = std::span(y).first(2)}, 0.1); });
}

// A network without layers, one without rows, one that was moved from.
void odd_networks() {
  Data d;
  dk::Spec s{.inputs = 3};
  s.loss = dk::MeanSquaredError{};
  s.optimizer = dk::Optimizer(dk::Sgd{}, 0.1);
  dk::Network empty(s);
  expect(empty.predict(d.x) == d.x && empty.outputs() == 3 && empty.parameters().empty(), "a network without layers is the identity");
  expect(empty.loss(d.x, {.values = d.x}).loss == 0, "its loss");
  expect(empty.step_on(d.x, {.values = d.x}, 0.1).loss == 0 && empty.step() == 1, "its update");
  expect(empty.gradient(d.x, {.values = d.x}).loss == 0, "its gradient");
  expect(empty.epoch(d.x, d.x, d.order).steps == 1, "its epoch");
  std::vector<float> dx(d.x.size());
  empty.tape(d.x)->pullback(d.x, dx, {});
  expect(dx == d.x, "its pullback");
  refuses("hidden of an empty network", "no layer is named", [&] { empty.hidden_width("dense"); });

  dk::Network net(classifier());
  const std::vector<float> before = net.predict(d.x);
  auto tape = net.tape(d.x);
  dk::Network moved = std::move(net);
  expect(moved.predict(d.x) == before, "a network changes when it is moved");
  const std::string from = "this network was moved from";
  const auto gone = [&](const char* what, const auto& call) { refuses(std::string(what) + " of a network moved from", from, call); };
  gone("spec", [&] { net.spec(); });
  gone("inputs", [&] { net.inputs(); });
  gone("outputs", [&] { net.outputs(); });
  gone("scores", [&] { net.scores(); });
  gone("parameter_count", [&] { net.parameter_count(); });
  gone("statistic_count", [&] { net.statistic_count(); });
  gone("parameters", [&] { net.parameters(); });
  gone("const parameters", [&] { std::as_const(net).parameters(); });
  gone("gradients", [&] { net.gradients(); });
  gone("statistics", [&] { net.statistics(); });
  gone("const statistics", [&] { std::as_const(net).statistics(); });
  gone("states", [&] { net.states(); });
  gone("parameter_segments", [&] { net.parameter_segments(); });
  gone("statistic_segments", [&] { net.statistic_segments(); });
  gone("step", [&] { net.step(); });
  gone("set_step", [&] { net.set_step(1); });
  gone("predict", [&] { net.predict(d.x); });
  gone("predict", [&] { net.predict(d.x, d.y); });
  gone("forward", [&] { net.forward(d.x, d.y, false); });
  gone("hidden_width", [&] { net.hidden_width("dense"); });
  gone("hidden", [&] { net.hidden(d.x, "dense", d.y); });
  gone("tape", [&] { net.tape(d.x); });
  gone("loss", [&] { net.loss(d.x, d.targets()); });
  gone("gradient", [&] { net.gradient(d.x, d.targets()); });
  gone("step_on", [&] { net.step_on(d.x, d.targets(), 0.1); });
  gone("epoch", [&] { net.epoch(d.table(), d.targets(), d.wide_order, {}); });
  gone("epoch of labels", [&] { net.epoch(d.x, d.labels, d.order); });
  gone("epoch of values", [&] { net.epoch(d.x, d.values, d.order); });
  gone("loss_and_gradients", [&] { net.loss_and_gradients(d.x, d.targets(), dx); });
  gone("apply_gradients", [&] { net.apply_gradients(dx, 0.1); });
  gone("commit", [&] { net.commit(); });
  gone("training_forward", [&] { net.training_forward(d.x, d.y); });
  gone("training_tape", [&] { net.training_tape(d.x); });
  gone("set_statistics", [&] { net.set_statistics(d.x); });
  gone("pending", [&] { net.pending(dx); });
  gone("set_pending", [&] { net.set_pending(dx); });
  gone("drop_pending", [&] { net.drop_pending(); });
  gone("steps_of_epoch", [&] { net.steps_of_epoch(6, 2, false); });
  gone("save", [&] { net.save("/nowhere"); });
  net = dk::Network(regressor());
  expect(net.outputs() == 2 && net.epoch(d.x, d.values, d.order).steps == 1, "a network moved from cannot be assigned to");
  // A tape keeps what it needs.
  moved = dk::Network(regressor());
  std::vector<float> dparameters(static_cast<std::size_t>(tape->parameter_count()));
  tape->pullback(d.y, dx, dparameters);
  expect(std::equal(before.begin(), before.end(), tape->output().begin()), "a tape changes when its network is gone");
}

// A call that is stopped throws what the public header names; the updates before it are whole, and the network goes on.
// A layer that waits for data refuses to compute, and computes with what is written into its statistics.
void waiting() {
  const Data d;
  dk::Spec s = regressor();
  s.layers.insert(s.layers.begin(), dk::Normalization{.eps = 0.5});
  dk::Network net(s);
  const std::string text = "layer 'normalization' has no mean and variance yet";
  refuses("predict, no statistics", text, [&] { net.predict(d.x); });
  refuses("epoch, no statistics", text, [&] { net.epoch(d.table(), {.values = d.values}, d.wide_order, {.batch_size = 2}); });
  expect(net.step() == 0, "an update without statistics");
  const std::span<float> statistics = net.statistics();  // mean, variance, each at a multiple of 16
  for (std::size_t j = 0; j < 3; ++j) statistics[j] = -1.5f, statistics[16 + j] = j == 0 ? 0.01f : 16.0f;
  std::vector<float> hidden(rows * 3);
  net.hidden(d.x, "normalization", hidden);
  for (std::size_t i = 0; i < hidden.size(); ++i) expect(hidden[i] == (i % 3 ? 0.5f : 4.0f), "(x - mean) / max(root, eps)");
  net.epoch(d.table(), {.values = d.values}, d.wide_order, {.batch_size = 2});
  expect(net.step() == 3 && statistics[0] == -1.5f && statistics[18] == 16.0f, "training changes given statistics");
}

void stopped() {
  static_assert(std::is_base_of_v<std::exception, dk::Interrupted>);
  dk::Spec s{.inputs = 64, .seed = 2};
  s.layers = {dk::Dense{512, dk::gelu}, dk::Dense{1}};
  s.loss = dk::MeanSquaredError{};
  s.optimizer = dk::Optimizer(dk::Sgd{}, 1e-3);
  constexpr std::int64_t many = 4096;
  const std::vector<float> x(many * 64, 0.25f), y(many, 1);
  std::vector<std::int64_t> order(1 << 20);  // some seconds
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i) % many;
  const dk::Table2D table{x.data(), dk::Table2D::Type::float32, many, 64, 64 * sizeof(float), sizeof(float)};
  const dk::Targets<float> targets{.values = y};
  static std::size_t asked;
  asked = 0;
  const auto stop = [] { return ++asked == 3; };
  dk::Network net(s);
  try {
    net.epoch(table, targets, order, {.batch_size = many, .stop = stop});
    expect(false, "epoch: was not stopped");
  } catch (const dk::Interrupted& error) {
    expect(std::string(error.what()).find("stop") != std::string::npos, "Interrupted says what has happened");
  }
  expect(asked == 3, "stop is not called again after it said true");
  const std::uint64_t done = net.step();
  expect(done < order.size() / many, "epoch: all updates were done before it was stopped");
  dk::Network again(s);  // the same number of updates, not stopped
  if (done > 0) again.epoch(table, targets, std::span(order).first(done * many), {.batch_size = many});
  expect(std::equal(net.parameters().begin(), net.parameters().end(), again.parameters().begin()), "an update was done in part");
  net.epoch(table, targets, std::span(order).first(many), {.batch_size = many});
  expect(net.step() == done + 1, "the network does not go on after it was stopped");
}

}  // namespace

int main() {
  stopped();
  predictions();
  training();
  specs();
  row_shapes();
  odd_networks();
  waiting();
  std::printf("network_test: %d failures, %d calls refused\n", failures, refused);
  return failures != 0;
}
