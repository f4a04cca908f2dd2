// The memory of one call: what forward leaves for backward, gradients, scratch. Sized once for the most rows; serves any
// smaller batch; nothing is allocated while it works.
#pragma once
#include <vector>

#include "core/arena.h"
#include "densekit/network_class.h"
#include "train/operation.h"
#include "train/per_head.h"

namespace densekit {

struct Plan;

template <class T> class Workspace {
 public:
  explicit Workspace(const std::vector<HostLayer>& hosts) : hosts_(&hosts) {}
  ~Workspace() { release_hosts(); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // What the targets of a head need beside their labels and weights.
  struct TargetMemory {
    index width = 0;      // columns of values that are copied; a host loss may want any number
    index elements = 0;   // weights of elements in a row,
    bool packed = false;  // of a loss that takes two scores for each
  };
  using AllTargetMemory = PerHead<TargetMemory>;
  // batch_rows: of the targets, if they are more; the rows are ranges of such a batch.
  void prepare(const Context& context, const Plan& plan, index rows, Purpose purpose, const AllTargetMemory& targets = {},
               index batch_rows = 0);
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
  // The call's own, checked once, written by nobody else: rows, and for each head its targets.
  std::int64_t* order = nullptr;  // (rows)
  struct OwnTargets {
    T* values = nullptr;  // (rows, width)
    std::int64_t* labels = nullptr;
    double *weights = nullptr, *element_weights = nullptr;  // (rows), (rows, elements)
    double loss = 0, weight = 0;                            // of the batch, before the weight of the head
  };
  PerHead<OwnTargets> heads;
  double *weights = nullptr, *row_losses = nullptr;  // (rows), of batch_loss, or as many as elements have weights
  T* packed = nullptr;                               // scores of elements side by side
  void* scratch = nullptr;

 private:
  const std::vector<HostLayer>* hosts_;
  Arena arena_;
};

}  // namespace densekit
