// That the invariants can fail: each is told of something that must not be, without any dispatcher.
#include "invariants.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "berth/lease/lease.hpp"
#include "berth/sim/history.hpp"

#include "machine.hpp"
#include "needs.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

/// The parts of a world that invariants look at, and one connection to it.
class Invariant : public testing::Test {
 protected:
  Invariant() : link_(make_link(1)) { core_.set_storm(false); }

  static SimOptions options() {
    SimOptions out = draw_history(10, 1h);  // without faults
    out.cluster.containers.cloud_vms.policy = "greedy";
    out.cluster.containers.maximum_price_factor = 4;
    out.cluster.containers.cloud_vms.max_instances = 2;
    out.cluster.containers.cloud_vms.max_concurrent_instance_create_ops = 1;
    out.cluster.containers.cloud_vms.max_cloud_ops_per_second = 2;
    out.cloud = {};
    return out;
  }
  std::shared_ptr<Link> make_link(std::uint64_t number) {
    auto link = std::make_shared<Link>();
    link->number = number;
    link->lease = lease_.get();
    link->cluster = std::make_shared<Cluster>(core_.options.cluster);
    return link;
  }
  const std::string& add(std::int64_t vcpus = 1) {
    WorkloadContainer what;
    what.constraints.vcpus = vcpus;
    what.constraints.ram = 1'000'000'000;
    return store_.add(what, 0, 1).uuid();
  }
  CreateRequest request(const std::string& secret = "s", const std::string& type = "small") {
    CreateRequest request;
    request.type = core_.options.cluster.instance_types.at(type);
    request.tags["ArvadosInstanceSecret"] = secret;
    return request;
  }
  std::shared_ptr<SimVm> booted() {
    auto vm = *cloud_.create(request(), *link_);
    vm->machine->booted = true;
    vm->booted = core_.now();
    vms_.push_back(vm);
    invariants_.list_answered(*link_, vms_);
    return vm;
  }
  void start(SimVm& vm, const std::string& uuid, const Link& by) {
    Command command;
    command.text = "crunch-run --detach --stdin-config '" + uuid + "'";
    command.stdin_data = std::string("{}");
    ASSERT_EQ(vm.machine->carry_out(command, by)->exit_status, 0);
  }
  void fail_create(Error error) { invariants_.create_answered(*link_, request().type, nullptr, &error); }
  std::string broken() const { return core_.violation ? core_.violation->invariant : "none"; }

  SimCore core_{options()};
  RecordStore store_{core_, invariants_};
  SimMachine::Shared shared_{core_, store_, invariants_, [](const SimRecord&) { return true; }};
  SimCloud cloud_{core_, shared_};
  Invariants invariants_{core_, store_, cloud_};  // they keep references, and look at nothing yet
  std::unique_ptr<Lease> lease_ = make_no_lease();
  std::shared_ptr<Link> link_;
  std::vector<std::shared_ptr<SimVm>> vms_;
};

TEST_F(Invariant, OneRunnerAtTheStart) {
  const auto first = booted(), second = booted();
  const std::string uuid = add();
  start(*first, uuid, *link_);
  EXPECT_EQ(broken(), "none");
  start(*second, uuid, *link_);
  EXPECT_EQ(broken(), "one-runner");
}

TEST_F(Invariant, OneRunnerExcusesWhoCouldNotKnow) {
  const auto first = booted(), second = booted();
  const auto other = make_link(2);
  const std::string uuid = add();
  start(*first, uuid, *other);
  core_.runtime.run_for(2min);  // no probe has been answered until the stale-lock time-out
  start(*second, uuid, *link_);
  invariants_.check_all({}, nullptr);
  EXPECT_EQ(broken(), "none");
  EXPECT_EQ(invariants_.excused(), 1U);
}

TEST_F(Invariant, OneRunnerDoesNotExcuseWhoHadToWaitForAProbe) {
  const auto first = booted(), second = booted();
  const std::string uuid = add();
  start(*first, uuid, *make_link(2));
  core_.runtime.run_for(30s);
  start(*second, uuid, *link_);
  EXPECT_EQ(broken(), "one-runner");
}

