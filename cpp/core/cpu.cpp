#include "core/cpu.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#if defined(DENSEKIT_BUILT_x86_v4_amx)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace densekit {

// built_levels.def, which CMake writes: LEVEL(name) for every level it compiles, best first.
#define LEVEL(name)         \
  namespace name {          \
  extern const Table table; \
  }
#include "built_levels.def"
#undef LEVEL
namespace x86_v4_bf16 {
extern const Bf16Kernels table;
}
namespace x86_v4_amx {
extern const Bf16Kernels table[2];  // of one part and of two
}

namespace {

struct Row {
  Level level;
  const Table* table;
};

// Whether this machine has a level: one function for each of CMakeLists.txt, whether it is built or not.
[[maybe_unused]] bool has_baseline() { return true; }
[[maybe_unused]] bool has_neon() { return true; }
#if defined(__x86_64__)
#if defined(__clang__) && __clang_major__ < 18
// Older Clang does not know the psABI names; these are what the compiler may use at each level.
[[maybe_unused]] bool has_x86_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}
bool has_avx512() {
  return has_x86_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#else
[[maybe_unused]] bool has_x86_v3() { return __builtin_cpu_supports("x86-64-v3"); }
bool has_avx512() { return __builtin_cpu_supports("x86-64-v4"); }
#endif
#if defined(DENSEKIT_EMULATE_X86_V4)  // tests/native/isa_x86_v4_emulated.h
constexpr bool emulated = true;
#else
constexpr bool emulated = false;
#endif
[[maybe_unused]] bool has_x86_v4() { return emulated ? has_x86_v3() : has_avx512(); }
#endif

// Never destroyed: threads may still be here while the process ends.
const std::vector<Row>& rows() {
  static const std::vector<Row>& all = *new std::vector<Row>{
#define LEVEL(name) {{#name, has_##name()}, &name::table},
#include "built_levels.def"
#undef LEVEL
  };
  return all;
}

const Row& find(const std::string& name) {
  std::string available;
  for (const Row& row : rows()) {
    if (!row.level.supported) continue;
    if (row.level.name == name) return row;
    available += (available.empty() ? "" : ", ") + row.level.name;
  }
  throw std::invalid_argument("instruction set '" + name + "' is not available; this machine has: " + available);
}

const Row& initial() {
  if (const char* forced = std::getenv("DENSEKIT_ISA"); forced && *forced) return find(forced);
  for (const Row& row : rows())
    if (row.level.supported) return row;
  return rows().back();
}

std::atomic<const Row*>& active() {
  static std::atomic<const Row*> row{&initial()};
  return row;
}

}  // namespace

#if defined(DENSEKIT_BUILT_x86_v4_amx)
// Whether this process may use AMX. Linux gives its registers only to those that ask (Documentation/arch/x86/xstate.rst), once for
// all threads.
static bool ask_for_amx() {
  unsigned eax, ebx, ecx, edx;
  constexpr unsigned bfloat16 = 1u << 22, tiles = 1u << 24;  // of leaf 7
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || (edx & bfloat16) == 0 || (edx & tiles) == 0) return false;
  constexpr long request = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM
  return syscall(SYS_arch_prctl, request, tile_data) == 0;
}
static bool amx_allowed() {
  static const bool allowed = ask_for_amx();
  return allowed;
}
#endif

const std::vector<Level>& built_levels() {
  static const std::vector<Level>& levels = *[] {
    auto* const list = new std::vector<Level>;
    for (const Row& row : rows()) list->push_back(row.level);
    return list;
  }();
  return levels;
}
std::string active_level() { return active().load()->level.name; }
const Table& baseline_table() { return baseline::table; }
const Table& active_table() { return *active().load()->table; }
const Bf16Kernels* bf16_kernels(int parts) {
#if defined(DENSEKIT_BUILT_x86_v4_bf16)
  if ((parts == 1 || parts == 2) && &active_table() == &x86_v4::table && __builtin_cpu_supports("avx512bf16")) {
#if defined(DENSEKIT_BUILT_x86_v4_amx)
    if (amx_allowed()) return &x86_v4_amx::table[parts - 1];
#endif
    // AMD computes two bfloat16 products in the time of one in float32 (Zen 4 and later); Intel takes twice that time.
    if (parts == 1 && __builtin_cpu_is("amd")) return &x86_v4_bf16::table;
  }
#endif
  (void)parts;
  return nullptr;
}
void use_level(const std::string& name) { active() = &find(name); }

}  // namespace densekit
