// Networks of any kinds, sizes and settings, and calls of their member functions with arguments that mostly fit. Everything
// runs twice, the second time without fusion or with threads: the same bits, the same calls refused.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "choices.h"
#include "core/parallel.h"
#include "exercise.h"

namespace densekit::fuzz {  // inside, because POSIX has a function index
namespace {

constexpr const char* activations[] = {identity, relu,    leaky_relu,   elu,  selu,     gelu,     gelu_tanh,  silu,       mish,
                                       sigmoid,  softmax, hard_sigmoid, tanh, softplus, softsign, hard_swish, log_softmax};
constexpr const char* losses[] = {"softmax_cross_entropy",
                                  "binary_cross_entropy",
                                  "mse",
                                  "mae",
                                  "log_cosh",
                                  "rmse",
                                  "huber",
                                  "pinball",
                                  "nll",
                                  "poisson_nll",
                                  "gamma_nll",
                                  "gaussian_nll",
                                  "laplace_nll",
                                  "hinge",
                                  "multiclass_hinge",
                                  "kl_divergence",
                                  "host",
                                  "nothing"};
constexpr const char* optimizers[] = {"sgd",  "momentum", "nesterov", "rmsprop", "adagrad", "adadelta",
                                      "adam", "adamax",   "nadam",    "lion",    "nothing"};
constexpr const char* initializers[] = {"variance_scaling", "zeros",      "ones",  "constant", "uniform", "normal",
                                        "truncated_normal", "orthogonal", "given", "nothing"};
constexpr const char* dtypes[] = {"float32", "float64"};
constexpr const char* reductions[] = {"mean", "count", "sum", "none"};
constexpr const char* compats[] = {"torch", "keras", "sklearn", "dlfs"};
constexpr Table2D::Type types[] = {Table2D::Type::float32, Table2D::Type::float64, Table2D::Type::uint8};
constexpr const char* precisions[] = {"highest", "high", "medium"};

double setting(Choices& c, double usual) { return c.byte() % 4 ? usual : c.number(); }

InitializerSpec initializer(Choices& c) {
  InitializerSpec init{.kind = c.of(initializers)};
  init.value = c.number(), init.low = setting(c, -1), init.high = setting(c, 1), init.mean = setting(c, 0), init.std = setting(c, 0.5);
  init.scale = setting(c, 1), init.gain = setting(c, 1);
  if (c.byte() % 2) init.mode = "fan_in", init.distribution = "truncated_normal";
  return init;
}

LayerSpec layer(Choices& c, int depth) {
  LayerSpec s;
  switch (c.below(9)) {
    case 0:
    case 1:
      s = dense(c.count(40), c.of(activations));
      break;
    case 2:
      s = activation(c.of(activations));
      break;
    case 3:
      s = batch_norm(setting(c, 1e-5), setting(c, 0.9));
      break;
    case 4:
      s = layer_norm(setting(c, 1e-5));
      break;
    case 5:
      s = dropout(setting(c, 0.2));
      break;
    case 6:
      s = gaussian_noise(setting(c, 0.1));
      break;
    case 7:
      s = residual({});
      for (std::size_t n = c.below(3); depth < 3 && n > 0; --n) s.layers.push_back(layer(c, depth + 1));
      break;
    case 8:
      s.kind = "host";
      break;
  }
  const unsigned flags = c.byte();
  s.trainable = flags % 8 != 7, s.bias = !(flags & 8), s.unbiased = flags & 16, s.scale = !(flags & 32), s.center = !(flags & 64);
  if (flags & 128) {
    s.parameter = setting(c, s.parameter), s.initial_variance = setting(c, 1), s.mode = "classic";
    s.kernel_penalty = {setting(c, 0.01), setting(c, 0.01), c.byte() % 2 == 0};
    s.bias_penalty = {setting(c, 0), setting(c, 0.1), true};
    s.kernel_initializer = initializer(c), s.bias_initializer = initializer(c);
  }
  return s;
}

Spec spec_of(Choices& c) {
  Spec spec{.inputs = c.count(20), .seed = c.byte()};
  spec.dtype = c.of(dtypes);
  for (std::size_t n = c.below(7); n > 0; --n) spec.layers.push_back(layer(c, 0));
  if (!c.rarely()) {
    LossSpec loss{.kind = c.of(losses), .reduction = c.of(reductions)};
    loss.factor = setting(c, 1), loss.link = c.byte() % 4 == 3, loss.label_smoothing = setting(c, 0);
    if (c.byte() % 4 == 3) loss.ignore_index = static_cast<std::int64_t>(c.below(4)) - 1;
    loss.delta = setting(c, 1), loss.quantile = setting(c, 0.5), loss.margin = setting(c, 1);
    const unsigned flags = c.byte();
    loss.from_logits = !(flags & 1), loss.log_input = !(flags & 2), loss.full = flags & 4;
    spec.loss = loss;
  }
  if (!c.rarely()) {
    OptimizerSpec o{.kind = c.of(optimizers)};
    o.lr = setting(c, 0.01), o.weight_decay = setting(c, 0), o.compat = c.of(compats), o.maximize = c.rarely();
    if (c.byte() % 4 == 3) o.momentum = c.number(), o.dampening = c.number(), o.beta1 = c.number(), o.beta2 = c.number();
    if (c.byte() % 4 == 3) o.rho = c.number(), o.eps = c.number(), o.momentum_decay = c.number(), o.initial = c.number();
    spec.optimizer = o;
  }
  if (c.byte() % 4 == 3) spec.clip_norm = setting(c, 1);
  if (c.byte() % 4 == 3) spec.clip_value = setting(c, 0.1);
  spec.penalty_per_weight = c.byte() % 4 == 3;
  spec.precision = c.of(precisions);
  return spec;
}

// What the calls gave, in order.
using Trace = std::vector<double>;
template <class R> void note(Trace& trace, const R& values) {
  for (const auto value : values) trace.push_back(static_cast<double>(value));
}

template <class T> struct Caller {
  BasicNetwork<T>& net;
  Choices& c;
  Trace& trace;
  std::size_t rows = 1 + c.below(70);

  std::size_t in(std::size_t n) const { return n * static_cast<std::size_t>(net.inputs()); }
  std::size_t out(std::size_t n) const { return n * static_cast<std::size_t>(net.outputs()); }
  std::vector<T> x = c.numbers<T>(in(rows));
  std::vector<std::int64_t> labels{};
  std::vector<T> values{};
  std::vector<double> weights{};

  Targets<T> targets() {
    Targets<T> t;
    if (!net.spec().loss) return t;
    const index width = target_width(*net.spec().loss, net.scores());
    if (takes_labels(*net.spec().loss) && c.byte() % 4 != 3) t.labels = labels = c.whole(rows, std::max<index>(net.scores(), 1));
    else
      t.values = values = c.numbers<T>(rows * static_cast<std::size_t>(width)),
      t.width = c.rarely() ? static_cast<index>(c.below(9)) : width;
    if (c.byte() % 4 == 3) t.weights = weights = c.numbers<double>(rows);
    return t;
  }
  void note_loss(const LossAndPenalty& found) { note(trace, std::initializer_list<double>{found.loss, found.penalty, found.weight}); }
  std::string name() {
    const auto& layers = net.spec().layers;
    return layers.empty() || c.rarely() ? "nobody" : layers[c.below(layers.size())].name;
  }
  void pull(Tape<T>& tape) {
    note(trace, tape.output());
    const std::vector<T> dy = c.numbers<T>(out(static_cast<std::size_t>(tape.rows())));
    std::vector<T> dx(c.length(in(static_cast<std::size_t>(tape.rows())))), dp(c.length(static_cast<std::size_t>(net.parameter_count())));
    tape.pullback(dy, dx, dp);
    note(trace, dx), note(trace, dp);
  }

  void call() {
    const std::size_t count = static_cast<std::size_t>(net.parameter_count());
    const bool training = c.byte() % 2;
    std::vector<T> y(c.length(out(rows)));
    std::string diverged;
    switch (c.below(15)) {
      case 0:
        net.predict(x, y), note(trace, y);
        break;
      case 1:
        net.forward(x, y, training), note(trace, y);
        break;
      case 2: {
        const std::string layer = name();
        std::vector<T> hidden(c.length(rows * static_cast<std::size_t>(net.hidden_width(layer))));
        net.hidden(x, layer, hidden, training), note(trace, hidden);
        break;
      }
      case 3:
        pull(*net.tape(x, training));
        break;
      case 4:
        note_loss(net.loss(x, targets(), training, c.byte() % 2 ? std::span<T>(y) : std::span<T>())), note(trace, y);
        break;
      case 5:
        note_loss(net.gradient(x, targets(), training, c.byte() % 2)), note(trace, net.gradients());
        break;
      case 6:
        note_loss(net.step_on(x, targets(), setting(c, 0.01), &diverged)), trace.push_back(static_cast<double>(diverged.size()));
        break;
      case 7: {
        const Table2D::Type type = c.of(types);
        const index size = type == Table2D::Type::float32 ? 4 : type == Table2D::Type::float64 ? 8 : 1;
        std::vector<unsigned char> raw(in(rows) * static_cast<std::size_t>(size), static_cast<unsigned char>(c.byte() % 64));
        Table2D table{raw.data(), type, static_cast<index>(rows), net.inputs(), net.inputs() * size, size};
        if (c.rarely()) table.data = raw.data() + (rows - 1) * static_cast<std::size_t>(table.row_stride), table.row_stride *= -1;
        const auto given = targets();
        const auto order = c.whole(1 + c.below(2 * rows), static_cast<std::ptrdiff_t>(rows));
        const index batch = c.count(40);
        const bool drop = c.byte() % 4 == 3;
        std::vector<double> rates;
        if (c.byte() % 4 == 3)
          rates = c.numbers<double>(static_cast<std::size_t>(net.steps_of_epoch(static_cast<index>(order.size()), batch, drop)));
        const EpochResult found = net.epoch(table, given, order,
                                            {.batch_size = batch,
                                             .lr = rates,
                                             .drop_last = drop,
                                             .outputs = c.byte() % 4 == 3 ? std::span<T>(y) : std::span<T>(),
                                             .stop_on_divergence = training});
        note(trace,
             std::initializer_list<double>{found.loss, found.penalty, static_cast<double>(found.steps),
                                           static_cast<double>(found.diverged_step), static_cast<double>(found.diverged_layer.size())});
        break;
      }
      case 8: {
        std::vector<T> g(c.length(count));
        note_loss(net.loss_and_gradients(x, targets(), g, {}, &diverged));
        note(trace, g), trace.push_back(static_cast<double>(diverged.size()));
        if (!diverged.empty()) break;
        trace.push_back(net.apply_gradients(g, setting(c, 0.01), c.rarely() ? std::optional<double>(c.number()) : std::nullopt));
        break;
      }
      case 9:
        net.commit();
        break;
      case 10:
        net.training_forward(x, y), note(trace, y);
        break;
      case 11:
        pull(*net.training_tape(x));
        break;
      case 12:
        net.set_statistics(x);
        break;
      case 13: {
        std::vector<T> s(c.length(static_cast<std::size_t>(net.statistic_count())));
        trace.push_back(net.pending(s)), note(trace, s);
        net.set_pending(s);
        break;
      }
      case 14:
        net.set_step(c.byte()), net.drop_pending();
        break;
    }
  }
};

template <class T> Trace run(const Spec& spec, Choices c) {
  Trace trace;
  BasicNetwork<T> net(spec);
  for (int calls = 0; calls < 6 && c.left(); ++calls) {
    Caller<T> caller{net, c, trace};
    trace.push_back(accepted([&] { caller.call(); }));
    note(trace, net.parameters()), note(trace, net.statistics());
  }
  return trace;
}

bool same(const Trace& a, const Trace& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(a[i] == b[i] || (a[i] != a[i] && b[i] != b[i]))) return false;
  return true;
}

template <class T> void twice(Spec spec, Choices& c) {
  const unsigned how = c.byte();
  const Trace first = run<T>(spec, c);
  spec.fuse = how % 4 == 3;
  if (how & 16) set_threads(2), set_serial_threshold(0);
  const Trace second = run<T>(spec, c);
  set_threads(1);
  if (same(first, second)) return;
  std::fprintf(stderr, "fuzz_network: without fusion, or with threads, the calls give other bits\n");
  std::abort();
}

}  // namespace

static void run_input(const std::uint8_t* data, std::size_t size) {
  set_threads(1);
  Choices c(data, size);
  const Spec spec = spec_of(c);
  accepted([&] {
    if (!small(spec)) return;
    if (spec.dtype == "float32") twice<float>(spec, c);
    else twice<double>(spec, c);
  });
}

}  // namespace densekit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  densekit::fuzz::run_input(data, size);
  return 0;
}
