// The spec as JSON, written and read slot by slot.
#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "train/json.h"
#include "train/records.h"
#include "train/slots.h"
#include "train/validate.h"

namespace densekit {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) { throw std::invalid_argument("spec: " + path + " " + what); }
[[noreturn]] void unexpected(const std::string& path, const char* expected, const json::Value& value) {
  fail(path, std::string("must be ") + expected + ", got " + json::describe(value));
}

json::Value whole_value(std::int64_t x) {
  if (x < 0) return json::Value(x);
  return json::Value(static_cast<std::uint64_t>(x));
}
json::Value text_value(std::string_view text) { return json::Value(std::string(text)); }

json::Value lengths_value(const std::vector<index>& lengths) {
  json::Array items;
  for (const index length : lengths) items.push_back(whole_value(length));
  return json::Value(std::move(items));
}

json::Value written(const Object& object);
template <class S> json::Value written_list(const std::vector<S>& list) {
  json::Array items;
  for (const S& item : list) items.push_back(written(object(item)));
  return json::Value(std::move(items));
}

int number_of(const Slot& slot) {  // of an enumeration
  int number;
  std::memcpy(&number, slot.at, sizeof number);
  return number;
}

json::Value written(const Slot& slot) {
  switch (slot.type) {
    case SlotType::boolean:
      return json::Value(slot.as<bool>());
    case SlotType::number:
      return json::Value(slot.as<double>());
    case SlotType::element_count:
      return whole_value(slot.as<index>());
    case SlotType::host_number:
      return whole_value(slot.as<int>());
    case SlotType::seed:
      return json::Value(slot.as<std::uint64_t>());
    case SlotType::text:
      return text_value(slot.as<std::string>());
    case SlotType::word:
      return text_value(slot.words[static_cast<std::size_t>(number_of(slot))]);
    case SlotType::optional_number: {
      const auto& value = slot.as<std::optional<double>>();
      return value ? json::Value(*value) : json::Value(nullptr);
    }
    case SlotType::optional_label: {
      const auto& value = slot.as<std::optional<std::int64_t>>();
      return value ? whole_value(*value) : json::Value(nullptr);
    }
    case SlotType::shape:
      return lengths_value(slot.as<std::vector<index>>());
    case SlotType::row_shape: {
      const RowShape& shape = slot.as<RowShape>();
      return shape.plain() ? whole_value(shape.size()) : lengths_value(shape.axes);
    }
    case SlotType::layers:
      return written_list(slot.as<std::vector<Layer>>());
    case SlotType::parameters:
      return written_list(slot.as<std::vector<CallbackLayer::Parameter>>());
    case SlotType::initializer:
      return written(object(slot.as<Initializer>()));
    case SlotType::penalty:
      return written(object(slot.as<Penalty>()));
    case SlotType::loss:
      return written(object(slot.as<Loss>()));
    case SlotType::heads:
      return written_list(slot.as<std::vector<Head>>());
    case SlotType::optional_loss: {
      auto& value = slot.as<std::optional<Loss>>();
      return value ? written(object(*value)) : json::Value(nullptr);
    }
    case SlotType::optional_optimizer: {
      auto& value = slot.as<std::optional<Optimizer>>();
      return value ? written(object(*value)) : json::Value(nullptr);
    }
  }
  throw std::logic_error("a slot of no type");
}

void write_slots(const Slots& slots, json::Object& to) {
  for (const Slot& slot : slots) to.emplace_back(std::string(slot.name), written(slot));
}
json::Value written(const Object& object) {
  json::Object to;
  if (!object.kind.empty()) to.emplace_back("kind", text_value(object.kind));
  write_slots(object.common, to);
  write_slots(object.own, to);
  return json::Value(std::move(to));
}

