#include "train/workspace.h"

#include <algorithm>

#include "ops/epilogue.h"
#include "ops/losses.h"
#include "train/plan.h"

namespace densekit {
namespace {

// Measures first, hands out then: the same walk with and without memory.
class Layout {
 public:
  explicit Layout(void* block) : block_(static_cast<char*>(block)) {}
  template <class U> U* take(Bytes count) {
    U* piece = block_ ? reinterpret_cast<U*>(block_ + used_) : nullptr;
    add(Carver::bytes<U>(std::max<Bytes>(count, 1)));
    return piece;
  }
  Bytes used() const { return used_; }

 private:
  void add(Bytes bytes) {
    if (__builtin_add_overflow(used_, bytes, &used_) || used_ > Carver::too_many) throw std::bad_alloc();
  }
  char* block_;
  Bytes used_ = 0;
};

template <class T> Bytes scratch_bytes(const Context& context, const Plan& plan, index rows, Purpose purpose) {
  Bytes most = loss_scratch_bytes(rows * plan.outputs());
  for (const Operation& op : plan.ops)
    most = std::max(
        most, std::visit([&](const auto& kind) { return kind.template scratch_bytes<T>(context, op, rows * op.repeat, purpose); }, op.is));
  return most;
}
// The means of blocks of rows that a dense layer makes for the batch norm behind it, of the layer with the most.
Bytes block_moment_count(const Plan& plan, index rows) {
  Bytes most = 0;
  for (const Operation& op : plan.ops) most = std::max(most, Bytes{(rows * op.repeat + moment_rows - 1) / moment_rows} * op.outputs);
  return most;
}

}  // namespace

template <class T> void Workspace<T>::prepare(const Context& context, const Plan& plan, index wanted, Purpose purpose,
                                              const AllTargetMemory& own, index batch_rows) {
  release_hosts();
  const bool training = purpose == Purpose::training;
  rows = wanted;
  batch_rows = std::max(batch_rows, rows);
  index widest = plan.widest, elements_weighed = 1;  // the most elements that a row of a buffer has
  bool packed = false;
  for (const TargetMemory& one : own) {
    widest = std::max(widest, one.width);
    elements_weighed = std::max(elements_weighed, one.elements);
    packed = packed || one.packed;
  }
  if (index count = 0; __builtin_mul_overflow(batch_rows, widest, &count)) throw std::bad_alloc();
  const Bytes scratch_size = scratch_bytes<T>(context, plan, rows, purpose);
  const auto lay = [&](Layout at) {
    const auto elements = [&](index width) { return rows * width; };
    buffers.assign(plan.widths.size(), nullptr);
    buffers[0] = at.template take<T>(elements(plan.inputs()));
    slots.assign(static_cast<std::size_t>(training ? plan.slots : plan.inference_slots), nullptr);
    for (T*& slot : slots) slot = at.template take<T>(elements(plan.widest));
    for (std::size_t b = 1; b < plan.widths.size(); ++b) {
      if (training) buffers[b] = at.template take<T>(elements(plan.widths[b]));
      else if (plan.inference_slot[b] >= 0) buffers[b] = slots[static_cast<std::size_t>(plan.inference_slot[b])];
    }
    kept.assign(plan.ops.size(), {});
    for (std::size_t i = 0; i < plan.ops.size(); ++i) {
      const Operation& op = plan.ops[i];
      const KeptLengths lengths = std::visit([&](const auto& kind) { return kind.kept(op, rows * op.repeat); }, op.is);
      for (std::size_t k = 0; k < lengths.size(); ++k)
        if (lengths[k] > 0) kept[i].doubles[k] = at.template take<double>(lengths[k]);
    }
    if (training) {
      block_means = at.template take<double>(block_moment_count(plan, rows));
      block_squares = at.template take<double>(block_moment_count(plan, rows));
      for (T*& sink : sinks) sink = at.template take<T>(plan.widest);
    }
    order = at.template take<std::int64_t>(batch_rows);
    if (heads.size() != plan.heads.size()) heads = PerHead<OwnTargets>(plan.heads.size());
    for (std::size_t h = 0; h < heads.size(); ++h) {
      const TargetMemory needs = h < own.size() ? own[h] : TargetMemory{};
      heads[h] = {at.template take<T>(batch_rows * needs.width), at.template take<std::int64_t>(batch_rows),
                  at.template take<double>(batch_rows), at.template take<double>(batch_rows * needs.elements)};
    }
    weights = at.template take<double>(elements(elements_weighed));
    row_losses = at.template take<double>(elements(elements_weighed));
    this->packed = at.template take<T>(packed ? elements(plan.widest) : 0);
    scratch = at.template take<char>(scratch_size);
    return at.used();
  };
  lay(Layout(arena_.reserve(lay(Layout(nullptr)))));
}

template <class T> void Workspace<T>::release_hosts() {
  for (Kept& one : kept) {
    if (!one.host) continue;
    const HostLayer& layer = (*hosts_)[static_cast<std::size_t>(one.host_layer)];
    if (layer.release) layer.release(layer.self, one.host);
    one.host = nullptr;
  }
}

template class Workspace<float>;
template class Workspace<double>;

}  // namespace densekit
