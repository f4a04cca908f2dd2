#include "train/decimal.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace densekit {
namespace {

// The bits of a double: 1 sign, 11 exponent, 52 fraction; the last bit of a subnormal number is worth 2^-1074.
constexpr int fraction_bits = 52, least_exponent = -1074;
constexpr std::uint64_t hidden_bit = std::uint64_t{1} << fraction_bits, exponent_mask = 0x7FF, sign_bit = std::uint64_t{1} << 63;

int width_of(std::uint64_t n) { return 64 - std::countl_zero(n); }

// A natural number of any size, the lowest 32 bits first, without zeros at the end.
class Natural {
 public:
  explicit Natural(std::uint64_t n) : words_{static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32)} { trim(); }

  bool zero() const { return words_.empty(); }
  int bits() const { return zero() ? 0 : static_cast<int>(32 * words_.size()) - std::countl_zero(words_.back()); }

  void multiply_add(std::uint32_t factor, std::uint32_t carry) {
    for (std::uint32_t& word : words_) {
      const std::uint64_t product = std::uint64_t{word} * factor + carry;
      word = static_cast<std::uint32_t>(product);
      carry = static_cast<std::uint32_t>(product >> 32);
    }
    if (carry) words_.push_back(carry);
  }
  void multiply_power_of_ten(int exponent) {
    for (; exponent >= 9; exponent -= 9) multiply_add(1'000'000'000, 0);
    for (; exponent > 0; --exponent) multiply_add(10, 0);
  }
  std::uint32_t divide(std::uint32_t divisor) {  // returns the remainder
    std::uint64_t rest = 0;
    for (std::size_t i = words_.size(); i-- > 0;) {
      rest = rest << 32 | words_[i];
      words_[i] = static_cast<std::uint32_t>(rest / divisor);
      rest %= divisor;
    }
    trim();
    return static_cast<std::uint32_t>(rest);
  }
  void shift_left(int bits) {
    if (zero()) return;
    if (bits % 32) multiply_add(std::uint32_t{1} << bits % 32, 0);
    words_.insert(words_.begin(), static_cast<std::size_t>(bits / 32), 0);
  }
  void add(const Natural& other) {
    words_.resize(std::max(words_.size(), other.words_.size()) + 1);
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      carry += std::uint64_t{words_[i]} + (i < other.words_.size() ? other.words_[i] : 0);
      words_[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    trim();
  }
  void subtract(const Natural& smaller) {
    std::int64_t carry = 0;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      carry += std::int64_t{words_[i]} - (i < smaller.words_.size() ? smaller.words_[i] : 0);
      words_[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    trim();
  }
  // -1, 0, 1: less than other, equal, greater.
  int compare(const Natural& other) const {
    if (words_.size() != other.words_.size()) return words_.size() < other.words_.size() ? -1 : 1;
    const auto [mine, its] = std::mismatch(words_.rbegin(), words_.rend(), other.words_.rbegin());
    return mine == words_.rend() ? 0 : *mine < *its ? -1 : 1;
  }

 private:
  void trim() {
    while (!words_.empty() && words_.back() == 0) words_.pop_back();
  }
  std::vector<std::uint32_t> words_;
};

// digits * 10^exponent. At most 769 digits: no number in the middle between two doubles has more than 767, so that of digits
// beyond them it only matters whether one is not zero, which one digit more says.
struct Decimal {
  std::string digits{};
  std::int64_t exponent = 0;
};

Decimal decimal_of(std::string_view text) {
  constexpr std::size_t most_digits = 768;
  constexpr std::int64_t huge = std::int64_t{1} << 40;  // more than a text has digits
  Decimal number;
  bool fraction = false, more = false;
  std::size_t at = 0;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    if (fraction) --number.exponent;
    if (number.digits.empty() && text[at] == '0') continue;
    if (number.digits.size() < most_digits) number.digits += text[at];
    else ++number.exponent, more = more || text[at] != '0';
  }
  if (more) number.digits += '1', --number.exponent;
  if (++at >= text.size()) return number;
  const bool negative = text[at] == '-';
  std::int64_t exponent = 0;
  for (at += negative || text[at] == '+'; at < text.size(); ++at) exponent = std::min(huge, 10 * exponent + (text[at] - '0'));
  number.exponent += negative ? -exponent : exponent;
  return number;
}

// The bits of the double nearest to mantissa * 2^exponent and, if rest, a little more. mantissa has its highest bits set.
std::uint64_t rounded(std::uint64_t mantissa, int exponent, bool rest) {
  const int drop = std::max(width_of(mantissa) - (fraction_bits + 1), least_exponent - exponent);
  std::uint64_t kept = 0;
  if (drop < 64) {
    kept = mantissa >> drop;
    const std::uint64_t half = std::uint64_t{1} << (drop - 1), dropped = mantissa & (2 * half - 1);
    kept += dropped > half || (dropped == half && (rest || kept % 2 == 1));
  } else if (drop == 64) {
    kept = mantissa > sign_bit || (mantissa == sign_bit && rest);
  }
  if (kept < hidden_bit) return kept;
  // kept may be 2^53: the carry goes where it belongs.
  const std::int64_t biased = std::int64_t{exponent} + drop - least_exponent + 1;
  const std::uint64_t infinity = exponent_mask << fraction_bits;
  return biased > 2046 ? infinity : std::min(infinity, (static_cast<std::uint64_t>(biased) << fraction_bits) + (kept - hidden_bit));
}

std::uint64_t magnitude(const Decimal& number) {
  const std::int64_t point = number.exponent + static_cast<std::int64_t>(number.digits.size());
  if (number.digits.empty() || point < -330) return 0;
  if (point > 310) return exponent_mask << fraction_bits;
  Natural numerator(0), denominator(1);
  for (const char digit : number.digits) numerator.multiply_add(10, static_cast<std::uint32_t>(digit - '0'));
  const int exponent = static_cast<int>(number.exponent);
  (exponent > 0 ? numerator : denominator).multiply_power_of_ten(exponent > 0 ? exponent : -exponent);
  // 63 or 64 bits of the quotient, one after another.
  const int shift = 63 - (numerator.bits() - denominator.bits());
  numerator.shift_left(std::max(0, shift - 63));
  denominator.shift_left(std::max(0, 63 - shift));
  std::uint64_t quotient = 0;
  for (int bit = 0; bit < 64; ++bit) {
    quotient <<= 1;
    if (numerator.compare(denominator) >= 0) {
      numerator.subtract(denominator);
      quotient |= 1;
    }
    numerator.shift_left(1);
  }
  return rounded(quotient, -shift, !numerator.zero());
}

struct Parts {
  std::uint64_t mantissa;
  int exponent;
};
Parts parts_of(std::uint64_t bits) {
  const std::uint64_t fraction = bits & (hidden_bit - 1);
  const int biased = static_cast<int>(bits >> fraction_bits & exponent_mask);
  return biased == 0 ? Parts{fraction, least_exponent} : Parts{fraction | hidden_bit, biased + least_exponent - 1};
}

// The digits of the number nearest to x of those with the fewest digits that lie between the middles to the neighbours of x: Steele
// and White, "How to print floating-point numbers accurately", PLDI 1990, free-format.
Decimal shortest(Parts x) {
  // x = value / scale; the middles are (value - below) / scale and (value + above) / scale, and read back as x if its mantissa is even.
  Natural value(4 * x.mantissa), scale(4), above(2), below(x.mantissa == hidden_bit && x.exponent > least_exponent ? 1 : 2);
  const bool even = x.mantissa % 2 == 0;
  if (x.exponent < 0) scale.shift_left(-x.exponent);
  else
    for (Natural* n : {&value, &above, &below}) n->shift_left(x.exponent);
  const auto reaches = [&] {  // the upper middle, from what is left of x
    Natural upper = value;
    upper.add(above);
    const int order = upper.compare(scale);
    return order > 0 || (even && order == 0);
  };
  const int log2 = x.exponent + width_of(x.mantissa) - 1;
  int point = (log2 * 30103 - (log2 < 0 ? 99999 : 0)) / 100000;  // of the first digit: the upper middle is below 10^point
  if (point > 0) scale.multiply_power_of_ten(point);
  else
    for (Natural* n : {&value, &above, &below}) n->multiply_power_of_ten(-point);
  for (; reaches(); ++point) scale.multiply_add(10, 0);
  Decimal number;
  for (bool low = false, high = false; !low && !high;) {
    for (Natural* n : {&value, &above, &below}) n->multiply_add(10, 0);
    char digit = '0';
    for (; value.compare(scale) >= 0; ++digit) value.subtract(scale);
    const int order = value.compare(below);
    low = order < 0 || (even && order == 0);
    high = reaches();
    if (high) {
      value.shift_left(1);
      const int half = value.compare(scale);
      digit += !low || half > 0 || (half == 0 && (digit - '0') % 2 == 1);
    }
    number.digits += digit;
  }
  number.exponent = point - static_cast<int>(number.digits.size());
  return number;
}

std::string whole_text(Parts x) {
  Natural n(x.mantissa);
  if (x.exponent > 0) n.shift_left(x.exponent);
  else n = Natural(x.mantissa >> std::min(63, -x.exponent));
  std::string text;
  do text += static_cast<char>('0' + n.divide(10));
  while (!n.zero());
  std::reverse(text.begin(), text.end());
  return text;
}

}  // namespace

double decimal_value(std::string_view text) {
  const bool negative = text.starts_with('-');
  return std::bit_cast<double>(magnitude(decimal_of(text.substr(negative))) | (negative ? sign_bit : 0));
}

std::string decimal_text(double x) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  const std::string sign = bits & sign_bit ? "-" : "";
  const Parts parts = parts_of(bits);
  if (parts.mantissa == 0) return sign + "0";
  const Decimal number = shortest(parts);
  const std::string& digits = number.digits;
  const int count = static_cast<int>(digits.size()), exponent = static_cast<int>(number.exponent), one = count == 1;
  if (exponent >= -(count + 3) + one && exponent <= 5 - one) {  // no longer than with an exponent
    if (exponent >= 0) return sign + whole_text(parts);
    const int point = count + exponent;
    std::string text = sign + (point > 0 ? digits : std::string(static_cast<std::size_t>(1 - point), '0') + digits);
    text.insert(text.size() - static_cast<std::size_t>(-exponent), 1, '.');
    return text;
  }
  const int power = count + exponent - 1, size = std::abs(power);
  std::string text = sign + digits;
  if (count > 1) text.insert(sign.size() + 1, 1, '.');
  text += power < 0 ? "e-" : "e+";
  if (size < 10) text += '0';
  return text + std::to_string(size);
}

}  // namespace densekit
