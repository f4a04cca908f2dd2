// The spec as JSON: a Writer and a Reader walk its records.
#include <algorithm>
#include <limits>
#include <stdexcept>

#include "train/json.h"
#include "train/records.h"
#include "train/validate.h"

namespace densekit {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) { throw std::invalid_argument("spec: " + path + " " + what); }
[[noreturn]] void unexpected(const std::string& path, const char* expected, const json::Value& value) {
  fail(path, std::string("must be ") + expected + ", got " + json::describe(value));
}

template <class S> json::Value written(const S& source);

struct Writer {
  json::Object object;
  void put(std::string_view key, json::Value value) { object.emplace_back(std::string(key), std::move(value)); }

  template <class S, class R> void fields(const S& s, const R& record) {
    for_fields(record, [&](const auto& f) {
      const auto& value = s.*f.member;
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, ActivationFunction>) {
        put(f.name, written(value.name));
        put("parameter", written(value.parameter));
      } else {
        put(f.name, written(value));
      }
    });
  }
};

template <class S> json::Value written(const S& source) {
  if constexpr (is_optional<S>) {
    return source ? written(*source) : json::Value(nullptr);
  } else if constexpr (is_list<S>) {
    json::Array items;
    for (const auto& item : source) items.push_back(written(item));
    return {std::move(items)};
  } else if constexpr (Worded<S>) {
    return {std::string(word(source))};
  } else if constexpr (HoldsKind<S> || is_variant<S> || Recorded<S>) {
    Writer writer;
    const auto kind = [&](const auto& is) { writer.put("kind", {std::string(kind_name(is))}); };
    const auto own = [&](const auto& is) { std::visit([&](const auto& k) { writer.fields(k, k.kind()); }, is); };
    if constexpr (HoldsKind<S>) kind(source.is), writer.fields(source, common_fields(&source)), own(source.is);
    else if constexpr (is_variant<S>) kind(source), own(source);
    else writer.fields(source, S::kind());
    return {std::move(writer.object)};
  } else if constexpr (std::is_same_v<S, bool> || std::is_same_v<S, double> || std::is_same_v<S, std::string>) {
    return {source};
  } else if constexpr (std::is_unsigned_v<S>) {
    return {static_cast<std::uint64_t>(source)};
  } else {
    if (source < 0) return {static_cast<std::int64_t>(source)};
    return {static_cast<std::uint64_t>(source)};
  }
}

template <class T> T whole(const std::string& path, const json::Value& value) {
  constexpr T low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  if (const auto* natural = value.as<std::uint64_t>()) {
    if (*natural <= static_cast<std::uint64_t>(high)) return static_cast<T>(*natural);
    fail(path, "is " + json::text(value) + ", which is too large");
  }
  if (const auto* negative = value.as<std::int64_t>()) {
    if (std::is_signed_v<T> && *negative >= static_cast<std::int64_t>(low)) return static_cast<T>(*negative);
    fail(path, "is " + json::text(value) + ", which is too small");
  }
  unexpected(path, "a whole number", value);
}

// Reads one object, and knows which of its members have been read.
class Reader {
 public:
  // version: of the spec, for the fields that it does not have.
  Reader(const json::Value& value, std::string path, int version) : value_(value), path_(std::move(path)), version_(version) {
    if (!value.as<json::Object>()) unexpected(path_.empty() ? "the spec" : path_, "an object", value);
  }

