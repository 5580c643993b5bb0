#include "quota.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using namespace std::chrono_literals;

SteadyTime at(Duration offset) {
  return SteadyTime(1000s) + offset;
}

InstanceType make_type(const std::string& provider_type, bool preemptible = false) {
  InstanceType type;
  type.name = provider_type + (preemptible ? ".spot" : "");
  type.provider_type = provider_type;
  type.preemptible = preemptible;
  return type;
}

Error capacity(CapacityScope scope) {
  Error error{ErrorKind::capacity, "no room"};
  error.scope = scope;
  return error;
}

PoolCounts have(std::int64_t workers, std::int64_t pending) {
  return {workers, pending, pending};
}

CreateLimits limits(std::int64_t max_instances, std::int64_t max_creates) {
  return {max_instances, max_creates, 5s};
}

TEST(Quota, ThresholdIsClearedOnlyBySync) {
  struct Case {
    std::string name;
    PoolCounts at_error, at_sync;
    bool quota_after_error, quota_after_sync;
  };
  const std::vector<Case> cases = {
      {"two workers, then still two", have(2, 1), have(2, 0), true, true},
      {"two workers, then one", have(2, 1), have(1, 0), true, false},
      {"two workers, then one and a pending create", have(2, 1), have(1, 1), true, true},
      {"two pending, none left", have(0, 2), have(0, 0), true, false},
  };
  for (const auto& c : cases) {
    QuotaMemory quota(limits(0, 0));
    quota.create_failed({ErrorKind::quota, "full"}, make_type("a"), "", c.at_error, at(0s));
    EXPECT_EQ(quota.at_quota(c.at_sync, at(9min)), c.quota_after_error) << c.name;
    quota.synced(c.at_sync);
    EXPECT_EQ(quota.at_quota(c.at_sync, at(9min)), c.quota_after_sync) << c.name;
  }
}

/// Or the last instance, kept busy by a supervisor whose children wait for others, would block them for ever.
TEST(Quota, ThresholdIsForgottenInTheEnd) {
  QuotaMemory quota(limits(0, 0));
  const auto met = [&](Duration when) {
    quota.create_failed({ErrorKind::quota, "full"}, make_type("a"), "", have(1, 1), at(when));
  };
  met(0s);
  quota.synced(have(1, 0));
  EXPECT_TRUE(quota.at_quota(have(1, 0), at(599s)));
  EXPECT_EQ(quota.next_expiry(at(599s)), at(600s));
  EXPECT_FALSE(quota.at_quota(have(1, 0), at(600s)));
  met(600s);
  EXPECT_TRUE(quota.at_quota(have(1, 0), at(1199s)));
  EXPECT_FALSE(quota.at_quota(have(1, 0), at(1200s)));
}

TEST(Quota, LowerThresholdWins) {
  QuotaMemory quota(limits(0, 0));
  quota.create_failed({ErrorKind::quota, "full"}, make_type("a"), "", have(3, 1), at(0s));
  quota.create_failed({ErrorKind::quota, "full"}, make_type("a"), "", have(5, 1), at(0s));
  quota.synced(have(3, 0));
  EXPECT_TRUE(quota.at_quota(have(3, 0), at(0s)));
  quota.synced(have(2, 0));
  EXPECT_FALSE(quota.at_quota(have(2, 0), at(0s)));
}

TEST(Quota, WithoutInstancesForSixtySeconds) {
  QuotaMemory quota(limits(0, 0));
  quota.create_failed({ErrorKind::quota, "full"}, make_type("a"), "", have(0, 1), at(0s));
  EXPECT_TRUE(quota.at_quota(have(0, 0), at(59s)));
  EXPECT_EQ(quota.instances_left(have(0, 0), at(59s)), 0);
  EXPECT_EQ(quota.next_expiry(at(1s)), at(60s));
  EXPECT_FALSE(quota.at_quota(have(0, 0), at(60s)));
}

TEST(Quota, CapacityScopes) {
  const auto a = make_type("a"), a_spot = make_type("a", true), b = make_type("b"), c = make_type("c");
  const auto group = [](const InstanceType& type) {
    return type.preemptible ? std::string("spot") : type.provider_type == "c" ? "" : "on-demand";
  };
  struct Case {
    CapacityScope scope;
    InstanceType failed;
    std::vector<bool> blocked;  // a, a_spot, b, c
  };
  const std::vector<Case> cases = {
      {CapacityScope::instance_type, a, {true, false, false, false}},
      {CapacityScope::instance_type, a_spot, {false, true, false, false}},
      {CapacityScope::quota_group, a, {true, false, true, false}},
      {CapacityScope::quota_group, c, {false, false, false, true}},
      {CapacityScope::everything, a, {true, true, true, true}},
  };
  for (const auto& test : cases) {
    QuotaMemory quota(limits(0, 0));
    quota.create_failed(capacity(test.scope), test.failed, group(test.failed), have(1, 1), at(0s));
    std::vector<bool> blocked, later;
    for (const auto& type : {a, a_spot, b, c}) {
      blocked.push_back(quota.at_capacity(type, group(type), at(59s)));
      later.push_back(quota.at_capacity(type, group(type), at(60s)));
    }
    EXPECT_EQ(blocked, test.blocked) << test.failed.name;
    EXPECT_EQ(later, std::vector<bool>(4, false));
    EXPECT_FALSE(quota.at_quota(have(1, 0), at(0s)));
    EXPECT_EQ(quota.next_expiry(at(0s)), at(60s));
  }
}

