#include "train/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <system_error>

#include "train/decimal.h"

namespace densekit::json {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Value document() {
    Value value = this->value(0);
    skip_space();
    if (at_ < text_.size()) fail("the end of the text expected after the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { fail(what, at_); }
  [[noreturn]] void fail(const std::string& what, std::size_t where) const {
    const auto before = text_.substr(0, where);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.rfind('\n');
    const std::size_t column = start == before.npos ? where + 1 : where - start;
    throw std::invalid_argument("JSON, line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what);
  }

  bool has(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(char c) {
    const bool there = has(c);
    at_ += there;
    return there;
  }
  bool take(std::string_view word) {
    const bool there = text_.substr(at_, word.size()) == word;
    if (there) at_ += word.size();
    return there;
  }
  void skip_space() {
    while (has(' ') || has('\n') || has('\t') || has('\r')) ++at_;
  }

  Value value(int depth) {
    skip_space();
    if (at_ == text_.size()) fail("the text ends where a value is expected");
    if (has('{')) return {object(depth)};
    if (has('[')) return {array(depth)};
    if (has('"')) return {string()};
    if (take("true")) return {true};
    if (take("false")) return {false};
    if (take("null")) return {nullptr};
    return number();
  }

  void enter(int depth) {
    if (depth >= deepest) fail("arrays and objects lie more than " + std::to_string(deepest) + " deep in one another");
    ++at_;
    skip_space();
  }

  Array array(int depth) {
    Array items;
    enter(depth);
    if (take(']')) return items;
    do {
      items.push_back(value(depth + 1));
      skip_space();
    } while (take(','));
    if (!take(']')) fail("',' or ']' expected");
    return items;
  }

  Object object(int depth) {
    Object members;
    const std::size_t start = at_;
    enter(depth);
    if (take('}')) return members;
    do {
      skip_space();
      if (!has('"')) fail("a key in quotes expected");
      std::string key = string();
      skip_space();
      if (!take(':')) fail("':' expected after the key \"" + key + "\"");
      members.emplace_back(std::move(key), value(depth + 1));
      skip_space();
    } while (take(','));
    if (!take('}')) fail("',' or '}' expected");
    std::vector<std::string_view> keys;
    for (const auto& member : members) keys.push_back(member.first);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end()) fail("the key \"" + std::string(*twice) + "\" occurs twice in the object that begins here", start);
    return members;
  }

  Value number() {
    const std::size_t start = at_;
    const auto digits = [&] {
      const std::size_t first = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      if (at_ == first) fail(first == start ? "a value expected" : "a digit expected");
    };
    const bool negative = take('-');
    if (!take('0')) digits();
    const bool whole = !has('.') && !has('e') && !has('E');
    if (take('.')) digits();
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      digits();
    }
    const char *first = text_.data() + start, *last = text_.data() + at_;
    if (whole) {
      std::uint64_t natural = 0;
      std::int64_t integer = 0;
      if (!negative && std::from_chars(first, last, natural).ec == std::errc()) return {natural};
      if (negative && std::from_chars(first, last, integer).ec == std::errc() && integer != 0) return {integer};
    }
    const std::string_view text(first, last);
    const double real = decimal_value(text);
    const bool zero = text.substr(0, text.find_first_of("eE")).find_first_of("123456789") == text.npos;
    if (std::isinf(real) || (real == 0 && !zero)) fail("this number is out of the range of double", start);
    return {real};
  }

  unsigned hex4() {
    unsigned code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = at_ < text_.size() ? text_[at_] : '"';
      if (c >= '0' && c <= '9') code = 16 * code + static_cast<unsigned>(c - '0');
      else if ((c | 32) >= 'a' && (c | 32) <= 'f') code = 16 * code + static_cast<unsigned>((c | 32) - 'a' + 10);
      else fail("four hexadecimal digits expected after \\u");
    }
    return code;
  }

