// The native engine: docs/network.md, "The engine". NetworkFloat32 and NetworkFloat64.
#include <pybind11/typing.h>

#include "bindings/hosts.h"
#include "bindings/instances.h"
#include "densekit/network_class.h"
#include "train/per_head.h"
#include "train/plan.h"

namespace densekit::bindings {
namespace {

using Fields = py::typing::Dict<py::str, py::object>;
using Hosts = py::typing::List<py::object>;

template <class T> class Engine {
 public:
  Engine(const std::string& text, const Hosts& hosts) {
    const Spec spec = spec_from_json(text);
    require(spec.dtype == dtype_of<T>,
            [&] { return "the spec is of " + std::string(word(spec.dtype)) + ", this network of " + std::string(word(dtype_of<T>)); });
    std::vector<HostLayer> layers(hosts.size());
    std::vector<HostLoss> losses(hosts.size());
    const auto object = [&](int number) {
      require(number >= 0 && number < static_cast<int>(hosts.size()),
              [&] { return "the spec names host " + std::to_string(number) + ", but there are " + std::to_string(hosts.size()); });
      return py::reinterpret_borrow<py::object>(hosts[static_cast<std::size_t>(number)]);
    };
    const Plan plan = make_plan(spec, false);
    for (const Operation& op : plan.ops) {
      if (!std::holds_alternative<CallbackOperation>(op.is)) continue;
      const PlanLayer& from = plan.layers[static_cast<std::size_t>(op.layer)];
      const CallbackLayer* layer = std::get_if<CallbackLayer>(&from.spec->is);
      std::vector<std::vector<index>> shapes;
      for (const CallbackLayer::Parameter& p : layer->parameters) shapes.push_back(p.shape);
      hosts_.push_back(std::make_unique<PythonHost<T>>(object(layer->index), from.name, op.inputs, op.outputs, shapes));
      layers[static_cast<std::size_t>(layer->index)] = hosts_.back()->layer();
    }
    for (const PlanHead& head : plan.heads) {
      const CallbackLoss* loss = std::get_if<CallbackLoss>(&head.loss->is);
      if (!loss) continue;
      hosts_.push_back(std::make_unique<PythonHost<T>>(object(loss->index)));
      losses[static_cast<std::size_t>(loss->index)] = hosts_.back()->loss();
    }
    network_ = unlocked([&] { return std::make_unique<BasicNetwork<T>>(spec, std::move(layers), std::move(losses), signalled); });
  }

  BasicNetwork<T>& network() { return *network_; }

  Fields segment(const SegmentInfo& s, const char* kind) const {
    Fields d;
    d["layer"] = s.layer;
    d["name"] = s.name;
    d["shape"] = py::tuple(py::cast(s.shape));
    d["offset"] = s.offset;
    d["trainable"] = s.trainable;
    d["kind"] = kind;
    return d;
  }
  py::typing::List<Fields> segments() const {
    py::typing::List<Fields> all;
    for (const SegmentInfo& s : network_->parameter_segments()) all.append(segment(s, "parameter"));
    for (const SegmentInfo& s : network_->statistic_segments()) all.append(segment(s, "statistic"));
    return all;
  }

  // parameters, statistics, states (none unless wanted) and step.
  py::typing::Tuple<py::array_t<T>, py::array_t<T>, py::typing::List<py::array_t<T>>, py::int_> snapshot(bool with_states) const {
    const auto made = [](index count) { return py::array_t<T>(static_cast<py::ssize_t>(count)); };
    py::array_t<T> parameters = made(network_->parameter_count()), statistics = made(network_->statistic_count());
    T *to_parameters = parameters.mutable_data(), *to_statistics = statistics.mutable_data();
    py::typing::List<py::array_t<T>> states;
    std::vector<T*> to_states;
    for (std::size_t i = 0; with_states && i < network_->states().size(); ++i) {
      py::array_t<T> state = made(network_->parameter_count());
      to_states.push_back(state.mutable_data());
      states.append(state);
    }
    const std::uint64_t step = unlocked([&] { return network_->snapshot(to_parameters, to_statistics, to_states); });
    return py::make_tuple(parameters, statistics, states, step);
  }

  using Rows = py::array_t<T, py::array::c_style>;
  // What a call reads and writes. Shapes are read before the lock is released: another thread may change them then.
  static std::span<const T> whole(const Contiguous<T>& a, const char* name) { return {input(a, name), static_cast<std::size_t>(a.size())}; }
  static std::span<T> whole_output(Contiguous<T>& a, const char* name) { return {output(a, name), static_cast<std::size_t>(a.size())}; }
  std::span<T> outputs_of(std::optional<Contiguous<T>>& outputs, index rows) const {
    if (!outputs) return {};
    require_shape(*outputs, "outputs", {rows, network_->outputs()});
    return whole_output(*outputs, "outputs");
  }
  struct Input {
    std::span<const T> data;
    index rows;
  };
  Input rows_of(const Rows& x) const {
    require(x.ndim() == 2 && x.shape(1) == network_->inputs(),
            [&] { return "x is " + shape_text(x) + ", expected (n, " + std::to_string(network_->inputs()) + ")"; });
    return {whole(x, "x"), x.shape(0)};
  }
  py::array_t<T> forward(const Rows& x, bool training, bool track) {
    const Input in = rows_of(x);
    Contiguous<T> y({in.rows, network_->outputs()});
    const std::span<T> out = whole_output(y, "y");
    unlocked([&] {
      if (training && track) network_->training_forward(in.data, out, signalled);
      else network_->forward(in.data, out, training, signalled);
    });
    return y;
  }
  py::array_t<T> hidden(const Rows& x, const std::string& layer, bool training) const {
    const Input in = rows_of(x);
    Contiguous<T> y({in.rows, network_->hidden_width(layer)});
    const std::span<T> out = whole_output(y, "y");
    unlocked([&] { network_->hidden(in.data, layer, out, training, signalled); });
    return y;
  }

  // y: int64 (n) or T (n, m); weights: float64 (n), or (n, m) of elements, or None. The arrays must outlive the targets.
  Targets<T> targets_of(const py::handle& given, const py::handle& weights, index rows) const {
    Targets<T> t;
    if (!py::isinstance<py::array>(given))
      throw py::type_error("y is " + std::string(py::str(py::type::of(given))) + ", expected an array");
    const py::array y = py::reinterpret_borrow<py::array>(given);
    if (py::isinstance<py::array_t<std::int64_t>>(y)) {
      require(y.ndim() == 1 && y.shape(0) == rows, [&] { return "y is " + shape_text(y) + ", expected (" + std::to_string(rows) + ",)"; });
      t.labels = {static_cast<const std::int64_t*>(y.data()), static_cast<std::size_t>(rows)};
    } else if (py::isinstance<py::array_t<T>>(y)) {
      require(y.ndim() == 2 && y.shape(0) == rows,
              [&] { return "y is " + shape_text(y) + ", expected (" + std::to_string(rows) + ", m)"; });
      t.width = y.shape(1);
      t.values = {static_cast<const T*>(y.data()), static_cast<std::size_t>(rows * t.width)};
    } else {
      throw py::type_error("y is " + std::string(py::str(y.dtype())) + ", expected int64 labels or " +
                           (sizeof(T) == 4 ? "float32" : "float64"));
    }
    require((y.flags() & py::array::c_style) && reinterpret_cast<std::uintptr_t>(y.data()) % static_cast<std::uintptr_t>(y.itemsize()) == 0,
            "y must be C-contiguous and aligned");
    if (weights.is_none()) return t;
    using Floats = py::array_t<double, py::array::c_style>;
    if (!py::isinstance<Floats>(weights)) throw py::type_error("weights must be a C-contiguous array of float64");
    const Floats w = py::reinterpret_borrow<Floats>(weights);
    if (w.ndim() == 2) {
      require_shape(w, "weights", {rows, t.width});
      t.element_weights = {input(w, "weights"), static_cast<std::size_t>(w.size())};
    } else {
      require_shape(w, "weights", {rows});
      t.weights = {input(w, "weights"), static_cast<std::size_t>(rows)};
    }
    return t;
  }
  // Of several heads y is a list of arrays, and weights a list or None. divisor: of each.
  PerHead<Targets<T>> targets(const py::object& y, const py::object& weights, index rows) const {
    if (!py::isinstance<py::list>(y) && !py::isinstance<py::tuple>(y)) {
      PerHead<Targets<T>> one(1);
      one[0] = targets_of(y, weights, rows);
      return one;
    }
    const py::sequence all = py::reinterpret_borrow<py::sequence>(y);
    const bool weighed = !weights.is_none();
    if (weighed && !py::isinstance<py::list>(weights) && !py::isinstance<py::tuple>(weights))
      throw py::type_error("y is a list of the targets of heads, so weights must be a list, too, or None");
    require(!weighed || py::len(weights) == py::len(all), "there are not as many weights as targets of heads");
    PerHead<Targets<T>> targets(py::len(all));
    for (std::size_t h = 0; h < targets.size(); ++h)
      targets[h] = targets_of(py::object(all[h]), weighed ? py::object(weights[py::int_(h)]) : py::object(py::none()), rows);
    return targets;
  }
  static typename BasicNetwork<T>::AllTargets whole(const PerHead<Targets<T>>& targets) { return {targets.begin(), targets.size()}; }
  std::span<double> head_losses_of(std::optional<Contiguous<double>>& given) const {
    if (!given) return {};
    return {output(*given, "head_losses"), static_cast<std::size_t>(given->size())};
  }

  using HeadLosses = std::optional<Contiguous<double>>;
  std::pair<double, double> loss(const Rows& x, const py::object& y, const py::object& weights, bool training,
                                 std::optional<Contiguous<T>> outputs, HeadLosses head_losses) const {
    const Input in = rows_of(x);
    const PerHead<Targets<T>> t = targets(y, weights, in.rows);
    const std::span<T> out = outputs_of(outputs, in.rows);
    const std::span<double> each = head_losses_of(head_losses);
    const LossAndPenalty r = unlocked([&] { return network_->loss(in.data, whole(t), training, out, signalled, each); });
    return {r.loss, r.penalty};
  }
  std::pair<double, double> gradient(const Rows& x, const py::object& y, const py::object& weights, bool training, bool track) {
    const Input in = rows_of(x);
    const PerHead<Targets<T>> t = targets(y, weights, in.rows);
    const LossAndPenalty r = unlocked([&] { return network_->gradient(in.data, whole(t), training, training && track, signalled); });
    return {r.loss, r.penalty};
  }
  std::pair<double, double> step_on(const Rows& x, const py::object& y, const py::object& weights, double lr) {
    const Input in = rows_of(x);
    const PerHead<Targets<T>> t = targets(y, weights, in.rows);
    const LossAndPenalty r = unlocked([&] { return network_->step_on(in.data, whole(t), lr, nullptr, signalled); });
    return {r.loss, r.penalty};
  }

  Fields epoch(const py::array& x, const py::object& y, const py::object& weights, const Contiguous<std::int64_t>& order, index batch_size,
               const Contiguous<double>& lr, bool drop_last, std::optional<Contiguous<T>> outputs, bool stop_on_divergence,
               index accumulate) {
    require(x.ndim() == 2 && x.shape(1) == network_->inputs(),
            [&] { return "x is " + shape_text(x) + ", expected (n, " + std::to_string(network_->inputs()) + ")"; });
    require(order.ndim() == 1, [&] { return "order is " + shape_text(order) + ", expected one dimension"; });
    Table2D table{x.data(), Table2D::Type::float32, x.shape(0), x.shape(1), x.strides(0), x.strides(1)};
    if (py::isinstance<py::array_t<double>>(x)) table.type = Table2D::Type::float64;
    else if (py::isinstance<py::array_t<std::uint8_t>>(x)) table.type = Table2D::Type::uint8;
    else if (!py::isinstance<py::array_t<float>>(x))
      throw py::type_error("x is " + std::string(py::str(x.dtype())) + ", expected float32, float64 or uint8");
    const PerHead<Targets<T>> t = targets(y, weights, table.rows);
    const index count = order.size(), steps = network_->steps_of_epoch(count, batch_size, drop_last);
    require_shape(lr, "lr", {steps});
    const typename BasicNetwork<T>::EpochOptions options{.batch_size = batch_size,
                                                         .lr = {input(lr, "lr"), static_cast<std::size_t>(steps)},
                                                         .drop_last = drop_last,
                                                         .outputs = outputs_of(outputs, table.rows),
                                                         .stop_on_divergence = stop_on_divergence,
                                                         .accumulate = accumulate,
                                                         .stop = signalled};
    const std::span<const std::int64_t> rows{input(order, "order"), static_cast<std::size_t>(count)};
    const EpochResult r = unlocked([&] { return network_->epoch(table, whole(t), rows, options); });
    Fields result;
    result["loss"] = r.loss;
    result["penalty"] = r.penalty;
    result["head_losses"] = r.head_losses;
    result["steps"] = r.steps;
    result["diverged"] = py::none();
    if (r.diverged_step >= 0) {
      Fields diverged;
      diverged["step"] = r.diverged_step;
      diverged["layer"] = r.diverged_layer;
      result["diverged"] = diverged;
    }
    return result;
  }

  Instance<Tape<T>> tape(const Rows& x, bool training, bool track) {
    const Input in = rows_of(x);
    return Instance<Tape<T>>(unlocked(
        [&] { return training && track ? network_->training_tape(in.data, signalled) : network_->tape(in.data, training, signalled); }));
  }

  // The loss, the gradients, and the layer where it diverged.
  std::tuple<double, py::array_t<T>, std::optional<std::string>> loss_and_gradients(const Rows& x, const py::object& y,
                                                                                    const py::object& weights,
                                                                                    std::optional<Contiguous<T>> outputs,
                                                                                    HeadLosses head_losses) {
    const Input in = rows_of(x);
    const PerHead<Targets<T>> t = targets(y, weights, in.rows);
    const std::span<T> out = outputs_of(outputs, in.rows);
    const std::span<double> each = head_losses_of(head_losses);
    Contiguous<T> gradients(network_->parameter_count());
    const std::span<T> to = whole_output(gradients, "gradients");
    std::string diverged;
    const LossAndPenalty r = unlocked([&] { return network_->loss_and_gradients(in.data, whole(t), to, out, &diverged, signalled, each); });
    return {r.loss, gradients, diverged.empty() ? std::nullopt : std::optional(diverged)};
  }
  double apply_gradients(Contiguous<T> gradients, double lr, std::optional<double> weight) {
    require_shape(gradients, "gradients", {network_->parameter_count()});
    const std::span<T> all = whole_output(gradients, "gradients");
    return unlocked([&] { return network_->apply_gradients(all, lr, weight); });
  }
  void set_statistics(const Rows& x) {
    const Input in = rows_of(x);
    unlocked([&] { network_->set_statistics(in.data, signalled); });
  }
  std::optional<py::array_t<T>> pending() const {
    Contiguous<T> statistics(network_->statistic_count());
    if (!network_->pending(whole_output(statistics, "statistics"))) return {};
    return statistics;
  }
  void set_pending(const std::optional<Contiguous<T>>& statistics) {
    if (!statistics) return network_->drop_pending();
    require_shape(*statistics, "pending", {network_->statistic_count()});
    network_->set_pending(whole(*statistics, "pending"));
  }

 private:
  std::vector<std::unique_ptr<PythonHost<T>>> hosts_;  // outlive the network
  std::unique_ptr<BasicNetwork<T>> network_;
};

template <class T> py::array_t<T> view(const py::object& self, std::span<T> all) {
  return py::array_t<T>(static_cast<py::ssize_t>(all.size()), all.data(), self);
}

using ReadyGuard = py::call_guard<ReadyToThrow>;

template <class T> void bind_engine(py::module_& m, const char* network, const char* tape) {
  using E = Engine<T>;
  py::class_<Tape<T>>(m, tape)
      .def_property_readonly("output",
                             [](const Tape<T>& t) {
                               const index rows = t.rows();
                               return new_array(t.output().data(), {rows, t.outputs()});
                             })
      .def(
          "pullback",
          [](Tape<T>& t, const py::array_t<T, py::array::c_style>& dy) {
            require_shape(dy, "dy", {t.rows(), t.outputs()});
            Contiguous<T> dx({t.rows(), t.inputs()}), dparameters(t.parameter_count());
            const std::span<const T> upstream = Engine<T>::whole(dy, "dy");
            const std::span<T> to = Engine<T>::whole_output(dx, "dx"), parameters = Engine<T>::whole_output(dparameters, "dparameters");
            unlocked([&] { t.pullback(upstream, to, parameters, signalled); });
            return std::make_pair(dx, dparameters);
          },
          py::arg("dy").noconvert(), ReadyGuard());
  py::class_<E>(m, network)
      .def("__init__", construct<E, const std::string&, const Hosts&>(), Constructor(), py::arg("spec"), py::arg("hosts"), ReadyGuard())
      .def_property_readonly("inputs", [](E& e) { return e.network().inputs(); })
      .def_property_readonly("outputs", [](E& e) { return e.network().outputs(); })
      .def_property(
          "step", [](E& e) { return e.network().step(); }, [](E& e, std::uint64_t step) { e.network().set_step(step); })
      .def_property_readonly("segments", &E::segments)
      .def_property_readonly("parameters", [](const py::object& self) { return view(self, self.cast<E&>().network().parameters()); })
      .def_property_readonly("gradients", [](const py::object& self) { return view(self, self.cast<E&>().network().gradients()); })
      .def_property_readonly("statistics", [](const py::object& self) { return view(self, self.cast<E&>().network().statistics()); })
      .def_property_readonly("states",
                             [](const py::object& self) {
                               py::typing::List<py::array_t<T>> all;
                               for (const std::span<T> state : self.cast<E&>().network().states()) all.append(view(self, state));
                               return all;
                             })
      .def("snapshot", &E::snapshot, py::arg("states") = true)
      .def_property("pending", &E::pending, &E::set_pending)
      .def("forward", &E::forward, py::arg("x").noconvert(), py::arg("training") = false, py::arg("track") = false, ReadyGuard())
      .def("hidden", &E::hidden, py::arg("x").noconvert(), py::arg("layer"), py::arg("training") = false, ReadyGuard())
      .def("tape", &E::tape, py::arg("x").noconvert(), py::arg("training") = false, py::arg("track") = false, py::keep_alive<0, 1>(),
           ReadyGuard())
      .def("loss", &E::loss, py::arg("x").noconvert(), py::arg("y"), py::arg("weights"), py::arg("training") = false,
           py::arg("outputs").noconvert().none(true) = py::none(), py::arg("head_losses").noconvert().none(true) = py::none(), ReadyGuard())
      .def("gradient", &E::gradient, py::arg("x").noconvert(), py::arg("y"), py::arg("weights"), py::arg("training") = true,
           py::arg("track") = false, ReadyGuard())
      .def("loss_and_gradients", &E::loss_and_gradients, py::arg("x").noconvert(), py::arg("y"), py::arg("weights"),
           py::arg("outputs").noconvert().none(true) = py::none(), py::arg("head_losses").noconvert().none(true) = py::none(), ReadyGuard())
      .def("apply_gradients", &E::apply_gradients, py::arg("gradients").noconvert(), py::arg("lr"), py::arg("weight") = py::none(),
           ReadyGuard())
      .def(
          "commit", [](E& e) { unlocked([&] { e.network().commit(); }); }, ReadyGuard())
      .def("set_statistics", &E::set_statistics, py::arg("x").noconvert(), ReadyGuard())
      .def("step_on", &E::step_on, py::arg("x").noconvert(), py::arg("y"), py::arg("weights"), py::arg("lr"), ReadyGuard())
      .def("epoch", &E::epoch, py::arg("x"), py::arg("y"), py::arg("weights"), py::arg("order").noconvert(), py::arg("batch_size"),
           py::arg("lr").noconvert(), py::arg("drop_last") = false, py::arg("outputs").noconvert().none(true) = py::none(),
           py::arg("stop_on_divergence") = true, py::arg("accumulate") = 1, ReadyGuard());
}

}  // namespace

void bind_network(py::module_& m) {
  bind_engine<float>(m, "NetworkFloat32", "TapeFloat32");
  bind_engine<double>(m, "NetworkFloat64", "TapeFloat64");
}

}  // namespace densekit::bindings
