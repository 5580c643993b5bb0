// That those invariants can fail that look at a dispatcher: one runs, and the invariants are told of what it does not
// do.
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "berth/sim/history.hpp"

#include "invariants.hpp"
#include "machine.hpp"
#include "process.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

/// A world with one dispatcher. Of what that does the invariants see only what the test tells them, and its snapshots.
class InvariantOfDispatcher : public testing::Test {
 protected:
  explicit InvariantOfDispatcher(SimOptions given = options())
      : core_(std::move(given)), process_({core_, store_, cloud_, leases_, events_, nobody_, cluster_}, 1) {}
  ~InvariantOfDispatcher() override {
    process_.stop();
    run_for(11s);
    EXPECT_TRUE(process_.ended());
  }

  static SimOptions options() {
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
      run_for(1min);
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

TEST_F(InvariantOfDispatcher, NothingIsWrong) {
  const std::string uuid = add(), fits_nowhere = add(4096);
  run_for(5min);
  SimVm& vm = place_of(uuid);
  check_for_long(invariants_);
  invariants_.start_sent(link(), vm, uuid);
  EXPECT_EQ(broken(), "none");
}

TEST_F(InvariantOfDispatcher, MirrorsQueue) {
  RecordStore another(core_, nobody_);
  Invariants told(core_, another, cloud_);
  add(another, 1);
  check_for_long(told);
  EXPECT_EQ(broken(), "mirrors-queue");
}

/// Nothing boots, and no runner comes to claim its container.
class InvariantOfDispatcherInVain : public InvariantOfDispatcher {
 protected:
  InvariantOfDispatcherInVain() : InvariantOfDispatcher(in_vain()) {}
  static SimOptions in_vain() {
    SimOptions out = options();
    out.cloud.boot.median = out.workers.start.median = 1000h;
    out.cloud.boot.most = out.workers.start.most = 1000h;
    return out;
  }
};

TEST_F(InvariantOfDispatcherInVain, MirrorsPool) {
  const std::string uuid = add();
  run_for(30s);
  ASSERT_EQ(store_.find(uuid)->container.state, ContainerState::locked);
  SimCloud elsewhere(core_, shared_);
  CreateRequest request;
  request.type = cluster_->instance_types.at("small");
  const auto vm = *elsewhere.create(request, link());
  vm->machine->booted = true;
  vm->booted = core_.now();
  start(*vm, uuid);
  Invariants told(core_, store_, elsewhere);
  check_for_long(told);
  EXPECT_EQ(broken(), "mirrors-pool");
}

TEST_F(InvariantOfDispatcher, EligibleTypeIsLargeEnough) {
  const std::string small = add(1), large = add(8);
  run_for(5min);
  invariants_.start_sent(link(), place_of(large), large);
  EXPECT_EQ(broken(), "none");
  invariants_.start_sent(link(), place_of(small), large);
  EXPECT_EQ(broken(), "eligible-type");
}

TEST_F(InvariantOfDispatcher, EligibleTypeIsNotTooDear) {
  const std::string small = add(1), large = add(8);
  run_for(5min);
  invariants_.start_sent(link(), place_of(large), small);
  EXPECT_EQ(broken(), "eligible-type");
}

TEST_F(InvariantOfDispatcher, KillsNoWanted) {
  const std::string uuid = add();
  run_for(5min);
  invariants_.kill_sent(link(), place_of(uuid), uuid);
  EXPECT_EQ(broken(), "kills-no-wanted");
}

TEST_F(InvariantOfDispatcher, WhatWasJustlyKilledMayBeKilledAndDestroyed) {
  const std::string uuid = add();
  run_for(5min);
  SimVm& vm = place_of(uuid);
  invariants_.probed(link(), vm, core_.now());
  store_.set_priority(uuid, 0);
  invariants_.kill_sent(link(), vm, uuid);
  store_.set_priority(uuid, 500);
  invariants_.kill_sent(link(), vm, uuid);
  invariants_.destroy_sent(link(), vm);
  EXPECT_EQ(broken(), "none");
}

TEST_F(InvariantOfDispatcher, RoomInTheFullCheck) {
  const std::string uuid = add(1);
  run_for(5min);
  check();
  EXPECT_EQ(broken(), "none");
  const std::string another = add(1);  // put by somebody where there is one VCPU, and found there by a probe
  ASSERT_TRUE(store_.lock(another));
  start(place_of(uuid), another);
  run_for(2min);
  check();
  EXPECT_EQ(broken(), "room");
}

TEST_F(InvariantOfDispatcher, HoldInTheFullCheck) {
  const std::string uuid = add();
  run_for(5min);
  const std::string id = place_of(uuid).id;
  invariants_.behavior_set(link(), id, IdleBehavior::hold);
  check();
  EXPECT_EQ(broken(), "none");
  const auto kill = [](WorkerPool& pool, std::string instance) -> awaitable<void> {
    (void)co_await pool.kill_instance(std::move(instance), "nobody is told");
  };
  process_.run(kill(*process_.dispatcher().pool(), id));
  run_for(3s);
  check();
  EXPECT_EQ(broken(), "hold");
}

TEST_F(InvariantOfDispatcher, OrderInTheFullCheck) {
  const std::string uuid = add(1, 100);
  run_for(5min);
  SimVm& vm = place_of(uuid);
  const std::string more_urgent = add(1, 1000);  // Locked until its own instance has booted
  run_for(15s);
  check();
  invariants_.start_sent(link(), vm, uuid);
  run_for(15s);
  check();
  EXPECT_EQ(broken(), "order") << more_urgent;
}

TEST_F(InvariantOfDispatcher, OrderAtTheStart) {
  const std::string uuid = add(1, 100);
  run_for(5min);
  SimVm& vm = place_of(uuid);
  const std::string more_urgent = add(1, 1000);
  run_for(15s);
  invariants_.after_turn({&link()});
  invariants_.acts(link(), "unlock", more_urgent);
  invariants_.start_sent(link(), vm, uuid);
  EXPECT_EQ(broken(), "none") << "what is being unlocked is not passed over";
  invariants_.call_ended(link(), "unlock", more_urgent);
  run_for(1s);
  invariants_.after_turn({&link()});
  invariants_.start_sent(link(), vm, uuid);
  EXPECT_EQ(broken(), "order");
}

}  // namespace
}  // namespace berth
