// Network::save and load.
#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "train/atomic_file.h"
#include "train/model_file.h"
#include "train/network_impl.h"

namespace densekit {
namespace {

template <class T> struct Array {
  std::string name;
  std::vector<index> shape;
  T* data;
};

// In the order of the file.
template <class T> std::vector<Array<T>> arrays(const Plan& plan, T* parameters, T* statistics, const std::vector<T*>& states) {
  std::vector<Array<T>> all;
  for (const Segment& s : plan.parameters) all.push_back({s.layer + "/" + s.name, s.shape, parameters + s.offset});
  for (const Segment& s : plan.statistics) all.push_back({s.layer + "/" + s.name, s.shape, statistics + s.offset});
  for (std::size_t i = 0; i < states.size(); ++i) all.push_back({"optimizer/" + std::to_string(i), {plan.parameter_count}, states[i]});
  return all;
}

}  // namespace

template <class T> void BasicNetwork<T>::save(const std::string& path) const {
  // Everything of one moment: what is written must be what the checksums are of.
  const Plan& plan = impl_->plan;
  const auto zeros = [](index count) { return std::vector<T>(static_cast<std::size_t>(count)); };
  std::vector<T> parameters = zeros(plan.parameter_count), statistics = zeros(plan.statistic_count);
  std::vector<std::vector<T>> states(impl_->states.size(), parameters);
  std::vector<T*> pointers;
  for (std::vector<T>& state : states) pointers.push_back(state.data());
  const std::uint64_t step = snapshot(parameters.data(), statistics.data(), pointers);
  FileHeader header{impl_->spec, step, impl_->notes};
  header.spec.dtype = dtype_of<T>;
  const auto all = arrays(plan, parameters.data(), statistics.data(), pointers);
  for (const auto& a : all) header.arrays.push_back(npz::entry_of(a.name, sizeof(T) == 4 ? "<f4" : "<f8", a.shape, a.data));
  const std::string text = header_text(header);
  std::vector<npz::Entry> entries{npz::entry_of("header", "|u1", {static_cast<index>(text.size())}, text.data())};
  entries.insert(entries.end(), header.arrays.begin(), header.arrays.end());
  write_atomically(path, [&](const Put& put) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::string head = entries[i].head();
      put(head.data(), head.size());
      npz::for_contents(entries[i], i == 0 ? text.data() : static_cast<const void*>(all[i - 1].data), put);
    }
    const std::string end = npz::directory(entries);
    put(end.data(), end.size());
  });
}

template <class T> BasicNetwork<T> BasicNetwork<T>::load(std::istream& in, std::vector<HostLayer> layers, std::vector<HostLoss> losses) {
  npz::Reader reader(in);
  const FileHeader header = parse_header(reader.header());
  if (header.spec.dtype != dtype_of<T>)
    throw std::invalid_argument("the network in the file is of " + std::string(word(header.spec.dtype)) + ", this one of " +
                                std::string(word(dtype_of<T>)));
  reader.expect(header.arrays);
  // Compared before any memory is taken for them.
  const std::vector<npz::Entry> expected = arrays_of(header.spec);
  if (header.arrays.size() != expected.size())
    throw std::invalid_argument("the arrays of the file are not those of its spec: their number");
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (const npz::Entry &e = expected[i], &found = header.arrays[i];
        found.name != e.name || found.dtype != e.dtype || found.shape != e.shape)
      throw std::invalid_argument("the arrays of the file are not those of its spec: '" + found.name + "'");
  BasicNetwork network(header.spec, std::move(layers), std::move(losses));
  Impl& impl = *network.impl_;
  const auto all = arrays(impl.plan, impl.parameters, impl.statistics, impl.states);
  for (std::size_t i = 0; i < all.size(); ++i) reader.into(header.arrays[i], all[i].data);
  reader.finish();
  impl.step = header.step;
  impl.notes = header.notes;
  return network;
}

template <class T>
BasicNetwork<T> BasicNetwork<T>::load(const std::string& path, std::vector<HostLayer> layers, std::vector<HostLoss> losses) {
  std::ifstream in(path_of(path), std::ios::binary);
  if (!in) throw std::system_error(errno, std::generic_category(), "cannot open " + path);
  try {
    return load(in, std::move(layers), std::move(losses));
  } catch (const std::invalid_argument& error) { throw std::invalid_argument(path + ": " + error.what()); }
}

#define DENSEKIT_SAVE(T)                                                                                        \
  template void BasicNetwork<T>::save(const std::string&) const;                                                \
  template BasicNetwork<T> BasicNetwork<T>::load(std::istream&, std::vector<HostLayer>, std::vector<HostLoss>); \
  template BasicNetwork<T> BasicNetwork<T>::load(const std::string&, std::vector<HostLayer>, std::vector<HostLoss>);
DENSEKIT_SAVE(float)
DENSEKIT_SAVE(double)
#undef DENSEKIT_SAVE

}  // namespace densekit