  template <class V> void operator()(std::string_view key, V& target, int since = 1) {
    const std::string name(key);
    known_.push_back(name);
    const json::Value* member = value_.find(name);
    if (member) read(*member, path_of(name), target);
    else if (since <= version_) fail(path_of(name), "is missing");
  }
  template <class S, class R> void fields(S& s, const R& record) {
    for_fields(record, [&](const auto& f) {
      auto& target = s.*f.member;
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(target)>, ActivationFunction>) {
        (*this)(f.name, target.name, f.since);
        (*this)("parameter", target.parameter, f.since);
      } else {
        (*this)(f.name, target, f.since);
      }
    });
  }
  void set_version(int version) { version_ = version; }

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

  // First the kind, which says which other fields belong.
  template <class Kinds> void read_kind(Kinds& is) {
    std::string name;
    (*this)("kind", name);
    if (!set_kind(is, name)) fail(path_of("kind"), "is " + json::text({name}) + ", which is none of " + kind_list<Kinds>());
  }
  template <class Kinds> void read_own(Kinds& is) {
    std::visit([&](auto& kind) { fields(kind, kind.kind()); }, is);
  }

  template <class S> void read(const json::Value& value, const std::string& path, S& target) const {
    if constexpr (is_optional<S>) {
      if (value.as<std::nullptr_t>()) target.reset();
      else read(value, path, target.emplace());
    } else if constexpr (is_list<S>) {
      const json::Array* items = value.as<json::Array>();
      if (!items) unexpected(path, "an array", value);
      target.clear();
      for (const json::Value& item : *items) {
        const std::string place = path + "[" + std::to_string(target.size()) + "]";
        read(item, place, target.emplace_back());
      }
    } else if constexpr (std::is_same_v<S, bool>) {
      if (!value.as<bool>()) unexpected(path, "true or false", value);
      target = *value.as<bool>();
    } else if constexpr (std::is_same_v<S, std::string>) {
      if (!value.as<std::string>()) unexpected(path, "a string", value);
      target = *value.as<std::string>();
    } else if constexpr (Worded<S>) {
      if (!value.as<std::string>()) unexpected(path, "a string", value);
      const auto found = value_of<S>(*value.as<std::string>());
      if (!found) fail(path, "is " + json::text(value) + ", which is none of " + word_list<S>());
      target = *found;
    } else if constexpr (std::is_same_v<S, double>) {
      if (const auto* natural = value.as<std::uint64_t>()) target = static_cast<double>(*natural);
      else if (const auto* negative = value.as<std::int64_t>()) target = static_cast<double>(*negative);
      else if (const double* real = value.as<double>()) target = *real;
      else unexpected(path, "a number", value);
    } else if constexpr (std::is_integral_v<S>) {
      target = whole<S>(path, value);
    } else {
      Reader reader(value, path, version_);
      if constexpr (HoldsKind<S>) reader.read_kind(target.is), reader.fields(target, common_fields(&target)), reader.read_own(target.is);
      else if constexpr (is_variant<S>) reader.read_kind(target), reader.read_own(target);
      else reader.fields(target, S::kind());
      reader.finish();
    }
  }

  const json::Value& value_;
  std::string path_;
  int version_;
  std::vector<std::string> known_;
};

}  // namespace

std::string to_json(const Spec& spec) {
  validate(spec);
  Writer writer;
  writer.put("version", written(spec_version));
  writer.fields(spec, Spec::kind());
  return json::text({std::move(writer.object)});
}

Spec spec_from_json(const std::string& text) {
  const json::Value value = json::parse(text);
  Spec spec;
  Reader reader(value, "", spec_version);
  int found = 0;
  reader("version", found);
  if (found < 1 || found > spec_version)
    fail("version", "is " + std::to_string(found) + "; this densekit reads version " + std::to_string(spec_version));
  reader.set_version(found);
  reader.fields(spec, Spec::kind());
  reader.finish();
  validate(spec);
  return spec;
}

Initializer initializer_from_json(const std::string& text) {
  const json::Value value = json::parse(text);
  struct Holder {
    Initializer initializer;
    static constexpr auto kind() { return record("", field("initializer", &Holder::initializer)); }
  } holder;
  const json::Value whole(json::Object{{"initializer", value}});
  Reader reader(whole, "", spec_version);
  reader.fields(holder, Holder::kind());
  validate(holder.initializer, "initializer");
  return holder.initializer;
}

