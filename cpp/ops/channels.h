// Arrays seen as (outer, channels, inner), C-contiguous, and what batch normalisation and column-wise scaling share:
// the cut into blocks, the moments of each channel, and the affine map by channel.
#pragma once
#include <algorithm>

#include "core/arena.h"
#include "ops/epilogue.h"

namespace densekit {

// Rows are samples: a matrix (n, c) is (n, c, 1), images (n, c, h, w) are (n, c, h * w).
struct ChannelShape {
  index outer, channels, inner;

  static constexpr index row_block = 64, strip = 1024, piece = 4096;

  index size() const { return outer * channels * inner; }
  index count() const { return outer * inner; }  // values in a channel
  bool columns() const { return inner == 1; }
  // One channel alone is one run, whatever its axes.
  ChannelShape canonical() const { return channels == 1 ? ChannelShape{1, 1, outer * inner} : *this; }
  index pieces() const { return (inner + piece - 1) / piece; }
  // How many partial results each channel has, and how many values the p-th stands for. Partial p of channel c is kept at
  // [partial_at(c, p)].
  index partials() const { return columns() ? (outer + row_block - 1) / row_block : outer * pieces(); }
  index partial_count(index p) const {
    return columns() ? std::min(row_block, outer - p * row_block) : std::min(piece, inner - p % pieces() * piece);
  }
  index partial_at(index c, index p) const {
    return columns() ? p * channels + c : (p / pieces() * channels + c) * pieces() + p % pieces();
  }
};

// Cuts the array, by its shape alone, into blocks and runs body on each, in tasks:
// columns(partial, offset, rows, first, cols): `rows` rows, of columns first .. first + cols, from x + offset; or
// runs(at, offset, n, channel): n elements of one channel from x + offset; `at` is the place of their partial result.
template <class Columns, class Runs>
void for_channel_blocks(const Context& context, const ChannelShape& s, double nanoseconds_each, const Columns& columns, const Runs& runs) {
  const double nanoseconds = nanoseconds_each * static_cast<double>(s.size());
  const auto in_tasks = [&](index units, index unit_size, const auto& body) {
    const index per_task = std::max<index>(1, 8192 / std::max<index>(1, unit_size));
    context.parallel((units + per_task - 1) / per_task, nanoseconds, [&](index task, int) {
      for (index u = task * per_task; u < std::min(units, (task + 1) * per_task); ++u) body(u);
    });
  };
  if (s.size() == 0) return;
  if (s.columns()) {
    const index strips = (s.channels + s.strip - 1) / s.strip;
    in_tasks(s.partials() * strips, s.row_block * std::min(s.channels, s.strip), [&](index u) {
      const index p = u / strips, first = u % strips * s.strip, row = p * s.row_block;
      columns(p, row * s.channels + first, s.partial_count(p), first, std::min(s.strip, s.channels - first));
    });
  } else {
    const index pieces = s.pieces();
    in_tasks(s.outer * s.channels * pieces, std::min(s.inner, s.piece), [&](index u) {
      const index run = u / pieces, begin = u % pieces * s.piece;
      runs(u, run * s.inner + begin, std::min(s.piece, s.inner - begin), run % s.channels);
    });
  }
}

// Combines the partials of each channel in order: body(first, cols, p) takes partial p of channels first .. first + cols,
// which lie side by side from partial_at(first, p); a channel of runs comes alone.
template <class F> void for_partials(const Context& context, const ChannelShape& s, const F& body) {
  const index strip = s.columns() ? 64 : 1, partials = s.partials();
  context.parallel((s.channels + strip - 1) / strip, 2.0 * static_cast<double>(partials * s.channels), [&](index task, int) {
    const index first = task * strip, cols = std::min(strip, s.channels - first);
    for (index p = 0; p < partials; ++p) body(first, cols, p);
  });
}

// mean (channels) and m2 (channels), the sum of (x - mean)^2: partials of 64 rows or 4,096 elements, merged in order by
// Chan's formula, all in float64. count() > 0.
Bytes channel_moments_scratch_bytes(const ChannelShape& shape);
template <class T> void channel_moments(const Context& context, const T* x, ChannelShape shape, double* mean, double* m2, void* scratch);
// The second half of it: partials as ChannelShape numbers them. For columns these are the block moments of an Epilogue.
void merge_channel_moments(const Context& context, const ChannelShape& shape, const double* means, const double* squares, double* mean,
                           double* m2);

// y = (x - mean) inverse gamma + beta by channel; gamma and beta may be null: 1 and 0. y may be x. The epilogue has no bias.
template <class T> Bytes normalize_scratch_bytes(const ChannelShape& shape);
template <class T> void normalize(const Context& context, const T* x, ChannelShape shape, const double* mean, const double* inverse,
                                  const T* gamma, const T* beta, T* y, void* scratch, const Epilogue<T>& epilogue = {});

}  // namespace densekit
