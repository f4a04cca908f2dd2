// A layer in another language: forward and backward are calls of it.
#pragma once
#include <set>
#include <stdexcept>

#include "train/builder.h"
#include "train/json.h"
#include "train/step.h"

namespace densekit {

struct CallbackOperation : NoScratch, KeepsNothing {
  int number;  // of the HostLayers
  Segments segments;

  static constexpr OperationTraits traits{.gradient_in_place = false, .takes_epilogue = false};
  static constexpr std::size_t most_parameters = 16;
  Segments parameters() const { return segments; }

  template <class T> void forward(const Step<T>& s) const {
    const HostLayer& host = s.run.hosts.at(static_cast<std::size_t>(number));
    const void* pointers[most_parameters] = {};
    for (std::size_t i = 0; i < segments.size(); ++i) pointers[i] = s.parameter(segments[i]);
    if (s.kept.host && host.release) host.release(host.self, s.kept.host);
    s.kept.host = nullptr;
    s.kept.host_layer = number;
    host.forward(host.self, s.x(), s.rows(), pointers, s.run.training, s.y(), &s.kept.host);
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T* gradients) const {
    const HostLayer& host = s.run.hosts.at(static_cast<std::size_t>(number));
    const void* pointers[most_parameters] = {};
    void* targets[most_parameters] = {};
    for (std::size_t i = 0; i < segments.size(); ++i) {
      pointers[i] = s.parameter(segments[i]);
      targets[i] = s.gradient(gradients, segments[i]);
    }
    host.backward(host.self, dy, s.rows(), s.kept.host, pointers, targets, dx);
  }
};

inline int emit(Builder& b, const CallbackLayer& layer, int input) {
  if (layer.parameters.size() > CallbackOperation::most_parameters) b.fail(".parameters", "has more than 16 entries");
  CallbackOperation op{{}, {}, layer.index, {}};
  std::set<std::string> names;
  for (std::size_t i = 0; i < layer.parameters.size(); ++i) {
    const CallbackLayer::Parameter& p = layer.parameters[i];
    const std::string place = ".parameters[" + std::to_string(i) + "]";
    if (p.name.empty()) b.fail(place + ".name", "must not be empty");
    if (!names.insert(p.name).second) b.fail(place + ".name", "is " + json::text({p.name}) + ", as another parameter's");
    for (const index length : p.shape)
      if (length < 0) b.fail(place + ".shape", "has a negative length, " + std::to_string(length));
    op.segments.push_back(b.parameter({p.name.c_str(), p.shape, Given{}, {}, p.shape.size() == 2}));
  }
  return b.emit_of_rows(std::move(op), input, layer.outputs);
}

}  // namespace densekit
