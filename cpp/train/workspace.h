// The memory of one call: what forward leaves for backward, gradients, scratch. Sized once for the most rows; serves any
// smaller batch; nothing is allocated while it works.
#pragma once
#include <vector>

#include "core/arena.h"
#include "densekit/network_class.h"
#include "train/operation.h"

namespace densekit {

struct Plan;

template <class T> class Workspace {
 public:
  explicit Workspace(const std::vector<HostLayer>& hosts) : hosts_(&hosts) {}
  ~Workspace() { release_hosts(); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // target_width: columns of the targets that are gathered into it; a host loss may want any number.
  void prepare(const Context& context, const Plan& plan, index rows, Purpose purpose, index target_width = 0);
  void release_hosts();  // what host layers kept for backward
  void give_back() {     // between calls: large memory goes back to the system
    release_hosts();
    if (arena_.size() > (std::size_t{64} << 20)) arena_.release();
  }

  T* buffer(int number) const { return buffers[static_cast<std::size_t>(number)]; }
  T* slot(int number) const { return slots[static_cast<std::size_t>(number)]; }

  index rows = 0;  // the most
  std::vector<T*> buffers, slots;
  // For each operation: the doubles that it asked for, and what a layer in another language wants to see again.
  struct Kept {
    std::array<double*, most_kept> doubles{};
    void* host = nullptr;
    int host_layer = -1;
  };
  std::vector<Kept> kept;
  double *block_means = nullptr, *block_squares = nullptr;
  std::array<T*, 2> sinks{};  // for gradients that an operation writes though nobody wants them
  T* or_sink(T* gradient, std::size_t which) const { return gradient ? gradient : sinks[which]; }
  T* targets = nullptr;                              // (rows, target_width)
  std::int64_t *labels = nullptr, *order = nullptr;  // (rows), the call's own: checked once, written by nobody else
  double* weights_of_batch = nullptr;                // (rows)
  double *weights = nullptr, *row_losses = nullptr;  // (rows), of batch_loss
  void* scratch = nullptr;

 private:
  const std::vector<HostLayer>* hosts_;
  Arena arena_;
};

}  // namespace densekit
