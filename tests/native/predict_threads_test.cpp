// The const member functions of one network in several threads at once: each gives what it gives alone. Meant for ThreadSanitizer,
// which sees what no result shows.
//   predict_threads_test [seconds]
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "core/parallel.h"
#include "densekit/network.h"

namespace dk = densekit;

namespace {

std::atomic<int> failures{0};
std::atomic<long> calls{0};

void expect(bool condition, const char* what) {
  if (!condition && failures++ < 10) std::fprintf(stderr, "predict_threads_test: %s differs\n", what);
}

struct Results {
  std::vector<float> predicted, forward, hidden, tape, dx;
  double loss = 0;

  Results(const dk::Network& net, const std::vector<float>& x, const std::vector<std::int64_t>& labels) {
    const std::size_t rows = labels.size(), outputs = static_cast<std::size_t>(net.outputs());
    predicted = net.predict(x);
    forward.resize(rows * outputs);
    net.forward(x, forward, true);
    hidden.resize(rows * static_cast<std::size_t>(net.hidden_width("dense")));
    net.hidden(x, "dense", hidden);
    const auto taped = net.tape(x, true);
    tape.assign(taped->output().begin(), taped->output().end());
    dx.resize(x.size());
    std::vector<float> dparameters(net.parameters().size());
    taped->pullback(forward, dx, dparameters);
    loss = net.loss(x, {.labels = labels}).loss;
  }
  void compare(const Results& other) const {
    expect(predicted == other.predicted, "predict");
    expect(forward == other.forward, "forward");
    expect(hidden == other.hidden, "hidden");
    expect(tape == other.tape && dx == other.dx, "tape");
    expect(loss == other.loss, "loss");
    ++calls;
  }
};

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1;
  dk::Spec s{.inputs = 20, .seed = 3};
  s.layers = {dk::Dense{70, dk::gelu}, dk::BatchNorm{}, dk::Dropout{0.2}, dk::Residual{{dk::Dense{70, dk::relu}, dk::LayerNorm{}}},
              dk::GaussianNoise{0.1},  dk::Dense{10}};
  s.loss = dk::SoftmaxCrossEntropy{};
  s.optimizer = dk::Adam{};
  dk::Network net(s);
  const std::size_t rows = 300;
  std::vector<float> x(rows * 20);
  std::vector<std::int64_t> labels(rows);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 101) / 50 - 1;
  for (std::size_t i = 0; i < rows; ++i) labels[i] = static_cast<std::int64_t>(i * 7 % 10);
  for (int step = 0; step < 3; ++step) net.step_on(x, {.labels = labels}, 0.01);

  dk::set_serial_threshold(0);
  for (const int threads : {1, 3}) {
    dk::set_threads(threads);
    const Results alone(net, x, labels);
    std::vector<std::thread> callers;
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds / 2);
    for (int i = 0; i < 4; ++i)
      callers.emplace_back([&] {
        do Results(net, x, labels).compare(alone);
        while (std::chrono::steady_clock::now() < end);
      });
    for (std::thread& caller : callers) caller.join();
  }
  std::printf("predict_threads_test: %ld rounds of calls, %d failures\n", calls.load(), failures.load());
  return failures != 0;
}
