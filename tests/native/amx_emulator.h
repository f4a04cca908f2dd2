// AMX for processors without it: the instructions that kernels/amx.cpp uses are carried out when the processor refuses them
// (SIGILL). Written from their definitions in Intel's Software Developer's Manual, volume 2: LDTILECFG, TILERELEASE, TILEZERO,
// TILELOADD, TILESTORED, TDPBF16PS. x86-64 Linux only. What the manual makes an exception (a tile that is not configured, the same
// tile twice) ends the process.
#pragma once
#include <ucontext.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace amx_emulator {

struct Tile {
  std::uint32_t words[16][16];  // [row][4 bytes]
};
struct State {
  bool configured;
  int rows[8], row_bytes[8];
  Tile tiles[8];
};
inline thread_local State state;
inline std::atomic<long> executed{0};

[[noreturn]] inline void stop(const char* what) {
  std::fprintf(stderr, "AMX emulator: %s\n", what);
  std::_Exit(3);
}
inline void require(bool good, const char* what) {
  if (!good) stop(what);
}

// A number as the products take it: denormals are zero.
inline float flushed(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, 4);
  if ((bits & 0x7f800000u) == 0) bits &= 0x80000000u;
  std::memcpy(&x, &bits, 4);
  return x;
}
inline float widened(std::uint32_t bfloat16) {
  bfloat16 <<= 16;
  float x;
  std::memcpy(&x, &bfloat16, 4);
  return flushed(x);
}

inline void dot_products(int to, int a, int b) {
  require(state.configured && to != a && to != b && a != b, "TDPBF16PS with equal tiles or none");
  const int m = state.rows[to], n = state.row_bytes[to] / 4, k = state.rows[b];
  require(m > 0 && n > 0 && m == state.rows[a] && n == state.row_bytes[b] / 4 && k == state.row_bytes[a] / 4,
          "TDPBF16PS with tiles that do not fit");
  for (int i = 0; i < m; ++i) {
    float sums[16][2] = {};
    for (int p = 0; p < k; ++p)
      for (int j = 0; j < n; ++j) {
        const std::uint32_t x = state.tiles[a].words[i][p], y = state.tiles[b].words[p][j];
        sums[j][0] = flushed(__builtin_fmaf(widened(x & 0xffff), widened(y & 0xffff), sums[j][0]));
        sums[j][1] = flushed(__builtin_fmaf(widened(x >> 16), widened(y >> 16), sums[j][1]));
      }
    for (int j = 0; j < n; ++j) {
      float c;
      std::memcpy(&c, &state.tiles[to].words[i][j], 4);
      c = flushed(flushed(c) + flushed(sums[j][0] + sums[j][1]));
      std::memcpy(&state.tiles[to].words[i][j], &c, 4);
    }
    for (int j = n; j < 16; ++j) state.tiles[to].words[i][j] = 0;
  }
}

inline void configure(const unsigned char* from) {
  require(from[0] == 1 && from[1] == 0, "LDTILECFG with another palette than 1, or in the middle of a load");
  std::memset(&state, 0, sizeof state);
  state.configured = true;
  for (int t = 0; t < 8; ++t) {
    state.row_bytes[t] = from[16 + 2 * t] | from[17 + 2 * t] << 8;
    state.rows[t] = from[48 + t];
    require(state.rows[t] <= 16 && state.row_bytes[t] <= 64 && state.row_bytes[t] % 4 == 0, "LDTILECFG with a tile that is too large");
  }
}

// Carries out the instruction at `code` and returns its length, or 0 if it is none of ours.
inline int execute(const unsigned char* code, const greg_t* registers) {
  if (code[0] != 0xc4 || (code[1] & 0x1f) != 2 || (code[2] & 0x84) != 0) return 0;  // VEX of three bytes, map 0F38, W0, 128 bits
  static constexpr int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  const auto value = [&](int number) { return static_cast<std::uint64_t>(registers[order[number]]); };
  const int prefix = code[2] & 3, opcode = code[3], mode = code[4] >> 6, reg = code[4] >> 3 & 7, rm = code[4] & 7,
            third = ~code[2] >> 3 & 15;
  const int high_index = code[1] & 0x40 ? 0 : 8, high_base = code[1] & 0x20 ? 0 : 8;  // X and B, stored inverted
  enum { none, p66, pf3, pf2 };
  if (opcode == 0x5c && prefix == pf3 && mode == 3) return dot_products(reg, rm, third), 5;
  if (opcode == 0x49 && prefix == none && mode == 3 && reg == 0 && rm == 0) return std::memset(&state, 0, sizeof state), 5;
  if (opcode == 0x49 && prefix == pf2 && mode == 3 && rm == 0) {
    require(state.configured, "TILEZERO without a configuration");
    return std::memset(&state.tiles[reg], 0, sizeof(Tile)), 5;
  }
  const bool configures = opcode == 0x49 && prefix == none && reg == 0,
             moves = opcode == 0x4b && (prefix == pf2 || prefix == pf3 || prefix == p66);
  if (mode == 3 || !(configures || moves)) return 0;

  int length = 5;
  std::uint64_t address = 0, stride = 0;
  bool from_next = false;
  if (rm == 4) {
    const int sib = code[length++], base = (sib & 7) + high_base, index = (sib >> 3 & 7) + high_index;
    if (index != 4) stride = value(index) << (sib >> 6);
    if (mode == 0 && (sib & 7) == 5) stop("an address without a base");
    address = value(base);
  } else if (mode == 0 && rm == 5) {
    from_next = true;
  } else {
    address = value(rm + high_base);
  }
  if (mode == 1) address += static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<signed char>(code[length++])));
  if (mode == 2 || from_next) {
    std::int32_t offset;
    std::memcpy(&offset, code + length, 4);
    length += 4;
    address += static_cast<std::uint64_t>(static_cast<std::int64_t>(offset));
  }
  if (from_next) address += reinterpret_cast<std::uint64_t>(code + length);
  if (configures) {
    configure(reinterpret_cast<const unsigned char*>(address + (rm == 4 ? stride : 0)));
    return length;
  }
  require(rm == 4 && state.configured && state.rows[reg] > 0, "a tile is moved without an index register, or is not configured");
  for (int i = 0; i < state.rows[reg]; ++i) {
    unsigned char* row = reinterpret_cast<unsigned char*>(address + static_cast<std::uint64_t>(i) * stride);
    if (prefix == pf3) {
      std::memcpy(row, state.tiles[reg].words[i], static_cast<std::size_t>(state.row_bytes[reg]));
    } else {
      std::memset(state.tiles[reg].words[i], 0, 64);
      std::memcpy(state.tiles[reg].words[i], row, static_cast<std::size_t>(state.row_bytes[reg]));
    }
  }
  return length;
}

inline void handle(int, siginfo_t*, void* context) {
  greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const int length = execute(reinterpret_cast<const unsigned char*>(registers[REG_RIP]), registers);
  if (length == 0) stop("an instruction that is not emulated");
  registers[REG_RIP] += length;
  ++executed;
}

inline void install() {
  struct sigaction action{};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, nullptr);
}

}  // namespace amx_emulator
