// A forward pass that can be pulled back.
#include <algorithm>

#include "ops/elementwise.h"
#include "train/arguments.h"
#include "train/call.h"
#include "train/network_impl.h"

namespace densekit {
namespace {

template <class T> class NetworkTape final : public Tape<T> {
 public:
  NetworkTape(std::shared_ptr<const typename BasicNetwork<T>::Impl> shared, std::span<const T> x, Mode mode, bool (*stop)())
      : shared_(std::move(shared)), ws_(impl_.hosts), rows_(rows_of(x, inputs(), "x")), mode_(mode), step_(impl_.step) {
    const Call call(stop, trained());
    const Context& context = call.context;
    ws_.prepare(context, impl_.plan, std::max<index>(rows_, 1), Purpose::training);
    std::copy(x.begin(), x.end(), ws_.buffer(0));
    if (rows_ == 0) return;
    densekit::forward(run(context), ws_, impl_.all());
    if (mode == Mode::tracked) impl_.pending.add(run(context), ws_, impl_.statistics);
  }
  std::span<const T> output() const override { return whole(ws_.buffer(impl_.plan.output), rows_ * outputs()); }
  index rows() const override { return rows_; }
  index inputs() const override { return impl_.plan.inputs(); }
  index outputs() const override { return impl_.plan.outputs(); }
  index parameter_count() const override { return impl_.plan.parameter_count; }
  void pullback(std::span<const T> dy, std::span<T> dx, std::span<T> dparameters, bool (*stop)()) override {
    require_rows(dy, "dy", rows_, outputs());
    require_rows(dx, "dx", rows_, inputs());
    require_rows(dparameters, "dparameters", parameter_count());
    require_apart(dx, "dx", dparameters, "dparameters");
    const Call call(stop, trained());
    const Context& context = call.context;
    const Plan& plan = impl_.plan;
    std::fill(dparameters.begin(), dparameters.end(), T(0));
    if (rows_ == 0) return;
    copy(context, dy.data(), ws_.slot(0), rows_ * outputs());
    densekit::backward(run(context), ws_, impl_.all(), 0, true, dparameters.data());
    const T* gradient = ws_.slot(plan.ops.empty() ? 0 : plan.ops.front().input_slot);
    for (const Operation& op : plan.ops)
      if (op.input == 0) gradient = ws_.slot(op.input_slot);
    copy(context, gradient, dx.data(), rows_ * plan.inputs());
    check_interrupt(context);
  }

 private:
  const Spec* trained() const { return mode_ == Mode::tracked ? &impl_.spec : nullptr; }
  Run<T> run(const Context& context) const {
    Run<T> r = impl_.run(context, rows_, mode_ != Mode::inference);
    r.step = step_;
    return r;
  }
  std::shared_ptr<const typename BasicNetwork<T>::Impl> shared_;  // outlives the workspace
  const typename BasicNetwork<T>::Impl& impl_ = *shared_;
  Workspace<T> ws_;
  index rows_;
  Mode mode_;
  std::uint64_t step_;
};

}  // namespace

template <class T> std::unique_ptr<Tape<T>> BasicNetwork<T>::tape(std::span<const T> x, bool training, bool (*stop)()) const {
  return std::make_unique<NetworkTape<T>>(impl_.shared(), x, training ? Mode::training : Mode::inference, stop);
}
template <class T> std::unique_ptr<Tape<T>> BasicNetwork<T>::training_tape(std::span<const T> x, bool (*stop)()) {
  return std::make_unique<NetworkTape<T>>(impl_.shared(), x, Mode::tracked, stop);
}

#define INSTANTIATE(T)                                                                                 \
  template std::unique_ptr<Tape<T>> BasicNetwork<T>::tape(std::span<const T>, bool, bool (*)()) const; \
  template std::unique_ptr<Tape<T>> BasicNetwork<T>::training_tape(std::span<const T>, bool (*)());
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
