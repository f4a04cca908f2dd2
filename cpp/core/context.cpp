#include "core/context.h"

#include <atomic>

namespace densekit {

static std::atomic<Road> forced_road{Road::automatic};

Context current_context() { return {&active_table(), threads_of_a_call(), forced_road}; }
void force_road(Road road) { forced_road = road; }

}  // namespace densekit
