#include "train/slots.h"

#include <cstring>

#include "train/records.h"

namespace densekit {
namespace {

template <class V> constexpr SlotType slot_type() {
  if constexpr (std::is_same_v<V, bool>) return SlotType::boolean;
  else if constexpr (std::is_same_v<V, double>) return SlotType::number;
  else if constexpr (std::is_same_v<V, std::uint64_t>) return SlotType::seed;
  else if constexpr (std::is_same_v<V, std::string>) return SlotType::text;
  else if constexpr (Worded<V>) return SlotType::word;
  else if constexpr (std::is_same_v<V, std::optional<double>>) return SlotType::optional_number;
  else if constexpr (std::is_same_v<V, std::optional<std::int64_t>>) return SlotType::optional_label;
  else if constexpr (std::is_same_v<V, std::vector<index>>) return SlotType::shape;
  else if constexpr (std::is_same_v<V, RowShape>) return SlotType::row_shape;
  else if constexpr (std::is_same_v<V, std::vector<Layer>>) return SlotType::layers;
  else if constexpr (std::is_same_v<V, std::vector<CallbackLayer::Parameter>>) return SlotType::parameters;
  else if constexpr (std::is_same_v<V, Initializer>) return SlotType::initializer;
  else if constexpr (std::is_same_v<V, Penalty>) return SlotType::penalty;
  else if constexpr (std::is_same_v<V, Loss>) return SlotType::loss;
  else if constexpr (std::is_same_v<V, std::vector<Head>>) return SlotType::heads;
  else if constexpr (std::is_same_v<V, std::optional<Loss>>) return SlotType::optional_loss;
  else if constexpr (std::is_same_v<V, std::optional<Optimizer>>) return SlotType::optional_optimizer;
  else {
    static_assert(std::is_same_v<V, index> || std::is_same_v<V, int>, "a field of a type that specs do not have");
    return sizeof(V) == sizeof(index) && std::is_same_v<V, index> ? SlotType::element_count : SlotType::host_number;
  }
}

template <class E> constexpr auto word_table = words(E{});

template <class V> Slot slot(std::string_view name, V& value, const Range& range, int since) {
  std::span<const std::string_view> words;
  if constexpr (Worded<V>) {
    static_assert(sizeof(V) == sizeof(int));
    words = word_table<V>;
  }
  return {name, slot_type<V>(), range, since, words, &value};
}

// An activation is two fields: its name, and its number.
template <class S, class R> Slots slots(S& s, const R& record) {
  Slots all;
  for_fields(record, [&](const auto& f) {
    auto& value = s.*f.member;
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, ActivationFunction>) {
      const bool known = static_cast<std::size_t>(value.name) < std::size(activation_records);
      all.push_back(slot(f.name, value.name, {}, f.since));
      all.push_back(slot("parameter", value.parameter, known ? record_of(value.name).range : any_number, f.since));
    } else {
      all.push_back(slot(f.name, value, f.range, f.since));
    }
  });
  return all;
}
template <class Kinds> Slots own_slots(Kinds& is) {
  return std::visit([](auto& kind) { return slots(kind, kind.kind()); }, is);
}
template <class S> Object with_kind(S& s) { return {kind_name(s.is), slots(s, common_fields(&s)), own_slots(s.is)}; }

template <class Kinds> bool set_kind_of(Kinds& is, std::string_view name, std::string& names) {
  names = kind_list<Kinds>();
  return set_kind(is, name);
}

}  // namespace

Object object(Spec& spec) { return {"", {}, slots(spec, Spec::kind())}; }
Object object(Layer& layer) { return with_kind(layer); }
Object object(Loss& loss) { return with_kind(loss); }
Object object(Optimizer& optimizer) { return with_kind(optimizer); }
Object object(Initializer& initializer) { return {kind_name(initializer), {}, own_slots(initializer)}; }
Object object(Head& head) { return {"", {}, slots(head, Head::kind())}; }
Object object(Penalty& penalty) { return {"", {}, slots(penalty, Penalty::kind())}; }
Object object(CallbackLayer::Parameter& parameter) { return {"", {}, slots(parameter, CallbackLayer::Parameter::kind())}; }

bool set_kind(Layer& layer, std::string_view name, std::string& names) { return set_kind_of(layer.is, name, names); }
bool set_kind(Loss& loss, std::string_view name, std::string& names) { return set_kind_of(loss.is, name, names); }
bool set_kind(Optimizer& optimizer, std::string_view name, std::string& names) { return set_kind_of(optimizer.is, name, names); }
bool set_kind(Initializer& initializer, std::string_view name, std::string& names) { return set_kind_of(initializer, name, names); }

}  // namespace densekit
