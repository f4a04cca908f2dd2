// The bytes of a model file: a zip archive of stored .npy arrays in exactly one form, docs/files.md. A reader makes the
// bytes that must be there and compares.
#pragma once
#include <cstdint>
#include <functional>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "densekit/spec.h"

namespace densekit::npz {

// NAME.npy, C order. dtype: "<f4", "<f8" or "|u1". crc: of the .npy with its first bytes.
struct Entry {
  std::string name, dtype;
  std::vector<index> shape;
  std::uint32_t crc = 0;

  std::uint64_t data_bytes() const;  // std::invalid_argument if no file could hold it
  std::size_t item_bytes() const { return dtype == "<f4" ? 4 : dtype == "<f8" ? 8 : 1; }
  std::string npy_head() const;
  std::string head() const;  // everything in front of the contents
};

// With the checksum of the contents.
Entry entry_of(std::string name, std::string dtype, std::vector<index> shape, const void* data);
std::string directory(const std::vector<Entry>& entries);  // the end of the file
// Calls body(bytes, count) with the contents of an array as they are in the file, little-endian, in as few parts as can be.
void for_contents(const Entry& entry, const void* data, const std::function<void(const void*, std::size_t)>& body);
std::uint32_t crc32(std::uint32_t before, const void* data, std::size_t bytes);

// Entries in their order; std::invalid_argument for any byte that is not as it must be.
class Reader {
 public:
  explicit Reader(std::istream& in);
  std::string header();                            // the contents of the first entry, "header"
  void expect(const std::vector<Entry>& entries);  // what follows; the file must have exactly that size
  void into(const Entry& entry, void* target);     // the contents of the next entry
  void finish();                                   // the directory

 private:
  void read(void* target, std::uint64_t bytes, const std::string& of);

  std::istream& in_;
  std::uint64_t size_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace densekit::npz
