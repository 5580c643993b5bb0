#pragma once

#include <gtest/gtest.h>

#include "berth/scheduler/scheduler.hpp"

#include "fake_cloud.hpp"
#include "fake_container_api.hpp"
#include "sim_test.hpp"

namespace berth {

using enum ContainerState;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class ShellTest : public testing::Test {
 protected:
  ShellTest() : api(runtime), cloud(std::make_shared<FakeCloud>(runtime)), instances(cloud) {
    InstanceType type;
    type.name = "small";
    type.provider_type = "p.small";
    type.vcpus = 2;
    type.ram = std::int64_t{4} << 30;
    type.price = 0.1;
    queue_options.instance_types = pool_options.instance_types = options.instance_types = {{"small", type}};
    queue_options.poll_interval = seconds(1);
    pool_options.instance_set_id = "test-set";
    pool_options.cluster_id = "zzzzz";
    pool_options.probe_interval = seconds(1);
    pool_options.max_probes_per_second = 1000;
    pool_options.max_concurrent_creates = 0;
    pool_options.timeout_idle = minutes(1);
    options.verify_share = 1;
    options.on_difference = [](const std::string& difference) { ADD_FAILURE() << difference; };
    cloud->on_create = [this](FakeCloud::Vm& vm) { play_runners(*vm.machine); };
  }
  ~ShellTest() override { stop(); }

  /// A runner takes 10 s to complete its container.
  void play_runners(FakeMachine& machine) {
    machine.on_start = [this, &machine](const std::string& uuid, const std::string&) {
      ++starts[uuid];
      EXPECT_TRUE(api.runner_sets(uuid, running));
      tasks.push_back(std::make_unique<SimTask<void>>(runtime, run_container(machine, uuid)));
    };
  }
  awaitable<void> run_container(FakeMachine& machine, std::string uuid) {
    co_await runtime.sleep_for(seconds(10));
    if (machine.runners.count(uuid) == 0) co_return;
    EXPECT_TRUE(api.runner_sets(uuid, complete));
    machine.exit(uuid);
  }

  void start() {
    queue = std::make_unique<ContainerQueue>(runtime, log->log(), metrics, api, queue_options);
    pool = std::make_unique<WorkerPool>(
        runtime, log->log(), metrics, instances, make_fake_executor,
        [](const std::string&, const InstanceType&, const std::string&) { return std::string("{}"); }, pool_options);
    scheduler = std::make_unique<Scheduler>(
        *scheduler_runtime, log->log(), metrics, *queue, *pool, *scheduler_api, [this] { return active; }, options);
    queue->start();
    pool->start();
    scheduler->start();
    runtime.settle();
  }
  void stop() {
    if (!scheduler) return;
    run_on(runtime, scheduler->stop());
    scheduler.reset();
    run_on(runtime, pool->stop());
    run_on(runtime, queue->stop());
    pool.reset();
    queue.reset();
  }

  static std::string uuid(int number) { return FakeContainerApi::uuid(number); }
  bool wait_for(const std::function<bool()>& done, Duration limit = minutes(2)) {
    return runtime.run_until(done, limit);
  }
  /// A machine from before this process, with these containers on it.
  FakeCloud::Vm& add_old_instance(std::initializer_list<int> containers) {
    FakeCloud::Vm& vm = cloud->add(
        "p.small",
        {{"ArvadosInstanceSetID", "test-set"}, {"ArvadosInstanceType", "small"}, {"ArvadosIdleBehavior", "run"}});
    for (int number : containers) vm.machine->runners[uuid(number)] = {};
    play_runners(*vm.machine);
    return vm;
  }
  double metric(const std::string& name) const {
    const std::string text = metrics.text();
    const auto at = text.find('\n' + name + ' ');
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  bool metric_is(const std::string& line) const {
    return metrics.text().find("\narvados_dispatchcloud_" + line + "\n") != std::string::npos;
  }

  SimRuntime runtime;
  std::shared_ptr<LineSink> log = make_line_sink();
  Metrics metrics;
  FakeContainerApi api;
  std::shared_ptr<FakeCloud> cloud;
  FakeInstanceSet instances;
  QueueOptions queue_options;
  PoolOptions pool_options;
  SchedulerOptions options;
  Runtime* scheduler_runtime = &runtime;
  ContainerApi* scheduler_api = &api;
  bool active = true;
  std::map<std::string, int> starts;
  std::vector<std::unique_ptr<SimTask<void>>> tasks;
  std::unique_ptr<ContainerQueue> queue;
  std::unique_ptr<WorkerPool> pool;
  std::unique_ptr<Scheduler> scheduler;
};

}  // namespace berth
