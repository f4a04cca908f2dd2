// Updates of parameters in place.
#pragma once
#include "core/context.h"

namespace densekit {

// Whether every number is finite in T.
template <class T> bool numbers_fit(const OptimizerNumbers<double>& numbers);

// Every number rounded to T.
template <class T> OptimizerNumbers<T> rounded_numbers(const OptimizerNumbers<double>& numbers);

// One step of a rule over n parameters: p and the rule's states (optimizer_slots of them, n each) change, g does not,
// unless it is one of them. The numbers fit T.
template <class T> void optimizer_update(const Context& context, UpdateRule rule, T* p, const T* g, T* const* states, index n,
                                         const OptimizerNumbers<double>& numbers);

}  // namespace densekit
