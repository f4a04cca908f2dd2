#include "train/model_file.h"

#include <stdexcept>

#include "train/plan.h"
#include "train/update.h"

namespace densekit {
namespace {

constexpr const char* format = "densekit model";
constexpr std::uint64_t version = 1;

[[noreturn]] void fail(const std::string& what) { throw std::invalid_argument("the header does not describe a model: " + what); }

const json::Value& member(const json::Value& object, const char* key) {
  const json::Value* found = object.find(key);
  if (!found) fail(std::string("'") + key + "' is missing");
  return *found;
}

std::uint64_t whole(const json::Value& value, const char* what) {
  const auto* number = value.as<std::uint64_t>();
  if (!number) fail(std::string(what) + " is " + json::describe(value) + ", expected a whole number");
  return *number;
}

const std::string& string(const json::Value& value, const char* what) {
  const auto* text = value.as<std::string>();
  if (!text) fail(std::string(what) + " is " + json::describe(value) + ", expected a string");
  return *text;
}

npz::Entry entry(const json::Value& value) {
  npz::Entry e{string(member(value, "name"), "the name of an array"), string(member(value, "dtype"), "a dtype"), {}, 0};
  if (e.dtype != "<f4" && e.dtype != "<f8") fail("the array '" + e.name + "' has the dtype '" + e.dtype + "'");
  const auto* shape = member(value, "shape").as<json::Array>();
  if (!shape) fail("the shape of '" + e.name + "' is no array");
  for (const json::Value& length : *shape) {
    const std::uint64_t n = whole(length, "a length");
    if (n >= std::uint64_t{1} << 48 || !std::in_range<index>(n)) fail("the array '" + e.name + "' has a length of " + std::to_string(n));
    e.shape.push_back(static_cast<index>(n));
  }
  const std::uint64_t crc = whole(member(value, "crc32"), "a checksum");
  if (crc > 0xFFFFFFFF) fail("the checksum of '" + e.name + "' has more than 32 bits");
  e.crc = static_cast<std::uint32_t>(crc);
  return e;
}

}  // namespace

FileHeader parse_header(const std::string& text) {
  const json::Value root = json::parse(text);
  const auto* name = root.find("format") ? root.find("format")->as<std::string>() : nullptr;
  if (!name || *name != format) throw std::invalid_argument(std::string("this is no model file: its header does not say '") + format + "'");
  if (const std::uint64_t found = whole(member(root, "version"), "the version"); found != version)
    throw std::invalid_argument("the file has version " + std::to_string(found) +
                                ", and this densekit (" DENSEKIT_VERSION ") reads version " + std::to_string(version));
  const json::Value& spec = member(root, "spec");
  if (spec.as<std::nullptr_t>())
    throw std::invalid_argument("the model was saved before it saw data: its width is not known, so it has no weights");
  const json::Value& numbers = member(root, "numbers");
  FileHeader header{spec_from_json(json::text(spec)), whole(member(numbers, "step"), "step")};
  whole(member(numbers, "epoch"), "epoch");
  member(numbers, "schedule");
  header.notes = {member(root, "python"), numbers};
  const auto* arrays = member(root, "arrays").as<json::Array>();
  if (!arrays) fail("'arrays' is no array");
  for (const json::Value& value : *arrays) header.arrays.push_back(entry(value));
  return header;
}

std::string header_text(const FileHeader& header) {
  json::Array arrays;
  for (const npz::Entry& e : header.arrays) {
    json::Array shape;
    for (const index length : e.shape) shape.push_back({static_cast<std::uint64_t>(length)});
    arrays.push_back(
        {json::Object{{"name", {e.name}}, {"dtype", {e.dtype}}, {"shape", {std::move(shape)}}, {"crc32", {std::uint64_t{e.crc}}}}});
  }
  json::Object numbers = *header.notes.numbers.as<json::Object>();
  for (auto& [key, value] : numbers)
    if (key == "step") value = {header.step};
  return json::text({json::Object{{"format", {std::string(format)}},
                                  {"version", {version}},
                                  {"densekit", {std::string(DENSEKIT_VERSION)}},
                                  {"spec", json::parse(to_json(header.spec))},
                                  {"python", header.notes.python},
                                  {"numbers", {numbers}},
                                  {"arrays", {std::move(arrays)}}}});
}

std::vector<npz::Entry> arrays_of(const Spec& spec) {
  const Plan plan = make_plan(spec, spec.fuse);
  const std::string dtype = spec.dtype == DType::float32 ? "<f4" : "<f8";
  std::vector<npz::Entry> arrays;
  for (const auto* segments : {&plan.parameters, &plan.statistics})
    for (const Segment& s : *segments) arrays.push_back({s.layer + "/" + s.name, dtype, s.shape});
  const int states = spec.optimizer ? slots_of(spec.optimizer->is) : 0;
  for (int i = 0; i < states; ++i) arrays.push_back({"optimizer/" + std::to_string(i), dtype, {plan.parameter_count}});
  return arrays;
}

}  // namespace densekit
