#include "train/validate.h"

#include <cmath>
#include <set>
#include <stdexcept>

#include "train/json.h"
#include "train/plan.h"
#include "train/records.h"

namespace densekit {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) { throw std::invalid_argument("spec: " + path + " " + what); }

std::string number_text(double x) { return std::isnan(x) ? "nan" : std::isinf(x) ? (x < 0 ? "-inf" : "inf") : json::text({x}); }
std::string bound_text(double x) {  // 0, 1, 2^48
  return x == static_cast<double>(most_elements) ? "2^48" : std::to_string(static_cast<std::int64_t>(x));
}

std::string range_text(const Range& range) {
  const bool low = std::isfinite(range.low), high = std::isfinite(range.high);
  if (low && high)
    return std::string("in ") + (range.open_low ? "(" : "[") + bound_text(range.low) + ", " + bound_text(range.high) +
           (range.open_high ? ")" : "]");
  if (low) return std::string("a finite number ") + (range.open_low ? "above " : "of at least ") + bound_text(range.low);
  return "a finite number";
}

// Walks the fields of a spec, each with its path.
class Checker {
 public:
  template <class S, class R> void fields(const std::string& path, const S& s, const R& record) {
    for_fields(record,
               [&](const auto& f) { value(path.empty() ? std::string(f.name) : path + "." + std::string(f.name), s.*f.member, f.range); });
  }

  template <class V> void value(const std::string& path, const V& v, const Range& range) {
    if constexpr (is_optional<V>) {
      if (v) value(path, *v, range);
    } else if constexpr (std::is_same_v<V, std::vector<Layer>>) {
      layers(path, v);
    } else if constexpr (is_list<V>) {
      for (std::size_t i = 0; i < v.size(); ++i) value(path + "[" + std::to_string(i) + "]", v[i], range);
    } else if constexpr (std::is_same_v<V, ActivationFunction>) {
      value(path, v.name, {});
      value(path.substr(0, path.rfind('.') + 1) + "parameter", v.parameter, record_of(v.name).range);
    } else if constexpr (Worded<V>) {
      const auto number = static_cast<std::size_t>(v);
      if (number >= words(v).size())
        fail(path, "is number " + std::to_string(static_cast<int>(v)) + ", which is none of " + word_list<V>());
    } else if constexpr (std::is_same_v<V, double>) {
      if (!range.has(v)) fail(path, "must be " + range_text(range) + ", got " + number_text(v));
    } else if constexpr (std::is_integral_v<V> && !std::is_same_v<V, bool>) {
      if (range.low - range.low != 0) return;  // any number
      if (v >= 0 && range.has(static_cast<double>(v))) return;
      const bool high = std::isfinite(range.high);
      fail(path, (high ? "must be a whole number from " + bound_text(range.low) + " to " + bound_text(range.high)
                       : "must be at least " + bound_text(range.low)) +
                     ", got " + std::to_string(v));
    } else if constexpr (HoldsKind<V>) {
      if (v.is.valueless_by_exception()) fail(path, "has no kind");
      fields(path, v, common_fields(&v));
      std::visit([&](const auto& kind) { fields(path, kind, kind.kind()); }, v.is);
    } else if constexpr (is_variant<V>) {
      std::visit([&](const auto& kind) { fields(path, kind, kind.kind()), more(path, kind); }, v);
    } else if constexpr (Recorded<V>) {
      fields(path, v, V::kind());
    }
  }

 private:
  void layers(const std::string& path, const std::vector<Layer>& list) {
    // Each level of nesting is two levels of JSON.
    if (depth_ > 24) fail(path.substr(0, path.rfind('.')), "lies inside more than 24 residual blocks");
    ++depth_;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string place = path + "[" + std::to_string(i) + "]";
      value(place, list[i], {});
      if (list[i].name.empty()) fail(place + ".name", "must not be empty");
      if (!names_.insert(list[i].name).second)
        fail(place + ".name", "is " + json::text({list[i].name}) + ", as another layer's: names must differ");
    }
    --depth_;
  }
  // What no range of one field says.
  template <class K> static void more(const std::string&, const K&) {}
  static void more(const std::string& path, const Uniform& u) {
    if (u.low > u.high) fail(path + ".low", "is " + number_text(u.low) + ", above high, which is " + number_text(u.high));
    if (std::isinf(u.high - u.low)) fail(path + ".low", "and high are further apart than a double can say");
  }

  std::set<std::string> names_;
  int depth_ = 0;
};

}  // namespace

void validate(const Initializer& initializer, const std::string& path) { Checker().value(path, initializer, {}); }

void validate(const Spec& spec) {
  Checker().fields("", spec, Spec::kind());
  require_layers_fit(spec);
}

}  // namespace densekit
