// Trains on digits, saves, loads, and goes on with a model that Python saved.
//   consumer FOLDER     reads python.npz, x.f32 (rows, 64) and y.i32 (rows) there; the rest it writes
#include <densekit/network.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <numeric>
#include <span>
#include <stdexcept>

namespace dk = densekit;

dk::Network train(std::span<const float> X, std::span<const int> y, std::span<const int> order) {
  dk::Spec s{.inputs = 64, .seed = 0};
  s.layers = {dk::Dense{128, dk::relu}, dk::Dense{10}};
  s.loss = dk::SoftmaxCrossEntropy{};
  s.optimizer = dk::Optimizer(dk::Adam{}, 1e-3f);
  dk::Network net(s);
  for (int e = 0; e < 20; ++e) net.epoch(X, y, order);
  return net;
}

template <class T> std::vector<T> read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  std::vector<T> values(bytes.size() / sizeof(T));
  bytes.copy(reinterpret_cast<char*>(values.data()), values.size() * sizeof(T));
  return values;
}

void predict(const dk::Network& net, const std::vector<float>& x, const std::string& path) {
  const std::vector<float> y = net.predict(x);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(y.data()), static_cast<std::streamsize>(y.size() * sizeof y[0]));
}

int main(int, char** argv) {
  const std::string folder = argv[1] + std::string("/");
  const auto x = read<float>(folder + "x.f32");
  const auto y = read<int>(folder + "y.i32");
  std::vector<int> order(y.size());
  std::iota(order.begin(), order.end(), 0);

  dk::set_threads(2);
  const dk::Network net = train(x, y, order);
  net.save(folder + "cpp.npz");
  predict(net, x, folder + "cpp.f32");
  predict(dk::Network::load(folder + "cpp.npz"), x, folder + "cpp_loaded.f32");

  dk::Network theirs = dk::Network::load(folder + "python.npz");
  predict(theirs, x, folder + "python.f32");
  theirs.epoch(x, y, order);
  theirs.save(folder + "python_trained.npz");

  std::ofstream(folder + "damaged.npz", std::ios::binary) << "PK\3\4 but no more";
  try {
    dk::Network::load(folder + "damaged.npz");
    return 1;
  } catch (const std::invalid_argument& error) { std::printf("%s\n", error.what()); }
  try {
    theirs.epoch(x, y, std::vector<int>{0, -1});
    return 1;
  } catch (const std::invalid_argument& error) { std::printf("%s\n", error.what()); }
}
