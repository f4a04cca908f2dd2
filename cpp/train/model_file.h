// A network in a file: docs/files.md.
#pragma once
#include <iosfwd>

#include "densekit/network_class.h"
#include "train/json.h"
#include "train/npz.h"

namespace densekit {

// What a file says of a network beside what the engines need: kept, so that a network that Python made is Python's again.
struct FileNotes {
  json::Value python{};
  json::Value numbers{json::Object{{"step", {std::uint64_t{0}}}, {"epoch", {std::uint64_t{0}}}, {"schedule", {json::Object{}}}}};
};

struct FileHeader {
  Spec spec;
  std::uint64_t step = 0;
  FileNotes notes{};
  std::vector<npz::Entry> arrays{};
};

// The header's JSON. std::invalid_argument for anything but a model.
FileHeader parse_header(const std::string& text);
std::string header_text(const FileHeader& header);

// The arrays that a network of this spec has in its file, in their order, without checksums; made without the network.
std::vector<npz::Entry> arrays_of(const Spec& spec);

}  // namespace densekit
