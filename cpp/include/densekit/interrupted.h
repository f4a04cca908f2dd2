// How a call ends that was stopped.
#pragma once
#include <exception>

namespace densekit {

// Thrown by a call whose `stop` returned true. Parameters, statistics and the states of the optimizer are those of the updates done so
// far, all of them whole; what the call was to write is unfinished. The network can be used again at once.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "the call was stopped: its stop function returned true"; }
};

}  // namespace densekit
