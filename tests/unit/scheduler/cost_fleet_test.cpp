// What CostFleet finds equals what a plain scan over all instances finds, whatever was placed before.
#include "cost_fleet.hpp"

#include <gtest/gtest.h>
#include <tuple>

#include "cost_needs.hpp"
#include "random_input.hpp"

namespace berth {
namespace {

/// Looks at every instance.
class ScanCostFleet {
 public:
  ScanCostFleet(const PlanInput& input, const CostFleet& fleet) : in_(input), fleet_(fleet) {}

  std::optional<std::uint32_t> find(std::uint32_t need, const CostFleet::MayRide& may_ride) const {
    std::optional<std::uint32_t> best;
    for (std::uint32_t i = 0; i < fleet_.size(); ++i)
      if (may_get(i, need, may_ride) && (!best || key(i, need) < key(*best, need))) best = i;
    return best;
  }

 private:
  bool may_get(std::uint32_t i, std::uint32_t need, const CostFleet::MayRide& may_ride) const {
    if (fleet_.set_aside_is(i) || !fleet_[i].usable || !fleet_[i].ready || fleet_.full(i)) return false;
    if (!fleet_[i].capacity.accommodates(in_.needs[need].need)) return false;
    if (listed(i, need, false)) return true;
    return may_ride && listed(i, need, true) && fleet_[i].containers > 0 && may_ride(i) == RideAnswer::yes;
  }
  bool listed(std::uint32_t i, std::uint32_t need, bool any_price) const {
    const auto& types = types_for(in_, need, any_price);
    return std::find(types.begin(), types.end(), fleet_[i].type) != types.end();
  }
  std::tuple<bool, double, Duration, std::uint32_t> key(std::uint32_t i, std::uint32_t need) const {
    const PlanType& type = in_.types[fleet_[i].type];
    const Resources& left = fleet_[i].capacity.left;
    const Resources& wanted = in_.needs[need].need;
    const auto worth = [&](std::int64_t over, std::int64_t of) {
      return of > 0 ? static_cast<double>(over) * (type.price / static_cast<double>(of)) : 0;
    };
    const double left_over =
        std::max({worth(left.vcpus - wanted.vcpus, type.size.vcpus), worth(left.ram - wanted.ram, type.size.ram),
                  worth(left.gpus - wanted.gpus, type.size.gpus)});
    return {fleet_[i].containers == 0, left_over, -in_.instances[i].last_busy.time_since_epoch(), fleet_[i].order};
  }

  const PlanInput& in_;
  const CostFleet& fleet_;
};

struct Seen {
  int in_use = 0, empty = 0, ridden = 0, nothing = 0;
};

/// As the configuration makes them: what is within the ceiling is on the other list, too.
void add_lists(Dice& dice, PlanInput& input) {
  std::vector<std::uint32_t> all;
  for (std::uint32_t t = 0; t < input.types.size(); ++t) all.push_back(t);
  input.type_lists.push_back(all);
  for (NeedClass& need : input.needs)
    if (dice.chance(80)) need.any_price_list = static_cast<std::uint32_t>(input.type_lists.size() - 1);
  for (PlanInstance& i : input.instances) {
    i.last_busy = WallTime(std::chrono::seconds(dice(0, 3)));
    if (dice.chance(60)) i.state = WorkerState::running;
    if (dice.chance(60)) i.idle_behavior = IdleBehavior::run;
  }
}

void expect_equal_all_along(Dice& dice, const Sizes& sizes, Seen& seen) {
  RandomCase c = random_case(dice, sizes);
  const PlanInput& input = c.builder.input;
  add_lists(dice, c.builder.input);
  const CostNeeds classes(input);
  CostFleet fleet(classes);
  const ScanCostFleet scan(input, fleet);
  const std::int64_t denied = dice(1, 4);
  for (std::int64_t step = 0; step < sizes.containers; ++step) {
    const auto need = static_cast<std::uint32_t>(dice(0, sizes.needs - 1));
    const auto kind = static_cast<std::uint32_t>(dice(0, 1));
    const CostFleet::MayRide some = [&](std::uint32_t i) {
      return (i + need + kind) % denied != 0 ? RideAnswer::yes : RideAnswer::no;
    };
    const CostFleet::MayRide may_ride = dice.chance(70) ? some : CostFleet::MayRide{};
    const auto found = fleet.find(need, may_ride, kind);
    ASSERT_EQ(found, scan.find(need, may_ride)) << "step " << step;
    if (!found) {
      ++seen.nothing;
    } else {
      ++(!fleet.within_ceiling(*found, need) ? seen.ridden : fleet[*found].containers > 0 ? seen.in_use : seen.empty);
      fleet.place(*found, need);
    }
    if (!input.instances.empty() && step == sizes.containers / 2)
      fleet.set_aside(static_cast<std::uint32_t>(dice(0, std::ssize(input.instances) - 1)));
  }
}

TEST(CostFleet, FindsWhatAPlainScanFinds) {
  Seen seen;
  for (std::uint64_t seed = 1; seed <= 3000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    expect_equal_all_along(
        dice, {dice(1, 6), dice(1, 12), dice(0, 30), dice(0, 60), dice.pick({1, 1, kGiB * 3 / 7}), 5}, seen);
  }
  for (std::uint64_t seed = 1; seed <= 30 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed + 1000000);
    expect_equal_all_along(dice, {dice(5, 40), dice(10, 60), 300, 1000, dice.pick({1, kGiB * 3 / 7}), 3}, seen);
  }
  for (const int n : {seen.in_use, seen.empty, seen.ridden, seen.nothing}) EXPECT_GE(n, 500);
}

}  // namespace
}  // namespace berth
