// What each kind of optimizer does in one step: the update rule of the kernels, and its numbers.
#pragma once
#include "densekit/optimizers.h"
#include "ops/optimizer_numbers.h"

namespace densekit {

// A step: the rate with its decay and direction, the number of the update from 1, and whose conventions.
struct UpdateStep {
  StepSize size;
  double t;
  Compat compat;
};

UpdateRule rule_of(const OptimizerKind& kind);
int slots_of(const OptimizerKind& kind);  // arrays of state, each as long as the parameters
StepNumbers step_numbers(const OptimizerKind& kind, const UpdateStep& step);
double first_state(const OptimizerKind& kind);  // of every element of the states

}  // namespace densekit
