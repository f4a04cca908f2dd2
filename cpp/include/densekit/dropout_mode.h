#pragma once

namespace densekit {

// inverted: training x kept / (1 - rate), otherwise x. classic: training x kept, otherwise x (1 - rate).
enum class DropoutMode : int { inverted, classic };

}  // namespace densekit
