// A forward pass that can be pulled back.
#include <algorithm>

#include "train/call.h"
#include "train/network_impl.h"

namespace densekit {
namespace {

template <class T> class NetworkTape final : public Tape<T> {
 public:
  NetworkTape(const typename BasicNetwork<T>::Impl& impl, const T* x, index rows, Mode mode, bool (*stop)())
      : impl_(impl), ws_(impl.hosts), rows_(rows), mode_(mode), step_(impl.step) {
    const Call call(stop, trained());
    const Context& context = call.context;
    ws_.prepare(context, impl.plan, std::max<index>(rows, 1), Purpose::training);
    std::copy_n(x, rows * impl.plan.inputs(), ws_.buffer(0));
    if (rows == 0) return;
    densekit::forward(run(context), ws_, impl.all());
    if (mode == Mode::tracked) impl.pending.add(run(context), ws_, impl.statistics);
  }
  const T* output() const override { return ws_.buffer(impl_.plan.output); }
  index rows() const override { return rows_; }
  index inputs() const override { return impl_.plan.inputs(); }
  index outputs() const override { return impl_.plan.outputs(); }
  index parameter_count() const override { return impl_.plan.parameter_count; }
  void pullback(const T* dy, T* dx, T* dparameters, bool (*stop)()) override {
    const Call call(stop, trained());
    const Context& context = call.context;
    const Plan& plan = impl_.plan;
    std::fill_n(dparameters, plan.parameter_count, T(0));
    if (rows_ == 0) return;
    std::copy_n(dy, rows_ * plan.outputs(), ws_.slot(0));
    densekit::backward(run(context), ws_, impl_.all(), 0, true, dparameters);
    const T* gradient = ws_.slot(plan.ops.empty() ? 0 : plan.ops.front().input_slot);
    for (const PlanOp& op : plan.ops)
      if (op.input == 0) gradient = ws_.slot(op.input_slot);
    std::copy_n(gradient, rows_ * plan.inputs(), dx);
  }

 private:
  const Spec* trained() const { return mode_ == Mode::tracked ? &impl_.spec : nullptr; }
  Run<T> run(const Context& context) const {
    Run<T> r = impl_.run(context, rows_, mode_ != Mode::inference);
    r.step = step_;
    return r;
  }
  const typename BasicNetwork<T>::Impl& impl_;
  Workspace<T> ws_;
  index rows_;
  Mode mode_;
  std::uint64_t step_;
};

}  // namespace

template <class T> std::unique_ptr<Tape<T>> BasicNetwork<T>::tape(const T* x, index rows, bool training, bool (*stop)()) const {
  return std::make_unique<NetworkTape<T>>(*impl_, x, rows, training ? Mode::training : Mode::inference, stop);
}
template <class T> std::unique_ptr<Tape<T>> BasicNetwork<T>::training_tape(const T* x, index rows, bool (*stop)()) {
  return std::make_unique<NetworkTape<T>>(*impl_, x, rows, Mode::tracked, stop);
}

#define INSTANTIATE(T)                                                                              \
  template std::unique_ptr<Tape<T>> BasicNetwork<T>::tape(const T*, index, bool, bool (*)()) const; \
  template std::unique_ptr<Tape<T>> BasicNetwork<T>::training_tape(const T*, index, bool (*)());
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
