#include "train/validate.h"

#include <cmath>
#include <cstring>
#include <set>
#include <stdexcept>

#include "train/json.h"
#include "train/plan.h"
#include "train/records.h"
#include "train/slots.h"

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

// Walks the slots of a spec, each with its path.
class Checker {
 public:
  void slots(const std::string& path, const Slots& all) {
    for (const Slot& slot : all) check(path.empty() ? std::string(slot.name) : path + "." + std::string(slot.name), slot);
  }
  void initializer(const std::string& path, const Initializer& initializer) {
    slots(path, object(initializer).own);
    std::visit([&](const auto& kind) { more(path, kind); }, initializer);
  }

 private:
  template <class S> void with_kind(const std::string& path, const S& s) {
    const Object all = object(s);
    slots(path, all.common);
    slots(path, all.own);
  }
  static void check_number(const std::string& path, double value, const Range& range) {
    if (!range.has(value)) fail(path, "must be " + range_text(range) + ", got " + number_text(value));
  }
  static void check_whole(const std::string& path, std::int64_t value, const Range& range) {
    if (value >= 0 && range.has(static_cast<double>(value))) return;
    fail(path, (std::isfinite(range.high) ? "must be a whole number from " + bound_text(range.low) + " to " + bound_text(range.high)
                                          : "must be at least " + bound_text(range.low)) +
                   ", got " + std::to_string(value));
  }

  void check(const std::string& path, const Slot& slot) {
    switch (slot.type) {
      case SlotType::number:
        return check_number(path, slot.as<double>(), slot.range);
      case SlotType::optional_number:
        if (const auto& value = slot.as<std::optional<double>>()) check_number(path, *value, slot.range);
        return;
      case SlotType::element_count:
        return check_whole(path, slot.as<index>(), slot.range);
      case SlotType::host_number:
        return check_whole(path, slot.as<int>(), slot.range);
      case SlotType::word: {
        int number;
        std::memcpy(&number, slot.at, sizeof number);
        if (number < 0 || static_cast<std::size_t>(number) >= slot.words.size())
          fail(path, "is number " + std::to_string(number) + ", which is none of " + word_list(slot.words));
        return;
      }
      case SlotType::row_shape:
        return row_shape(path, slot.as<RowShape>(), slot.range);
      case SlotType::layers:
        return layers(path, slot.as<std::vector<Layer>>());
      case SlotType::parameters: {
        const auto& list = slot.as<std::vector<CallbackLayer::Parameter>>();
        for (std::size_t i = 0; i < list.size(); ++i) slots(path + "[" + std::to_string(i) + "]", object(list[i]).own);
        return;
      }
      case SlotType::initializer:
        return initializer(path, slot.as<Initializer>());
      case SlotType::penalty:
        return slots(path, object(slot.as<Penalty>()).own);
      case SlotType::loss:
        return loss(path, slot.as<Loss>());
      case SlotType::heads:
        return heads(path, slot.as<std::vector<Head>>());
      case SlotType::optional_loss:
        if (const auto& one = slot.as<std::optional<Loss>>()) loss(path, *one);
        return;
      case SlotType::optional_optimizer:
        if (const auto& optimizer = slot.as<std::optional<Optimizer>>()) with_kind(path, *optimizer);
        return;
      case SlotType::boolean:
      case SlotType::seed:
      case SlotType::text:
      case SlotType::optional_label:
      case SlotType::shape:
        return;  // any
    }
  }

  void loss(const std::string& path, const Loss& loss) {
    with_kind(path, loss);
    if (loss.missing == Missing::mask && (traits_of(loss.is).of_rows || std::holds_alternative<CallbackLoss>(loss.is)))
      fail(path + ".missing", "is \"mask\", which goes with losses of elements, and " + std::string(kind_name(loss.is)) + " is none");
  }
  void heads(const std::string& path, const std::vector<Head>& list) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string place = path + "[" + std::to_string(i) + "]";
      slots(place, object(list[i]).own);
      if (!names.insert(list[i].name).second) fail(place + ".name", "is " + json::text({list[i].name}) + ", as another head's");
    }
  }

  static void row_shape(const std::string& path, const RowShape& shape, const Range& range) {
    const std::size_t axes = shape.axes.size();
    if (axes < 1 || axes > most_axes) fail(path, "has " + std::to_string(axes) + " axes, expected 1 to " + std::to_string(most_axes));
    if (shape.plain()) return check_whole(path, shape.last(), range);
    for (std::size_t i = 0; i < axes; ++i) check_whole(path + "[" + std::to_string(i) + "]", shape.axes[i], range);
    if (!range.has(static_cast<double>(shape.size()))) fail(path, "are more than 2^48 numbers");
  }

  void layers(const std::string& path, const std::vector<Layer>& list) {
    // Each level of nesting is two levels of JSON.
    if (depth_ > 24) fail(path.substr(0, path.rfind('.')), "lies inside more than 24 blocks");
    ++depth_;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string place = path + "[" + std::to_string(i) + "]";
      with_kind(place, list[i]);
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

void validate(const Initializer& initializer, const std::string& path) { Checker().initializer(path, initializer); }

void validate(const Spec& spec) {
  Checker().slots("", object(spec).own);
  if (spec.loss && !spec.heads.empty()) fail("heads", "go in place of loss: give one of the two");
  if (spec.penalty_per_weight && !spec.heads.empty()) fail("penalty_per_weight", "goes with one loss, and there are heads");
  require_layers_fit(spec);
}

}  // namespace densekit
