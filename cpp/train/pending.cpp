#include "train/pending.h"

#include <algorithm>
#include <cstring>

namespace densekit {

// NaN is the same as itself here.
template <class T> static bool same(const T& a, const T& b) { return std::memcmp(&a, &b, sizeof(T)) == 0; }

template <class T> void Pending<T>::add(const Run<T>& run, const Workspace<T>& ws, const T* statistics) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (after_.empty()) write_locked(statistics, statistics);
  for (std::size_t i = 0; i < before_.size(); ++i) {  // what was written since the pass before goes before this one
    if (!same(statistics[i], before_[i])) before_[i] = after_[i] = statistics[i];
  }
  commit_statistics(run, ws, after_.data());
}

template <class T> void Pending<T>::take_over(T* statistics) {
  const std::lock_guard<std::mutex> lock(mutex_);
  merge(statistics);
  before_.clear(), after_.clear();
}

template <class T> void Pending<T>::drop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  before_.clear(), after_.clear();
}

template <class T> bool Pending<T>::read(const T* statistics, T* to) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (after_.empty()) return false;
  std::copy_n(statistics, plan_.statistic_count, to);
  merge(to);
  return true;
}

template <class T> void Pending<T>::write(const T* statistics, const T* values) {
  const std::lock_guard<std::mutex> lock(mutex_);
  write_locked(statistics, values);
}

template <class T> void Pending<T>::write_locked(const T* statistics, const T* values) {
  before_.assign(statistics, statistics + plan_.statistic_count);
  after_.assign(values, values + plan_.statistic_count);
}

template <class T> void Pending<T>::merge(T* statistics) const {
  if (after_.empty()) return;
  for (const Segment& s : plan_.statistics) {
    if (!s.follows_batches) continue;
    for (index i = s.offset; i < s.offset + s.size; ++i) {
      const std::size_t at = static_cast<std::size_t>(i);
      if (same(statistics[i], before_[at])) statistics[i] = after_[at];
    }
  }
}

template class Pending<float>;
template class Pending<double>;

}  // namespace densekit
