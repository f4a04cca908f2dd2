#include "train/passes.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "ops/dense.h"
#include "ops/elementwise.h"
#include "ops/noise.h"
#include "ops/normalization.h"
#include "ops/penalties.h"
#include "ops/softmax.h"

namespace densekit {
namespace {

template <class T> View<T> rows_of(const T* data, index rows, index cols) { return {data, rows, cols, cols, 1}; }

// One operation with its pointers.
template <class T> class Step {
 public:
  Step(const Run<T>& run, Workspace<T>& ws, const PlanOp& op, typename Workspace<T>::Kept& kept)
      : run_(run), ws_(ws), op_(op), kept_(kept), spec_(run.plan.spec_of(op)) {}

  void forward() {
    const Context& context = run_.context;
    const index n = run_.rows, in = op_.inputs, out = op_.outputs;
    const T* x = ws_.buffer(op_.input);
    T* y = ws_.buffer(op_.output);
    switch (op_.action) {
      case Action::dense: {
        const auto dropout = merged_dropout();
        Epilogue<T> e = epilogue(dropout);
        e.bias = parameter(op_.bias);
        if (op_.block_moments && run_.training) e.block_means = ws_.block_means, e.block_squares = ws_.block_squares;
        matmul(context, rows_of(x, n, in), rows_of(parameter(op_.kernel), in, out), y, e, ws_.scratch);
        break;
      }
      case Action::activation:
        activation_forward(context, op_.activation, x, y, n * out, static_cast<T>(op_.parameter));
        break;
      case Action::scale:
        scale_by(context, x, y, n * out, op_.parameter);
        break;
      case Action::softmax:
        softmax(context, x, y, n, out, static_cast<T>(1 / op_.parameter));
        break;
      case Action::log_softmax:
        log_softmax(context, x, y, n, out, static_cast<T>(1 / op_.parameter), ws_.scratch);
        break;
      case Action::batch_norm: {
        batch_statistics(x);
        const auto dropout = merged_dropout();
        normalize(context, x, ChannelShape{n, out, 1}, kept_.mean, kept_.inverse, parameter(op_.gamma), parameter(op_.beta), y, ws_.scratch,
                  epilogue(dropout));
        break;
      }
      case Action::layer_norm: {
        const auto dropout = merged_dropout();
        layer_norm(context, x, n, out, spec_.eps, parameter(op_.gamma), parameter(op_.beta), kept_.mean, kept_.inverse, y,
                   epilogue(dropout));
        break;
      }
      case Action::dropout:
        densekit::dropout(context, dropout_of(op_.layer), 0, x, y, n * out);
        break;
      case Action::noise:
        gaussian_noise(context, noise(), 0, x, y, n * out);
        break;
      case Action::add:
        add(context, x, ws_.buffer(op_.second), y, n * out);
        break;
      case Action::host:
        host_forward(x, y);
        break;
    }
  }

  // From the gradient of the output to those of the parameters and, if dx is not null, of the input.
  void backward(T* gradients, bool want_dx) {
    const Context& context = run_.context;
    const index n = run_.rows, in = op_.inputs, out = op_.outputs;
    T* dy = ws_.slot(op_.gradient_slot);
    const bool adds = op_.work_slot >= 0;
    T* dx = ws_.slot(adds ? op_.work_slot : op_.input_slot);
    const T* x = ws_.buffer(op_.input);
    const T* y = ws_.buffer(op_.output);
    const auto gradient = [&](int segment) { return segment < 0 || !op_.trainable ? nullptr : gradients + offset(segment); };
    const auto or_sink = [](T* pointer, T* sink) { return pointer ? pointer : sink; };
    if (op_.action != Action::activation) through_epilogue(dy);
    switch (op_.action) {
      case Action::dense:
        dense_backward(context, dy, rows_of(x, n, in), rows_of(parameter(op_.kernel), in, out),
                       {want_dx ? dx : nullptr, gradient(op_.kernel), gradient(op_.bias)}, ws_.scratch);
        break;
      case Action::activation: {
        const T* saved = op_.saved >= 0 ? ws_.buffer(op_.saved) : y;
        activation_backward(context, op_.activation, dy, saved, dx, n * out, static_cast<T>(op_.parameter));
        break;
      }
      case Action::scale:
        scale_by(context, dy, dx, n * out, op_.parameter);
        break;
      case Action::softmax:
        softmax_backward(context, dy, y, dx, n, out, static_cast<T>(1 / op_.parameter));
        break;
      case Action::log_softmax:
        log_softmax_backward(context, dy, y, dx, n, out, static_cast<T>(1 / op_.parameter));
        break;
      case Action::batch_norm:
        batch_norm_backward(context, dy, x, ChannelShape{n, out, 1}, kept_.mean, kept_.inverse, parameter(op_.gamma), of_batch(),
                            {dx, or_sink(gradient(op_.gamma), ws_.gamma_sink), or_sink(gradient(op_.beta), ws_.beta_sink)}, ws_.scratch);
        break;
      case Action::layer_norm:
        layer_norm_backward(context, dy, x, n, out, kept_.mean, kept_.inverse, parameter(op_.gamma),
                            {dx, or_sink(gradient(op_.gamma), ws_.gamma_sink), or_sink(gradient(op_.beta), ws_.beta_sink)}, ws_.scratch);
        break;
      case Action::dropout:
        densekit::dropout(context, dropout_of(op_.layer), 0, dy, dx, n * out);
        break;
      case Action::noise:
      case Action::add:
        if (dx != dy) std::copy_n(dy, n * out, dx);
        break;
      case Action::host:
        host_backward(dy, dx, gradients);
        break;
    }
    if (adds && want_dx) {
      T* sum = ws_.slot(op_.input_slot);
      add(context, sum, dx, sum, n * in);
    }
  }

  void replace(T* statistics) const {
    if (!of_batch()) return;
    for (const int segment : {op_.mean, op_.variance})  // whatever they were, NaN too
      std::fill_n(statistics + run_.plan.statistics[static_cast<std::size_t>(segment)].offset, op_.outputs, T(0));
    commit(statistics, 0);
  }
  // decay: what is kept of the running statistics.
  void commit(T* statistics, double decay) const {
    if (!of_batch()) return;
    const double n = static_cast<double>(run_.rows), unbiased = spec_.unbiased ? n / (n - 1) : 1;
    T* mean = statistics + run_.plan.statistics[static_cast<std::size_t>(op_.mean)].offset;
    T* variance = statistics + run_.plan.statistics[static_cast<std::size_t>(op_.variance)].offset;
    for (index j = 0; j < op_.outputs; ++j) {
      mean[j] = static_cast<T>(decay * static_cast<double>(mean[j]) + (1 - decay) * kept_.mean[j]);
      variance[j] = static_cast<T>(decay * static_cast<double>(variance[j]) + (1 - decay) * (kept_.squares[j] / n * unbiased));
    }
  }

 private:
  index offset(int segment) const { return run_.plan.parameters[static_cast<std::size_t>(segment)].offset; }
  const T* parameter(int segment) const { return segment < 0 ? nullptr : run_.parameters + offset(segment); }
  bool of_batch() const { return op_.action == Action::batch_norm && run_.training && op_.trainable; }

  Dropout dropout_of(int layer) const {
    const PlanLayer& from = run_.plan.layers[static_cast<std::size_t>(layer)];
    return {.rate = from.spec->rate,
            .mode = from.spec->mode == "classic" ? DropoutMode::classic : DropoutMode::inverted,
            .training = run_.training,
            .seed = run_.seed,
            .step = run_.step,
            .layer = static_cast<std::uint32_t>(from.number)};
  }
  Noise noise() const {
    const PlanLayer& from = run_.plan.layers[static_cast<std::size_t>(op_.layer)];
    return {.std = from.spec->std,
            .training = run_.training,
            .seed = run_.seed,
            .step = run_.step,
            .layer = static_cast<std::uint32_t>(from.number)};
  }
  std::optional<DropoutPass<T>> merged_dropout() const {
    if (op_.dropout < 0) return {};
    DropoutPass<T> pass(dropout_of(op_.dropout));
    if (pass.changes_nothing()) return {};
    return pass;
  }
  Epilogue<T> epilogue(const std::optional<DropoutPass<T>>& dropout) const {
    return {.activation = op_.activation,
            .parameter = static_cast<T>(op_.parameter),
            .saved = op_.saved >= 0 ? ws_.buffer(op_.saved) : nullptr,  // null where nothing is kept for a backward pass
            .dropout = dropout ? &*dropout : nullptr};
  }
  void through_epilogue(T* dy) const {
    if (op_.activation == Activation::identity && op_.dropout < 0) return;
    const auto dropout = merged_dropout();
    const Epilogue<T> e = epilogue(dropout);
    epilogue_backward(run_.context, e, dy, e.saved ? e.saved : ws_.buffer(op_.output), dy, run_.rows * op_.outputs);
  }

  // kept.mean and kept.inverse: of the batch, or the running ones.
  void batch_statistics(const T* x) {
    const index n = run_.rows, channels = op_.outputs;
    const double eps = spec_.eps;
    if (of_batch()) {
      if (n < 2)
        throw std::invalid_argument("layer '" + spec_.name + "': batch norm in training needs at least two rows, got " + std::to_string(n));
      const ChannelShape shape{n, channels, 1};
      if (op_.block_moments) merge_channel_moments(run_.context, shape, ws_.block_means, ws_.block_squares, kept_.mean, kept_.squares);
      else channel_moments(run_.context, x, shape, kept_.mean, kept_.squares, ws_.scratch);
      for (index j = 0; j < channels; ++j) kept_.inverse[j] = 1 / std::sqrt(kept_.squares[j] / static_cast<double>(n) + eps);
      return;
    }
    const T* mean = run_.statistics + run_.plan.statistics[static_cast<std::size_t>(op_.mean)].offset;
    const T* variance = run_.statistics + run_.plan.statistics[static_cast<std::size_t>(op_.variance)].offset;
    for (index j = 0; j < channels; ++j) {
      kept_.mean[j] = static_cast<double>(mean[j]);
      kept_.inverse[j] = 1 / std::sqrt(static_cast<double>(variance[j]) + eps);
    }
  }

  static constexpr std::size_t most_host_parameters = 16;
  void host_pointers(const T* base, const void* (&pointers)[most_host_parameters]) const {
    if (op_.host_parameters.size() > most_host_parameters) throw std::invalid_argument("layer '" + spec_.name + "': at most 16 parameters");
    for (std::size_t i = 0; i < op_.host_parameters.size(); ++i) pointers[i] = base + offset(op_.host_parameters[i]);
  }
  const HostLayer& host() const { return run_.hosts.at(static_cast<std::size_t>(op_.host)); }
  void host_forward(const T* x, T* y) {
    const void* parameters[most_host_parameters] = {};
    host_pointers(run_.parameters, parameters);
    if (kept_.host && host().release) host().release(host().self, kept_.host);
    kept_.host = nullptr;
    kept_.host_layer = op_.host;
    host().forward(host().self, x, run_.rows, parameters, run_.training, y, &kept_.host);
  }
  void host_backward(const T* dy, T* dx, T* all) {
    const void *parameters[most_host_parameters] = {}, *gradients[most_host_parameters] = {};
    host_pointers(run_.parameters, parameters);
    host_pointers(all, gradients);
    void* targets[most_host_parameters];
    for (std::size_t i = 0; i < most_host_parameters; ++i) targets[i] = op_.trainable ? const_cast<void*>(gradients[i]) : nullptr;
    host().backward(host().self, dy, run_.rows, kept_.host, parameters, targets, dx);
  }

  const Run<T>& run_;
  Workspace<T>& ws_;
  const PlanOp& op_;
  typename Workspace<T>::Kept& kept_;
  const LayerSpec& spec_;
};

template <class T> Step<T> step_of(const Run<T>& run, Workspace<T>& ws, int i) {
  const std::size_t at = static_cast<std::size_t>(i);
  return Step<T>(run, ws, run.plan.ops[at], ws.kept[at]);
}

}  // namespace

template <class T> void forward(const Run<T>& run, Workspace<T>& ws, int end) {
  for (int i = 0; i < end; ++i) {
    step_of(run, ws, i).forward();
    check_interrupt(run.context);
  }
}

template <class T> void backward(const Run<T>& run, Workspace<T>& ws, int end, int first, bool want_input, T* gradients) {
  for (int i = end - 1; i >= first; --i) {
    step_of(run, ws, i).backward(gradients, want_input || i > first);
    check_interrupt(run.context);
  }
}

template <class T> void commit_statistics(const Run<T>& run, const Workspace<T>& ws, T* statistics) {
  for (std::size_t i = 0; i < run.plan.ops.size(); ++i)
    if (const PlanOp& op = run.plan.ops[i]; op.action == Action::batch_norm)
      step_of(run, const_cast<Workspace<T>&>(ws), static_cast<int>(i)).commit(statistics, run.plan.spec_of(op).stats_decay);
}

template <class T> void replace_statistics(const Run<T>& run, const Workspace<T>& ws, T* statistics) {
  for (std::size_t i = 0; i < run.plan.ops.size(); ++i)
    if (run.plan.ops[i].action == Action::batch_norm) step_of(run, const_cast<Workspace<T>&>(ws), static_cast<int>(i)).replace(statistics);
}

template <class T> std::string first_not_finite(const Run<T>& run, const Workspace<T>& ws, int end) {
  const auto finite = [&](int number) {
    const T* values = ws.buffer(number);
    const index n = run.rows * run.plan.widths[static_cast<std::size_t>(number)];
    return std::all_of(values, values + n, [](T x) { return std::isfinite(x); });
  };
  for (int i = 0; i < end; ++i) {
    const PlanOp& op = run.plan.ops[static_cast<std::size_t>(i)];
    if (!finite(op.output) && finite(op.input) && (op.second < 0 || finite(op.second)))
      return run.plan.layers[static_cast<std::size_t>(op.layer)].name;
  }
  return "";
}

#define INSTANTIATE(T)                                                         \
  template void forward<T>(const Run<T>&, Workspace<T>&, int);                 \
  template void backward<T>(const Run<T>&, Workspace<T>&, int, int, bool, T*); \
  template void commit_statistics<T>(const Run<T>&, const Workspace<T>&, T*);  \
  template void replace_statistics<T>(const Run<T>&, const Workspace<T>&, T*); \
  template std::string first_not_finite<T>(const Run<T>&, const Workspace<T>&, int);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
