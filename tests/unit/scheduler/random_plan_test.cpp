// The fast plan equals a plain scan over containers × instances on random inputs.
#include <gtest/gtest.h>

#include "random_input.hpp"
#include "scan_fleet.hpp"

namespace berth {
namespace {

struct Seen {
  int starts = 0, creates = 0, locks = 0, unlocks = 0, kills = 0, shutdowns = 0, different_rules = 0;

  void count(const ScannedPlan& scanned) {
    const Plan& plan = scanned.plan;
    starts += !plan.starts.empty();
    creates += !plan.creates.empty();
    locks += !plan.locks.empty();
    unlocks += !plan.unlocks.empty();
    kills += !plan.kills.empty();
    shutdowns += !plan.shutdowns.empty();
    different_rules += scanned.differed;
  }
  void expect_each_at_least(int least) const {
    for (int n : {starts, creates, locks, unlocks, kills, shutdowns, different_rules}) EXPECT_GE(n, least);
  }
};

void expect_equal(const PlanInput& input, Seen& seen) {
  const ScannedPlan greedy = scan_plan(input, rules_of(Policy::greedy));
  EXPECT_EQ(plan(input, Policy::greedy), greedy.plan);
  seen.count(greedy);
}

TEST(RandomPlans, FastPlanEqualsPlainScanOnSmallInputs) {
  Seen seen;
  for (std::uint64_t seed = 1; seed <= 4000 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    const Sizes sizes{dice(1, 6),
                      dice(1, 12),
                      dice(0, 15),
                      dice(0, 40),
                      dice.pick({1, 1, kGiB * 3 / 7}),
                      static_cast<int>(dice(0, 15))};
    const RandomCase c = random_case(dice, sizes);
    expect_equal(c.builder.input, seen);
  }
  seen.expect_each_at_least(20);
}

TEST(RandomPlans, FastPlanEqualsPlainScanOnLargerInputs) {
  Seen seen;
  for (std::uint64_t seed = 1; seed <= 60 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed + 1000000);
    const Sizes sizes{dice(5, 40), dice(1, 60), dice(50, 300), dice(200, 800), dice.pick({1, kGiB * 3 / 7}), 3};
    RandomCase c = random_case(dice, sizes);
    if (dice.chance(50)) {
      c.builder.input.limits.at_quota = false;
      c.builder.input.limits.instances_left.reset();
      c.builder.input.limits.max_containers = 0;
    }
    expect_equal(c.builder.input, seen);
  }
}

TEST(RandomPlans, OrderOfTheInputDoesNotMatter) {
  for (std::uint64_t seed = 1; seed <= 100 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    const RandomCase c = random_case(dice, {4, 8, 0, 60, 1, 10});
    PlanInput shuffled = c.builder.input;
    dice.shuffle(shuffled.containers);
    const auto names = [](const PlanInput& input, const std::vector<std::uint32_t>& of) {
      std::vector<std::string_view> uuids;
      for (std::uint32_t i : of) uuids.push_back(input.containers[i].uuid);
      return uuids;
    };
    const Plan a = plan(c.builder.input, Policy::greedy), b = plan(shuffled, Policy::greedy);
    EXPECT_EQ(names(c.builder.input, a.order), names(shuffled, b.order));
    EXPECT_EQ(names(c.builder.input, a.locks), names(shuffled, b.locks));
    EXPECT_EQ(a.creates, b.creates);
  }
}

}  // namespace
}  // namespace berth
