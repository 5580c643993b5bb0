// As invariants_of_dispatcher_test.cpp: of what a dispatcher does too early, too late or not at all.
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "dispatcher_fixture.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

TEST_F(InvariantOfDispatcher, TermRepeated) {
  const std::string uuid = add();
  run_for(5min);
  SimVm& vm = place_of(uuid);
  invariants_.operator_kills_container(uuid);
  const Duration interval = cluster_->containers.cloud_vms.timeout_signal;
  for (int times = 0; times < 2; ++times) {
    invariants_.kill_sent(link(), vm, uuid);
    run_for(interval + 2s);
    invariants_.after_turn({&link()});
    EXPECT_EQ(broken(), "none") << "it is not known what came of it";
    invariants_.kill_ended(link(), vm, uuid);
    invariants_.after_turn({&link()});
    EXPECT_EQ(broken(), "none") << "it has just become known";
  }
  run_for(2s);
  invariants_.after_turn({&link()});
  EXPECT_EQ(broken(), "term-repeated");
}

TEST_F(InvariantOfDispatcher, NoEarly) {
  const std::string uuid = add();
  run_for(5min);
  SimVm& vm = place_of(uuid);
  Invariants later(core_, store_, cloud_);
  for (Invariants* told : {&invariants_, &later}) {
    told->after_turn({&link()});
    told->runner_ended(vm, uuid);
  }
  store_.set_priority(uuid, 0);
  run_for(20s);
  ASSERT_TRUE(vm.machine->runners().empty());
  const Duration idle = cluster_->containers.cloud_vms.timeout_idle;
  run_for(idle - 25s);
  invariants_.probed(link(), vm, core_.now());
  invariants_.destroy_sent(link(), vm);
  EXPECT_EQ(broken(), "no-early");
  core_.violation.reset();
  run_for(5s);
  later.probed(link(), vm, core_.now());
  later.destroy_sent(link(), vm);
  EXPECT_EQ(broken(), "none");
}

TEST_F(InvariantOfDispatcher, NoEarlyWhereItDrains) {
  const std::string uuid = add();
  run_for(5min);
  SimVm& vm = place_of(uuid);
  const auto drain = [](std::shared_ptr<WorkerPool> pool, std::string id) -> awaitable<void> {
    (void)co_await pool->set_idle_behavior(std::move(id), IdleBehavior::drain);
  };
  process_.run(drain(process_.dispatcher().pool(), vm.id));
  run_for(1s);
  invariants_.after_turn({&link()});
  invariants_.runner_ended(vm, uuid);
  vm.machine->switch_off();
  invariants_.probed(link(), vm, core_.now());
  invariants_.destroy_sent(link(), vm);
  EXPECT_EQ(broken(), "none");
}

TEST_F(InvariantOfDispatcher, UnlocksFirst) {
  const std::string uuid = add();
  run_for(5min);
  SimVm& vm = place_of(uuid);
  invariants_.acts(link(), "unlock", uuid);
  invariants_.call_ended(link(), "unlock", uuid);
  invariants_.start_sent(link(), vm, uuid);
  EXPECT_EQ(broken(), "none");
  invariants_.acts(link(), "unlock", uuid);
  invariants_.start_sent(link(), vm, uuid);
  EXPECT_EQ(broken(), "unlocks-first");
}

/// Its pool forgets an instance when that is gone from the cloud: told is now this, now that of when it was made.
TEST_F(InvariantOfDispatcher, MirrorsPoolForgetsNothingYoung) {
  const std::string uuid = add();
  run_for(5min);
  SimVm& vm = place_of(uuid);
  Invariants listed_since(core_, store_, cloud_);
  for (Invariants* told : {&listed_since, &invariants_}) {
    told->list_answered(link(), {});
    told->list_begun(link());
    run_for(1s);
    told->create_answered(link(), *vm.type, &vm, nullptr);
    told->after_turn({&link()});
  }
  run_for(1s);
  listed_since.list_begun(link());
  cloud_.destroy(cloud_.find(vm.id));
  run_for(3min);
  listed_since.after_turn({&link()});
  EXPECT_EQ(broken(), "none");
  invariants_.after_turn({&link()});
  EXPECT_EQ(broken(), "mirrors-pool");
}

/// What it has to do is done soon.
class QuickInvariantOfDispatcher : public InvariantOfDispatcher {
 protected:
  QuickInvariantOfDispatcher() : InvariantOfDispatcher(quick()) {}
  static SimOptions quick() {
    SimOptions out = options();
    CloudVmsConfig& vms = out.cluster.containers.cloud_vms;
    vms.poll_interval = vms.probe_interval = 5s;
    out.cloud.boot.median = 1s;
    return out;
  }
};

TEST_F(QuickInvariantOfDispatcher, LoadIsLoweredAfterA503) {
  const std::string uuid = add();
  run_for(1min);
  (void)place_of(uuid);
  Link unavailable = link();  // the dispatcher itself knows of no 503
  unavailable.last_503 = core_.now();
  invariants_.list_answered(unavailable, {});
  invariants_.after_turn({&unavailable});
  const std::string other = add();
  run_for(40s);
  Link another = unavailable;
  another.number = 2;
  invariants_.start_sent(another, place_of(other), other);
  EXPECT_EQ(broken(), "none") << "it was another that was told";
  invariants_.start_sent(unavailable, place_of(other), other);
  EXPECT_EQ(broken(), "load");
  core_.violation.reset();
  run_for(21s);
  invariants_.start_sent(unavailable, place_of(other), other);
  EXPECT_EQ(broken(), "none") << "it is long over";
}

/// The cloud allows no instance.
class InvariantOfDispatcherWithoutCloud : public InvariantOfDispatcher {
 protected:
  InvariantOfDispatcherWithoutCloud() : InvariantOfDispatcher(without_cloud()) {}
  static SimOptions without_cloud() {
    SimOptions out = options();
    out.cloud.quota = 0;
    return out;
  }
};

TEST_F(InvariantOfDispatcherWithoutCloud, Prompt) {
  Invariants told_why(core_, store_, cloud_);
  const Error over_quota{ErrorKind::quota, "no more"};
  add();
  run_for(1s);
  told_why.create_answered(link(), cluster_->instance_types.at("small"), nullptr, &over_quota);
  const auto check_all = [&](Invariants& told) { told.check_all({&link()}, &link()); };
  for (int minute = 0; minute < 2; ++minute) {
    run_for(1min);
    check_all(invariants_);
    check_all(told_why);
  }
  EXPECT_EQ(broken(), "none") << "it may take two minutes";
  run_for(1min);
  check_all(told_why);
  EXPECT_EQ(broken(), "none") << "no more instances are allowed";
  check_all(invariants_);
  EXPECT_EQ(broken(), "prompt");
}

TEST_F(InvariantOfDispatcherInVain, PromptWithAnInstanceUnderWay) {
  add();
  for (int minute = 0; minute < 4; ++minute) {
    run_for(1min);
    check();
  }
  EXPECT_EQ(broken(), "none");
}

}  // namespace
}  // namespace berth
