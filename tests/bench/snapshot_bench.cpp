// What snapshots of queue and pool cost: snapshot/queue/<containers> and snapshot/pool/<instances>, one change, the
// snapshot that shows it, and finding out what has changed since the one before.
#include <benchmark/benchmark.h>
#include <cstddef>
#include <memory>
#include <string>

#include "cache.hpp"
#include "snapshot_board.hpp"

namespace berth {
namespace {

std::string uuid_of(std::size_t number) {
  std::string digits = std::to_string(number);
  return "zzzzz-dz642-" + std::string(15 - digits.size(), '0') + digits;
}

/// One change after the other: where they lie differs.
std::size_t next_place(std::size_t place, std::size_t size) {
  return (place + 7919) % size;
}

void bench_queue_snapshot(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Metrics metrics;
  Cache cache(metrics);
  for (std::size_t i = 0; i < size; ++i) {
    QueueEntry entry;
    entry.container.uuid = uuid_of(i);
    entry.container.priority = 1;
    entry.spec = std::make_shared<QueueSpec>(QueueSpec{{}, {1, 1, 1, 0, 0}, {"small"}});
    cache.add(std::move(entry));
  }
  cache.publish();
  auto before = cache.snapshot();
  std::size_t place = 0;
  std::int64_t priority = 1;
  for (auto _ : state) {
    place = next_place(place, size);
    cache.apply(uuid_of(place), {ContainerState::locked, ++priority, "zzzzz-gj3su-000000000000000"});
    cache.publish();
    auto after = cache.snapshot();
    const auto changes = changes_between(before->entries, after->entries);
    const bool right = changes.size() == 1 && changes[0].after->container.priority == priority &&
                       changes[0].before->container.uuid == uuid_of(place) && after->entries.size() == size;
    if (!right) state.SkipWithError("the snapshot is to show the one change and nothing else");
    before = std::move(after);
  }
}
BENCHMARK(bench_queue_snapshot)->Name("snapshot/queue")->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

PoolInstance instance_of(std::size_t number, std::size_t containers) {
  PoolInstance instance;
  instance.number = number;
  instance.id = "i-" + std::to_string(number);
  instance.type = instance.provider_type = "small";
  instance.address = "10.0.0.1";
  instance.state = containers > 0 ? WorkerState::running : WorkerState::idle;
  for (std::size_t i = 0; i < containers; ++i) instance.containers.push_back(uuid_of(number));
  return instance;
}

void bench_pool_snapshot(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  SnapshotBoard board;
  for (std::size_t i = 0; i < size; ++i) board.put(instance_of(i, 0));
  auto before = board.read();
  std::size_t place = 0;
  for (auto _ : state) {
    place = next_place(place, size);
    const bool runs = before->running.contains(uuid_of(place));
    board.put(instance_of(place, runs ? 0 : 1));
    if (runs)
      board.erase_process(uuid_of(place));
    else
      board.put_process(uuid_of(place), {place, {}});
    auto after = board.read();
    const auto instances = changes_between(before->instances, after->instances);
    const auto processes = changes_between(before->running, after->running);
    const bool right = instances.size() == 1 && instances[0].after->number == place && processes.size() == 1 &&
                       after->running.contains(uuid_of(place)) != runs && after->instances.size() == size;
    if (!right) state.SkipWithError("the snapshot is to show the changes of one instance and nothing else");
    before = std::move(after);
  }
}
BENCHMARK(bench_pool_snapshot)->Name("snapshot/pool")->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace berth
