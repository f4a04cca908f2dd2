// Hashes of what every kernel of a level computes (cpp/kernels/table.h), a family at a time.
#pragma once
#include <cmath>
#include <limits>
#include <map>

#include "core/context.h"
#include "golden_data.h"
#include "ops/matmul.h"
#include "ops/optimizer_numbers.h"
#include "sha256.h"

namespace densekit {

// {family of kernels: hash} of the level in use; lengths from nothing to many blocks of virtual lanes.
template <class T> class OperationHashes {
 public:
  std::map<std::string, std::string> all() {
    for (const index n : {0, 1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129, 200, 255, 257, 500, 1000}) {
      functions(n);
      if (n > 0) rows(n);
      sums(n);
      losses(n);
      updates(n);
    }
    for (const index n : {1, 3, 9, 33, 65}) columns(n), prelu(n);
    products();
    std::map<std::string, std::string> hashes;
    for (auto& [family, hash] : hashes_) hashes[family] = hash.hex();
    return hashes;
  }

 private:
  using Array = std::vector<T>;
  const Kernels<T>& k = current_context().kernels<T>();
  std::map<std::string, Sha256> hashes_;
  std::uint32_t seed_ = 0;
  // The kinds of 0.1.0 share hashes; each later one has a hash and numbers of its own, so that it changes no other.
  static constexpr int first_activations = 15, first_rules = 7;

  Array draw(index n, double scale = 1) { return GoldenData{++seed_}.numbers_of<T>(sizeof(T), n, scale); }
  Array positive(index n) {
    Array x = draw(n);
    for (T& v : x) v = std::fabs(v) + T(0.0078125);
    return x;
  }
  Array empty(index n) { return Array(static_cast<std::size_t>(n)); }
  // NaN is NaN: its sign and payload are not promised.
  template <class N> void put_numbers(const char* family, std::vector<N> values) {
    for (N& v : values)
      if (v != v) v = std::numeric_limits<N>::quiet_NaN();
    hashes_[family].add_numbers(values.data(), values.size());
  }
  void put(const char* family, const Array& values) { put_numbers(family, values); }
  void put(const char* family, double value) { put_numbers(family, std::vector<double>{value}); }

  void functions(index n) {
    const Array x = draw(n, 8), dy = draw(n);
    Array y = empty(n);
    for (int i = 0; i < activation_count; ++i) {
      const std::string later = i < first_activations ? "" : "activation " + std::to_string(i);
      k.activation.forward[i](x.data(), y.data(), n, T(0.75), Store::cached);
      put(later.empty() ? "activations" : later.c_str(), y);
      Array dz = empty(n);
      k.activation.backward[i](dy.data(), saves_input(static_cast<Activation>(i)) ? x.data() : y.data(), dz.data(), n, T(0.75),
                               Store::cached);
      put(later.empty() ? "activations backward" : later.c_str(), dz);
    }
    const Array p = positive(n);
    for (int i = 0; i < static_cast<int>(MathFunction::count); ++i) {
      k.math.function[i](p.data(), y.data(), n);
      put("math", y);
    }
    k.information.log_gamma(p.data(), y.data(), n);
    put("math", y);
    k.information.surprisal(p.data(), y.data(), n, T(1.5));
    put("information", y);
    k.penalty.soft_threshold(x.data(), y.data(), n, T(0.5));
    put("penalties", y);
    k.penalty.clip(x.data(), y.data(), n, T(-1), T(2));
    put("penalties", y);
    k.penalty.scale(x.data(), y.data(), n, 0.3);
    put("penalties", y);
    const DropoutStream stream{{7, 9}, 3, {5, 0}, 0x60000000u};
    k.dropout.dropout(stream, 5, x.data(), y.data(), n, T(1.25));
    put("dropout", y);
    k.noise.gaussian(stream, 3, x.data(), y.data(), n, T(0.5));
    put("noise", y);
  }

  void rows(index n) {
    const Array z = draw(n, 6), dy = draw(n), p = positive(n);
    Array y = empty(n), scratch = empty(n), dz = empty(n);
    for (const T scale : {T(1), T(0.5)}) {
      k.softmax.softmax(z.data(), y.data(), n, scale);
      put("softmax", y);
      k.softmax.softmax_backward(dy.data(), y.data(), dz.data(), n, scale);
      put("softmax", dz);
      k.softmax.log_softmax(z.data(), y.data(), n, scale, scratch.data());
      put("log_softmax", y);
      k.softmax.log_softmax_backward(dy.data(), y.data(), dz.data(), n, scale);
      put("log_softmax", dz);
    }
    for (const double smoothing : {0.0, 0.125}) {
      put("softmax_cross_entropy", k.softmax.cross_entropy(z.data(), nullptr, n / 2, smoothing, 0.5, dz.data(), n));
      put("softmax_cross_entropy", dz);
      put("softmax_cross_entropy", k.softmax.cross_entropy(z.data(), p.data(), 0, smoothing, 0.5, dz.data(), n));
      put("softmax_cross_entropy", dz);
    }
    if (n <= most_short_row) {
      const index count = 37;
      const Array many = draw(count * n, 6);
      Array gradient = empty(count * n);
      std::vector<std::int64_t> labels;
      std::vector<double> weights(static_cast<std::size_t>(count), 0.5);
      for (const std::uint32_t word : GoldenData{seed_}.words(1, count)) labels.push_back(word % static_cast<std::uint32_t>(n));
      weights[3] = 0;
      k.softmax.cross_entropy_of_short_rows(many.data(), labels.data(), 3, weights.data(), gradient.data(), count, n);
      put("softmax_cross_entropy", gradient);
      put_numbers("softmax_cross_entropy", weights);
    }
    put("nll", k.loss.nll(z.data(), p.data(), T(0.5), dz.data(), n));
    put("nll", dz);
    put("multiclass_hinge", k.loss.hinge(z.data(), n / 2, T(1), T(0.5), dz.data(), n));
    put("multiclass_hinge", dz);
    for (const bool log_input : {false, true}) {
      put("kl_divergence", k.loss.kl(p.data(), p.data(), log_input, T(0.5), dz.data(), n));
      put("kl_divergence", dz);
    }
    for (int i = 0; i < static_cast<int>(RowInformation::count); ++i) {
      put("information", k.information.row[i](p.data(), p.data(), n));
      if (n > most_short_row) continue;
      const Array many = positive(19 * n);
      std::vector<double> nats(19);
      k.information.short_rows[i](many.data(), many.data(), nats.data(), 19, n);
      put_numbers("information", nats);
    }
    double mean, squares;
    k.normalization.moments(z.data(), n, &mean, &squares);
    put("layer_norm", mean);
    put("layer_norm", squares);
    k.normalization.layer_affine(z.data(), n, mean, 1.5, dy.data(), p.data(), y.data());
    put("layer_norm", y);
    k.normalization.layer_backward(dy.data(), z.data(), n, mean, 1.5, p.data(), true, dz.data());
    put("layer_norm", dz);
    k.normalization.gradient_sums(dy.data(), z.data(), n, mean, &mean, &squares);
    put("layer_norm", mean);
    put("layer_norm", squares);
  }

  void sums(index n) {
    const Array x = draw(n, 3), p = positive(n);
    put("norms", k.norm.largest(x.data(), n));
    put("norms", k.norm.sum(x.data(), n));
    put("norms", k.norm.squares(x.data(), n));
    put("norms", k.norm.nonzeros(x.data(), n));
    for (const double power : {2.0, 3.0, 0.5}) put("norms", k.norm.powers(x.data(), n, power, 3));
    put("norms", k.norm.powers(p.data(), n, -1.5, 0.0078125));
    const std::vector<double> u(x.begin(), x.end()), v(p.begin(), p.end());
    double xx, yy, xy;
    k.norm.products(u.data(), v.data(), n, &xx, &yy, &xy);
    for (const double value : {xx, yy, xy}) put("norms", value);
    for (const double factor : {1.0, 0.3}) put("penalties", k.penalty.sum_of_squares(x.data(), n, factor));
    for (int i = 0; i < 3; ++i) {
      double both[2] = {};
      Array gradient = empty(n);
      k.penalty.gradient[i](x.data(), gradient.data(), n, T(0.5), T(0.25), both);
      put("penalties", gradient);
      for (const double value : both) put("penalties", value);
    }
    put("information", k.information.sum(x.data(), n));
    double both[2];
    k.information.deviations(x.data(), n, 0.3, both);
    for (const double value : both) put("information", value);
    for (const auto* density : {&k.information.log_density[0], &k.information.log_density[1], &k.information.log_density[5]})
      put("information", (*density)(p.data(), n, 0.3, 1.25));
  }

  void losses(index n) {
    const Array pred = positive(n), target = positive(n), weights = positive(n);
    Array each = empty(n), gradient = empty(n), second = empty(n);
    for (const T* w : {static_cast<const T*>(nullptr), weights.data()}) {
      for (int i = 0; i < pointwise_loss_count; ++i) {
        put("pointwise losses",
            k.loss.pointwise[i](pred.data(), target.data(), w, T(0.5), T(0.75), T(0.125), each.data(), gradient.data(), n));
        put("pointwise losses", each);
        put("pointwise losses", gradient);
      }
      for (int i = 0; i < static_cast<int>(DensityLoss::count); ++i) {
        put("density losses", k.loss.density[i](pred.data(), weights.data(), target.data(), w, T(0.5), T(0.25), each.data(),
                                                gradient.data(), second.data(), n));
        put("density losses", gradient);
        put("density losses", second);
      }
      put("rmse", k.loss.sum_of_squares(pred.data(), target.data(), w, n));
      k.loss.root_gradient(pred.data(), target.data(), w, T(0.5), T(1.5), gradient.data(), n);
      put("rmse", gradient);
    }
  }

  void updates(index n) {
    const OptimizerNumbers<T> numbers{{T(0.99), 1, T(-0.01)},
                                      {T(0.9), 1, T(-0.1)},
                                      {T(0.99), 1, T(-0.01)},
                                      T(0.1),
                                      T(0.01),
                                      T(-0.5),
                                      T(-0.25),
                                      T(1e-6),
                                      T(1e-6),
                                      T(0.01)};
    for (int i = 0; i < optimizer_count; ++i) {
      const bool later = i >= first_rules;
      const std::string family = later ? "optimizer " + std::to_string(i) : "optimizers";
      const std::uint32_t before = seed_;
      if (later) seed_ = 1000000 + static_cast<std::uint32_t>(1000 * i + n);
      Array p = draw(n), first = positive(n), second = positive(n);
      const Array g = draw(n);
      Array third = later ? positive(n) : empty(n);
      T* states[] = {first.data(), second.data(), third.data()};
      k.optimizer.update[i](p.data(), g.data(), states, n, numbers);
      for (const Array* a : {&p, &first, &second}) put(family.c_str(), *a);
      if (later) put(family.c_str(), third), seed_ = before;
    }
  }

  void prelu(index n) {
    const std::uint32_t before = seed_;
    seed_ = 2000000 + static_cast<std::uint32_t>(n);
    const index m = 41;
    const Array x = draw(m * n, 3), dy = draw(m * n), alpha = draw(n);
    Array y = empty(m * n), dx = empty(m * n);
    std::vector<double> sums(static_cast<std::size_t>(n));
    for (const bool shared : {false, true}) {
      k.prelu.forward(x.data(), m, n, n, alpha.data(), shared, y.data());
      k.prelu.backward(dy.data(), x.data(), m, n, n, alpha.data(), shared, dx.data());
      put("prelu", y), put("prelu", dx);
    }
    k.prelu.sums(dy.data(), x.data(), m, n, n, sums.data());
    put_numbers("prelu", sums);
    seed_ = before;
  }

  void columns(index n) {
    const index m = 41;
    const Array x = draw(m * n, 3), dy = draw(m * n);
    std::vector<double> sum(static_cast<std::size_t>(n)), mean(sum), squares(sum), dot(sum);
    const auto put_doubles = [&](const char* family, const std::vector<double>& v) { put_numbers(family, v); };
    k.column.sum(x.data(), m, n, n, sum.data());
    put_doubles("columns", sum);
    k.normalization.column_moments(x.data(), m, n, n, mean.data(), squares.data(), false);
    put_doubles("batch_norm", mean);
    put_doubles("batch_norm", squares);
    k.normalization.column_gradient_sums(dy.data(), x.data(), m, n, n, mean.data(), sum.data(), dot.data());
    put_doubles("batch_norm", sum);
    put_doubles("batch_norm", dot);
    k.normalization.merge_moments(mean.data(), squares.data(), 41, sum.data(), dot.data(), 23, n);
    put_doubles("batch_norm", mean);
    put_doubles("batch_norm", squares);
    Array low = empty(n), high = empty(n), out = empty(m * n);
    k.scaling.column_range(x.data(), m, n, n, low.data(), high.data());
    put("scaling", low);
    put("scaling", high);
    const index depth = 23, cols = k.distance.tile_cols;
    std::vector<double> packed(static_cast<std::size_t>(cols * depth));
    const Array a = draw(k.distance.tile_rows * depth), b = draw(64 * depth);
    for (int metric = 0; metric < 4; ++metric)
      for (index j = 0; j < 64; j += cols) {
        Array tile = empty(k.distance.tile_rows * cols);
        k.distance.pack(std::min(cols, 64 - j), depth, b.data() + j * depth, packed.data());
        k.distance.tile[metric](k.distance.tile_rows, std::min(cols, 64 - j), depth, a.data(), packed.data(), 2.5, tile.data(), cols);
        // In an order that does not depend on the size of a tile: row 0 alone.
        put("distances", Array(tile.begin(), tile.begin() + std::min(cols, 64 - j)));
      }
  }

  void products() {
    std::vector<char> scratch;
    for (const index m : {1, 3, 17, 65})
      for (const index n : {1, 7, 33, 100})
        for (const index depth : {1, 16, 255, 300, 700}) {
          const Context context = current_context();
          const Array a = draw(m * depth), b = draw(depth * n), bias = draw(n);
          Array c = empty(m * n);
          scratch.resize(static_cast<std::size_t>(matmul_scratch_bytes<T>(context, m, n, depth)) + 64);
          Epilogue<T> epilogue;
          epilogue.bias = bias.data();
          epilogue.activation = Activation::gelu;
          matmul<T>(context, {a.data(), m, depth, depth, 1}, {b.data(), depth, n, n, 1}, c.data(), epilogue, scratch.data());
          put("products", c);
        }
  }
};

}  // namespace densekit
