// That those invariants can fail that look at a dispatcher: one runs, and the invariants are told of what it does not
// do.
#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "berth/sim/history.hpp"

#include "dispatcher_fixture.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

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

/// The cloud as it would be if nothing ran in it.
class InvariantOfDispatcherElsewhere : public InvariantOfDispatcher {
 protected:
  InvariantOfDispatcherElsewhere() {
    CreateRequest request;
    request.type = cluster_->instance_types.at("small");
    vm_ = *elsewhere_.create(request, link());
    vm_->machine->booted = true;
    vm_->booted = core_.now();
  }
  SimCloud elsewhere_{core_, shared_};
  std::shared_ptr<SimVm> vm_;
  Invariants told_{core_, store_, elsewhere_};
};

TEST_F(InvariantOfDispatcherElsewhere, MirrorsPoolBelievesInNothingThatIsNot) {
  const std::string uuid = add();
  run_for(5min);
  ASSERT_EQ(place_of(uuid).id, vm_->id);
  check_for_long(told_);
  EXPECT_EQ(broken(), "mirrors-pool");
}

TEST_F(InvariantOfDispatcherElsewhere, MirrorsPoolLetsNothingComeBackToLife) {
  const std::string uuid = add();
  run_for(4min);
  ASSERT_EQ(place_of(uuid).id, vm_->id);
  told_.kill_confirmed(link(), *vm_, uuid);
  told_.after_turn({&link()});
  EXPECT_EQ(broken(), "none") << "its end is yet to be noted";
  const std::string next = add();
  told_.kill_confirmed(link(), *vm_, next);
  told_.after_turn({&link()});
  store_.set_priority(uuid, 0);
  run_for(90s);
  ASSERT_EQ(place_of(next).id, vm_->id);
  told_.after_turn({&link()});
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

class InvariantOfPolicyCost : public InvariantOfDispatcher {
 protected:
  InvariantOfPolicyCost() : InvariantOfDispatcher(by_cost()) {}
  static SimOptions by_cost() {
    SimOptions out = options();
    out.cluster.containers.cloud_vms.policy = "cost";
    out.cluster.containers.cloud_vms.timeout_idle = 10min;
    return out;
  }
};

TEST_F(InvariantOfPolicyCost, EligibleTypeOfWhatRuns) {
  const std::string small = add(1), large = add(8);
  run_for(5min);
  invariants_.after_turn({&link()});
  invariants_.start_sent(link(), place_of(large), small);
  EXPECT_EQ(broken(), "none") << "it may ride";
}

TEST_F(InvariantOfPolicyCost, EligibleTypeOfWhatIsEmpty) {
  const std::string small = add(1), large = add(8);
  run_for(5min);
  SimVm& vm = place_of(large);
  store_.set_priority(large, 0);
  run_for(20s);
  ASSERT_TRUE(vm.machine->runners().empty());
  invariants_.after_turn({&link()});
  invariants_.start_sent(link(), vm, small);
  EXPECT_EQ(broken(), "eligible-type") << "alone it is not worth an instance of that type";
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
  SimVm& vm = place_of(uuid);
  const std::string another = add(1);
  ASSERT_TRUE(store_.lock(another));
  start(vm, another);  // by somebody, where there is one VCPU
  check();
  EXPECT_EQ(broken(), "none") << "the dispatcher need not know of it";
  for (const std::string& one : {uuid, another}) invariants_.start_sent(link(), vm, one);
  check();
  EXPECT_EQ(broken(), "room");
}

TEST_F(InvariantOfDispatcher, RoomOfWhatAnEarlierOneStarted) {
  const std::string uuid = add(1);
  run_for(5min);
  SimVm& vm = place_of(uuid);
  const std::string another = add(1);
  ASSERT_TRUE(store_.lock(another));
  start(vm, another);
  invariants_.probed(link(), vm, core_.now());
  run_for(4min);
  invariants_.start_sent(link(), vm, uuid);
  check();
  EXPECT_EQ(broken(), "room") << "a probe had shown it for long";
}

TEST_F(InvariantOfDispatcher, Supervisors) {
  std::vector<std::string> uuids;
  for (int i = 0; i < 5; ++i) uuids.push_back(add_supervisor());
  run_for(5min);
  const auto waits = [&](const std::string& uuid) {
    return store_.find(uuid)->container.state != ContainerState::running;
  };
  const auto last = std::ranges::partition(uuids, std::not_fn(waits));
  ASSERT_EQ(last.size(), 1U) << "half of 8 may run";
  for (int times = 0; times < 2; ++times)
    for (int i = 0; i < 4; ++i) invariants_.start_sent(link(), place_of(uuids[i]), uuids[i]);
  EXPECT_EQ(broken(), "none");
  invariants_.start_sent(link(), place_of(uuids[0]), last.front());
  EXPECT_EQ(broken(), "supervisors");
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

TEST_F(InvariantOfDispatcher, DrainsWhatIsBroken) {
  const std::string uuid = add();
  run_for(5min);
  SimVm& vm = place_of(uuid);
  invariants_.broken_heard(link(), vm);
  check();
  EXPECT_EQ(broken(), "none") << "it has just been heard";
  run_for(2min);
  invariants_.behavior_set(link(), vm.id, IdleBehavior::run);
  check();
  EXPECT_EQ(broken(), "none") << "an operator wants it so";
  invariants_.broken_heard(link(), vm);
  run_for(2min);
  check();
  EXPECT_EQ(broken(), "drains");
}

TEST_F(InvariantOfDispatcher, DrainsAndStartsNothing) {
  const std::string uuid = add();
  run_for(5min);
  SimVm& vm = place_of(uuid);
  invariants_.broken_heard(link(), vm);
  invariants_.start_sent(link(), vm, uuid);
  EXPECT_EQ(broken(), "none") << "that was decided before";
  run_for(2min);
  const std::string next = add();
  run_for(3min);
  (void)place_of(next);
  invariants_.start_sent(link(), vm, next);
  EXPECT_EQ(broken(), "drains");
}

TEST_F(InvariantOfDispatcher, DrainsWhereAKillCameToNothing) {
  const std::string uuid = add(), spared = add();
  run_for(5min);
  for (const std::string& one : {uuid, spared}) {
    invariants_.operator_kills_container(one);
    invariants_.kill_sent(link(), place_of(one), one);
  }
  invariants_.behavior_set(link(), place_of(spared).id, IdleBehavior::run);
  invariants_.after_turn({&link()});
  run_for(cluster_->containers.cloud_vms.timeout_term - 1s);
  invariants_.after_turn({&link()});
  run_for(2s);
  invariants_.after_turn({&link()});
  check();
  EXPECT_EQ(broken(), "none") << "it has just been given up";
  run_for(2min);
  check();
  EXPECT_EQ(broken(), "drains");
  EXPECT_TRUE(core_.violation->detail.starts_with(place_of(uuid).id)) << core_.violation->detail;
}

TEST_F(InvariantOfDispatcher, DrainsWhereARunLockIsHeld) {
  const std::string uuid = add(), other = add();
  run_for(5min);
  SimVm& vm = place_of(uuid);
  const Duration bound = cluster_->containers.cloud_vms.timeout_stale_run_lock;
  for (const bool released : {true, false}) {
    invariants_.run_locks_heard(link(), vm, {other});
    run_for(bound - 1s);
    invariants_.run_locks_heard(link(), vm, {other});
    run_for(2s);
    if (released) invariants_.run_locks_heard(link(), vm, {});
    invariants_.run_locks_heard(link(), vm, {other});
    check();
    EXPECT_EQ(broken(), "none") << "it has just become too long";
    run_for(released ? 0s : 2min);
  }
  check();
  EXPECT_EQ(broken(), "drains");
}

TEST_F(InvariantOfDispatcher, GoesWhenTold) {
  const std::string uuid = add();
  run_for(5min);
  SimVm& vm = place_of(uuid);
  invariants_.operator_kills_instance(vm.id);
  invariants_.instance_kill_accepted(link(), vm.id);
  check();
  EXPECT_EQ(broken(), "none") << "it has just been told";
  run_for(2min);
  check();
  EXPECT_EQ(broken(), "goes-when-told");
}

TEST_F(InvariantOfDispatcher, GoesWhenToldWithinABound) {
  const std::string uuid = add();
  run_for(5min);
  SimVm& vm = place_of(uuid);
  invariants_.operator_kills_instance(vm.id);
  invariants_.instance_kill_accepted(link(), vm.id);
  invariants_.destroy_sent(link(), vm);
  run_for(2min);
  check();
  EXPECT_EQ(broken(), "none") << "a destroy may be lost";
  check_for_long(invariants_);
  EXPECT_EQ(broken(), "goes-when-told");
}

}  // namespace
}  // namespace berth