// A whole number in [low, high].
std::int64_t whole(const std::string& path, const json::Value& value, std::int64_t low, std::int64_t high) {
  if (const auto* natural = value.as<std::uint64_t>()) {
    if (*natural <= static_cast<std::uint64_t>(high)) return static_cast<std::int64_t>(*natural);
    fail(path, "is " + json::text(value) + ", which is too large");
  }
  if (const auto* negative = value.as<std::int64_t>()) {
    if (*negative >= low) return *negative;
    fail(path, "is " + json::text(value) + ", which is too small");
  }
  unexpected(path, "a whole number", value);
}
index length(const std::string& path, const json::Value& value) {
  return static_cast<index>(whole(path, value, std::numeric_limits<index>::min(), std::numeric_limits<index>::max()));
}
double number(const std::string& path, const json::Value& value) {
  if (const auto* natural = value.as<std::uint64_t>()) return static_cast<double>(*natural);
  if (const auto* negative = value.as<std::int64_t>()) return static_cast<double>(*negative);
  if (const double* real = value.as<double>()) return *real;
  unexpected(path, "a number", value);
}

// Reads one object, and knows which of its members have been read.
class Reader {
 public:
  // version: of the spec, for the fields that it does not have.
  Reader(const json::Value& value, std::string path, int version) : value_(value), path_(std::move(path)), version_(version) {
    if (!value.as<json::Object>()) unexpected(path_.empty() ? "the spec" : path_, "an object", value);
  }
  void set_version(int version) { version_ = version; }

  // The member; null if it is absent and the spec is older than the field.
  const json::Value* member(std::string_view key, int since = 1) {
    const std::string name(key);
    known_.push_back(name);
    const json::Value* found = value_.find(name);
    if (!found && since <= version_) fail(path_of(name), "is missing");
    return found;
  }
  void slots(const Slots& all) {
    for (const Slot& slot : all)
      if (const json::Value* value = member(slot.name, slot.since)) read(*value, path_of(std::string(slot.name)), slot);
  }
  // A struct with a kind: first the kind, which says which other fields belong.
  template <class S> void with_kind(S& s) {
    const json::Value& value = *member("kind");
    const std::string path = path_of("kind");
    if (!value.as<std::string>()) unexpected(path, "a string", value);
    std::string names;
    if (!set_kind(s, *value.as<std::string>(), names)) fail(path, "is " + json::text(value) + ", which is none of " + names);
    const Object all = object(s);
    slots(all.common);
    slots(all.own);
    finish();
  }

  void finish() const {
    for (const auto& [key, value] : *value_.as<json::Object>()) {
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      std::string list;
      for (const std::string& name : known_) list += (list.empty() ? "" : ", ") + name;
      fail(path_of(key), "is not a field that belongs here; these do: " + list);
    }
  }

 private:
  std::string path_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

  template <class S> void read_list(const json::Value& value, const std::string& path, std::vector<S>& to) const {
    const json::Array* items = value.as<json::Array>();
    if (!items) unexpected(path, "an array", value);
    to.clear();
    for (const json::Value& item : *items) {
      const std::string place = path + "[" + std::to_string(to.size()) + "]";
      if constexpr (std::is_same_v<S, index>) {
        to.push_back(length(place, item));
      } else {
        Reader reader(item, place, version_);
        S& one = to.emplace_back();
        if constexpr (std::is_same_v<S, Layer>) reader.with_kind(one);
        else reader.slots(object(one).own), reader.finish();
      }
    }
  }
  template <class S> void read_optional(const json::Value& value, const std::string& path, std::optional<S>& to) const {
    if (value.as<std::nullptr_t>()) to.reset();
    else Reader(value, path, version_).with_kind(to.emplace());
  }

