#include "bindings/scratch.h"

#include <memory>
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

#include "core/thread_local.h"

namespace densekit::bindings {

#if defined(__unix__) || defined(__APPLE__)
// A thread_local with a destructor would do the same, but where there is no memory for it, it ends the process.
Arena& Scratch::of_this_thread() {
  static DENSEKIT_THREAD_LOCAL Arena* mine = nullptr;
  if (mine) return *mine;
  struct Key {
    pthread_key_t number;
    Key() {
      const auto thread_ends = [](void* arena) {
        mine = nullptr;
        delete static_cast<Arena*>(arena);
      };
      if (pthread_key_create(&number, thread_ends) != 0) throw std::bad_alloc();
    }
  };
  static const Key key;
  auto fresh = std::make_unique<Arena>();
  if (pthread_setspecific(key.number, fresh.get()) != 0) throw std::bad_alloc();
  mine = fresh.release();
  return *mine;
}
#else
Arena& Scratch::of_this_thread() {
  static thread_local Arena mine;
  return mine;
}
#endif

}  // namespace densekit::bindings