TEST_F(Invariant, OneRunnerIsExcusedAsLongAsTwoLive) {
  const auto first = booted(), second = booted();
  const std::string uuid = add();
  start(*first, uuid, *make_link(2));
  core_.runtime.run_for(2min);
  start(*second, uuid, *link_);
  second->machine->switch_off();
  SimWatcher nobody;
  SimMachine::Shared untold{core_, store_, nobody, [](const SimRecord&) { return true; }};
  second->machine = std::make_shared<SimMachine>(untold, *second);
  start(*second, uuid, *link_);
  EXPECT_EQ(broken(), "none");
  invariants_.check_all({}, nullptr);
  EXPECT_EQ(broken(), "one-runner");
}

TEST_F(Invariant, OneRunnerInTheFullCheck) {
  // Nobody was told of these starts.
  SimWatcher nobody;
  SimMachine::Shared untold{core_, store_, nobody, [](const SimRecord&) { return true; }};
  const auto first = booted(), second = booted();
  const std::string uuid = add();
  for (const auto& vm : {first, second}) {
    vm->machine = std::make_shared<SimMachine>(untold, *vm);
    start(*vm, uuid, *link_);
  }
  EXPECT_EQ(broken(), "none");
  invariants_.check_all({}, nullptr);
  EXPECT_EQ(broken(), "one-runner");
}

TEST_F(Invariant, CancelsByRule) {
  const std::string uuid = add();
  ASSERT_TRUE(store_.lock(uuid));
  ASSERT_TRUE(store_.set_error(uuid, "a whim"));
  ASSERT_TRUE(store_.cancel(uuid));
  EXPECT_EQ(broken(), "cancels-by-rule");
}

TEST_F(Invariant, CancelsByRuleWhatFitsNowhere) {
  const std::string uuid = add(4096);
  ASSERT_TRUE(store_.lock(uuid));
  ASSERT_TRUE(store_.set_error(uuid, "no type is large enough"));
  ASSERT_TRUE(store_.cancel(uuid));
  invariants_.check_ends();
  EXPECT_EQ(broken(), "none");
}

TEST_F(Invariant, SaysWhy) {
  const std::string uuid = add(4096);
  ASSERT_TRUE(store_.lock(uuid));
  ASSERT_TRUE(store_.cancel(uuid));
  EXPECT_EQ(broken(), "says-why");
}

TEST_F(Invariant, Completes) {
  (void)add();
  invariants_.check_ends();
  EXPECT_EQ(broken(), "completes");
}

TEST_F(Invariant, LockCycles) {
  const std::string uuid = add();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(store_.lock(uuid));
    ASSERT_TRUE(store_.unlock(uuid));
  }
  EXPECT_EQ(broken(), "none");
  ASSERT_TRUE(store_.lock(uuid));
  EXPECT_EQ(broken(), "lock-cycles");
}

TEST_F(Invariant, LockCyclesThatWereForced) {
  const std::string uuid = add();
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(store_.lock(uuid));
    fail_create(Error{ErrorKind::failed, "a bad day"});
    ASSERT_TRUE(store_.unlock(uuid));
  }
  EXPECT_EQ(broken(), "none");
}

TEST_F(Invariant, LockCyclesAreNotForcedByCreatesOfTypesThatAreTooSmall) {
  const std::string uuid = add(8);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(store_.lock(uuid));
    fail_create(Error{ErrorKind::failed, "a bad day"});
    ASSERT_TRUE(store_.unlock(uuid));
  }
  EXPECT_EQ(broken(), "lock-cycles");
}

TEST_F(Invariant, LockCyclesAreForcedByTheQuotaWhateverTheType) {
  const std::string uuid = add(8);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(store_.lock(uuid));
    fail_create(Error{ErrorKind::quota, "no more"});
    ASSERT_TRUE(store_.unlock(uuid));
  }
  EXPECT_EQ(broken(), "none");
}

TEST_F(Invariant, LockCyclesWhoseStartsWereRefused) {
  const std::string uuid = add();
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(store_.lock(uuid));
    invariants_.start_refused(uuid);
    ASSERT_TRUE(store_.unlock(uuid));
  }
  EXPECT_EQ(broken(), "none");
}

TEST_F(Invariant, MaxInstances) {
  const auto first = booted(), second = booted();
  EXPECT_EQ(broken(), "none");
  invariants_.create_begun(*link_, request());
  EXPECT_EQ(broken(), "max-instances");
}

