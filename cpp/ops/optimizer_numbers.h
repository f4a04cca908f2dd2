// The optimizers by name: what each one means for one step, in numbers, derived in double.
// The conventions are PyTorch's (2.x), but for weight_decay, which is decoupled from the gradient everywhere:
// w <- w - lr weight_decay w. maximize turns the gradient around.
#pragma once
#include "kernels/table.h"

namespace densekit {

struct StepSize {
  double lr;
  double weight_decay = 0;
  bool maximize = false;
};
using StepNumbers = OptimizerNumbers<double>;

// A number that a state is multiplied by in every step, in parts that keep its digits.
Factor<double> factor_of(double value);

StepNumbers sgd_numbers(StepSize size);
StepNumbers momentum_numbers(StepSize size, double momentum, double dampening);
StepNumbers nesterov_numbers(StepSize size, double momentum);
StepNumbers rmsprop_numbers(StepSize size, double rho, double eps, double momentum);  // of a sum of steps: w <- w - lr b
StepNumbers adagrad_numbers(StepSize size, double eps);
StepNumbers adadelta_numbers(StepSize size, double rho, double eps);

// t counts steps from 1 and may be as large as 2^53: 1 - beta^t keeps every digit from the first step to the last.
StepNumbers adam_numbers(StepSize size, double t, double beta1, double beta2, double eps);
StepNumbers adamax_numbers(StepSize size, double t, double beta1, double beta2, double eps);
StepNumbers nadam_numbers(StepSize size, double t, double beta1, double beta2, double eps, double momentum_decay);
StepNumbers lion_numbers(StepSize size, double beta1, double beta2);

}  // namespace densekit
