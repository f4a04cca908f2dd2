#include "ops/optimizer_numbers.h"

#include <cmath>

#include "core/portable_math.h"

namespace densekit {

Factor<double> factor_of(double value) {
  const double whole = value > 0.5 ? 1 : 0;
  return {value, whole, value - whole};  // the difference is exact
}

namespace {

StepNumbers with_decay(StepSize size) {
  const double decay = size.lr * size.weight_decay;
  StepNumbers c;
  c.keep = decay < 0.5 ? Factor<double>{1 - decay, 1, -decay} : factor_of(1 - decay);
  return c;
}
double sign_of_gradient(StepSize size) { return size.maximize ? -1 : 1; }

void running_mean(Factor<double>& keep, double& add, double beta, double sign) {
  keep = factor_of(beta);
  add = sign * (1 - beta);
}

// 1 - beta^t, without the cancellation when beta^t is near 1; log is exact to an ulp near 1, too.
double one_minus_power(double beta, double t) { return -portable::expm1(t * portable::log(beta)); }

// Moments with PyTorch's place of eps: m / (sqrt(v) / r + eps), r = sqrt(1 - beta2^t), is r m / (sqrt(v) + r eps).
// Returns r.
double adam_moments(StepNumbers& c, StepSize size, double t, double beta1, double beta2, double eps) {
  running_mean(c.first, c.first_add, beta1, sign_of_gradient(size));
  running_mean(c.second, c.second_add, beta2, 1);
  const double root = std::sqrt(one_minus_power(beta2, t));
  c.eps = eps * root;
  return root;
}

}  // namespace

StepNumbers sgd_numbers(StepSize size) {
  StepNumbers c = with_decay(size);
  c.direct = -size.lr * sign_of_gradient(size);
  return c;
}

StepNumbers momentum_numbers(StepSize size, double momentum, double dampening) {
  StepNumbers c = with_decay(size);
  c.first = factor_of(momentum);
  c.first_add = (1 - dampening) * sign_of_gradient(size);
  c.rate = -size.lr;
  return c;
}

StepNumbers nesterov_numbers(StepSize size, double momentum) {
  StepNumbers c = momentum_numbers(size, momentum, 0);
  c.rate = -size.lr * momentum;
  c.direct = -size.lr * sign_of_gradient(size);
  return c;
}

StepNumbers rmsprop_numbers(StepSize size, double rho, double eps, double momentum) {
  StepNumbers c = sgd_numbers(size);
  running_mean(c.second, c.second_add, rho, 1);
  c.mean_add = sign_of_gradient(size) * c.second_add;
  c.eps = eps;
  c.first = factor_of(momentum);
  c.first_add = sign_of_gradient(size);
  c.rate = -size.lr;
  return c;
}

StepNumbers adagrad_numbers(StepSize size, double eps) {
  StepNumbers c = sgd_numbers(size);
  c.second = factor_of(1);
  c.second_add = 1;
  c.eps = eps;
  return c;
}

StepNumbers adadelta_numbers(StepSize size, double rho, double eps) {
  StepNumbers c = sgd_numbers(size);
  running_mean(c.second, c.second_add, rho, 1);
  c.inner = eps;
  return c;
}

StepNumbers adam_numbers(StepSize size, double t, double beta1, double beta2, double eps) {
  StepNumbers c = with_decay(size);
  const double root = adam_moments(c, size, t, beta1, beta2, eps);
  c.rate = -size.lr * root / one_minus_power(beta1, t);
  return c;
}

StepNumbers adamax_numbers(StepSize size, double t, double beta1, double beta2, double eps) {
  StepNumbers c = with_decay(size);
  running_mean(c.first, c.first_add, beta1, sign_of_gradient(size));
  c.second = factor_of(beta2);
  c.inner = eps;
  c.rate = -size.lr / one_minus_power(beta1, t);
  return c;
}

StepNumbers nadam_numbers(StepSize size, double t, double beta1, double beta2, double eps, double momentum_decay) {
  StepNumbers c = with_decay(size);
  const double root = adam_moments(c, size, t, beta1, beta2, eps);
  constexpr double log_base = -0.040821994520255166;  // log 0.96
  const auto half = [&](double i) { return 0.5 * portable::exp(i * momentum_decay * log_base); };
  const auto mu = [&](double i) { return beta1 * (1 - half(i)); };
  // The product of mu(1) ... mu(t) is beta1^t, in closed form, times the factors 1 - half(i). Those are multiplied only
  // until the product is nothing beside 1 (e^-40 < 2^-57), or the rest of them are 1 in double: about 2,500 at the most
  // for any t (when momentum_decay is near 0.35), about 60 by default.
  double log_product = t * portable::log(beta1);
  for (double i = 1; i <= t && log_product > -40 && half(i) > 0x1p-54; ++i) log_product += portable::log1p(-half(i));
  const double next = mu(t + 1);
  c.direct = -size.lr * root * (1 - mu(t)) / -portable::expm1(log_product) * sign_of_gradient(size);
  c.rate = -size.lr * root * next / -portable::expm1(log_product + portable::log(next));
  return c;
}

StepNumbers lion_numbers(StepSize size, double beta1, double beta2) {
  StepNumbers c = with_decay(size);
  running_mean(c.second, c.second_add, beta1, sign_of_gradient(size));
  running_mean(c.first, c.first_add, beta2, sign_of_gradient(size));
  c.rate = -size.lr;
  return c;
}

}  // namespace densekit