TEST_F(Invariant, MaxInstancesCountsWhatWasMadeWhileAListWasUnderWay) {
  (void)booted();
  invariants_.list_begun(*link_);
  core_.runtime.run_for(1s);
  const auto young = *cloud_.create(request("t"), *link_);
  invariants_.create_answered(*link_, request().type, young.get(), nullptr);
  invariants_.list_answered(*link_, vms_);
  EXPECT_EQ(broken(), "none");
  invariants_.create_begun(*link_, request("u"));
  EXPECT_EQ(broken(), "max-instances");
}

TEST_F(Invariant, MaxInstancesInTheFullCheck) {
  for (int i = 0; i < 2; ++i) (void)booted();
  invariants_.check_all({link_.get()}, nullptr);
  EXPECT_EQ(broken(), "none");
  (void)booted();
  invariants_.check_all({link_.get()}, nullptr);
  EXPECT_EQ(broken(), "max-instances");
}

TEST_F(Invariant, MaxCreatesInTheFullCheck) {
  link_->dead = true;  // nothing is asked of it as it acts
  for (const char* secret : {"a", "b"}) invariants_.create_begun(*link_, request(secret));
  EXPECT_EQ(broken(), "none");
  invariants_.check_all({link_.get()}, nullptr);
  EXPECT_EQ(broken(), "max-creates");
}

TEST_F(Invariant, FinalStays) {
  const std::string uuid = add();
  ASSERT_TRUE(store_.lock(uuid));
  ASSERT_TRUE(store_.claim(uuid, "gateway"));
  ASSERT_TRUE(store_.finish(uuid, ContainerState::complete));
  core_.runtime.run_for(2s);
  invariants_.acts(*link_, "cancel", uuid);
  (void)store_.cancel(uuid);
  EXPECT_EQ(broken(), "final-stays");
}

TEST_F(Invariant, MaxCreates) {
  invariants_.create_begun(*link_, request("a"));
  EXPECT_EQ(broken(), "none");
  invariants_.create_begun(*link_, request("b"));
  EXPECT_EQ(broken(), "max-creates");
}

TEST_F(Invariant, RateLimit) {
  Error error{ErrorKind::rate_limited, "too many requests"};
  error.retry_at = core_.now() + 1min;
  fail_create(error);
  invariants_.create_begun(*link_, request());
  EXPECT_EQ(broken(), "rate-limit");
}

TEST_F(Invariant, Capacity) {
  Error error{ErrorKind::capacity, "no room"};
  error.scope = CapacityScope::instance_type;
  fail_create(error);
  invariants_.create_begun(*link_, request("a", "medium"));
  EXPECT_EQ(broken(), "none");
  invariants_.create_ended(*link_, "a");
  invariants_.create_begun(*link_, request("b"));
  EXPECT_EQ(broken(), "capacity");
}

TEST_F(Invariant, Quota) {
  fail_create(Error{ErrorKind::quota, "no more"});
  invariants_.create_begun(*link_, request());
  EXPECT_EQ(broken(), "quota");
}

TEST_F(Invariant, DestroysNoBusy) {
  const auto vm = booted();
  const std::string uuid = add();
  ASSERT_TRUE(store_.lock(uuid));
  start(*vm, uuid, *link_);
  ASSERT_TRUE(store_.claim(uuid, "gateway"));
  invariants_.probed(*link_, *vm, core_.now());
  invariants_.destroy_sent(*link_, *vm);
  EXPECT_EQ(broken(), "destroys-no-busy");
}

TEST_F(Invariant, DestroysNoBusyThatItHasLookedAt) {
  const auto vm = booted();
  const std::string uuid = add();
  ASSERT_TRUE(store_.lock(uuid));
  start(*vm, uuid, *link_);
  ASSERT_TRUE(store_.claim(uuid, "gateway"));
  invariants_.destroy_sent(*link_, *vm);
  EXPECT_EQ(broken(), "none") << "no probe has answered";
}

TEST_F(Invariant, Hold) {
  const auto vm = booted();
  invariants_.behavior_set(*link_, vm->id, IdleBehavior::hold);
  invariants_.destroy_sent(*link_, *vm);
  EXPECT_EQ(broken(), "hold");
}

TEST_F(Invariant, Foreign) {
  invariants_.touches(*link_, *booted());
  EXPECT_EQ(broken(), "none");
  ASSERT_EQ(cloud_.foreign().size(), 2U);
  invariants_.touches(*link_, *cloud_.foreign().front());
  EXPECT_EQ(broken(), "foreign");
}

