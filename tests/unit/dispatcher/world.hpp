#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "berth/base/metrics.hpp"
#include "berth/base/task_group.hpp"
#include "berth/dispatcher/dispatcher.hpp"

#include "fake_cloud.hpp"
#include "fake_container_api.hpp"
#include "sim_test.hpp"

namespace berth {

/// A lease that a test takes away.
class FakeLease final : public Lease {
 public:
  awaitable<Result<void>> acquire() override { co_return Result<void>{}; }
  std::uint64_t term() const override { return is_held ? number : 0; }
  Signal& changed() override { return changed_; }
  awaitable<void> release() override { co_return; }
  std::string detail() const override { return is_held ? "held" : "not held"; }
  void set_held(bool now) {
    if (now && !is_held) ++number;
    is_held = now;
    changed_.notify();
  }
  bool is_held = true;
  std::uint64_t number = 1;  ///< of the term

 private:
  Signal changed_;
};

/// The whole dispatcher in simulated time, over a fake API, a fake cloud and runners that do what runners do.
class World {
 public:
  explicit World(std::uint64_t seed = 1)
      : runtime(seed),
        api(runtime),
        cloud(std::make_shared<FakeCloud>(runtime)),
        instances_(cloud),
        runners_(runtime.executor()) {
    add_type("small", 1, 4, 0.1);
    add_type("medium", 2, 8, 0.2);
    add_type("large", 8, 32, 0.8);
    configure();
    cloud->boot_delay = std::chrono::seconds(20);
    cloud->create_latency = std::chrono::seconds(1);
    cloud->on_create = [this](FakeCloud::Vm& vm) { adopt(*vm.machine); };
  }
  ~World() {
    stop();
    run_on(runtime, runners_.stop());
  }

  void start() {
    metrics_ = std::make_unique<Metrics>();
    dispatcher_ = std::make_unique<Dispatcher>(DispatcherEdges{runtime,
                                                               sink->log(LogLevel::info),
                                                               *metrics_,
                                                               api,
                                                               instances_,
                                                               make_fake_executor,
                                                               lease,
                                                               {},
                                                               verify_passes},
                                               cluster);
    ASSERT_TRUE(run_on(runtime, dispatcher_->start()));
  }
  void stop() {
    if (!dispatcher_) return;
    run_on(runtime, dispatcher_->stop());
    dispatcher_.reset();
    metrics_.reset();
  }
  Dispatcher& dispatcher() { return *dispatcher_; }
  std::string metrics() const { return metrics_->text(); }

  /// Queued container `number`, sized in VCPUs and GB.
  std::string add(int number, std::int64_t vcpus = 1, std::int64_t ram_gb = 1, std::int64_t priority = 1000) {
    Container& container = api.add(number, priority);
    container.runtime_constraints.vcpus = vcpus;
    container.runtime_constraints.ram = ram_gb * 1'000'000'000;
    return container.uuid;
  }
  bool all_final() const {
    for (const auto& [uuid, record] : api.records)
      if (!is_final(record.container.state)) return false;
    return true;
  }
  /// Runs until every container is final; false if that takes longer than `limit`.
  bool finish(Duration limit = std::chrono::hours(2)) {
    return runtime.run_until([this] { return all_final(); }, limit);
  }

  /// For the message of a test that fails: what is not final, and where things stand.
  std::string describe() const {
    std::string text;
    for (const auto& [uuid, record] : api.records)
      if (!is_final(record.container.state)) text += uuid + ' ' + std::string(to_string(record.container.state)) + '\n';
    const auto pool = dispatcher_->pool()->snapshot();
    for (const PoolInstance& i : pool->instances)
      text += i.id + ' ' + i.type + ' ' + std::string(to_string(i.state)) + ' ' +
              std::string(to_string(i.idle_behavior)) + ' ' + std::to_string(i.containers.size()) + '\n';
    if (const auto queue = dispatcher_->scheduler()->queue())
      for (const ScheduledContainer& c : queue->containers)
        text += c.entry->container.uuid + ' ' + std::string(to_string(c.reason)) + '\n';
    const auto lines = sink->lines();
    for (std::size_t i = lines.size() < 15 ? 0 : lines.size() - 15; i < lines.size(); ++i) text += lines[i] + '\n';
    return text;
  }