  void escape(std::string& out) {
    static constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const std::size_t start = at_ - 1;
    if (take('u')) {
      unsigned code = hex4();
      if (code >= 0xDC00 && code < 0xE000) fail("the second half of a surrogate pair without the first", start);
      if (code >= 0xD800 && code < 0xDC00) {
        const unsigned low = take("\\u") ? hex4() : 0;
        if (low < 0xDC00 || low >= 0xE000) fail("the first half of a surrogate pair without the second", start);
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      }
      const auto byte = [&](unsigned bits) { out += static_cast<char>(bits); };
      if (code < 0x80) return byte(code);
      if (code < 0x800) byte(0xC0 | code >> 6);
      else if (code < 0x10000) byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 63));
      else byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 63)), byte(0x80 | (code >> 6 & 63));
      return byte(0x80 | (code & 63));
    }
    const std::size_t which = at_ < text_.size() ? names.find(text_[at_]) : names.npos;
    if (which == names.npos) fail("this escape is not one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u", start);
    ++at_;
    out += meanings[which];
  }

  // One character of more than one byte: well-formed by table 3-7 of the Unicode standard.
  void wide_character(std::string& out) {
    const auto byte = [&](std::size_t i) { return at_ + i < text_.size() ? static_cast<unsigned char>(text_[at_ + i]) : 0u; };
    const unsigned b = byte(0), next = byte(1);
    const std::size_t length = b >= 0xC2 && b < 0xE0 ? 2 : b >= 0xE0 && b < 0xF0 ? 3 : b >= 0xF0 && b < 0xF5 ? 4 : 0;
    const unsigned low = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80, high = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF;
    bool good = length > 0 && next >= low && next <= high;
    for (std::size_t i = 2; i < length; ++i) good = good && (byte(i) & 0xC0) == 0x80;
    if (!good) fail("these bytes are no UTF-8");
    out += text_.substr(at_, length);
    at_ += length;
  }

  std::string string() {
    const std::size_t start = at_++;
    std::string out;
    while (at_ < text_.size()) {
      const unsigned char c = static_cast<unsigned char>(text_[at_]);
      if (c < 0x20) fail("a control character in a string must be escaped");
      if (c >= 0x80) wide_character(out);
      else if (++at_; c == '"') return out;
      else if (c == '\\') escape(out);
      else out += static_cast<char>(c);
    }
    fail("the string that begins here has no end", start);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

void write_string(std::string& out, std::string_view s) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  for (const char c : s) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\', out += c;
    else if (byte < 0x20) out += "\\u00", out += hex[byte >> 4], out += hex[byte & 15];
    else out += c;
  }
  out += '"';
}

template <class Items, class F> void write_items(std::string& out, const char (&brackets)[3], const Items& items, F&& write_item) {
  out += brackets[0];
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ", ";
    first = false;
    write_item(item);
  }
  out += brackets[1];
}

void write(std::string& out, const Value& value) {
  if (value.as<std::nullptr_t>()) out += "null";
  else if (const bool* yes = value.as<bool>()) out += *yes ? "true" : "false";
  else if (const auto* natural = value.as<std::uint64_t>()) out += std::to_string(*natural);
  else if (const auto* integer = value.as<std::int64_t>()) out += std::to_string(*integer);
  else if (const double* real = value.as<double>()) {
    if (!std::isfinite(*real)) throw std::invalid_argument("JSON has neither NaN nor infinities");
    const std::size_t start = out.size();
    out += decimal_text(*real);
    if (out.find_first_of(".e", start) == out.npos) out += ".0";  // so that it reads back as double
  } else if (const auto* string = value.as<std::string>()) write_string(out, *string);
  else if (const auto* array = value.as<Array>()) write_items(out, "[]", *array, [&](const Value& item) { write(out, item); });
  else
    write_items(out, "{}", *value.as<Object>(), [&](const auto& member) {
      write_string(out, member.first);
      out += ": ";
      write(out, member.second);
    });
}

}  // namespace

Value::Value(Data given) : data(std::move(given)) {}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

const Value* Value::find(std::string_view key) const {
  if (const Object* object = as<Object>())
    for (const auto& [name, value] : *object)
      if (name == key) return &value;
  return nullptr;
}

Value parse(std::string_view text) { return Parser(text).document(); }

std::string text(const Value& value) {
  std::string out;
  write(out, value);
  return out;
}

std::string describe(const Value& value) {
  if (value.as<Object>()) return "an object";
  if (value.as<Array>()) return "an array";
  if (const auto* string = value.as<std::string>()) {
    std::size_t length = std::min<std::size_t>(string->size(), 60);
    while (length < string->size() && (static_cast<unsigned char>((*string)[length]) & 0xC0) == 0x80) --length;  // not inside a character
    return "the string " + text({string->substr(0, length)});
  }
  if (value.as<std::nullptr_t>() || value.as<bool>()) return text(value);
  return "the number " + text(value);
}

}  // namespace densekit::json
