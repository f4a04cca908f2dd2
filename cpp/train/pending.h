// The running statistics that training passes outside an epoch have found, until an update takes them over.
#pragma once
#include <mutex>
#include <vector>

#include "train/passes.h"

namespace densekit {

// Passes may end in several threads; they are taken in the order in which they end.
template <class T> class Pending {
 public:
  explicit Pending(const Plan& plan) : plan_(plan) {}

  // Commits the batch that a forward pass in training mode saw, as an update would, into the copy.
  void add(const Run<T>& run, const Workspace<T>& ws, const T* statistics);
  // Copies to `statistics`, but for what is not trained and for elements that somebody has written since the first pass.
  void take_over(T* statistics);
  void drop();

  // What take_over would make of `statistics`, into `to`; false: nothing is pending.
  bool read(const T* statistics, T* to) const;
  // As if passes had made these values of `statistics`.
  void write(const T* statistics, const T* values);

 private:
  void write_locked(const T* statistics, const T* values);
  void merge(T* statistics) const;

  const Plan& plan_;
  mutable std::mutex mutex_;
  std::vector<T> before_, after_;  // the statistics when the first pass ended, and with all passes; empty: nothing is pending
};

}  // namespace densekit