TEST_F(Invariant, ForeignOnesAreNotCounted) {
  vms_ = cloud_.foreign();
  const auto ours = booted();
  ours->tags["ArvadosInstanceSetID"] = "ours";
  EXPECT_EQ(cloud_.listed({{"ArvadosInstanceSetID", "ours"}}), std::vector{ours});
  invariants_.create_begun(*link_, request());
  EXPECT_EQ(broken(), "none");
}

/// Another dispatcher comes, and lists.
TEST_F(Invariant, HoldOutlivesWhoAcknowledgedIt) {
  const auto vm = booted(), late = booted(), failed = booted();
  for (const auto& held : {vm, failed}) invariants_.behavior_set(*link_, held->id, IdleBehavior::hold);
  invariants_.tags_fail(*failed);
  core_.runtime.run_for(2min);
  invariants_.behavior_set(*link_, late->id, IdleBehavior::hold);
  invariants_.serve_holds(*link_);
  const auto next = make_link(2);
  invariants_.list_answered(*next, vms_);
  for (const auto& excused : {late, failed}) invariants_.destroy_sent(*next, *excused);
  EXPECT_EQ(broken(), "none");
  invariants_.destroy_sent(*next, *vm);
  EXPECT_EQ(broken(), "hold");
}

TEST_F(Invariant, HoldEndsWithTheNextVerb) {
  const auto vm = booted();
  invariants_.behavior_set(*link_, vm->id, IdleBehavior::hold);
  core_.runtime.run_for(2min);
  invariants_.serve_holds(*link_);
  invariants_.behavior_set(*link_, vm->id, IdleBehavior::run);
  const auto next = make_link(2);
  invariants_.list_answered(*next, vms_);
  invariants_.destroy_sent(*next, *vm);
  EXPECT_EQ(broken(), "none");
}

TEST_F(Invariant, CloudRate) {
  for (int i = 0; i < 3; ++i) {
    for (int call = 0; call < 2; ++call) invariants_.cloud_called(*link_);
    core_.runtime.run_for(1s);
  }
  for (int call = 0; call < 2; ++call) invariants_.cloud_called(*link_);
  invariants_.cloud_called(*make_link(2));
  EXPECT_EQ(broken(), "none");
  core_.runtime.run_for(500ms);
  invariants_.cloud_called(*link_);
  EXPECT_EQ(broken(), "cloud-rate");
}

TEST_F(Invariant, ProbeRate) {
  const auto vm = *cloud_.create(request(), *link_);
  const auto most = core_.options.cluster.containers.cloud_vms.max_probes_per_second;
  for (int second = 0; second < 3; ++second) {
    for (int probe = 0; probe < most; ++probe) invariants_.probe_begun(*link_, *vm);
    core_.runtime.run_for(1s);
  }
  EXPECT_EQ(broken(), "none");
  invariants_.end_told(*link_, *vm);
  for (int probe = 0; probe <= most; ++probe) invariants_.probe_begun(*link_, *vm);
  EXPECT_EQ(broken(), "none") << "what its exit watch tells is looked into at once";
  invariants_.probed(*link_, *vm, core_.now());
  core_.runtime.run_for(1min);
  for (int probe = 0; probe < most; ++probe) invariants_.probe_begun(*link_, *vm);
  core_.runtime.run_for(999ms);
  EXPECT_EQ(broken(), "none");
  invariants_.probe_begun(*link_, *vm);
  EXPECT_EQ(broken(), "probe-rate");
}

TEST_F(Invariant, CallRate) {
  for (int i = 0; i < 600; ++i) invariants_.acts(*link_, "unlock", "x");
  invariants_.check_all({link_.get()}, nullptr);
  EXPECT_EQ(broken(), "none");
  for (int i = 0; i < 601; ++i) invariants_.acts(*link_, "unlock", "x");
  invariants_.check_all({link_.get()}, nullptr);
  EXPECT_EQ(broken(), "call-rate");
}

