// Golden trainings (tests/golden/trainings.txt) without Python: what python/densekit/_verify.py does, step by step.
#pragma once
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>

#include "densekit/network.h"
#include "golden_data.h"
#include "sha256.h"

namespace densekit {

struct GoldenTraining {
  std::string name, targets, spec;
  index rows = 0, batch_size = 0, columns = 0;
  bool weighted = false;
  std::uint32_t seed = 0;
};

inline std::vector<GoldenTraining> read_trainings(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<GoldenTraining> all;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    GoldenTraining one;
    words >> one.name >> one.rows >> one.batch_size >> one.columns >> one.targets >> one.weighted >> one.seed;
    std::getline(words >> std::ws, one.spec);
    all.push_back(one);
  }
  return all;
}

template <class T> std::string hash_of(const GoldenTraining& training) {
  enum Stream : std::uint32_t { data, targets_, weights_, order_ };
  constexpr index updates = 20;
  const GoldenData draw{training.seed};
  Spec spec = spec_from_json(training.spec);
  spec.dtype = dtype_of<T>;
  BasicNetwork<T> net(spec);

  const index n = training.rows, m = training.columns;
  const std::vector<T> x = draw.numbers_of<T>(data, n * spec.inputs.size());
  const std::vector<std::uint32_t> words = draw.words(targets_, n * std::max<index>(m, 2));
  std::vector<std::int64_t> labels;
  std::vector<T> values;
  const auto each = [&](const std::function<double(std::uint32_t)>& value) {
    for (index i = 0; i < n * m; ++i) values.push_back(static_cast<T>(value(words[static_cast<std::size_t>(i)])));
  };
  const auto classes = static_cast<std::uint32_t>(m);
  if (training.targets == "labels") {
    for (index i = 0; i < n; ++i) labels.push_back(words[static_cast<std::size_t>(i)] % classes);
  } else if (training.targets == "shares") {
    values.assign(static_cast<std::size_t>(n * m), T(0));
    for (index i = 0; i < n; ++i) {
      values[static_cast<std::size_t>(i * m + words[static_cast<std::size_t>(i)] % classes)] += T(0.75);
      values[static_cast<std::size_t>(i * m + words[static_cast<std::size_t>(n + i)] % classes)] += T(0.25);
    }
  } else if (training.targets == "unit") {
    each([](std::uint32_t w) { return w % 5 / 4.0; });
  } else if (training.targets == "sign") {
    each([](std::uint32_t w) { return w % 2 * 2.0 - 1; });
  } else if (training.targets == "count") {
    each([](std::uint32_t w) { return 1.0 + w % 4; });
  } else {
    each([](std::uint32_t w) { return 2 * ((w + 0.5) / 2147483648.0 - 1); });
  }
  std::vector<double> weights;
  if (training.weighted)
    for (const std::uint32_t word : draw.words(weights_, n)) weights.push_back((1 + word % 8) / 4.0);

  const Targets<T> targets{.labels = labels, .values = values, .width = values.empty() ? 0 : m, .weights = weights};
  const index size = sizeof(T);
  const Table2D table{
      x.data(), size == 4 ? Table2D::Type::float32 : Table2D::Type::float64, n, spec.inputs.size(), spec.inputs.size() * size, size};
  std::vector<double> losses;
  for (index left = updates, epoch = 0; left > 0; ++epoch) {
    const index steps = std::min(left, n / training.batch_size);
    const std::vector<std::int64_t> order = draw.order(static_cast<std::uint32_t>(order_ + epoch), n);
    const std::vector<double> rates(static_cast<std::size_t>(steps), spec.optimizer->lr);
    typename BasicNetwork<T>::EpochOptions options{};
    options.batch_size = training.batch_size;
    options.lr = rates;
    const std::span<const std::int64_t> used(order.data(), static_cast<std::size_t>(steps * training.batch_size));
    losses.push_back(net.epoch(table, targets, used, options).loss);
    left -= steps;
  }

  Sha256 hash;
  const auto add = [&](const std::vector<SegmentInfo>& segments, std::span<const T> flat) {
    for (const SegmentInfo& s : segments) {
      std::size_t count = 1;
      for (const index length : s.shape) count *= static_cast<std::size_t>(length);
      hash.add_numbers(flat.data() + s.offset, count);
    }
  };
  add(net.parameter_segments(), net.parameters());
  add(net.statistic_segments(), net.statistics());
  std::vector<T> y(static_cast<std::size_t>(n * net.outputs()));
  net.forward(x, y, false);
  hash.add_numbers(y.data(), y.size());
  hash.add_numbers(losses.data(), losses.size());
  return hash.hex();
}

}  // namespace densekit