// {"layers": {"dense": {"fields": {"units": {"type": …, "default": …, …}}}}, …}
namespace {

json::Value range_json(const Range& range) {
  const auto bound = [](double x) { return x - x == 0 ? json::Value(x) : json::Value(nullptr); };
  return {json::Object{
      {"low", bound(range.low)}, {"high", bound(range.high)}, {"open_low", {range.open_low}}, {"open_high", {range.open_high}}}};
}
template <Worded E> json::Value words_json() {
  json::Array all;
  for (const std::string_view word : words(E{})) all.push_back({std::string(word)});
  return {std::move(all)};
}

template <class V> json::Object type_json(const Range& range) {
  if constexpr (is_optional<V>) {
    json::Object inner = type_json<typename V::value_type>(range);
    inner.emplace_back("optional", json::Value(true));
    return inner;
  } else if constexpr (Worded<V>) {
    return {{"type", {std::string("word")}}, {"words", words_json<V>()}};
  } else if constexpr (std::is_same_v<V, bool>) {
    return {{"type", {std::string("bool")}}};
  } else if constexpr (std::is_same_v<V, double>) {
    return {{"type", {std::string("number")}}, {"range", range_json(range)}};
  } else if constexpr (std::is_integral_v<V>) {
    return {{"type", {std::string("whole")}}, {"range", range_json(range)}};
  } else if constexpr (std::is_same_v<V, std::string>) {
    return {{"type", {std::string("text")}}};
  } else if constexpr (std::is_same_v<V, Initializer>) {
    return {{"type", {std::string("initializer")}}};
  } else if constexpr (std::is_same_v<V, Penalty>) {
    return {{"type", {std::string("penalty")}}};
  } else {
    static_assert(is_list<V>);
    return {{"type", {std::string("list")}}};
  }
}

template <class S, class R> void list_fields(json::Object& to, const S& usual, const R& record) {
  for_fields(record, [&](const auto& f) {
    const auto& value = usual.*f.member;
    using V = std::remove_cvref_t<decltype(value)>;
    const auto add = [&](std::string_view name, json::Object about, json::Value standard) {
      about.emplace_back("default", std::move(standard));
      about.emplace_back("since", written(f.since));
      to.emplace_back(std::string(name), json::Value(std::move(about)));
    };
    if constexpr (std::is_same_v<V, ActivationFunction>) {
      add(f.name, type_json<Activation>({}), written(value.name));
      add("parameter", type_json<double>({}), written(value.parameter));
    } else {
      add(f.name, type_json<V>(f.range), written(value));
    }
  });
}

template <class Kinds, class More> json::Value list_kinds(const More& more) {
  json::Object all;
  for_kinds<Kinds>([&](const auto& kind) {
    json::Object fields;
    list_fields(fields, kind, kind.kind());
    json::Object one{{"fields", {std::move(fields)}}};
    more(one, kind);
    all.emplace_back(std::string(kind.kind().name), json::Value(std::move(one)));
  });
  return {std::move(all)};
}

}  // namespace

std::string kinds_json() {
  const auto nothing = [](json::Object&, const auto&) {};
  json::Object activations;
  for (const ActivationRecord& a : activation_records)
    activations.emplace_back(
        std::string(a.name),
        json::Value(json::Object{{"parameter", a.parameter.empty() ? json::Value(nullptr) : json::Value(std::string(a.parameter))},
                                 {"default", {a.usual}},
                                 {"range", range_json(a.range)}}));
  const auto loss = [](json::Object& to, const auto& kind) {
    constexpr LossTraits t = std::remove_cvref_t<decltype(kind)>::traits;
    to.emplace_back("labels", json::Value(t.labels));
    to.emplace_back("values", json::Value(t.values));
    to.emplace_back("of_rows", json::Value(t.of_rows));
    to.emplace_back("outputs", written(t.outputs));
    to.emplace_back("link", t.link == Activation::identity ? json::Value(nullptr) : written(t.link));
  };
  const auto optimizer = [](json::Object& to, const auto& kind) {
    to.emplace_back("lr", json::Value(std::remove_cvref_t<decltype(kind)>::usual_lr));
  };
  return json::text({json::Object{{"layers", list_kinds<LayerKind>(nothing)},
                                  {"losses", list_kinds<LossKind>(loss)},
                                  {"optimizers", list_kinds<OptimizerKind>(optimizer)},
                                  {"initializers", list_kinds<Initializer>(nothing)},
                                  {"activations", {std::move(activations)}}}});
}

}  // namespace densekit
