#include "limits.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using std::chrono::seconds;

constexpr SteadyTime kNow{std::chrono::hours(10)};

TEST(Limits, InitialIsTheEstimateElseMaxInstances) {
  EXPECT_EQ(initial_limit(7, 100).max_containers, 7);
  EXPECT_EQ(initial_limit(0, 100).max_containers, 100);
  EXPECT_EQ(initial_limit(0, 0).max_containers, 0);
}

TEST(Limits, GrowsWithWhatRuns) {  // facts §5.3, step 2
  struct Row {
    std::int64_t running, limit;
  };
  for (const Row& row :
       {Row{0, 1}, Row{1, 2}, Row{5, 6}, Row{9, 10}, Row{10, 12}, Row{49, 54}, Row{50, 56}, Row{100, 111}})
    EXPECT_EQ(next_limit({1, 0, {}}, {kNow, {}, row.running, 0, false}).max_containers, row.limit) << row.running;
  EXPECT_EQ(next_limit({500, 0, {}}, {kNow, {}, 100, 0, false}).max_containers, 500) << "never lowered";
  EXPECT_EQ(next_limit({0, 0, {}}, {kNow, {}, 100, 0, false}).max_containers, 0) << "no limit stays so";
}

TEST(Limits, A503LowersToOneLessThanRuns) {
  struct Row {
    std::int64_t before, running, after;
  };
  for (const Row& row : {Row{64, 50, 49}, Row{64, 0, 1}, Row{64, 1, 1}, Row{64, 2, 1}, Row{0, 50, 49}}) {
    const ContainerLimit limit = next_limit({row.before, 0, {}}, {kNow, kNow - seconds(1), row.running, 0, false});
    EXPECT_EQ(limit.max_containers, row.after) << row.running;
    EXPECT_EQ(limit.last_503, kNow - seconds(1));
  }
}

TEST(Limits, AHandled503FreezesTheLimitForAMinute) {
  const ContainerLimit limit{3, 0, kNow};
  EXPECT_EQ(next_limit(limit, {kNow + seconds(60), kNow, 10, 0, false}).max_containers, 3);
  EXPECT_EQ(next_limit(limit, {kNow + seconds(61), kNow, 10, 0, false}).max_containers, 12);
  EXPECT_EQ(next_limit(limit, {kNow + seconds(2), kNow + seconds(1), 10, 0, false}).max_containers, 9) << "a newer one";
}

TEST(Limits, QuotaCapsAndIsRemembered) {
  ContainerLimit limit = next_limit({64, 0, {}}, {kNow, {}, 10, 10, true});
  EXPECT_EQ(limit.max_containers, 10);
  EXPECT_EQ(limit.instances_within_quota, 10);
  limit = next_limit(limit, {kNow, {}, 10, 10, false});
  EXPECT_EQ(limit.max_containers, 11) << "grows to 12, capped to one above what the quota allowed";
  limit = next_limit(limit, {kNow, {}, 10, 12, false});
  EXPECT_EQ(limit.instances_within_quota, 12);
  EXPECT_EQ(limit.max_containers, 12);
  EXPECT_EQ(next_limit({0, 0, {}}, {kNow, {}, 0, 0, true}).max_containers, 1) << "never none at all";
  EXPECT_EQ(next_limit({0, 0, {}}, {kNow, {}, 3, 4, true}).max_containers, 4) << "from no limit";
}

TEST(Limits, OneMoreThanRunsIsTried) {
  LimitInputs in{kNow, {}, 2, 1, true};
  EXPECT_EQ(next_limit({}, in).max_containers, 1) << "the rule to the letter";
  in.at_quota = false;
  EXPECT_EQ(next_limit({1, 1, {}}, in).max_containers, 2) << "the rule to the letter";
  in.one_more = true;
  EXPECT_EQ(next_limit({1, 1, {}}, in).max_containers, 3) << "two supervisors on the only instance";
  in.at_quota = true;
  EXPECT_EQ(next_limit({}, in).max_containers, 3);
  EXPECT_EQ(next_limit({64, 1, {}}, in).max_containers, 3);
  in.total_instances = 10;
  EXPECT_EQ(next_limit({64, 1, {}}, in).max_containers, 10);
}

TEST(Limits, NeverAboveTheCeiling) {
  LimitInputs in{kNow, {}, 20, 2, false};
  EXPECT_EQ(next_limit({64, 0, {}}, in).max_containers, 64);
  EXPECT_EQ(next_limit({4, 0, {}}, in).max_containers, 23);
  in.ceiling = 4;
  EXPECT_EQ(next_limit({64, 0, {}}, in).max_containers, 4) << "InitialQuotaEstimate above MaxInstances";
  EXPECT_EQ(next_limit({4, 0, {}}, in).max_containers, 4) << "several on each instance";
  EXPECT_EQ(next_limit({0, 0, {}}, in).max_containers, 4);
  EXPECT_EQ(next_limit({2, 0, {}}, {kNow, kNow, 3, 2, false, false, 1, 4}).max_containers, 2) << "after a 503";
}

TEST(Limits, ByInstancesAloneWhatRunsRaisesNothing) {
  LimitInputs in{kNow, {}, 20, 4, true};
  in.beyond_quota = 0;
  ContainerLimit limit = next_limit({4, 0, {}}, in);
  EXPECT_EQ(limit.max_containers, 4);
  in.at_quota = false;
  in.total_instances = 3;
  limit = next_limit(limit, in);
  EXPECT_EQ(limit.max_containers, 4) << "as where the quota is met: who is waited for keeps the instance that is made";
  in.total_instances = 5;
  EXPECT_EQ(next_limit(limit, in).max_containers, 5);
}

/// Else what the last instance within the quota is created for makes way as soon as it is, for ever.
TEST(Limits, TheLastInstanceDoesNotLowerThem) {
  for (std::int64_t running = 4; running < 40; ++running) {
    LimitInputs in{kNow, {}, running, 3, false};
    in.one_more = true;
    const ContainerLimit before = next_limit({4, 4, {}}, in);
    in.total_instances = 4;
    in.at_quota = true;
    EXPECT_EQ(next_limit(before, in).max_containers, before.max_containers) << running;
  }
}

TEST(Limits, Supervisors) {
  struct Row {
    std::int64_t max_containers;
    double fraction;
    std::int64_t limit;
  };
  for (const Row& row : {Row{64, 0.5, 32}, Row{10, 0.2, 2}, Row{11, 0.5, 5}, Row{3, 0.2, 1}, Row{7, 0.3, 2},
                         Row{0, 0.5, 0}, Row{64, 0, 0}})
    EXPECT_EQ(supervisor_limit(row.max_containers, row.fraction), row.limit)
        << row.max_containers << ' ' << row.fraction;
}

}  // namespace
}  // namespace berth
