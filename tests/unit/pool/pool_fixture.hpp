#pragma once

#include <gtest/gtest.h>

#include "berth/pool/worker_pool.hpp"

#include "fake_cloud.hpp"
#include "sim_test.hpp"

namespace berth {

/// A pool over a FakeCloud in simulated time.
class PoolTest : public testing::Test {
 protected:
  static constexpr const char* set_id = "test-set";

  PoolTest() : cloud(std::make_shared<FakeCloud>(runtime)), instances(cloud) {
    options.instance_set_id = set_id;
    options.cluster_id = "zzzzz";
    options.probe_interval = std::chrono::seconds(10);
    options.max_probes_per_second = 1000;
    options.max_concurrent_creates = 0;
    for (const std::string name : {"small", "large"}) {
      InstanceType type;
      type.name = name;
      type.provider_type = "p." + name;
      type.vcpus = name == "small" ? 1 : 8;
      type.ram = type.vcpus << 30;
      type.price = 0.1 * static_cast<double>(type.vcpus);
      options.instance_types[name] = type;
    }
  }
  ~PoolTest() override { stop(); }

  void start() {
    pool = std::make_unique<WorkerPool>(
        runtime, log->log(), metrics, instances, make_fake_executor,
        [](const std::string& uuid, const InstanceType& type, const std::string& address) {
          return uuid + ' ' + type.name + ' ' + address;
        },
        options);
    pool->start();
    runtime.settle();
  }
  void stop() {
    if (!pool) return;
    run_on(runtime, pool->stop());
    pool.reset();
  }
  /// As after a crash and restart of the dispatcher.
  void restart() {
    stop();
    start();
  }

  static std::string uuid(int n) {
    std::string digits = std::to_string(n);
    return "zzzzz-dz642-" + std::string(15 - digits.size(), '0') + digits;
  }
  PoolReceipt apply(PoolCommands commands) { return run_on(runtime, pool->apply(std::move(commands))); }
  bool create(const std::string& type = "small") {
    PoolCommands commands;
    commands.creates = {type};
    return apply(std::move(commands)).creates.at(0);
  }
  bool start_container(std::uint64_t instance, const std::string& container) {
    PoolCommands commands;
    commands.starts = {StartRequest{instance, container, runtime.wall_now() - std::chrono::seconds(3)}};
    return apply(std::move(commands)).starts.at(0);
  }
  void kill(const std::string& container) {
    PoolCommands commands;
    commands.kills = {KillRequest{container, "test"}};
    apply(std::move(commands));
  }
  void forget(const std::string& container) {
    PoolCommands commands;
    commands.forgets = {container};
    apply(std::move(commands));
  }
  void shut_down(std::uint64_t instance) {
    PoolCommands commands;
    commands.shutdowns = {instance};
    apply(std::move(commands));
  }

  std::shared_ptr<const PoolSnapshot> snapshot() const { return pool->snapshot(); }
  /// The only instance.
  PoolInstance only() const {
    const auto now = snapshot();
    EXPECT_EQ(now->instances.size(), 1u);
    return now->instances.empty() ? PoolInstance{} : *now->instances.begin();
  }
  PoolInstance by_id(const std::string& id) const {
    const auto now = snapshot();
    if (const PoolInstance* instance = now->find(id)) return *instance;
    ADD_FAILURE() << "no instance " << id;
    return {};
  }
  bool wait_for(const std::function<bool()>& done, Duration limit = std::chrono::minutes(5)) {
    return runtime.run_until(done, limit);
  }
  bool wait_for_state(WorkerState state, Duration limit = std::chrono::minutes(5)) {
    return wait_for([&] { return snapshot()->count(state) == 1; }, limit);
  }
  /// Creates one and waits until it is idle.
  PoolInstance make_idle(const std::string& type = "small") {
    EXPECT_TRUE(create(type));
    const auto last = [&] {
      PoolInstance latest;
      const auto now = snapshot();
      for (const PoolInstance& instance : now->instances) latest = instance;
      return latest;
    };
    EXPECT_TRUE(wait_for([&] { return last().state == WorkerState::idle; }));
    return last();
  }
  InstanceTags tags(const std::string& type, const std::string& behavior = "run") const {
    return {{"ArvadosInstanceSetID", set_id}, {"ArvadosInstanceType", type}, {"ArvadosIdleBehavior", behavior}};
  }
  Result<void> set_behavior(const std::string& id, IdleBehavior behavior) {
    return run_on(runtime, pool->set_idle_behavior(id, behavior));
  }
  /// The value of a line of the metrics text; -1 if it is not there.
  double metric(const std::string& line_start) const {
    const std::string text = metrics.text();
    const auto at = ("\n" + text).find("\n" + line_start + ' ');
    return at == std::string::npos ? -1 : std::stod(text.substr(at + line_start.size()));
  }

  SimRuntime runtime;
  std::shared_ptr<LineSink> log = make_line_sink();
  Metrics metrics;
  std::shared_ptr<FakeCloud> cloud;
  FakeInstanceSet instances;
  PoolOptions options;
  std::unique_ptr<WorkerPool> pool;
};

}  // namespace berth
