// Networks of any kinds, sizes and settings, and calls of their member functions with arguments that mostly fit. Everything
// runs twice, the second time without fusion or with threads: the same bits, the same calls refused.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "choices.h"
#include "core/parallel.h"
#include "exercise.h"
#include "train/records.h"

namespace densekit::fuzz {  // inside, because POSIX has a function index
namespace {

constexpr Table2D::Type types[] = {Table2D::Type::float32, Table2D::Type::float64, Table2D::Type::uint8};

double some_setting(Choices& c, double usual) { return c.byte() % 4 ? usual : c.number(); }

// Anything that the records of the spec describe: mostly the usual values, now and then others, also impossible ones.
class Maker {
 public:
  explicit Maker(Choices& c) : c_(c) {}

  template <class V> void fill(V& v) {
    if constexpr (std::is_same_v<V, double>) {
      v = setting(v);
    } else if constexpr (std::is_same_v<V, bool>) {
      v = v != (c_.byte() % 4 == 3);
    } else if constexpr (Worded<V>) {
      v = static_cast<V>(c_.below(words(v).size() + (c_.rarely() ? 1 : 0)));
    } else if constexpr (is_optional<V>) {
      if (c_.byte() % 4 == 3) v = static_cast<typename V::value_type>(c_.rarely() ? c_.number() : 1);
    } else if constexpr (std::is_same_v<V, index>) {
      v = c_.count(40);
    } else if constexpr (std::is_same_v<V, ActivationFunction>) {
      fill(v.name);
      if (static_cast<std::size_t>(v.name) < std::size(activation_records)) v.parameter = setting(record_of(v.name).usual);
    } else if constexpr (std::is_same_v<V, std::vector<Layer>>) {
      for (std::size_t n = depth_ < 4 ? c_.below(depth_ ? 3 : 7) : 0; n > 0; --n) {
        ++depth_;
        fill(v.emplace_back());
        --depth_;
      }
    } else if constexpr (HoldsKind<V>) {
      fill_kind(v.is);
      fields(v, common_fields(&v));
    } else if constexpr (is_variant<V>) {
      fill_kind(v);
    } else if constexpr (Recorded<V>) {
      if (c_.byte() & 1) fields(v, V::kind());
    }
  }

 private:
  double setting(double usual) { return some_setting(c_, usual); }
  template <class S, class R> void fields(S& s, const R& record) {
    for_fields(record, [&](const auto& f) { fill(s.*f.member); });
  }
  template <class Kinds> void fill_kind(Kinds& is) {
    std::size_t left = c_.below(std::variant_size_v<Kinds>);
    for_kinds<Kinds>([&](auto kind) {
      if (left-- != 0) return;
      fields(kind, kind.kind());
      is = std::move(kind);
    });
  }

  Choices& c_;
  int depth_ = 0;
};

Spec spec_of(Choices& c) {
  Spec spec{.inputs = c.count(20), .seed = c.byte()};
  // Rows of two axes; no byte of its own, so that kept inputs mean what they meant.
  if (spec.seed % 4 == 3) spec.inputs = {static_cast<index>(1 + spec.seed / 4 % 4), spec.inputs.last()};
  Maker make(c);
  make.fill(spec.dtype), make.fill(spec.layers);
  if (!c.rarely()) make.fill(spec.loss.emplace());
  if (!c.rarely()) make.fill(spec.optimizer.emplace());
  make.fill(spec.clip_norm), make.fill(spec.clip_value), make.fill(spec.penalty_per_weight), make.fill(spec.precision);
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
    const LossTraits traits = traits_of(net.spec().loss->is);
    const index width = net.scores() / traits.outputs;
    if (traits.labels && c.byte() % 4 != 3) t.labels = labels = c.whole(rows, std::max<index>(net.scores(), 1));
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
        note_loss(net.step_on(x, targets(), some_setting(c, 0.01), &diverged)), trace.push_back(static_cast<double>(diverged.size()));
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
        trace.push_back(net.apply_gradients(g, some_setting(c, 0.01), c.rarely() ? std::optional<double>(c.number()) : std::nullopt));
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
    if (spec.dtype == DType::float32) twice<float>(spec, c);
    else twice<double>(spec, c);
  });
}

}  // namespace densekit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  densekit::fuzz::run_input(data, size);
  return 0;
}
