// A network that trains and predicts: the plan of a spec with its parameters. docs/network.md defines what it computes.
#pragma once
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "densekit/interrupted.h"
#include "densekit/spec.h"

namespace densekit {

// A layer in another language. Arrays are of the network's type, rows contiguous; x (rows, inputs), y (rows, outputs).
// They run on the calling thread and may throw, which ends the call before the update.
struct HostLayer {
  void* self = nullptr;
  // saved: what backward is to be given, or null. A frozen layer's gradients are not wanted: null.
  void (*forward)(void* self, const void* x, index rows, const void* const* parameters, bool training, void* y, void** saved) = nullptr;
  void (*backward)(void* self, const void* dy, index rows, void* saved, const void* const* parameters, void* const* gradients,
                   void* dx) = nullptr;
  void (*release)(void* self, void* saved) = nullptr;
};

// Either labels (rows) or values (rows, width); weights (rows), or none. Labels are checked as they are read.
template <class T> struct Targets {
  std::span<const std::int64_t> labels{};
  std::span<const T> values{};
  index width = 0;  // of values; 0: what the loss takes
  std::span<const double> weights{};
  // (rows, width), or none: of losses of elements. The mean divides by their sum, an element with 0 may be anything.
  std::span<const double> element_weights{};
  // What the sum over the rows is divided by, in place of what the reduction says: rows that are a part of a larger batch are given
  // that of the batch. 0: none.
  double divisor = 0;
};

// The targets of all heads, in the order of the heads: of a vector, an array or a span of Targets.
template <class T> struct TargetsOfHeads : std::span<const Targets<T>> {
  TargetsOfHeads(const Targets<T>* first, std::size_t heads) : std::span<const Targets<T>>(first, heads) {}
  template <class R>
    requires std::is_constructible_v<std::span<const Targets<T>>, const R&>
  TargetsOfHeads(const R& all) : std::span<const Targets<T>>(all) {}
};

// What a loss gets of a batch: labels (rows) or values (rows, width); weights (rows). What there is not is null.
template <class T> struct BatchTargets {
  const std::int64_t* labels = nullptr;
  const T* values = nullptr;
  index width = 0;
  const double* weights = nullptr;
  const double* element_weights = nullptr;  // (rows, width), in place of weights
  index missing = 0;                        // elements that are masked: NaN, of weight 0
  double divisor = 0;
};

// The loss of a batch and its gradient (rows, cols), reduced. targets: BatchTargets<T>*
struct HostLoss {
  void* self = nullptr;
  double (*call)(void* self, const void* scores, index rows, index cols, const void* targets, void* gradient) = nullptr;
};

// Rows of another type and any strides, converted while they are gathered. Strides count bytes; all rows must be there.
struct Table2D {
  enum class Type { float32, float64, uint8 };
  const void* data = nullptr;
  Type type = Type::float32;
  index rows = 0, cols = 0, row_stride = 0, col_stride = 0;
};

struct LossAndPenalty {
  double loss = 0, penalty = 0, weight = 0;  // weight: what the batch counts in the mean over an epoch
};

struct EpochResult {
  double loss = 0, penalty = 0;
  std::vector<double> head_losses{};  // of each head, before its weight; of the only one, the loss
  index steps = 0;
  std::int64_t diverged_step = -1;  // the update that was not done because its loss was not finite
  std::string diverged_layer{};     // where the first number that is not finite came from
};

struct SegmentInfo {
  std::string layer, name;
  std::vector<index> shape;
  index offset;
  bool trainable;
};

template <class T> class Tape;

// A network. Arrays are spans: x holds whole rows of inputs(), and what is written has one row for each. What does not fit (a wrong
// length, a null pointer, a label that is no class, a row that is not there, a rate that is not a number) is a std::invalid_argument
// that says what was expected, before anything has changed; so is any call of a network that was moved from, which can only be
// assigned to or destroyed. Results must not overlap x.
//
// Threads: all const member functions (predict, forward, hidden, loss, tape, save and those that only say something) may run on one
// network in several threads at once; each has memory of its own. They may not run while another thread changes what they read: by
// gradient, step_on, epoch, set_step, assignment, or writes into parameters(), statistics() and states(). Of two threads that train
// one network at once, the second gets a std::runtime_error. Different networks have nothing to do with each other.
//
// stop, where it can be given, is called now and then by the thread that calls; true ends the call with Interrupted
// (densekit/interrupted.h), a std::exception.
template <class T> class BasicNetwork {
 public:
  // std::invalid_argument if the spec does not fit together, or is of another type than T (its dtype), or names a layer or a loss in
  // another language that is not given. Parameters are initialised; layers without a name get one.
  explicit BasicNetwork(const Spec& spec, std::vector<HostLayer> layers = {}, std::vector<HostLoss> losses = {}, bool (*stop)() = nullptr);
  ~BasicNetwork();
  BasicNetwork(BasicNetwork&&) noexcept;
  BasicNetwork& operator=(BasicNetwork&&) noexcept;

  const Spec& spec() const;
  index inputs() const;
  index outputs() const;
  index scores() const;           // columns that the loss takes, all heads together
  index parameter_count() const;  // gaps between the segments included, which are zero
  index statistic_count() const;
  std::span<T> parameters();
  std::span<const T> parameters() const;
  std::span<T> gradients();
  std::span<T> statistics();
  std::span<const T> statistics() const;
  std::vector<std::span<T>> states();  // of the optimizer, each of parameter_count() elements
  std::vector<SegmentInfo> parameter_segments() const;
  std::vector<SegmentInfo> statistic_segments() const;
  std::uint64_t step() const;  // updates done
  void set_step(std::uint64_t step);
  // Copies of parameters, statistics and (of the first states.size()) states of one moment between two updates, also while
  // another thread trains; returns the updates done by then.
  std::uint64_t snapshot(T* parameters, T* statistics, const std::vector<T*>& states) const;

  // y (rows, outputs) from x (rows, inputs): predictions, through the linked activation. A row's bits do not depend on its batch.
  void predict(std::span<const T> x, std::span<T> y) const;
  std::vector<T> predict(std::span<const T> x) const;
  // As predict; training: dropout and noise of the current step, statistics of these rows, which are not committed.
  void forward(std::span<const T> x, std::span<T> y, bool training, bool (*stop)() = nullptr) const;
  // What the layer of that name puts out.
  index hidden_width(const std::string& layer) const;  // its columns
  void hidden(std::span<const T> x, const std::string& layer, std::span<T> y, bool training = false, bool (*stop)() = nullptr) const;
  std::unique_ptr<Tape<T>> tape(std::span<const T> x, bool training = false, bool (*stop)() = nullptr) const;

  // What takes targets takes those of the only loss, or those of all heads.
  using AllTargets = TargetsOfHeads<T>;

  // outputs (rows, outputs), unless empty, receives what the network puts out. head_losses, unless empty, that of each head, before
  // its weight.
  LossAndPenalty loss(std::span<const T> x, AllTargets targets, bool training = false, std::span<T> outputs = {}, bool (*stop)() = nullptr,
                      std::span<double> head_losses = {}) const;
  LossAndPenalty loss(std::span<const T> x, const Targets<T>& targets, bool training = false, std::span<T> outputs = {},
                      bool (*stop)() = nullptr) const {
    return loss(x, AllTargets(&targets, 1), training, outputs, stop);
  }
  // Fills gradients() with those of loss and penalty. track: as loss_and_gradients, what batch norm sees is pending.
  LossAndPenalty gradient(std::span<const T> x, AllTargets targets, bool training = true, bool track = false, bool (*stop)() = nullptr,
                          std::span<double> head_losses = {});
  LossAndPenalty gradient(std::span<const T> x, const Targets<T>& targets, bool training = true, bool track = false,
                          bool (*stop)() = nullptr) {
    return gradient(x, AllTargets(&targets, 1), training, track, stop);
  }
  // One update. diverged: not done, because the loss was not finite; layer, if given, receives where it came from.
  LossAndPenalty step_on(std::span<const T> x, AllTargets targets, double lr, std::string* diverged_layer = nullptr,
                         bool (*stop)() = nullptr, std::span<double> head_losses = {});
  LossAndPenalty step_on(std::span<const T> x, const Targets<T>& targets, double lr, std::string* diverged_layer = nullptr,
                         bool (*stop)() = nullptr) {
    return step_on(x, AllTargets(&targets, 1), lr, diverged_layer, stop);
  }

  struct EpochOptions {
    index batch_size = 32;
    std::span<const double> lr{};  // one a step; empty: the optimizer's
    bool drop_last = false;
    std::span<T> outputs{};  // (x.rows, outputs), or empty: row order[i] receives its output in training mode
    bool stop_on_divergence = true;
    // An update is this many passes over ranges of its batch, which are cut at multiples of 4 rows, and needs the memory of one. Each has
    // the divisor of the whole batch and batch-norm statistics of its own; gradients are added in a tree of fixed shape. Losses must be
    // sums over rows: not rmse, and none in another language.
    index accumulate = 1;
    bool (*stop)() = nullptr;  // ends it between updates, with Interrupted
  };
  // targets: of all rows of x. order: which rows, in which order. Rows, labels and rates are read as their batch comes: one that is
  // wrong ends the epoch, and the error says how many updates were done before.
  EpochResult epoch(const Table2D& x, AllTargets targets, std::span<const std::int64_t> order, const EpochOptions& options);
  EpochResult epoch(const Table2D& x, const Targets<T>& targets, std::span<const std::int64_t> order, const EpochOptions& options) {
    return epoch(x, AllTargets(&targets, 1), order, options);
  }
  static index steps_of_epoch(index count, index batch_size, bool drop_last, bool needs_two_rows);
  index steps_of_epoch(index count, index batch_size, bool drop_last) const;

  // A training loop of your own, in place of epoch; the same updates give the same bits:
  //
  //   std::vector<float> g(net.parameter_count());
  //   for (…) {                                                        // x (rows, inputs), y labels (rows)
  //     double loss = net.loss_and_gradients(x, {.labels = y}, g).loss;
  //     net.apply_gradients(g, 1e-3);
  //   }
  //
  // What batch norm sees in such a pass is pending: apply_gradients and commit make it the running statistics, epoch and step_on
  // drop it. The masks of dropout and the noise change with step(), which apply_gradients and commit advance.

  // A training pass: the loss of the data, without penalties, and its gradients (parameter_count); those of frozen layers are 0.
  // outputs (rows, outputs), unless empty, receives what the network puts out. A loss that is not finite has no gradients and leaves
  // nothing pending; diverged_layer, if given, receives where it came from.
  LossAndPenalty loss_and_gradients(std::span<const T> x, AllTargets targets, std::span<T> gradients, std::span<T> outputs = {},
                                    std::string* diverged_layer = nullptr, bool (*stop)() = nullptr, std::span<double> head_losses = {});
  LossAndPenalty loss_and_gradients(std::span<const T> x, const Targets<T>& targets, std::span<T> gradients, std::span<T> outputs = {},
                                    std::string* diverged_layer = nullptr, bool (*stop)() = nullptr) {
    return loss_and_gradients(x, AllTargets(&targets, 1), gradients, outputs, diverged_layer, stop);
  }
  // A whole update: penalties, clipping, the optimizer with this lr, decay, proximal step, statistics. Frozen layers stay as they are.
  // gradients (parameter_count): laid out as parameter_segments() says; they are used up. weight: the sum of the weights of the batch
  // (without weights: its rows), with penalty_per_weight, and only then. Returns the penalty before the update.
  double apply_gradients(std::span<T> gradients, double lr, std::optional<double> weight = {});
  // After an update of parameters() by other means: the statistics, and one step more.
  void commit();
  // forward and tape in training mode, as a part of such a loop: what batch norm sees is pending.
  void training_forward(std::span<const T> x, std::span<T> y, bool (*stop)() = nullptr);
  std::unique_ptr<Tape<T>> training_tape(std::span<const T> x, bool (*stop)() = nullptr);
  // Batch norms take the statistics of these rows as they are, in place of the running ones: for optimizers that see all rows at once.
  void set_statistics(std::span<const T> x, bool (*stop)() = nullptr);
  // What commit would make of the statistics (statistic_count); false: nothing is pending.
  bool pending(std::span<T> statistics) const;
  void set_pending(std::span<const T> statistics);  // for a copy of a network
  void drop_pending();

  // For programs: x (rows, inputs) contiguous, a label or a row of values for each of its rows. All labels and row numbers are
  // checked before the first update.
  EpochResult epoch(std::span<const T> x, std::span<const int> labels, std::span<const int> order, index batch_size = 32);
  EpochResult epoch(std::span<const T> x, std::span<const T> values, std::span<const int> order, index batch_size = 32);

  // One file, which Python's densekit.load reads, too: docs/files.md. It is there completely or not at all; what a
  // network that Python saved has beside the spec is kept. Another thread may be training: the file holds a snapshot.
  // std::system_error if it cannot be written.
  void save(const std::string& path) const;
  // std::invalid_argument if the file is damaged, no model, or of another T. Layers and losses in another language are
  // given again, in the order of their numbers in the spec.
  static BasicNetwork load(const std::string& path, std::vector<HostLayer> layers = {}, std::vector<HostLoss> losses = {});
  static BasicNetwork load(std::istream& in, std::vector<HostLayer> layers = {}, std::vector<HostLoss> losses = {});

  struct Impl;

 private:
  class Owned {  // the network, or after a move nothing, which every use refuses
   public:
    explicit Owned(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
    Impl* operator->() const { return &**this; }
    Impl& operator*() const;
    const std::shared_ptr<Impl>& shared() const { return **this, impl_; }

   private:
    std::shared_ptr<Impl> impl_;
  };
  Owned impl_;  // shared with tapes
};

// A forward pass that can be pulled back, as often as wanted, but not by two threads at once. It keeps its own memory, and the
// parameters of the network: pullback is with those of that moment, and the network may be gone.
template <class T> class Tape {
 public:
  virtual ~Tape() = default;
  virtual std::span<const T> output() const = 0;  // (rows, outputs)
  virtual index rows() const = 0;
  virtual index inputs() const = 0;
  virtual index outputs() const = 0;
  virtual index parameter_count() const = 0;
  // dx (rows, inputs) and dparameters (parameter_count): the gradient of the sum of dy * output; dy (rows, outputs).
  virtual void pullback(std::span<const T> dy, std::span<T> dx, std::span<T> dparameters, bool (*stop)() = nullptr) = 0;
};

using Network = BasicNetwork<float>;
extern template class BasicNetwork<float>;
extern template class BasicNetwork<double>;

}  // namespace densekit