TEST(HoldTogether, CountsWhatTheDispatcherCounts) {
  constexpr std::int64_t GB = 1'000'000'000;
  Cluster cluster = draw_history(10, 1h).cluster;
  ContainersConfig& config = cluster.containers;
  config.cloud_vms.max_running_containers_per_instance = 0;
  InstanceType type = cluster.instance_types.at("medium");  // 2 VCPUs, 8 GB, 100 GB of scratch
  type.gpu = {"cuda", "12.0", "8.0", 1, 16 * GB};
  Container one;
  one.runtime_constraints.vcpus = 1;
  one.runtime_constraints.ram = GB;
  const auto fit = [&](std::size_t count) {
    return hold_together(type, std::vector<const Container*>(count, &one), config);
  };
  EXPECT_TRUE(fit(2));
  EXPECT_FALSE(fit(3)) << "VCPUs";
  one.runtime_constraints.keep_cache_ram = 3 * GB;
  EXPECT_FALSE(fit(2)) << "a twentieth of the RAM is not theirs";
  one.runtime_constraints.keep_cache_ram = 2 * GB;
  EXPECT_TRUE(fit(2));
  config.reserve_extra_ram = GB;
  EXPECT_FALSE(fit(2)) << "RAM that is held back for each";
  config.reserve_extra_ram = 0;
  one.runtime_constraints.keep_cache_disk = 60 * GB;
  EXPECT_FALSE(fit(2)) << "scratch";
  one.runtime_constraints.keep_cache_disk = 0;
  one.runtime_constraints.gpu.device_count = 1;
  EXPECT_FALSE(fit(2)) << "devices";
  one.runtime_constraints.gpu.device_count = 0;
  config.cloud_vms.max_running_containers_per_instance = 1;
  EXPECT_FALSE(fit(2)) << "places";
}

TEST(Holds, TheRightGpusOrNone) {
  constexpr std::int64_t GB = 1'000'000'000;
  const ContainersConfig config;
  InstanceType type;
  type.vcpus = 4;
  type.ram = 8 * GB;
  type.gpu = {"cuda", "11.8", "8.0", 2, 16 * GB};
  Container one;
  one.runtime_constraints.vcpus = 1;
  EXPECT_FALSE(holds(type, one, config)) << "what needs none does without";
  GpuConstraints& gpu = one.runtime_constraints.gpu;
  const GpuConstraints fitting{"cuda", "11.4", {"7.5"}, 2, 16 * GB};
  const auto with = [&](auto change) {
    gpu = fitting;
    change();
    return holds(type, one, config);
  };
  EXPECT_TRUE(with([] {}));
  EXPECT_FALSE(with([&] { gpu.stack = "rocm"; }));
  EXPECT_FALSE(with([&] { gpu.driver_version = "12.0"; }));
  EXPECT_FALSE(with([&] { gpu.hardware_target = {"8.6"}; }));
  EXPECT_FALSE(with([&] { gpu.hardware_target = {"7.5", "8.6"}; })) << "of several it must be one";
  EXPECT_TRUE(with([&] { gpu.hardware_target = {"8.0", "8.6"}; }));
  EXPECT_FALSE(with([&] { gpu.device_count = 3; }));
  EXPECT_FALSE(with([&] { gpu.vram = 17 * GB; }));
}

TEST(MayBeWorth, AsManyAsTheTypeHolds) {
  Cluster cluster = draw_history(10, 1h).cluster;
  cluster.containers.maximum_price_factor = 1.5;
  std::int64_t& places = cluster.containers.cloud_vms.max_running_containers_per_instance;
  places = 0;
  Container small;
  small.runtime_constraints.vcpus = 1;
  small.runtime_constraints.ram = 1'000'000'000;
  const auto worth = [&](std::size_t count, const std::string& type) {
    return may_be_worth(cluster.instance_types.at(type), std::vector<const Container*>(count, &small), cluster);
  };
  EXPECT_TRUE(worth(3, "large"));   // 0.37 $/hour, for 3 × 0.10
  EXPECT_FALSE(worth(2, "large"));  // … for 2 × 0.10
  EXPECT_TRUE(worth(5, "xlarge"));
  EXPECT_FALSE(worth(4, "xlarge"));
  places = 2;
  EXPECT_FALSE(worth(9, "large"));  // two places, however many wait
  places = 0;
  cluster.instance_types.at("xlarge").ram = 4 * small.runtime_constraints.ram;
  EXPECT_FALSE(worth(9, "xlarge"));  // RAM for four
}

}  // namespace
}  // namespace berth