  void read(const json::Value& value, const std::string& path, const Slot& slot) const {
    switch (slot.type) {
      case SlotType::boolean:
        if (!value.as<bool>()) unexpected(path, "true or false", value);
        slot.as<bool>() = *value.as<bool>();
        return;
      case SlotType::number:
        slot.as<double>() = number(path, value);
        return;
      case SlotType::element_count:
        slot.as<index>() = length(path, value);
        return;
      case SlotType::host_number:
        slot.as<int>() = static_cast<int>(whole(path, value, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
        return;
      case SlotType::seed:
        if (const auto* natural = value.as<std::uint64_t>()) slot.as<std::uint64_t>() = *natural;
        else if (value.as<std::int64_t>()) fail(path, "is " + json::text(value) + ", which is too small");
        else unexpected(path, "a whole number", value);
        return;
      case SlotType::text:
        if (!value.as<std::string>()) unexpected(path, "a string", value);
        slot.as<std::string>() = *value.as<std::string>();
        return;
      case SlotType::word:
        return read_word(value, path, slot);
      case SlotType::optional_number:
        if (value.as<std::nullptr_t>()) slot.as<std::optional<double>>().reset();
        else slot.as<std::optional<double>>() = number(path, value);
        return;
      case SlotType::optional_label:
        if (value.as<std::nullptr_t>()) slot.as<std::optional<std::int64_t>>().reset();
        else
          slot.as<std::optional<std::int64_t>>() =
              whole(path, value, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
        return;
      case SlotType::shape:
        return read_list(value, path, slot.as<std::vector<index>>());
      case SlotType::row_shape:  // a number, or a list of them
        if (value.as<json::Array>()) read_list(value, path, slot.as<RowShape>().axes);
        else slot.as<RowShape>() = length(path, value);
        return;
      case SlotType::layers:
        return read_list(value, path, slot.as<std::vector<Layer>>());
      case SlotType::parameters:
        return read_list(value, path, slot.as<std::vector<CallbackLayer::Parameter>>());
      case SlotType::initializer:
        return Reader(value, path, version_).with_kind(slot.as<Initializer>());
      case SlotType::penalty: {
        Reader reader(value, path, version_);
        reader.slots(object(slot.as<Penalty>()).own);
        return reader.finish();
      }
      case SlotType::loss:
        return Reader(value, path, version_).with_kind(slot.as<Loss>());
      case SlotType::heads:
        return read_list(value, path, slot.as<std::vector<Head>>());
      case SlotType::optional_loss:
        return read_optional(value, path, slot.as<std::optional<Loss>>());
      case SlotType::optional_optimizer:
        return read_optional(value, path, slot.as<std::optional<Optimizer>>());
    }
  }
  static void read_word(const json::Value& value, const std::string& path, const Slot& slot) {
    const std::string* word = value.as<std::string>();
    if (!word) unexpected(path, "a string", value);
    const auto found = std::find(slot.words.begin(), slot.words.end(), *word);
    if (found == slot.words.end()) fail(path, "is " + json::text(value) + ", which is none of " + word_list(slot.words));
    const int number = static_cast<int>(found - slot.words.begin());
    std::memcpy(slot.at, &number, sizeof number);
  }

  const json::Value& value_;
  std::string path_;
  int version_;
  std::vector<std::string> known_;
};

}  // namespace

std::string to_json(const Spec& spec) {
  validate(spec);
  json::Object to{{"version", whole_value(spec_version)}};
  write_slots(object(spec).own, to);
  return json::text(json::Value(std::move(to)));
}

Spec spec_from_json(const std::string& text) {
  const json::Value value = json::parse(text);
  Spec spec;
  Reader reader(value, "", spec_version);
  const auto found =
      static_cast<int>(whole("version", *reader.member("version"), std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
  if (found < 1 || found > spec_version)
    fail("version", "is " + std::to_string(found) + "; this densekit reads version " + std::to_string(spec_version));
  reader.set_version(found);
  reader.slots(object(spec).own);
  reader.finish();
  validate(spec);
  return spec;
}

Initializer initializer_from_json(const std::string& text) {
  const json::Value value = json::parse(text);
  Initializer initializer;
  Reader(value, "initializer", spec_version).with_kind(initializer);
  validate(initializer, "initializer");
  return initializer;
}

namespace {

json::Value range_json(const Range& range) {
  const auto bound = [](double x) { return x - x == 0 ? json::Value(x) : json::Value(nullptr); };
  json::Object to;
  to.emplace_back("low", bound(range.low));
  to.emplace_back("high", bound(range.high));
  to.emplace_back("open_low", json::Value(range.open_low));
  to.emplace_back("open_high", json::Value(range.open_high));
  return json::Value(std::move(to));
}

const char* type_name(SlotType type) {
  switch (type) {
    case SlotType::boolean:
      return "bool";
    case SlotType::number:
    case SlotType::optional_number:
      return "number";
    case SlotType::element_count:
    case SlotType::host_number:
    case SlotType::seed:
    case SlotType::optional_label:
      return "whole";
    case SlotType::text:
      return "text";
    case SlotType::word:
      return "word";
    case SlotType::initializer:
      return "initializer";
    case SlotType::penalty:
      return "penalty";
    case SlotType::shape:
    case SlotType::row_shape:
    case SlotType::layers:
    case SlotType::parameters:
    case SlotType::heads:
      return "list";
    case SlotType::loss:
    case SlotType::optional_loss:
    case SlotType::optional_optimizer:
      return "object";
  }
  return "";
}

json::Value about(const Slot& slot) {
  json::Object to;
  to.emplace_back("type", text_value(type_name(slot.type)));
  to.emplace_back("range", range_json(slot.range));
  json::Array words;
  for (const std::string_view word : slot.words) words.push_back(text_value(word));
  to.emplace_back("words", json::Value(std::move(words)));
  to.emplace_back("optional", json::Value(slot.type == SlotType::optional_number || slot.type == SlotType::optional_label));
  to.emplace_back("default", written(slot));
  to.emplace_back("since", whole_value(slot.since));
  return json::Value(std::move(to));
}
json::Object about_fields(const Slots& slots) {
  json::Object fields, to;
  for (const Slot& slot : slots) fields.emplace_back(std::string(slot.name), about(slot));
  to.emplace_back("fields", json::Value(std::move(fields)));
  return to;
}

// Every kind of the variant S::is (or S itself) by its name; more(object, kind) adds what is no field.
template <class S, class Kinds, class More> json::Value list_kinds(const More& more) {
  json::Object all;
  for_kinds<Kinds>([&](const auto& kind) {
    S one{kind};
    json::Object to = about_fields(object(one).own);
    more(to, kind);
    all.emplace_back(std::string(kind.kind().name), json::Value(std::move(to)));
  });
  return json::Value(std::move(all));
}

}  // namespace

std::string kinds_json() {
  const auto nothing = [](json::Object&, const auto&) {};
  json::Object activations, to;
  for (const ActivationRecord& a : activation_records) {
    json::Object one;
    one.emplace_back("parameter", a.parameter.empty() ? json::Value(nullptr) : text_value(a.parameter));
    one.emplace_back("default", json::Value(a.usual));
    one.emplace_back("range", range_json(a.range));
    activations.emplace_back(std::string(a.name), json::Value(std::move(one)));
  }
  to.emplace_back("layers", list_kinds<Layer, LayerKind>(nothing));
  to.emplace_back("losses", list_kinds<Loss, LossKind>([](json::Object& one, const auto& kind) {
                    const LossTraits t = std::remove_cvref_t<decltype(kind)>::traits;
                    one.emplace_back("labels", json::Value(t.labels));
                    one.emplace_back("values", json::Value(t.values));
                    one.emplace_back("of_rows", json::Value(t.of_rows));
                    one.emplace_back("outputs", whole_value(t.outputs));
                    one.emplace_back("link", t.link == Activation::identity ? json::Value(nullptr) : text_value(word(t.link)));
                  }));
  to.emplace_back("optimizers", list_kinds<Optimizer, OptimizerKind>([](json::Object& one, const auto& kind) {
                    one.emplace_back("lr", json::Value(std::remove_cvref_t<decltype(kind)>::usual_lr));
                  }));
  to.emplace_back("initializers", list_kinds<Initializer, Initializer>(nothing));
  to.emplace_back("activations", json::Value(std::move(activations)));
  json::Object common;  // the fields that every kind of a group has
  common.emplace_back("layers", json::Value(about_fields(object(Layer()).common)));
  common.emplace_back("losses", json::Value(about_fields(object(Loss()).common)));
  common.emplace_back("optimizers", json::Value(about_fields(object(Optimizer()).common)));
  to.emplace_back("common", json::Value(std::move(common)));
  return json::text(json::Value(std::move(to)));
}

}  // namespace densekit
