// What a network owns, and how its calls borrow memory.
#pragma once
#include <mutex>

#include "core/float_state.h"
#include "core/turns.h"
#include "train/loss.h"
#include "train/model_file.h"
#include "train/passes.h"
#include "train/pending.h"
#include "train/update.h"

namespace densekit {

// What a forward pass is for. tracked: in training mode, by somebody who will update; what batch norm saw becomes pending.
enum class Mode { inference, training, tracked };

template <class T> struct BasicNetwork<T>::Impl {
  Impl(const Spec& given, std::vector<HostLayer> layers, std::vector<HostLoss> losses, bool (*stop)());

  const Spec spec;
  const std::vector<HostLayer> hosts;
  const std::vector<HostLoss> host_losses;
  const Plan plan;
  const Plan unfused;  // for what is inside a fused operation
  std::vector<Arena> arenas;
  T *parameters, *gradients, *statistics;
  std::vector<T*> states;
  std::uint64_t step = 0;
  Arena range_sums;  // of train_in_ranges: gradients, one for each level of the tree, and statistics
  Update<T> update;
  mutable Pending<T> pending;
  FileNotes notes{};

  std::mutex training;    // one training call at a time
  mutable Turns changes;  // an update, or a copy of everything that an update changes
  Workspace<T> workspace{hosts};

  // A workspace for a call that may run beside others; given back at its end.
  class Borrowed {
   public:
    explicit Borrowed(const Impl& impl) : impl_(impl) {
      const std::lock_guard<std::mutex> lock(impl.borrowing_);
      if (impl.idle_.empty()) mine_ = std::make_unique<Workspace<T>>(impl.hosts);
      else mine_ = std::move(impl.idle_.back()), impl.idle_.pop_back();
    }
    ~Borrowed() {
      mine_->give_back();
      const std::lock_guard<std::mutex> lock(impl_.borrowing_);
      impl_.idle_.push_back(std::move(mine_));
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    Workspace<T>& operator*() const { return *mine_; }
    Workspace<T>* operator->() const { return mine_.get(); }

   private:
    const Impl& impl_;
    std::unique_ptr<Workspace<T>> mine_;
  };

  Run<T> run(const Context& context, index rows, bool training_mode) const { return run_of(plan, context, rows, training_mode); }
  Run<T> run_of(const Plan& which, const Context& context, index rows, bool training_mode) const {
    return {context, which, hosts, parameters, statistics, spec.seed, step, rows, training_mode};
  }
  int all() const { return static_cast<int>(plan.ops.size()); }

  void forward(std::span<const T> x, std::span<T> y, Mode mode, bool (*stop)()) const;
  using BatchOfHeads = PerHead<BatchTargets<T>>;
  // The loss of the rows in the workspace's buffer 0, all heads together, and the gradients of their scores in their slots. What each
  // head has by itself is in the workspace.
  double forward_and_loss(const Run<T>& r, Workspace<T>& ws, const BatchOfHeads& targets, bool through_link) const;
  std::string where_diverged(const Run<T>& r, const Workspace<T>& ws) const;
  // Where the targets of these rows lie, checked but for the labels themselves.
  BatchOfHeads checked_targets(AllTargets given, index rows) const;
  // What a workspace must have for them. gathered: rows are taken from them in some order.
  typename Workspace<T>::AllTargetMemory target_memory(const BatchOfHeads& targets, bool gathered) const;
  // Makes the targets what the losses take: labels are checked and copied, NaN masked; those of the rows in order unless that is null.
  void own_targets(BatchOfHeads& targets, const std::int64_t* order, index rows, Workspace<T>& ws) const;
  void require_labels(const BatchOfHeads& targets, index rows, std::int64_t* own) const;  // own: (rows), to check them in
  // The targets that `order` names, in the workspace, which are the next `rows` of the epoch from place `first`. The numbers of the
  // rows are in the workspace then.
  BatchOfHeads gather(const Table2D& x, const BatchOfHeads& targets, const std::int64_t* order, index first, index rows,
                      Workspace<T>& ws) const;
  double weight_of(const BatchOfHeads& targets, index rows, Workspace<T>& ws) const;  // batch_weight of all heads, and of each
  double sum_of_weights(const BatchOfHeads& targets, index rows) const;               // for penalties
  static void read_losses(const Workspace<T>& ws, std::span<double> head_losses);
  std::unique_lock<std::mutex> alone();
  // The rows in the workspace through the network and back, as in training; gradients of the loss alone. False: the loss was not
  // finite, and there are no gradients.
  bool pass(const Run<T>& r, const BatchOfHeads& targets, bool through_link, T* to, LossAndPenalty& result);
  // Forward, loss, backward and update of the rows in the workspace. False: the loss was not finite, nothing was updated.
  bool train(const Context& context, index rows, const BatchOfHeads& targets, double lr, bool through_link, LossAndPenalty& result);
  // The same in ranges, see EpochOptions::accumulate. failed: the run whose loss was not finite.
  bool train_in_ranges(const Context& context, const Table2D& x, BatchOfHeads targets, index rows, const EpochOptions& options, double lr,
                       LossAndPenalty& result, std::optional<Run<T>>& failed);
  // The rows of the workspace's order from `first`, into its buffer 0, and afterwards what the network has put out for them.
  void read_rows(const Context& context, const Table2D& x, index first, index rows);
  void write_outputs(index first, index rows, std::span<T> outputs) const;

 private:
  friend class Borrowed;
  mutable std::mutex borrowing_;
  mutable std::vector<std::unique_ptr<Workspace<T>>> idle_;
};

}  // namespace densekit
