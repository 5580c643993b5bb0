#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>

#include "berth/sim/history.hpp"

#include "invariants.hpp"
#include "machine.hpp"
#include "process.hpp"

namespace berth {

/// A world with one dispatcher. Of what that does the invariants see only what the test tells them, and its snapshots.
class InvariantOfDispatcher : public testing::Test {
 protected:
  explicit InvariantOfDispatcher(SimOptions given = options())
      : core_(std::move(given)), process_({core_, store_, cloud_, leases_, events_, nobody_, cluster_}, 1) {}
  ~InvariantOfDispatcher() override {
    process_.stop();
    run_for(std::chrono::seconds(11));
    EXPECT_TRUE(process_.ended());
  }

  static SimOptions options() {
    using namespace std::chrono_literals;
    SimOptions out = draw_history(10, 6h);  // without faults
    ContainersConfig& containers = out.cluster.containers;
    containers.maximum_price_factor = 1.0;
    containers.cloud_vms.policy = "greedy";
    containers.cloud_vms.max_instances = 8;
    containers.cloud_vms.max_running_containers_per_instance = 0;
    out.cloud = {};
    out.api.event_bus.reset();
    out.workload.resize(1);
    out.workload[0].run_time = 5h;
    return out;
  }
  /// Returns its uuid.
  static std::string add(RecordStore& store, std::int64_t vcpus, std::int64_t priority = 500) {
    WorkloadContainer what;
    what.constraints.vcpus = vcpus;
    what.constraints.ram = vcpus * 1'000'000'000;
    what.priority = priority;
    return store.add(what, 0, 1).uuid();
  }
  std::string add_supervisor() {
    WorkloadContainer what;
    what.constraints.vcpus = 1;
    what.scheduling.supervisor = true;
    return store_.add(what, 0, 1).uuid();
  }
  std::string add(std::int64_t vcpus = 1, std::int64_t priority = 500) { return add(store_, vcpus, priority); }

  void run_for(Duration time) {
    const SteadyTime end = core_.now() + time;
    while (core_.now() < end) {
      const SteadyTime next = std::min(core_.plan.next(), end);
      core_.runtime.run_until([&] { return core_.plan.next() < next; }, next - core_.now());
      if (core_.plan.next() <= core_.now()) core_.plan.pop()();
    }
  }
  void check() { invariants_.check_all({&link()}, &link()); }
  /// As long as it takes until everything must be right.
  void check_for_long(Invariants& invariants) {
    for (int minute = 0; minute < 30; ++minute) {
      run_for(std::chrono::minutes(1));
      invariants.check_all({&link()}, &link());
    }
  }
  const Link& link() const { return process_.link(); }
  /// Where it runs; there must be such a place.
  SimVm& place_of(const std::string& uuid) const {
    for (const auto& [id, vm] : cloud_.all())
      if (vm->machine->find(uuid)) return *vm;
    throw std::runtime_error(uuid + " does not run");
  }
  void start(SimVm& vm, const std::string& uuid) {
    Command command;
    command.text = "crunch-run --detach --stdin-config '" + uuid + "'";
    command.stdin_data = std::string("{}");
    ASSERT_EQ(vm.machine->carry_out(command, link())->exit_status, 0);
  }
  std::string broken() const { return core_.violation ? core_.violation->invariant : "none"; }

  SimCore core_;
  SimWatcher nobody_;
  RecordStore store_{core_, nobody_};
  SimMachine::Shared shared_{core_, store_, nobody_, [](const SimRecord&) { return true; }};
  SimCloud cloud_{core_, shared_};
  LeaseServer leases_{core_};
  EventServer events_{core_};
  Invariants invariants_{core_, store_, cloud_};
  std::shared_ptr<const Cluster> cluster_ = std::make_shared<Cluster>(core_.options.cluster);
  DispatcherProcess process_;
};

/// Nothing boots, and no runner comes to claim its container.
class InvariantOfDispatcherInVain : public InvariantOfDispatcher {
 protected:
  InvariantOfDispatcherInVain() : InvariantOfDispatcher(in_vain()) {}
  static SimOptions in_vain() {
    SimOptions out = options();
    out.cloud.boot.median = out.workers.start.median = std::chrono::hours(1000);
    out.cloud.boot.most = out.workers.start.most = std::chrono::hours(1000);
    return out;
  }
};

}  // namespace berth
