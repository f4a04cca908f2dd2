// A network that trains and predicts: the plan of a spec with its parameters. docs/network.md defines what it computes.
#pragma once
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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

// Either labels (rows) or values (rows, width); weights (rows) or null.
template <class T> struct Targets {
  const std::int64_t* labels = nullptr;
  const T* values = nullptr;
  index width = 0;
  const double* weights = nullptr;
};

// The loss of a batch and its gradient (rows, cols), reduced.
struct HostLoss {
  void* self = nullptr;
  double (*call)(void* self, const void* scores, index rows, index cols, const void* targets,
                 void* gradient) = nullptr;  // targets: Targets<T>*
};

// Rows of another type and any strides, converted while they are gathered. Strides count bytes.
struct Table2D {
  enum class Type { float32, float64, uint8 };
  const void* data;
  Type type;
  index rows, cols, row_stride, col_stride;
};

struct LossAndPenalty {
  double loss = 0, penalty = 0, weight = 0;  // weight: what the batch counts in the mean over an epoch
};

struct EpochResult {
  double loss = 0, penalty = 0;
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

template <class T> class BasicNetwork {
 public:
  // std::invalid_argument if the spec does not fit together. Parameters are initialised; layers without a name get one.
  explicit BasicNetwork(const Spec& spec, std::vector<HostLayer> layers = {}, std::vector<HostLoss> losses = {});
  ~BasicNetwork();
  BasicNetwork(BasicNetwork&&) noexcept;
  BasicNetwork& operator=(BasicNetwork&&) noexcept;

  const Spec& spec() const;
  index inputs() const;
  index outputs() const;
  index scores() const;  // columns that the loss takes
  index parameter_count() const;
  index statistic_count() const;
  T* parameters();
  T* gradients();
  T* statistics();
  std::vector<T*> states();  // of the optimizer, each of parameter_count() elements
  std::vector<SegmentInfo> parameter_segments() const;
  std::vector<SegmentInfo> statistic_segments() const;
  std::uint64_t step() const;  // updates done
  void set_step(std::uint64_t step);

  // stop, in all that follows: asked now and then by the thread that calls; true ends the call with Interrupted.

  // y (rows, outputs) from x (rows, inputs): predictions, through the linked activation. A row's bits do not depend on its batch.
  void predict(const T* x, index rows, T* y) const;
  // As predict; training: dropout and noise of the current step, statistics of these rows, which are not committed.
  void forward(const T* x, index rows, T* y, bool training, bool (*stop)() = nullptr) const;
  // What the layer of that name puts out; width: its columns.
  index hidden_width(const std::string& layer) const;
  void hidden(const T* x, index rows, const std::string& layer, T* y, bool training, bool (*stop)() = nullptr) const;
  std::unique_ptr<Tape<T>> tape(const T* x, index rows, bool training, bool (*stop)() = nullptr) const;

  // outputs (rows, outputs), unless null, receives what the network puts out.
  LossAndPenalty loss(const T* x, index rows, const Targets<T>& targets, bool training = false, T* outputs = nullptr,
                      bool (*stop)() = nullptr) const;
  // Fills gradients() with those of loss and penalty. track: as loss_and_gradients, what batch norm sees is pending.
  LossAndPenalty gradient(const T* x, index rows, const Targets<T>& targets, bool training = true, bool track = false,
                          bool (*stop)() = nullptr);
  // One update. diverged: not done, because the loss was not finite; layer, if given, receives where it came from.
  LossAndPenalty step_on(const T* x, index rows, const Targets<T>& targets, double lr, std::string* diverged_layer = nullptr,
                         bool (*stop)() = nullptr);

  struct EpochOptions {
    index batch_size = 32;
    const double* lr = nullptr;  // one a step; null: the optimizer's
    bool drop_last = false;
    T* outputs = nullptr;  // (x.rows, outputs): row order[i] receives its output in training mode
    bool stop_on_divergence = true;
    bool (*stop)() = nullptr;  // ends it between updates
  };
  // targets: of all rows of x. order (count): which rows, in which order.
  EpochResult epoch(const Table2D& x, const Targets<T>& targets, const std::int64_t* order, index count, const EpochOptions& options);
  static index steps_of_epoch(index count, index batch_size, bool drop_last, bool has_batch_norm);
  index steps_of_epoch(index count, index batch_size, bool drop_last) const;

  // A training loop of your own, in place of epoch; the same updates give the same bits:
  //
  //   std::vector<float> g(net.parameter_count());
  //   for (…) {                                                        // x (rows, inputs), y labels (rows)
  //     double loss = net.loss_and_gradients(x, rows, {.labels = y}, g.data()).loss;
  //     net.apply_gradients(g.data(), 1e-3);
  //   }
  //
  // What batch norm sees in such a pass is pending: apply_gradients and commit make it the running statistics, epoch and step_on
  // drop it. The masks of dropout and the noise change with step(), which apply_gradients and commit advance.

  // A training pass: the loss of the data, without penalties, and its gradients (parameter_count); those of frozen layers are 0.
  // outputs (rows, outputs), unless null, receives what the network puts out. A loss that is not finite has no gradients and leaves
  // nothing pending; diverged_layer, if given, receives where it came from.
  LossAndPenalty loss_and_gradients(const T* x, index rows, const Targets<T>& targets, T* gradients, T* outputs = nullptr,
                                    std::string* diverged_layer = nullptr, bool (*stop)() = nullptr);
  // A whole update: penalties, clipping, the optimizer with this lr, decay, proximal step, statistics. Frozen layers stay as they are.
  // gradients (parameter_count): laid out as parameter_segments() says; they are used up. weight: the sum of the weights of the batch
  // (without weights: its rows), with penalty_per_weight, and only then. Returns the penalty before the update.
  double apply_gradients(T* gradients, double lr, std::optional<double> weight = {});
  // After an update of parameters() by other means: the statistics, and one step more.
  void commit();
  // forward and tape in training mode, as a part of such a loop: what batch norm sees is pending.
  void training_forward(const T* x, index rows, T* y, bool (*stop)() = nullptr);
  std::unique_ptr<Tape<T>> training_tape(const T* x, index rows, bool (*stop)() = nullptr);
  // Batch norms take the statistics of these rows as they are, in place of the running ones: for optimizers that see all rows at once.
  void set_statistics(const T* x, index rows, bool (*stop)() = nullptr);
  // What commit would make of the statistics (statistic_count); false: nothing is pending. set_pending: for a copy of a network; null
  // drops what is pending.
  bool pending(T* statistics) const;
  void set_pending(const T* statistics);

  // For programs: rows contiguous, labels as int, order as int.
  EpochResult epoch(const T* x, const int* labels, const int* order, index count, index batch_size = 32);

  // One file, which Python's densekit.load reads, too: docs/files.md. It is there completely or not at all; what a
  // network that Python saved has beside the spec is kept. std::system_error if it cannot be written.
  void save(const std::string& path) const;
  // std::invalid_argument if the file is damaged, no model, or of another T. Layers and losses in another language are
  // given again, in the order of their numbers in the spec.
  static BasicNetwork load(const std::string& path, std::vector<HostLayer> layers = {}, std::vector<HostLoss> losses = {});
  static BasicNetwork load(std::istream& in, std::vector<HostLayer> layers = {}, std::vector<HostLoss> losses = {});

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

// A forward pass that can be pulled back, as often as wanted. It keeps its own memory; the network must outlive it.
template <class T> class Tape {
 public:
  virtual ~Tape() = default;
  virtual const T* output() const = 0;  // (rows, outputs)
  virtual index rows() const = 0;
  virtual index inputs() const = 0;
  virtual index outputs() const = 0;
  virtual index parameter_count() const = 0;
  // dx (rows, inputs) and dparameters (parameter_count): the gradient of the sum of dy * output.
  virtual void pullback(const T* dy, T* dx, T* dparameters, bool (*stop)() = nullptr) = 0;
};

using Network = BasicNetwork<float>;
extern template class BasicNetwork<float>;
extern template class BasicNetwork<double>;

}  // namespace densekit
