#include "core/openmp_library.h"

#include <stdexcept>
#include <string>
#if defined(__unix__) || defined(__APPLE__)
#include <dlfcn.h>
#include <unistd.h>
#endif

namespace densekit {

#if (defined(__unix__) || defined(__APPLE__)) && !defined(__EMSCRIPTEN__)
namespace {

#if defined(__APPLE__)
constexpr const char* file_name = "libdensekit_openmp.dylib";
#else
constexpr const char* file_name = "libdensekit_openmp.so";
#endif

// Beside the extension module or the program; empty where the system does not tell.
std::string beside_this_code() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<const void*>(&load_openmp_library), &info) || !info.dli_fname) return {};
  const std::string file = info.dli_fname;
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? std::string{} : file.substr(0, slash + 1) + file_name;
}

bool readable(const std::string& path) { return !path.empty() && access(path.c_str(), R_OK) == 0; }

// dlerror's text belongs to the thread, and is null when there is none.
std::string reason() {
  const char* text = dlerror();
  return text ? text : "no reason is known";
}

const densekit_openmp_table& load() {
  const std::string beside = beside_this_code();
  const std::string path = readable(beside) ? beside : file_name;     // else where the system's loader looks
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed: its threads outlive every call
  if (!library)
    throw std::invalid_argument("thread backend 'openmp' needs the library " + std::string(file_name) + ", which is neither beside " +
                                (beside.empty() ? "the program" : beside.substr(0, beside.size() - std::string(file_name).size())) +
                                " nor where the system looks for libraries (" + reason() +
                                "); it is built with the CMake option DENSEKIT_OPENMP, or choose the backend 'pool'");
  using Entry = decltype(&densekit_openmp);
  const Entry entry = reinterpret_cast<Entry>(dlsym(library, "densekit_openmp"));
  if (!entry) throw std::invalid_argument("thread backend 'openmp': " + path + " is not densekit's library (" + reason() + ")");
  const densekit_openmp_table* const table = entry();
  if (table->number != DENSEKIT_OPENMP_TABLE)
    throw std::invalid_argument("thread backend 'openmp': " + path + " is of densekit " + table->version + ", this is densekit " +
                                DENSEKIT_VERSION + "; install both from one build");
  return *table;
}

}  // namespace

bool openmp_library_is_here() {
  if (readable(beside_this_code())) return true;
  void* const loaded = dlopen(file_name, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (loaded) dlclose(loaded);  // gives back only this reference
  return loaded != nullptr;
}

const densekit_openmp_table& load_openmp_library() {
  static const densekit_openmp_table& table = load();  // a failure is tried again at the next call
  return table;
}

#else

bool openmp_library_is_here() { return false; }
const densekit_openmp_table& load_openmp_library() {
  throw std::invalid_argument("thread backend 'openmp' is not available on this system; choose the backend 'pool'");
}

#endif

}  // namespace densekit
