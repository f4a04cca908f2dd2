/* For LD_PRELOAD: the n-th request for memory of chosen libraries fails, and every later one, too, or only that one.
 * tests/test_failing_allocations.py builds it and calls the functions below through ctypes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

enum { most = 64 };
static struct { uintptr_t begin, end; } ranges[most];
static int range_count;
static const char* wanted;
static long requests, fail_at; /* fail_at 0: none */
static int all_later;

static int add(struct dl_phdr_info* info, size_t size, void* data) {
  (void)size, (void)data;
  if (!info->dlpi_name || !strstr(info->dlpi_name, wanted)) return 0;
  for (int i = 0; i < info->dlpi_phnum && range_count < most; ++i) {
    const ElfW(Phdr)* part = &info->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
    ranges[range_count].begin = info->dlpi_addr + part->p_vaddr;
    ranges[range_count].end = ranges[range_count].begin + part->p_memsz;
    ++range_count;
  }
  return 0;
}

/* Requests that come from the code of a library with this in its path count from now on. Returns how many such pieces there are. */
int failing_watch(const char* part_of_path) {
  wanted = part_of_path;
  const int before = range_count;
  dl_iterate_phdr(add, NULL);
  return range_count - before;
}

void failing_arm(long n, int later_ones_too) {
  __atomic_store_n(&requests, 0, __ATOMIC_SEQ_CST);
  all_later = later_ones_too;
  __atomic_store_n(&fail_at, n, __ATOMIC_SEQ_CST);
}

/* Off. Returns the number of requests since it was armed. */
long failing_disarm(void) {
  __atomic_store_n(&fail_at, 0, __ATOMIC_SEQ_CST);
  return __atomic_load_n(&requests, __ATOMIC_SEQ_CST);
}

static int refused(const void* caller) {
  const long at = __atomic_load_n(&fail_at, __ATOMIC_RELAXED);
  if (!at) return 0;
  const uintptr_t from = (uintptr_t)caller;
  for (int i = 0; i < range_count; ++i)
    if (from >= ranges[i].begin && from < ranges[i].end) {
      const long number = __atomic_add_fetch(&requests, 1, __ATOMIC_SEQ_CST);
      return all_later ? number >= at : number == at;
    }
  return 0;
}

#define REFUSE(value)                               \
  if (refused(__builtin_return_address(0))) {       \
    errno = ENOMEM;                                 \
    return value;                                   \
  }

void* malloc(size_t size) {
  REFUSE(NULL)
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  REFUSE(NULL)
  return __libc_calloc(count, size);
}
void* realloc(void* data, size_t size) {
  REFUSE(NULL)
  return __libc_realloc(data, size);
}
void* memalign(size_t alignment, size_t size) {
  REFUSE(NULL)
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  REFUSE(NULL)
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** data, size_t alignment, size_t size) {
  REFUSE(ENOMEM)
  void* made = __libc_memalign(alignment, size);
  if (!made) return ENOMEM;
  *data = made;
  return 0;
}

/* A thread that the system does not give is memory that it does not give. */
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*), void* argument) {
  static int (*real)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  REFUSE(EAGAIN)
  if (!real) *(void**)&real = dlsym(RTLD_NEXT, "pthread_create");
  return real(thread, attributes, body, argument);
}
