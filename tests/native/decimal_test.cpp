// Doubles as text and back (train/decimal.h), against numbers computed here digit by digit, against the standard library where it
// has both directions, and under locales that write commas.
//   decimal_test [rounds]
#include <bit>
#include <charconv>
#include <clocale>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <locale>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

#include "train/decimal.h"
#include "train/json.h"

namespace {

using densekit::decimal_text;
using densekit::decimal_value;
using Limits = std::numeric_limits<double>;

int failures = 0;

void expect(bool condition, const std::string& what) {
  if (!condition && failures++ < 20) std::fprintf(stderr, "decimal_test: %s\n", what.c_str());
}
std::uint64_t bits(double x) { return std::bit_cast<std::uint64_t>(x); }
void expect_value(const std::string& text, double value) {
  const double found = decimal_value(text);
  expect(bits(found) == bits(value), text.substr(0, 60) + " is read as " + decimal_text(found) + " instead of " + decimal_text(value));
}

void multiply(std::string& digits, int factor) {
  int carry = 0;
  for (std::size_t i = digits.size(); i-- > 0; carry /= 10) {
    carry += factor * (digits[i] - '0');
    digits[i] = static_cast<char>('0' + carry % 10);
  }
  if (carry) digits.insert(digits.begin(), static_cast<char>('0' + carry));
}

// The digits of mantissa * 2^exponent, all of them; returns the power of ten that they are to be taken with.
int exactly(std::string& digits, std::uint64_t mantissa, int exponent) {
  digits = std::to_string(mantissa);
  for (int i = 0; i < exponent; ++i) multiply(digits, 2);
  for (int i = 0; i > exponent; --i) multiply(digits, 5);
  return exponent < 0 ? exponent : 0;
}

// x itself and the middle between it and its upper neighbour, as they are and a little to both sides.
void test_neighbourhood(double x) {
  const std::uint64_t fraction = bits(x) << 12 >> 12;
  const int biased = static_cast<int>(bits(x) >> 52);
  const std::uint64_t mantissa = biased ? fraction | std::uint64_t{1} << 52 : fraction;
  const int exponent = (biased ? biased : 1) - 1075;
  std::string digits;
  int power = exactly(digits, mantissa, exponent);
  expect_value(digits + "e" + std::to_string(power), x);
  power = exactly(digits, 2 * mantissa + 1, exponent - 1);
  if (power == 0) digits += ".0";
  std::string suffix = "e";
  suffix += std::to_string(power);
  const double above = std::bit_cast<double>(bits(x) + 1);
  expect_value(digits + suffix, mantissa % 2 == 0 ? x : above);
  for (const std::size_t zeros : {20, 2000}) {
    std::string more = digits;
    if (power != 0) more += '.';
    more.append(zeros, '0').append("1").append(suffix);
    expect_value(more, above);
  }
  if (power == 0) digits.resize(digits.size() - 2);
  multiply(digits, 10);
  std::size_t last = digits.size() - 1;
  for (; digits[last] == '0'; --last) digits[last] = '9';
  --digits[last];
  expect_value(digits + "e" + std::to_string(power - 1), x);
}

// The text reads back, and none with a digit less does.
void test_shortest(double x) {
  const std::string text = decimal_text(x);
  expect_value(text, x);
  std::string digits;
  int exponent = 0;
  bool fraction = false;
  for (const char c : text.substr(0, text.find('e'))) {
    if (c == '.') fraction = true;
    else if (c != '-' && (c != '0' || !digits.empty())) digits += c;
    exponent -= fraction && c != '.';
  }
  if (const std::size_t e = text.find('e'); e != text.npos) exponent += std::atoi(text.c_str() + e + 1);
  if (!fraction && text.find('e') == text.npos) return;  // a whole number in full
  expect(digits.size() <= 17, text + " has more than 17 digits");
  if (digits.size() < 2) return;
  const std::uint64_t shorter = std::strtoull(digits.c_str(), nullptr, 10) / 10;
  for (const std::uint64_t other : {shorter, shorter + 1})
    expect(std::fabs(x) != decimal_value(std::to_string(other) + "e" + std::to_string(exponent + 1)), text + " is not the shortest text");
}

void test_against_library([[maybe_unused]] double x) {
#if defined(__cpp_lib_to_chars) && __cpp_lib_to_chars >= 201611L
  char buffer[40];
  const std::string theirs(buffer, std::to_chars(buffer, buffer + sizeof buffer, x).ptr), ours = decimal_text(x);
  expect(ours == theirs, ours + " is written, and " + theirs + " by the standard library");
  double value = 0;
  std::from_chars(ours.data(), ours.data() + ours.size(), value);
  expect(bits(value) == bits(x), ours + " is read as another number by the standard library");
#endif
}

void test_any(double x) {
  test_shortest(x);
  test_against_library(x);
}

void test_random(int rounds) {
  std::mt19937_64 random(1);
  for (int i = 0; i < rounds; ++i) {
    const double x = std::bit_cast<double>(random());
    if (std::isfinite(x)) test_any(x);
    test_any(static_cast<double>(static_cast<float>(random() % 20001) / 10000 - 1));       // what networks hold
    test_any(static_cast<double>(random() >> random() % 64));                              // whole numbers
    test_any(std::bit_cast<double>(random() >> (12 + random() % 52)));                     // subnormal numbers
    test_any(std::strtod((std::to_string(random() % 1000000) + "e-7").c_str(), nullptr));  // short decimals
    const double middle = std::bit_cast<double>(random() >> 1);
    if (i % 50 == 0 && middle < Limits::max()) test_neighbourhood(middle);
  }
}

void test_hard() {
  for (int exponent = -1074; exponent < 1024; ++exponent) {
    const double x = std::ldexp(1.0, exponent);
    for (const std::uint64_t near : {bits(x) - 1, bits(x), bits(x) + 1})
      if (near != 0) test_any(std::bit_cast<double>(near));
    if (exponent % 16 == 0 || exponent < -1015) test_neighbourhood(x);
  }
  for (int power = -330; power < 310; ++power) {
    const double x = decimal_value("1e" + std::to_string(power));
    if (std::isfinite(x)) test_any(x), test_any(-x), test_any(std::nextafter(x, 0.0));
  }
  const double big = Limits::max(), tiny = Limits::denorm_min(), infinity = Limits::infinity();
  for (const auto& [text, value] :
       std::initializer_list<std::pair<const char*, double>>{{"0", 0.0},
                                                             {"-0", -0.0},
                                                             {"-0.000e5", -0.0},
                                                             {"1e400", infinity},
                                                             {"-1e400", -infinity},
                                                             {"1e-400", 0.0},
                                                             {"-1e-400", -0.0},
                                                             {"1e99999999999999999999999", infinity},
                                                             {"1e-99999999999999999999999", 0.0},
                                                             {"0e99999999999999999999", 0.0},
                                                             {"1.7976931348623157e308", big},
                                                             {"1.7976931348623158e308", big},
                                                             {"1.7976931348623159e308", infinity},
                                                             {"4.9e-324", tiny},
                                                             {"2.4703282292062328e-324", tiny},
                                                             {"2.4703282292062327e-324", 0.0},
                                                             {"2.2250738585072011e-308", 0x1.ffffffffffffep-1023},
                                                             {"2.2250738585072012e-308", 0x1p-1022},
                                                             {"9007199254740993", 9007199254740992.0},
                                                             {"9007199254740995", 9007199254740996.0},
                                                             {"1e23", 0x1.52d02c7e14af6p+76},
                                                             {"8.5e22", 8.5e22},
                                                             {"0.1", 0.1},
                                                             {"1E5", 1e5},
                                                             {"1e+5", 1e5}})
    expect_value(text, value);
  const std::string zeros(100000, '0');
  expect_value("0." + zeros + "1e100001", 1.0);
  expect_value("1" + zeros + "e-100000", 1.0);
  expect_value("1" + zeros, infinity);
  test_neighbourhood(std::bit_cast<double>(bits(big) - 1));
}

// One set of texts on every machine: these are the bytes of saved models.
void test_texts() {
  for (const auto& [value, text] :
       std::initializer_list<std::pair<double, const char*>>{{0.0, "0"},
                                                             {-0.0, "-0"},
                                                             {1, "1"},
                                                             {0.1, "0.1"},
                                                             {1e-3, "0.001"},
                                                             {1e-4, "1e-04"},
                                                             {1.5e-4, "0.00015"},
                                                             {1e5, "1e+05"},
                                                             {123456, "123456"},
                                                             {1e22, "1e+22"},
                                                             {1152921504606846976.0, "1152921504606846976"},
                                                             {5e-324, "5e-324"},
                                                             {Limits::max(), "1.7976931348623157e+308"},
                                                             {2.2250738585072014e-308, "2.2250738585072014e-308"},
                                                             {0x1p-44, "5.684341886080802e-14"},
                                                             {9007199254740993.0, "9007199254740992"},
                                                             {9.5367431640625e-07, "9.5367431640625e-07"},
                                                             {1 / 3.0, "0.3333333333333333"},
                                                             {-2.5, "-2.5"},
                                                             {static_cast<double>(0.1f), "0.10000000149011612"}})
    expect(decimal_text(value) == text, decimal_text(value) + " is written, expected " + text);
  std::mt19937_64 random(2);
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (int i = 0; i < 20000; ++i) {
    const double x = std::bit_cast<double>(random());
    if (!std::isfinite(x)) continue;
    for (const char c : decimal_text(x)) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  expect(hash == 4694560791909309256u, "the texts of 20,000 numbers have another hash: " + std::to_string(hash));
}

struct Commas : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

void test_locales() {
  const std::string text = "[1234567.5, 1e+300, 0.001, 1234567, -0.25]";
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Commas));
  for (const char* name : {"C", "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "German"}) {
    std::setlocale(LC_ALL, name);  // where the system has it
    expect(densekit::json::text(densekit::json::parse(text)) == text, std::string("numbers follow the locale ") + name);
    expect_value("0.5", 0.5);
  }
  std::setlocale(LC_ALL, "C");
  std::locale::global(before);
  for (const char* beyond : {"1e400", "-1e400", "1e-400"}) {
    bool refused = false;
    try {
      densekit::json::parse(beyond);
    } catch (const std::invalid_argument&) { refused = true; }
    expect(refused, std::string("JSON takes ") + beyond);
  }
}

}  // namespace

int main(int argc, char** argv) {
  test_texts();
  test_hard();
  test_locales();
  test_random(argc > 1 ? std::atoi(argv[1]) : 4000);
  std::printf("decimal_test: %d failures\n", failures);
  return failures != 0;
}
