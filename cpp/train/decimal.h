// Doubles as decimal text and back, exactly and alike on every machine, whatever its locale. The standard's from_chars and to_chars
// would do, but libc++ has no from_chars for doubles and macOS before 13.3 no to_chars; strtod and printf follow the locale.
#pragma once
#include <string>
#include <string_view>

namespace densekit {

// text: digits with an optional minus sign, fraction and exponent, as in JSON. The nearest double, of two the even one;
// infinity if it is beyond the largest double, zero if it is below half of the smallest.
double decimal_value(std::string_view text);

// The shortest text that reads back as x, which must be finite; of several the nearest to x. Digits with a point or with an
// exponent, whichever is shorter: what std::to_chars(x) gives.
std::string decimal_text(double x);

}  // namespace densekit
