#include "queue_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

const auto uuid = FakeContainerApi::uuid;

class FirstSightTest : public QueueTest {
 protected:
  static bool is_mounts_list(const FakeCall& call) { return call.verb == "list" && call.query.with_mounts; }
};

TEST_F(FirstSightTest, NeedsIncludeMounts) {
  api_.add(1).mounts = {{"/tmp", {"tmp", 7'000'000'000}}};
  start_and_load(1);
  EXPECT_GE(entry(1)->needed().scratch, 7'000'000'000);
}

TEST_F(FirstSightTest, EqualOnesShareWhatIsTheSame) {
  for (int i = 0; i < 100; ++i) api_.add(i).runtime_constraints.vcpus = 1 + i % 2;
  start_and_load(100);
  for (int i = 2; i < 100; ++i) EXPECT_EQ(entry(i)->spec, entry(i % 2)->spec);
  EXPECT_NE(entry(0)->spec, entry(1)->spec);
}

TEST_F(FirstSightTest, MountsComeInBatchesOf50) {
  for (int i = 0; i < 420; ++i) api_.add(i);
  start_and_load(420);
  EXPECT_EQ(api_.count_lists("mounts"), 9);
  EXPECT_EQ(api_.count("mounts"), 0);
  run_next_poll();
  EXPECT_EQ(api_.count_lists("mounts"), 9) << "needed once";
}

TEST_F(FirstSightTest, ShortAnswersAreAskedAgain) {
  for (int i = 0; i < 50; ++i) api_.add(i);
  api_.max_page = 20;
  start_and_load(50);
  EXPECT_EQ(api_.count_lists("mounts"), 3);
}

TEST_F(FirstSightTest, HoldsUpNothing) {
  api_.add(1, 5);
  start_and_load(1);
  for (int i = 2; i < 400; ++i) api_.add(i);
  api_.user_sets_priority(uuid(1), 9);
  api_.intercept = [](const FakeCall& call) -> std::optional<Error> {
    if (is_mounts_list(call)) return Error{ErrorKind::timeout, "no answer within the deadline"};
    return std::nullopt;
  };
  run_next_poll();
  EXPECT_EQ(seen(1), "Queued 9");
  EXPECT_EQ(queue_->snapshot()->entries.size(), 1);
  run_next_poll();
  EXPECT_TRUE(lock(1));
  api_.intercept = nullptr;
  ASSERT_TRUE(runtime_.run_until([&] { return queue_->snapshot()->entries.size() == 399; }, 10min));
}

TEST_F(FirstSightTest, AFewRequestsAtATime) {
  for (int i = 0; i < 1000; ++i) api_.add(i);
  int in_flight = 0;
  int most = 0;
  api_.latency = 1s;
  api_.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (is_mounts_list(call)) most = std::max(most, ++in_flight);
    return std::nullopt;
  };
  api_.after_call = [&](const FakeCall& call) { in_flight -= is_mounts_list(call) ? 1 : 0; };
  std::map<SteadyTime, int> batches;
  start_and_load(1000);
  for (const auto& call : api_.calls)
    if (is_mounts_list(call)) most = std::max(most, ++batches[call.at]);
  EXPECT_EQ(most, 4);
}

TEST_F(FirstSightTest, OnlyTheMalformedOneIsCancelled) {
  for (int i = 0; i < 10; ++i) api_.add(i);
  api_.records.at(uuid(3)).malformed_mounts = true;
  start_and_load(9);
  runtime_.run_for(1s);
  EXPECT_EQ(seen(3), "-");
  EXPECT_EQ(api_.at(3).state, ContainerState::cancelled);
  EXPECT_EQ(api_.records.at(uuid(3)).runtime_error, "mounts.stdin: want an object, got array");
  run_next_poll();
  EXPECT_EQ(api_.count("cancel"), 1);
}

TEST_F(FirstSightTest, OtherFailuresAreTriedAgainWithTheNextPoll) {
  api_.add(1);
  for (const ErrorKind kind : {ErrorKind::unavailable, ErrorKind::undecodable, ErrorKind::network}) {
    api_.intercept = [kind](const FakeCall& call) -> std::optional<Error> {
      if (is_mounts_list(call) || call.verb == "mounts") return Error{kind, "no"};
      return std::nullopt;
    };
    if (!queue_) start();
    runtime_.run_for(30s);
    EXPECT_EQ(seen(1), "-");
    EXPECT_EQ(api_.at(1).state, ContainerState::queued);
  }
  EXPECT_TRUE(sink_->contains("cannot get the mounts"));
  api_.intercept = nullptr;
  runtime_.run_for(11s);
  EXPECT_EQ(seen(1), "Queued 1");
}

TEST_F(FirstSightTest, WhoseStateHasChangedMeanwhileIsLeftToTheNextPoll) {
  for (int i = 1; i <= 4; ++i) api_.add(i);
  api_.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (!is_mounts_list(call)) return std::nullopt;
    api_.at(1).state = ContainerState::locked;
    api_.at(1).locked_by_uuid = "zzzzz-gj3su-somebodyelse000";
    api_.user_sets_priority(uuid(2), 0);
    api_.records.erase(uuid(3));
    return std::nullopt;
  };
  start_and_load(1);
  runtime_.run_for(30s);
  EXPECT_EQ(queue_->snapshot()->entries.size(), 1);
  EXPECT_EQ(seen(4), "Queued 1");
}

// A process whose container is not in the queue would be killed: so the first snapshot must be whole.
TEST_F(FirstSightTest, TheFirstSnapshotHoldsEverythingThatIsOurs) {
  for (int i = 0; i < 120; ++i) api_.add_locked(i, ContainerState::running);
  api_.add(500);
  int failures = 3;
  api_.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (is_mounts_list(call) && failures-- > 0) return Error{ErrorKind::unavailable, "busy"};
    return std::nullopt;
  };
  start();
  ASSERT_TRUE(runtime_.run_until([&] { return updated().has_value(); }, 1min));
  EXPECT_GE(queue_->snapshot()->entries.size(), 120);
  EXPECT_EQ(entry(5)->container.locked_by_uuid, api_.token_uuid);
  runtime_.run_for(1s);
  EXPECT_EQ(queue_->snapshot()->entries.size(), 121);
}

TEST_F(FirstSightTest, ARunningContainerThatFitsNoTypeHasNone) {
  api_.add_locked(1, ContainerState::running).runtime_constraints.vcpus = 100;
  start_and_load(1);
  EXPECT_TRUE(entry(1)->instance_types().empty());
  EXPECT_NE(metrics_.text().find(R"(queue_entries{instance_type="",state="Running"} 1)"), std::string::npos);
  EXPECT_TRUE(api_.runner_sets(uuid(1), ContainerState::complete));
  run_next_poll();
  EXPECT_EQ(seen(1), "Complete 1");
}

TEST_F(FirstSightTest, WhatFitsNoTypeIsCancelledWithTheReason) {
  api_.add(1).runtime_constraints.vcpus = 100;
  api_.add_locked(2).runtime_constraints.vcpus = 100;
  start();
  runtime_.run_for(5s);
  for (const int i : {1, 2}) {
    EXPECT_EQ(seen(i), "-");
    EXPECT_EQ(api_.at(i).state, ContainerState::cancelled);
    EXPECT_NE(api_.records.at(uuid(i)).runtime_error, "");
  }
  EXPECT_EQ(api_.count("lock"), 1) << "the other one is locked already";
}

TEST_F(FirstSightTest, WithoutTypesEveryQueuedContainerIsCancelled) {
  options_.instance_types.clear();
  for (int i = 0; i < 30; ++i) api_.add(i);
  start();
  runtime_.run_for(20s);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(api_.at(i).state, ContainerState::cancelled);
  EXPECT_EQ(api_.count("cancel"), 30);
}

TEST_F(FirstSightTest, AFailedCancellationIsTriedAgain) {
  for (const char* verb : {"lock", "error", "cancel"}) {
    const int number = static_cast<int>(api_.records.size());
    api_.add(number).runtime_constraints.vcpus = 100;
    bool broken = true;
    api_.intercept = [&](const FakeCall& call) -> std::optional<Error> {
      if (broken && call.verb == verb) return Error{ErrorKind::server_error, "no"};
      return std::nullopt;
    };
    if (!queue_) start();
    runtime_.run_for(15s);
    EXPECT_NE(api_.at(number).state, ContainerState::cancelled) << verb;
    broken = false;
    runtime_.run_for(15s);
    EXPECT_EQ(api_.at(number).state, ContainerState::cancelled) << verb;
    EXPECT_EQ(seen(number), "-");
  }
  EXPECT_TRUE(sink_->contains("cannot cancel a container that cannot run here"));
}

TEST_F(FirstSightTest, ACancellationThatSomebodyElseMadeIsSilent) {
  api_.add(1).runtime_constraints.vcpus = 100;
  api_.intercept = [&](const FakeCall& call) -> std::optional<Error> {
    if (call.verb == "cancel") {
      api_.user_cancels(uuid(1));
      return Error{ErrorKind::conflict, "cannot change state"};
    }
    return std::nullopt;
  };
  start();
  runtime_.run_for(15s);
  EXPECT_EQ(api_.count("state"), 1);
  EXPECT_FALSE(sink_->contains("cannot cancel"));
}

}  // namespace
}  // namespace berth
