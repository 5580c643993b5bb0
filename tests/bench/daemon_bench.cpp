// The whole dispatcher (queue, scheduler, pool) in real time with fakes at both edges, in this process and on the same
// one thread: every figure holds the fakes' work, too.
//   daemon_bench starts [CONTAINERS [WORKERS…]]    default 5000 50 200 1000 10000: all fit at once; CPU and rate
//   daemon_bench idle [WORKERS [SECONDS]]          default 10000 30: each runs a container, and nothing happens
//   daemon_bench memory [QUEUED [WORKERS [POLICY]]]  default 100000 10000 cost: each runs a container, the rest waits
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>

#include "berth/base/handler_times.hpp"
#include "berth/base/heap.hpp"
#include "berth/base/seconds.hpp"
#include "berth/dispatcher/dispatcher.hpp"
#include "berth/scheduler/scheduler.hpp"

#include "bench_cluster.hpp"
#include "bench_memory.hpp"
#include "bench_process.hpp"
#include "bench_wait.hpp"
#include "fake_cloud.hpp"
#include "fake_container_api.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

class FakeWorld {
 public:
  FakeWorld(std::size_t workers, std::size_t slots, const std::function<void(CloudVmsConfig&)>& adjust = {})
      : workers_(workers), cluster_(make_bench_cluster(slots)) {
    CloudVmsConfig& vms = cluster_.containers.cloud_vms;
    vms.deploy_runner_binary.clear();
    vms.timeout_probe = vms.timeout_idle = 10h;
    if (adjust) adjust(vms);
    api.latency = 1ms;
    cloud_->remote_user = "root";
    for (std::size_t i = 1; i <= workers; ++i) {
      InstanceTags tags{{"ArvadosInstanceSetID", instance_set_id("root")}, {"ArvadosInstanceType", "large"}};
      FakeMachine* machine = cloud_->add("large", tags).machine.get();
      machine->on_start = [this, machine](const std::string& uuid, const std::string&) {
        if (!api.runner_sets(uuid, ContainerState::running)) ++wrong;
        machine->runners.at(uuid).config = {};
        last_start = runtime.now();
        ++started;
      };
      machine->on_command = [machine](const Command&) { machine->commands.clear(); };
    }
    api.intercept = [this](const FakeCall&) -> std::optional<Error> {
      ++calls;
      api.calls.clear();
      list_began_ = cpu_seconds();
      return std::nullopt;
    };
    api.after_call = [this](const FakeCall&) { fake_cpu += cpu_seconds() - list_began_; };
  }

  void run(std::function<awaitable<void>()> scenario) {
    asio::co_spawn(runtime.executor(), main(*this, scenario), [](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
    });
    runtime.run();
  }

  Dispatcher& dispatcher() { return *dispatcher_; }

  RealRuntime runtime{1};
  FakeContainerApi api{runtime};
  std::size_t started = 0;
  int wrong = 0;
  SteadyTime last_start{};
  std::size_t calls = 0;  ///< of the API
  double fake_cpu = 0;    ///< seconds that the fake API took to carry them out

  /// So many containers are known, so many of them run, each on a worker of its own, and nothing went wrong.
  void check(std::size_t containers, std::size_t running) const {
    const auto queue = dispatcher_->queue()->snapshot();
    const auto pool = dispatcher_->pool()->snapshot();
    const auto runs = std::count_if(queue->entries.begin(), queue->entries.end(), [](const auto& entry) {
      return entry->container.state == ContainerState::running;
    });
    const bool as_expected = queue->entries.size() == containers && static_cast<std::size_t>(runs) == running &&
                             pool->running.size() == running && started == running && wrong == 0;
    if (!as_expected) throw std::runtime_error("not all that was to run does");
  }

 private:
  std::size_t idle_workers() const {
    const auto snapshot = dispatcher_->pool()->snapshot();
    return static_cast<std::size_t>(std::count_if(snapshot->instances.begin(), snapshot->instances.end(),
                                                  [](const auto& i) { return i.state == WorkerState::idle; }));
  }

  static awaitable<void> main(FakeWorld& w, const std::function<awaitable<void>()>& scenario) {
    DispatcherEdges edges{w.runtime, Logger(), w.metrics_, w.api, w.instances_, make_fake_executor, *w.lease_, {}, {}};
    w.dispatcher_ = std::make_unique<Dispatcher>(std::move(edges), w.cluster_);
    (void)co_await w.dispatcher_->start();
    std::function<bool()> ready = [&w] { return w.idle_workers() == w.workers_; };
    co_await wait_until(w.runtime, 10ms, "all workers are idle", std::move(ready));
    co_await w.runtime.sleep_for(2s);  // past StaleLockTimeout
    co_await scenario();
    co_await w.dispatcher_->stop();
    w.runtime.stop();
  }

