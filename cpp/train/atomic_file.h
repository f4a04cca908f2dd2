// Files that are there completely or not at all, whatever happens while they are written.
#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

namespace densekit {

// Writes the file of that name, in place of an old one. It has no name until it is whole and on the disk; where the system
// has no such files (Linux has O_TMPFILE) it is called ".densekit-0.tmp" (or 1, 2, ...) in the same folder until then. A
// killed process may leave that one, which the next save in the folder removes: who writes such a file holds a lock on it,
// which ends with the process. Permissions and owner of an old file are kept, a symbolic link stays one; a device or a pipe
// is written to as it is.
// write(put): put(data, bytes) appends. It may be called twice. std::system_error if something fails.
using Put = std::function<void(const void*, std::size_t)>;
std::filesystem::path path_of(const std::string& text);  // names are UTF-8 on Windows, bytes elsewhere
void write_atomically(const std::string& path, const std::function<void(const Put&)>& write);

}  // namespace densekit
