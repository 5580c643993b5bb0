// What the scheduler's reconcile decisions cost by themselves: reconcile/<containers>, one decision for each.
#include <benchmark/benchmark.h>
#include <chrono>
#include <cstddef>
#include <vector>

#include "reconcile.hpp"

namespace berth {
namespace {

/// Every tenth container has lost its process; each of the others runs.
std::vector<ReconcileInput> make_inputs(std::size_t containers) {
  std::vector<ReconcileInput> inputs(containers);
  for (std::size_t i = 0; i < containers; ++i) {
    inputs[i].state = ContainerState::running;
    inputs[i].priority = 1;
    inputs[i].process.in_pool = i % 10 != 0;
    inputs[i].queue_updated = SteadyTime(std::chrono::seconds(1));
  }
  return inputs;
}

void bench_reconcile(benchmark::State& state) {
  const auto containers = static_cast<std::size_t>(state.range(0));
  const std::vector<ReconcileInput> inputs = make_inputs(containers);
  for (auto _ : state) {
    std::size_t lost = 0;
    for (const ReconcileInput& input : inputs) lost += reconcile(input) == ReconcileAction::cancel ? 1 : 0;
    if (lost != containers / 10) state.SkipWithError("a container that lost its process is to be cancelled, no other");
  }
}
BENCHMARK(bench_reconcile)->Name("reconcile")->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace berth