  const std::size_t workers_;
  double list_began_ = 0;
  Metrics metrics_;
  std::shared_ptr<FakeCloud> cloud_ = std::make_shared<FakeCloud>(runtime);
  FakeInstanceSet instances_{cloud_};
  std::unique_ptr<Lease> lease_ = make_no_lease();
  Cluster cluster_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

void bench_starts(std::size_t containers, std::size_t workers) {
  FakeWorld world(workers, (containers + workers - 1) / workers);
  world.run([&]() -> awaitable<void> {
    const Duration at_start_up = take_longest_handler(world.runtime);
    for (std::size_t i = 1; i <= containers; ++i) world.api.add(static_cast<int>(i));
    const double cpu = cpu_seconds();
    std::function<bool()> begins = [&world] { return world.started > 0; };  // the queue polls every 10 s
    co_await wait_until(world.runtime, 100us, "the first container starts", std::move(begins));
    const SteadyTime begun = world.runtime.now();
    std::function<bool()> all = [&world, containers] { return world.started >= containers; };
    co_await wait_until(world.runtime, 1ms, "all containers have started", std::move(all));
    const double took = seconds(world.last_start - begun);
    const auto total = static_cast<double>(containers);
    std::printf(
        "%5zu workers: %zu starts in %.2f s = %.0f/s  CPU %.3f ms each  longest stall %.1f ms (%.1f ms at start-up)  "
        "wrong %d\n",
        workers, containers, took, total / took, 1e3 * (cpu_seconds() - cpu) / total,
        1e3 * seconds(take_longest_handler(world.runtime)), 1e3 * seconds(at_start_up), world.wrong);
    if (world.wrong > 0) throw std::runtime_error("a container was started that was not Locked");
  });
}

/// What goes on beside timers.
enum class Idle { nothing, polls, polls_and_probes };

void bench_idle(std::size_t workers, Duration time, Idle idle) {
  FakeWorld world(workers, 1, [&](CloudVmsConfig& vms) {
    if (idle == Idle::nothing) vms.poll_interval = 1h;
    if (idle != Idle::polls_and_probes) vms.probe_interval = vms.watched_probe_interval = vms.sync_interval = 1h;
  });
  world.run([&]() -> awaitable<void> {
    for (std::size_t i = 1; i <= workers; ++i) world.api.add(static_cast<int>(i));
    std::function<bool()> all = [&world, workers] {
      world.dispatcher().queue()->poll_soon();
      return world.started >= workers;
    };
    co_await wait_until(world.runtime, 1s, "all containers have started", std::move(all));
    world.dispatcher().queue()->poll_soon();
    co_await world.runtime.sleep_for(25s);
    (void)take_longest_handler(world.runtime);
    world.check(workers, workers);
    const double cpu = cpu_seconds();
    world.fake_cpu = 0;
    const SteadyTime begun = world.runtime.now();
    world.calls = 0;
    co_await world.runtime.sleep_for(time);
    const double took = seconds(world.runtime.now() - begun);
    const char* names[] = {"no polls, no probes", "polls, no probes", "polls and probes, each 10 s"};
    std::printf(
        "%5zu workers run a container each, %s: CPU %.2f %% of a core in %.0f s, besides %.2f %% of the fake API  "
        "longest stall %.1f ms  %zu API calls\n",
        workers, names[static_cast<int>(idle)], 100 * (cpu_seconds() - cpu - world.fake_cpu) / took, took,
        100 * world.fake_cpu / took, 1e3 * seconds(take_longest_handler(world.runtime)), world.calls);
  });
}

void bench_memory(std::size_t queued, std::size_t workers, const std::string& policy) {
  FakeWorld world(workers, 1, [&](CloudVmsConfig& vms) {
    vms.max_instances = static_cast<std::int64_t>(workers);
    vms.policy = policy;
  });
  const Memory before = Memory::now();
  world.run([&]() -> awaitable<void> {
    const Memory empty = Memory::now();
    for (std::size_t i = 1; i <= queued + workers; ++i) world.api.add(static_cast<int>(i));
    const Memory fakes = Memory::now();
    std::function<bool()> loaded = [&world, queued, workers] {
      return world.started >= workers && world.dispatcher().queue()->snapshot()->entries.size() == queued + workers;
    };
    co_await wait_until(world.runtime, 10ms, "all is loaded, and as many run as can", std::move(loaded));
    const Memory at_load = Memory::now();
    co_await world.runtime.sleep_for(40s);  // all is at peace
    world.check(queued + workers, workers);
    Memory::forget_peak();
    const Memory calm = Memory::now();
    co_await world.runtime.sleep_for(15s);
    const Memory after = Memory::now();
    std::printf(
        "%zu queued, %zu workers, policy %s: %.0f MB resident, %.0f MB in use, peak %.0f MB while loading and %.0f MB "
        "at a poll; "
        "of "
        "what is in use, %.0f MB are the fakes' records and %.0f MB were there before (fake workers)\n",
        queued, workers, policy.c_str(), calm.resident, calm.in_use, at_load.peak, after.peak,
        fakes.in_use - empty.in_use, before.in_use);
  });
}

}  // namespace
}  // namespace berth

namespace {

int run(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const auto number = [&](int i, std::size_t otherwise) { return argc > i ? std::stoul(argv[i]) : otherwise; };
  if (what == "starts") {
    std::vector<std::size_t> workers;
    for (int i = 3; i < argc; ++i) workers.push_back(number(i, 0));
    if (workers.empty()) workers = {50, 200, 1000, 10000};
    for (const std::size_t count : workers) berth::bench_starts(number(2, 5000), count);
  } else if (what == "idle") {
    for (const berth::Idle idle : {berth::Idle::nothing, berth::Idle::polls, berth::Idle::polls_and_probes})
      berth::bench_idle(number(2, 10'000), std::chrono::seconds(number(3, 30)), idle);
  } else if (what == "memory") {
    berth::bench_memory(number(2, 100'000), number(3, 10'000), argc > 4 ? argv[4] : "cost");
  } else {
    std::fprintf(stderr, "daemon_bench starts|idle|memory\n");
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  berth::merge_freed_memory_at_once();  // as berthd does
  try {
    return run(argc, argv);
  } catch (const std::invalid_argument&) {
    std::fprintf(stderr, "daemon_bench: all arguments but the first are numbers, and the policy\n");
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "daemon_bench: %s\n", error.what());
    return 1;
  }
}
