// The pool on real threads: what ThreadSanitizer looks at. The fakes are touched by the pool's strand alone.
#include <atomic>
#include <gtest/gtest.h>
#include <iterator>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "berth/pool/worker_pool.hpp"

#include "fake_cloud.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr int worker_count = 4;
constexpr int container_count = 100;

std::string container(int n) {
  const std::string digits = std::to_string(n);
  return "zzzzz-dz642-" + std::string(15 - digits.size(), '0') + digits;
}

PoolOptions fast_options() {
  PoolOptions options;
  options.cluster_id = "zzzzz";
  options.instance_types["small"].name = "small";
  options.probe_interval = 2ms;
  options.max_probes_per_second = 0;
  options.max_concurrent_creates = 0;
  return options;
}

/// Starts every container once, round robin, and forgets it when it has ended.
awaitable<void> run_all(Runtime& runtime, WorkerPool& pool, int& finished) {
  auto changes = pool.subscribe();
  const auto deadline = runtime.now() + 20s;
  PoolCommands creates;
  creates.creates.assign(worker_count, "small");
  co_await pool.apply(std::move(creates));
  int started = 0;
  while (finished < container_count && runtime.now() < deadline) {
    const auto snapshot = pool.snapshot();
    PoolCommands commands;
    for (const auto& [uuid, process] : snapshot->running)
      if (process.exited) commands.forgets.push_back(uuid);
    if (snapshot->count(WorkerState::booting) == 0 && snapshot->total() == worker_count && started < container_count) {
      const auto& worker = *std::next(snapshot->instances.begin(), started % worker_count);
      commands.starts.push_back({worker.number, container(started), {}});
    }
    const auto forgotten = static_cast<int>(commands.forgets.size());
    const auto receipt = co_await pool.apply(std::move(commands));
    finished += forgotten;
    if (!receipt.starts.empty() && receipt.starts.front())
      ++started;
    else
      co_await changes.wait_until(runtime, runtime.now() + 1s);
  }
  co_await pool.stop();
}

TEST(PoolThreads, StartsAndSnapshots) {
  RealRuntime runtime(3);
  auto cloud = std::make_shared<FakeCloud>(runtime);
  cloud->on_create = [](FakeCloud::Vm& vm) {
    vm.machine->on_start = [machine = vm.machine.get()](const std::string& uuid, const std::string&) {
      machine->exit(uuid);
    };
  };
  FakeInstanceSet instances(cloud);
  Metrics metrics;
  WorkerPool pool(
      runtime, Logger(), metrics, instances, make_fake_executor,
      [](const std::string&, const InstanceType&, const std::string&) { return std::string("{}"); }, fast_options());
  std::atomic<bool> done = false;
  std::uint64_t newest = 0;
  std::thread reader([&] {
    while (!done) newest = std::max(newest, pool.snapshot()->version);
  });
  pool.start();
  int finished = 0;
  asio::co_spawn(runtime.executor(), run_all(runtime, pool, finished), asio::detached);
  runtime.run();
  done = true;
  reader.join();
  EXPECT_EQ(finished, container_count);
  EXPECT_GT(newest, 0u);
}

}  // namespace
}  // namespace berth
