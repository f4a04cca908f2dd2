#include "train/optimizers.h"

namespace densekit {
namespace {

// One struct a kind: its rule, and the numbers of a step.
template <class K> struct Numbers;

template <> struct Numbers<Sgd> {
  static UpdateRule rule(const Sgd&) { return UpdateRule::sgd; }
  static StepNumbers of(const Sgd&, const UpdateStep& s) { return sgd_numbers(s.size); }
};

// Where the velocity holds the rate: v <- mu v - lr g, w <- w + rate v + direct g.
StepNumbers rate_inside(StepNumbers c, StepSize size, double rate, double direct) {
  const double signed_rate = size.maximize ? -size.lr : size.lr;
  c.first_add = -signed_rate;
  c.rate = rate;
  c.direct = direct == 0 ? 0 : -direct * signed_rate;
  return c;
}
template <> struct Numbers<Momentum> {
  static UpdateRule rule(const Momentum&) { return UpdateRule::momentum; }
  static StepNumbers of(const Momentum& o, const UpdateStep& s) {
    const StepNumbers c = momentum_numbers(s.size, o.momentum, o.dampening);
    return s.compat == Compat::torch ? c : rate_inside(c, s.size, 1, 0);
  }
};
template <> struct Numbers<Nesterov> {
  static UpdateRule rule(const Nesterov&) { return UpdateRule::momentum; }
  static StepNumbers of(const Nesterov& o, const UpdateStep& s) {
    const StepNumbers c = nesterov_numbers(s.size, o.momentum);
    if (s.compat == Compat::torch) return c;
    if (s.compat == Compat::dlfs) return rate_inside(c, s.size, o.momentum * o.momentum, 1 + o.momentum);
    return rate_inside(c, s.size, o.momentum, 1);
  }
};

StepNumbers eps_inside_root(StepNumbers c, double eps) {
  c.inner = eps;
  c.eps = 0;
  return c;
}
template <> struct Numbers<RmsProp> {
  static UpdateRule rule(const RmsProp& o) {
    if (o.momentum == 0) return o.centered ? UpdateRule::rmsprop_centered : UpdateRule::rmsprop;
    return o.centered ? UpdateRule::rmsprop_centered_momentum : UpdateRule::rmsprop_momentum;
  }
  static StepNumbers of(const RmsProp& o, const UpdateStep& s) {
    StepNumbers c = rmsprop_numbers(s.size, o.rho, o.eps, o.momentum);
    if (s.compat != Compat::keras) return c;
    c.first_add *= s.size.lr;  // the rate is in b
    c.rate = -1;
    return eps_inside_root(c, o.eps);
  }
};
template <> struct Numbers<Adagrad> {
  static UpdateRule rule(const Adagrad&) { return UpdateRule::rmsprop; }
  static StepNumbers of(const Adagrad& o, const UpdateStep& s) {
    const StepNumbers c = adagrad_numbers(s.size, o.eps);
    return s.compat == Compat::keras ? eps_inside_root(c, o.eps) : c;
  }
};
template <> struct Numbers<Adadelta> {
  static UpdateRule rule(const Adadelta&) { return UpdateRule::adadelta; }
  static StepNumbers of(const Adadelta& o, const UpdateStep& s) { return adadelta_numbers(s.size, o.rho, o.eps); }
};
template <> struct Numbers<Adam> {
  static UpdateRule rule(const Adam& o) { return o.amsgrad ? UpdateRule::amsgrad : UpdateRule::adam; }
  static StepNumbers of(const Adam& o, const UpdateStep& s) {
    StepNumbers c = adam_numbers(s.size, s.t, o.beta1, o.beta2, o.eps);
    if (s.compat != Compat::torch) c.eps = o.eps;  // added to the root of v as it is, not corrected for its start at zero
    return c;
  }
};
template <> struct Numbers<Adamax> {
  static UpdateRule rule(const Adamax&) { return UpdateRule::adamax; }
  static StepNumbers of(const Adamax& o, const UpdateStep& s) { return adamax_numbers(s.size, s.t, o.beta1, o.beta2, o.eps); }
};
template <> struct Numbers<Nadam> {
  static UpdateRule rule(const Nadam&) { return UpdateRule::adam; }
  static StepNumbers of(const Nadam& o, const UpdateStep& s) {
    return nadam_numbers(s.size, s.t, o.beta1, o.beta2, o.eps, o.momentum_decay);
  }
};
template <> struct Numbers<Lion> {
  static UpdateRule rule(const Lion&) { return UpdateRule::lion; }
  static StepNumbers of(const Lion& o, const UpdateStep& s) { return lion_numbers(s.size, o.beta1, o.beta2); }
};

template <> struct Numbers<Yogi> {
  static UpdateRule rule(const Yogi&) { return UpdateRule::yogi; }
  static StepNumbers of(const Yogi& o, const UpdateStep& s) { return adam_numbers(s.size, s.t, o.beta1, o.beta2, o.eps); }
};

// What every element of the states begins with.
template <class K> double start(const K& o) {
  if constexpr (requires { o.initial; }) return o.initial;
  else return 0;
}

}  // namespace

UpdateRule rule_of(const OptimizerKind& is) {
  return std::visit([](const auto& kind) { return Numbers<std::remove_cvref_t<decltype(kind)>>::rule(kind); }, is);
}
int slots_of(const OptimizerKind& is) { return optimizer_slots[static_cast<int>(rule_of(is))]; }
StepNumbers step_numbers(const OptimizerKind& is, const UpdateStep& step) {
  return std::visit([&](const auto& kind) { return Numbers<std::remove_cvref_t<decltype(kind)>>::of(kind, step); }, is);
}
double first_state(const OptimizerKind& is) {
  return std::visit([](const auto& kind) { return start(kind); }, is);
}

}  // namespace densekit