  SimRuntime runtime;
  std::shared_ptr<LineSink> sink = make_line_sink();
  FakeContainerApi api;
  std::shared_ptr<FakeCloud> cloud;
  Cluster cluster;
  FakeLease lease;
  Duration run_time = std::chrono::seconds(30);
  int crash_percent = 0;            ///< of runners, before they set Running
  std::map<std::string, int> runs;  ///< how often user code began, by uuid
  std::set<std::string> live;       ///< user code runs now
  bool doubled = false;             ///< some container once ran twice at the same time

 private:
  static void verify_passes(QueueOptions&, PoolOptions&, SchedulerOptions& options) {
    options.verify_share = 1;
    options.on_difference = [](const std::string& difference) { ADD_FAILURE() << difference; };
  }

  void add_type(const std::string& name, std::int64_t vcpus, std::int64_t ram_gb, double price) {
    InstanceType type;
    type.name = type.provider_type = name;
    type.vcpus = vcpus;
    type.ram = ram_gb * 1'000'000'000;
    type.included_scratch = 100'000'000'000;
    type.price = price;
    cluster.instance_types[name] = type;
  }

  void configure() {
    cluster.id = "zzzzz";
    cluster.system_root_token = "root";
    cluster.services.controller_url = "https://zzzzz.example/";
    ContainersConfig& containers = cluster.containers;
    containers.stale_lock_timeout = std::chrono::minutes(1);
    containers.crunch_run_command = "crunch-run";
    containers.runtime_engine = "docker";
    containers.maximum_price_factor = 1.5;
    CloudVmsConfig& vms = containers.cloud_vms;
    vms.driver = "fake";
    vms.tag_key_prefix = "Arvados";
    vms.boot_probe_command = "true";
    vms.policy = "greedy";
    vms.supervisor_fraction = 0.5;
    vms.max_instances = 20;
    vms.max_probes_per_second = 100;
    vms.poll_interval = std::chrono::seconds(10);
    vms.probe_interval = std::chrono::seconds(10);
    vms.sync_interval = std::chrono::minutes(1);
    vms.timeout_idle = std::chrono::minutes(1);
    vms.timeout_booting = std::chrono::minutes(2);
    vms.timeout_probe = std::chrono::minutes(2);
    vms.timeout_shutdown = std::chrono::seconds(10);
    vms.timeout_signal = std::chrono::seconds(5);
    vms.timeout_stale_run_lock = std::chrono::seconds(5);
    vms.timeout_term = std::chrono::minutes(2);
  }

  void adopt(FakeMachine& machine) {
    machine.on_start = [this, &machine](const std::string& uuid, const std::string&) {
      runners_.spawn(run_container(*this, machine, uuid));
    };
    machine.on_term = [this](const std::string& uuid) {
      live.erase(uuid);
      (void)api.runner_sets(uuid, ContainerState::cancelled);
    };
  }

  static awaitable<void> run_container(World& world, FakeMachine& machine, std::string uuid) {
    co_await world.runtime.sleep_for(std::chrono::seconds(1));
    if (!machine.runners.contains(uuid) || machine.unreachable) co_return;
    if (static_cast<int>(world.runtime.random() % 100) < world.crash_percent ||
        !world.api.runner_sets(uuid, ContainerState::running)) {
      machine.exit(uuid);
      co_return;
    }
    ++world.runs[uuid];
    world.doubled = world.doubled || !world.live.insert(uuid).second;
    co_await world.runtime.sleep_for(world.run_time);
    if (!machine.runners.contains(uuid)) co_return;
    world.live.erase(uuid);
    if (machine.unreachable) co_return;
    (void)world.api.runner_sets(uuid, ContainerState::complete);
    machine.exit(uuid);
  }

  FakeInstanceSet instances_;
  TaskGroup runners_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

}  // namespace berth
