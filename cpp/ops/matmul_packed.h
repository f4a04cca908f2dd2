// The packed road of the matrix product. Tiles (Exact, Rounded) say how operands are packed and multiplied.
#pragma once
#include <algorithm>
#include <atomic>
#include <limits>

#include "core/arena.h"
#include "core/context.h"
#include "core/view.h"
#include "kernels/bf16_table.h"
#include "ops/epilogue.h"
#include "ops/pieces.h"

namespace densekit {

// Tiles of elements as they are.
template <class T> struct Exact {
  using Packed = T;
  const GemmKernels<T>& gemm;
  static constexpr index depth = k_block;
  static constexpr bool whole_strips = false;
  struct Session {
    explicit Session(const Exact&) {}
  };
  index packed_depth(index k) const { return k; }
  int rows() const { return gemm.packed_rows; }
  bool pack_a(index m, index k, const T* a, View<T> of, T* to) const {
    return gemm.pack_a(m, k, a, of.row_stride, of.col_stride, to), true;
  }
  // The first tile along a panel of b, which is packed for the others.
  bool first_tile(index m, index n, index k, const T* a, const T* b, View<T> of, T* packed, T* c, index ldc, bool accumulate,
                  const Ahead& ahead) const {
    if (of.col_stride == 1 && n == gemm.tile_width)
      return gemm.packing_tile(m, k, a, b, of.row_stride, packed, c, ldc, accumulate, &ahead), true;
    gemm.pack_b(k, n, b, of.row_stride, of.col_stride, packed);
    return tile(m, n, k, a, packed, c, ldc, accumulate, ahead), true;
  }
  void tile(index m, index n, index k, const T* a, const T* b, T* c, index ldc, bool accumulate, const Ahead& ahead) const {
    gemm.packed_tile(m, n, k, a, b, c, ldc, accumulate, &ahead);
  }
};

// Tiles of pairs of bfloat16s.
struct Rounded {
  using Packed = std::uint32_t;
  const Bf16Kernels& gemm;
  static constexpr index depth = bf16_block;
  const bool whole_strips = gemm.whole_strips;
  struct Session {
    explicit Session(const Rounded& tiles) : gemm(tiles.gemm) {
      if (gemm.begin) gemm.begin();
    }
    ~Session() {
      if (gemm.end) gemm.end();
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    const Bf16Kernels& gemm;
  };
  index packed_depth(index k) const { return gemm.parts * (ceil_div(k, gemm.depth_step) * gemm.depth_step / 2); }
  int rows() const { return gemm.rows; }
  bool pack_a(index m, index k, const float* a, View<float> of, Packed* to) const {
    return gemm.pack_a(m, k, a, of.row_stride, of.col_stride, to);
  }
  bool first_tile(index m, index n, index k, const Packed* a, const float* b, View<float> of, Packed* packed, float* c, index ldc,
                  bool accumulate, const Ahead& ahead) const {
    return gemm.pack_b(k, n, b, of.row_stride, of.col_stride, packed) && (tile(m, n, k, a, packed, c, ldc, accumulate, ahead), true);
  }
  void tile(index m, index n, index k, const Packed* a, const Packed* b, float* c, index ldc, bool accumulate, const Ahead& ahead) const {
    gemm.tile(m, n, k, a, b, c, ldc, accumulate, &ahead);
  }
};

template <class Tiles> index resident_b(const Tiles& tiles) { return tiles.gemm.resident / 4; }
// Rows of B that one panel of it may have while it stays in L2.
template <class Tiles> index most_depth(const Tiles& tiles) {
  return Tiles::depth * (resident_b(tiles) / (tiles.gemm.tile_width * tiles.packed_depth(Tiles::depth)));
}

// The last strip of a block of A may be packed as a whole one.
template <class Tiles> index margin(const Tiles& tiles) {
  return tiles.whole_strips ? tiles.rows() * tiles.packed_depth(most_depth(tiles)) : 0;
}

// Elements of packed A that a worker may need for products of at most these sizes.
template <class Tiles> index most_packed_a(const Tiles& tiles, index m, index k) {
  const index all = tiles.gemm.resident + margin(tiles);
  if (m > all || k > all) return all;  // the product below could overflow
  return static_cast<index>(std::min<std::int64_t>(all, (std::int64_t{m} + tiles.rows()) * tiles.packed_depth(k) + 63) / 64 * 64);
}
template <class Tiles> Bytes packed_bytes(const Context& context, const Tiles& tiles, index m, index k) {
  using Packed = typename Tiles::Packed;
  return Carver::bytes<Packed>(most_packed_a(tiles, m, k), context.threads) + Carver::bytes<Packed>(resident_b(tiles), context.threads) +
         Carver::bytes<index>(8, context.threads);
}

// Rows [first, end) in strips of at most `most`: of nearly equal height or, if `whole`, of that height but for the last.
struct Strips {
  Strips(index first, index end, index most, bool whole)
      : first(first), end(end), count(ceil_div(end - first, most)), pieces(end - first, std::max<index>(count, 1)) {
    if (whole) pieces.whole = most, pieces.rest = 0;
  }
  index row(index s) const { return first + pieces.start(s); }
  index rows(index s) const { return std::min(pieces.length(s), end - row(s)); }
  index first, end, count;
  Pieces pieces;
};

// A block of memory as runs of contiguous elements, to be asked for in pieces before it is needed.
template <class T> struct Foreseen {
  Foreseen(View<T> of, index row, index col, index rows, index cols, index pieces)
      : along(of.col_stride == 1),
        pieces(along ? rows : cols, pieces),
        start(reinterpret_cast<const char*>(of.at(row, col))),
        stride((along ? of.row_stride : of.col_stride) * static_cast<index>(sizeof(T))),
        lines(ceil_div((along ? cols : rows) * static_cast<index>(sizeof(T)), 64)) {}
  Ahead::Block piece(index t) const { return {start + pieces.start(t) * stride, lines, stride - lines * 64, pieces.length(t)}; }
  bool along;
  Pieces pieces;
  const char* start;
  index stride, lines;
};

// Where the road is cut. A task is a block of rows and a strip of columns.
struct Cut {
  template <class Tiles> Cut(const Context& context, const Tiles& tiles, index m, index n, index k, bool in_blocks) {
    const index width = tiles.gemm.tile_width, block = tiles.packed_depth(std::min(Tiles::depth, k));
    const index most_rows = tiles.gemm.resident / block / moment_rows * moment_rows;
    panels = ceil_div(n, width);
    // Enough tasks for every thread: rows are cut only as far as A must be, or where there are few columns.
    const index wanted = context.threads == 1 ? 1 : 4 * context.threads, least_rows = in_blocks ? moment_rows : 4 * tiles.rows();
    const index blocks = std::max(ceil_div(m, most_rows), std::min(ceil_div(wanted, panels), ceil_div(m, least_rows)));
    rows = blocks == 1 ? m : in_blocks ? moment_rows * ceil_div(ceil_div(m, blocks), moment_rows) : ceil_div(m, blocks);
    row_tasks = ceil_div(m, rows);
    col_tasks = std::min(panels, std::max(ceil_div(panels, 16), ceil_div(wanted, row_tasks)));
    while (row_tasks * col_tasks % context.threads != 0 && col_tasks < panels) ++col_tasks;  // so that shares are equal
    // Few rows are waiting for B: it is then read along several panels, a block of k at a time, because memory likes long runs
    // and rows that are a power of two apart would push each other out of the caches.
    depth = m <= 256 ? Tiles::depth : std::min(most_depth(tiles), Tiles::depth * std::max<index>(1, tiles.gemm.resident / (rows * block)));
    group = std::max<index>(1, resident_b(tiles) / (width * tiles.packed_depth(std::min(depth, k))));
  }
  index panels;                // of B, one tile wide
  index rows, depth;           // of A that a worker packs at a time
  index group;                 // panels of B that are packed together
  index row_tasks, col_tasks;  // tasks of the same rows follow each other
};

// Each worker packs the block of A that its tasks need, one tile's rows after another; it stays in L2 for all tasks of these rows.
// Then it takes a few panels of B at a time, packs them while it computes the first tiles along them, and goes down the packed A.
// The next tile of C and the next panels of B are asked for meanwhile. Nothing that one worker has written is read by another.
// False: something could not be packed, and c is unfinished.
template <class T, class Tiles>
bool multiply_packed(const Context& context, const Tiles& tiles, View<T> a, View<T> b, T* c, const Epilogue<T>& epilogue, void* scratch) {
  using Packed = typename Tiles::Packed;
  const Kernels<T>& kernels = context.kernels<T>();
  const index m = a.rows, n = b.cols, k = a.cols, width = tiles.gemm.tile_width;
  const bool blocks = epilogue.block_means;
  const Cut cut(context, tiles, m, n, k, blocks || tiles.whole_strips);
  Carver carver(scratch);
  const index a_size = most_packed_a(tiles, m, k);
  Packed* all_a = carver.take<Packed>(a_size * context.threads);
  Packed* all_b = carver.take<Packed>(resident_b(tiles) * context.threads);
  index* packed_rows = carver.take<index>(context.threads * 8);  // the rows that a worker has packed; each in a line of its own
  std::atomic<bool> failed{false};
  constexpr index size = static_cast<index>(sizeof(T));
  const index tile_lines = width * size / 64, down_c = n * size - tile_lines * 64;
  const auto bytes_of = [](const T* x) { return reinterpret_cast<const char*>(x); };

  for (index start = 0; start < k; start += cut.depth) {
    const index end = std::min(k, start + cut.depth), depth = end - start;
    for (int w = 0; w < context.threads; ++w) packed_rows[8 * w] = -1;
    context.parallel(cut.row_tasks * cut.col_tasks, flops_time(m, n, depth), [&](index task, int worker) {
      const index top = task / cut.col_tasks * cut.rows;
      const Strips strips(top, std::min(m, top + cut.rows), tiles.rows(), tiles.whole_strips);
      Packed* packed_a = all_a + worker * a_size;
      Packed* packed_group = all_b + worker * resident_b(tiles);
      // A strip's rows lie together, block of k after block of k.
      const auto packed_at = [&](index row, index rows, index p) {
        return packed_a + (row - top) * tiles.packed_depth(depth) +
               (tiles.whole_strips ? tiles.rows() : rows) * tiles.packed_depth(p - start);
      };
      const auto pack_block = [&] {
        // Columns of A that are contiguous are read across several strips, so that a line is used up while it is near.
        constexpr index together = 6, few = 32;
        for (index first = 0; first < strips.count; first += together) {
          if (context.stopped(worker)) return;
          const index last = std::min(strips.count, first + together);
          for (index p = start; p < end; p += Tiles::depth) {
            const index whole = std::min(Tiles::depth, end - p), chunk = a.row_stride == 1 ? few : whole;
            for (index q = 0; q < whole; q += chunk)
              for (index s = first; s < last; ++s) {
                const index row = strips.row(s), rows = strips.rows(s);
                if (!tiles.pack_a(rows, std::min(chunk, whole - q), a.at(row, p + q), a, packed_at(row, rows, p + q))) failed = true;
              }
          }
        }
        packed_rows[8 * worker] = top;
      };
      if (packed_rows[8 * worker] != top) pack_block();
      if (failed || context.stopped(worker)) return;

      [[maybe_unused]] const typename Tiles::Session session(tiles);
      const index first_panel = piece_start(cut.panels, cut.col_tasks, task % cut.col_tasks);
      const index end_panel = piece_start(cut.panels, cut.col_tasks, task % cut.col_tasks + 1);
      const auto cols_from = [&](index panel, index count) {
        return std::min(n, std::min(panel + count, end_panel) * width) - panel * width;
      };
      for (index first = first_panel; first < end_panel; first += cut.group) {
        const index last = std::min(first + cut.group, end_panel);
        // What comes after these panels: those to the right, or, at the end, further down.
        const bool right = last < end_panel;
        const index next = right ? last : first_panel, next_p = right ? start : end,
                    next_depth = right ? depth : std::min(k - end, cut.depth);
        const Foreseen<T> later(b, next_p, next * width, next_depth, cols_from(next, cut.group),
                                strips.count * (last - first) * ceil_div(depth, Tiles::depth));
        index t = 0;
        for (index s = 0; s < strips.count; ++s) {
          // A task is some 10 ms of arithmetic, and several times that where it is the first to touch its memory.
          if (context.stopped(worker)) return;
          const index row = strips.row(s), rows = strips.rows(s);
          for (index panel = first; panel < last; ++panel) {
            const index col = panel * width, cols = cols_from(panel, 1);
            T* out = c + row * n + col;
            for (index p = start; p < end; p += Tiles::depth, ++t) {
              Ahead ahead;
              Ahead::Block* block = ahead.blocks;
              if (p + Tiles::depth >= end) {  // the next tile of C
                if (panel + 1 < last) *block++ = {bytes_of(out + width), tile_lines, down_c, rows};
                else if (s + 1 < strips.count)
                  *block++ = {bytes_of(c + (row + rows) * n + first * width), tile_lines, down_c, strips.rows(s + 1)};
              }
              *block = later.piece(t);
              block += next_depth > 0 && block->runs > 0;
              *block = {bytes_of(out), 1, -64, std::numeric_limits<index>::max()};
              const index d = std::min(Tiles::depth, end - p);
              Packed* packed = packed_group + width * ((panel - first) * tiles.packed_depth(depth) + tiles.packed_depth(p - start));
              if (s > 0) tiles.tile(rows, cols, d, packed_at(row, rows, p), packed, out, n, p > 0, ahead);
              else if (!tiles.first_tile(rows, cols, d, packed_at(row, rows, p), b.at(p, col), b, packed, out, n, p > 0, ahead))
                failed = true;
            }
          }
          if (failed) return;
        }
        for (index row = strips.first; end == k && row < strips.end; row += moment_rows) {
          if (context.stopped(worker)) return;
          finish(kernels, epilogue, c, n, row, first * width, std::min<index>(moment_rows, strips.end - row), cols_from(first, cut.group));
        }
      }
      if (blocks && end == k)
        block_moments(kernels, epilogue, c, n, strips.first, strips.end, first_panel * width, cols_from(first_panel, cut.panels));
    });
    if (failed) return false;
  }
  return true;
}

}  // namespace densekit