TEST(Quota, RefuseCreate) {
  const auto type = make_type("a");
  {
    QuotaMemory quota(limits(3, 0));
    EXPECT_EQ(quota.refuse_create(type, "", have(2, 0), at(0s)), std::nullopt);
    EXPECT_EQ(quota.refuse_create(type, "", have(2, 1), at(0s)), CreateRefusal::at_quota);
  }
  {
    QuotaMemory quota(limits(0, 2));
    EXPECT_EQ(quota.refuse_create(type, "", have(9, 1), at(0s)), std::nullopt);
    EXPECT_EQ(quota.create_slots(have(9, 1), at(0s)), 1);
    EXPECT_EQ(quota.refuse_create(type, "", have(9, 2), at(0s)), CreateRefusal::too_many_creates);
    EXPECT_EQ(quota.refuse_create(type, "", have(9, 0), at(4s)), CreateRefusal::throttled);
    EXPECT_EQ(quota.create_slots(have(9, 0), at(4s)), 0);
    EXPECT_EQ(quota.create_blocked_until(at(4s)), at(5s));
    EXPECT_EQ(quota.refuse_create(type, "", have(9, 0), at(5s)), std::nullopt);
  }
  {
    QuotaMemory quota(limits(0, 0));
    EXPECT_EQ(quota.refuse_create(type, "", have(0, 500), at(0s)), std::nullopt) << "0 = no limit";
    EXPECT_EQ(quota.instances_left(have(0, 500), at(0s)), std::nullopt);
    EXPECT_GT(quota.create_slots(have(0, 500), at(0s)), 1000);
    quota.create_failed(capacity(CapacityScope::instance_type), type, "", have(0, 1), at(0s));
    EXPECT_EQ(quota.refuse_create(type, "", have(0, 0), at(0s)), CreateRefusal::type_at_capacity);
  }
}

TEST(Quota, InstancesLeft) {
  struct Case {
    std::int64_t max_instances;
    PoolCounts counts;
    std::optional<std::int64_t> left;
  };
  const std::vector<Case> cases = {
      {3, have(0, 0), 3}, {3, have(1, 0), 2}, {3, have(0, 1), 2}, {3, have(1, 1), 1},
      {3, have(2, 1), 0}, {3, have(4, 0), 0}, {1, have(0, 0), 1}, {0, have(4, 1), std::nullopt},
  };
  for (const auto& c : cases) {
    const QuotaMemory quota(limits(c.max_instances, 0));
    EXPECT_EQ(quota.instances_left(c.counts, at(0s)), c.left)
        << c.counts.total() << " of " << c.max_instances << " are there";
  }
}

TEST(Quota, RateLimits) {
  QuotaMemory quota(limits(0, 0));
  Error limited{ErrorKind::rate_limited, "slow down"};
  limited.retry_at = at(30s);
  quota.create_failed(limited, make_type("a"), "", have(0, 1), at(0s));
  EXPECT_EQ(quota.create_blocked_until(at(29s)), at(30s));
  EXPECT_EQ(quota.create_blocked_until(at(30s)), std::nullopt);
  EXPECT_EQ(quota.list_blocked_until(at(29s)), std::nullopt);
  quota.list_failed(limited, at(0s));
  EXPECT_EQ(quota.list_blocked_until(at(29s)), at(30s));
  EXPECT_EQ(quota.next_expiry(at(0s)), at(30s));
  EXPECT_EQ(quota.next_expiry(at(30s)), std::nullopt);
}

TEST(Quota, PlainErrorsBackOff) {
  QuotaMemory quota(limits(0, 0));
  const std::vector<Duration> pauses = {250ms, 500ms, 1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s};
  for (const Duration pause : pauses) {
    quota.create_failed({ErrorKind::network, "reset"}, make_type("a"), "", have(0, 1), at(0s));
    EXPECT_EQ(quota.create_blocked_until(at(0s)), at(pause));
  }
  quota.create_succeeded();
  quota.create_failed({ErrorKind::network, "reset"}, make_type("a"), "", have(0, 1), at(2h));
  EXPECT_EQ(quota.create_blocked_until(at(2h)), at(2h + 250ms));
  EXPECT_FALSE(quota.at_quota(have(0, 0), at(2h)));
}

}  // namespace
}  // namespace berth
