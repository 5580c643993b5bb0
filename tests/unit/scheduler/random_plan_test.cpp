// The fast plan equals a plain scan over containers × instances on random inputs.
#include <algorithm>
#include <gtest/gtest.h>
#include <random>

#include "plan_builder.hpp"
#include "scan_fleet.hpp"

namespace berth {
namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::int64_t operator()(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return (*this)(1, 100) <= percent; }
  std::int64_t pick(std::initializer_list<std::int64_t> of) {
    return of.begin()[(*this)(0, static_cast<std::int64_t>(of.size()) - 1)];
  }
  template <class List>
  void shuffle(List& list) {
    std::shuffle(list.begin(), list.end(), engine_);
  }

 private:
  std::mt19937_64 engine_;
};

struct Sizes {
  std::int64_t types, needs, instances, containers;
  std::int64_t unit;  ///< of RAM and scratch: 1 makes ties and exact fits common, an odd large one exercises rounding
  int odd_percent;    ///< states, priorities and the like that stop or exclude containers
};

void add_types(Dice& dice, const Sizes& sizes, PlanBuilder& b) {
  for (std::int64_t i = 0; i < sizes.types; ++i) {
    const std::int64_t gpus = dice.pick({0, 0, 0, 2});
    b.type("t" + std::to_string(i), static_cast<double>(dice.pick({1, 2, 2, 3, 5})),
           {dice.pick({1, 2, 2, 4, 8}), dice.pick({2, 4, 8, 16}) * sizes.unit, dice.pick({0, 4, 8}) * sizes.unit, gpus,
            gpus * 4});
    b.input.limits.blocked_types.back() = dice.chance(15);
  }
}

void add_needs(Dice& dice, const Sizes& sizes, PlanInput& input) {
  for (std::int64_t i = 0; i < sizes.needs; ++i) {
    std::vector<std::uint32_t> list;  // any types, big enough or not
    for (std::uint32_t t = 0; t < input.types.size(); ++t)
      if (dice.chance(50)) list.push_back(t);
    if (list.empty()) list.push_back(0);
    dice.shuffle(list);
    input.type_lists.push_back(list);
    const std::int64_t gpus = dice.pick({0, 0, 0, 1});
    input.needs.push_back({{dice(0, 4), dice(0, 8) * sizes.unit - dice(0, 1) * (sizes.unit > 1),
                            dice(0, 4) * sizes.unit, gpus, gpus * dice(0, 8)},
                           static_cast<std::uint32_t>(i)});
    for (std::int64_t* amount : {&input.needs.back().need.ram, &input.needs.back().need.scratch})
      *amount = std::max<std::int64_t>(*amount, 0);
  }
}

void add_containers(Dice& dice, const Sizes& sizes, PlanInput& input, std::deque<std::string>& strings) {
  for (std::int64_t i = 0; i < sizes.containers; ++i) {
    PlanContainer c;
    c.uuid = strings.emplace_back("c" + std::to_string(dice(0, 1 << 30)) + "-" + std::to_string(i));
    c.need = static_cast<std::uint32_t>(dice(0, sizes.needs - 1));
    c.state = dice.chance(sizes.odd_percent)
                  ? static_cast<ContainerState>(dice(static_cast<int>(ContainerState::running), 4))
              : dice.chance(65) ? ContainerState::locked
                                : ContainerState::queued;
    c.priority = dice.pick({1, 5, 5, 9, 1000}) * (dice.chance(sizes.odd_percent) ? 0 : 1);
    c.first_seen = WallTime(Duration(dice(0, 20)));
    c.created = WallTime(Duration(dice(0, 2)));
    c.supervisor = dice.chance(25);
    c.in_pool = dice.chance(sizes.odd_percent);
    c.old_process = dice.chance(sizes.odd_percent / 2);
    input.containers.push_back(c);
  }
}

void add_instances(Dice& dice, const Sizes& sizes, PlanInput& input, std::deque<std::string>& strings) {
  for (std::int64_t i = 0; i < sizes.instances; ++i) {
    PlanInstance instance;
    const bool pending = dice.chance(15);
    instance.id = strings.emplace_back(pending ? "" : "i-" + std::to_string(dice(100000, 999999)) + std::to_string(i));
    instance.type = dice.chance(3) ? kNoType : static_cast<std::uint32_t>(dice(0, sizes.types - 1));
    instance.state = pending ? WorkerState::booting : static_cast<WorkerState>(dice(0, 4));
    if (dice.chance(20)) instance.idle_behavior = static_cast<IdleBehavior>(dice(1, 2));
    for (std::int64_t k = input.containers.empty() ? 0 : dice.pick({0, 0, 1, 2, 3}); k > 0; --k)
      instance.containers.push_back(static_cast<std::uint32_t>(dice(0, sizes.containers - 1)));
    instance.unknown_containers = dice.chance(5);
    input.instances.push_back(instance);
  }
}

void set_limits(Dice& dice, PlanInput& input) {
  PlanLimits& limits = input.limits;
  limits.at_quota = dice.chance(15);
  const std::int64_t left = dice.pick({-1, -1, -1, 0, 1, 2, 5});
  if (left >= 0) limits.instances_left = left;
  limits.create_slots = dice.pick({0, 1, 3, 100});
  limits.running = dice(0, 5);
  limits.total_instances = dice.chance(90) ? static_cast<std::int64_t>(input.instances.size()) : 0;
  limits.max_containers = dice.pick({0, 0, 0, 3, 10, 30});
  limits.max_supervisors = dice.pick({0, 0, 1, 2, 5});
  limits.max_per_instance = dice.pick({0, 0, 0, 1, 2, 4});
}

struct RandomCase {
  PlanBuilder builder;
  std::deque<std::string> strings;
};

RandomCase random_case(Dice& dice, const Sizes& sizes) {
  RandomCase c;
  add_types(dice, sizes, c.builder);
  add_needs(dice, sizes, c.builder.input);
  add_containers(dice, sizes, c.builder.input, c.strings);
  add_instances(dice, sizes, c.builder.input, c.strings);
  set_limits(dice, c.builder.input);
  return c;
}

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
