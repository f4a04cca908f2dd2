// What the passes over a plan read.
#pragma once
#include "core/context.h"
#include "densekit/network_class.h"

namespace densekit {

struct Plan;

template <class T> struct Run {
  const Context& context;
  const Plan& plan;
  const std::vector<HostLayer>& hosts;
  const T* parameters;
  const T* statistics;
  std::uint64_t seed, step;
  index rows;
  bool training;
  index first_row = 0;  // of these rows in the batch that they are a part of, for the numbers of random elements
};

}  // namespace densekit
