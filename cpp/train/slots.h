// The fields of records as lists that ordinary functions walk: reading, writing, checking and listing are compiled once, not once for
// each kind.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "densekit/spec.h"

namespace densekit {

enum class SlotType {
  boolean,
  number,
  element_count,    // index
  host_number,      // int
  seed,             // std::uint64_t
  text,             // std::string
  word,             // an enumeration of int
  optional_number,  // std::optional<double>
  optional_label,   // std::optional<std::int64_t>
  shape,            // std::vector<index>
  row_shape,
  layers,      // std::vector<Layer>
  parameters,  // std::vector<CallbackLayer::Parameter>
  initializer,
  penalty,
  loss,
  optional_loss,
  heads,  // std::vector<Head>
  optional_optimizer,
};

// One field of one struct.
struct Slot {
  std::string_view name;
  SlotType type;
  Range range;
  int since;
  std::span<const std::string_view> words;  // of an enumeration
  void* at;

  template <class V> V& as() const { return *static_cast<V*>(at); }
};
using Slots = std::vector<Slot>;

// A struct with its slots. kind: of those that have one, or "".
struct Object {
  std::string_view kind;
  Slots common, own;
};
Object object(Spec& spec);
Object object(Layer& layer);
Object object(Loss& loss);
Object object(Optimizer& optimizer);
Object object(Initializer& initializer);
Object object(Penalty& penalty);
Object object(Head& head);
Object object(CallbackLayer::Parameter& parameter);
// What only reads gets the same slots.
template <class S> Object object(const S& s) { return object(const_cast<S&>(s)); }

// Makes it the default of the kind of this name; false: there is none, and `names` gets those that there are.
bool set_kind(Layer& layer, std::string_view name, std::string& names);
bool set_kind(Loss& loss, std::string_view name, std::string& names);
bool set_kind(Optimizer& optimizer, std::string_view name, std::string& names);
bool set_kind(Initializer& initializer, std::string_view name, std::string& names);

}  // namespace densekit
