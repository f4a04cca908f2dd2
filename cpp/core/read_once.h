// Numbers in memory that is not ours: a thread of the caller, or a layer written in Python, may write there while a call runs.
#pragma once

namespace densekit {

// One load, which the compiler may not repeat: what was checked is what is used. Labels, row numbers, and everything else that
// becomes an address, an index or the bound of a loop, are read like this, once.
template <class T> T read_once(const T* p) { return *static_cast<const volatile T*>(p); }

}  // namespace densekit
