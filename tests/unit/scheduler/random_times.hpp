#pragma once

#include "cost_learned.hpp"
#include "random_input.hpp"

namespace berth {

/// Adds what only the policy `cost` looks at.
inline void add_times(Dice& dice, PlanInput& input, LearnedTimes& learned) {
  input.cost.now = WallTime(std::chrono::seconds(1000));
  input.cost.steady_now = SteadyTime(std::chrono::hours(1));
  std::vector<std::uint32_t> all;
  for (std::uint32_t t = 0; t < input.types.size(); ++t) all.push_back(t);
  input.type_lists.push_back(all);
  const auto any = static_cast<std::uint32_t>(input.type_lists.size() - 1);
  for (NeedClass& need : input.needs)
    if (dice.chance(80)) need.any_price_list = any;
  for (std::int64_t i = dice(0, 60); i > 0; --i)
    learned.run_times.add(static_cast<std::uint32_t>(dice(0, 5)),
                          static_cast<double>(dice(0, dice.pick({20, 200, 20000}))));
  for (PlanContainer& c : input.containers) {
    c.run_time_key = static_cast<std::uint32_t>(dice(0, 6));
    c.first_seen = WallTime(std::chrono::seconds(dice(dice.pick({0, 950}), 1000)));
    c.started = input.cost.steady_now - std::chrono::seconds(dice(0, 500));
  }
  for (PlanInstance& i : input.instances) i.created = input.cost.steady_now - std::chrono::seconds(dice(0, 200));
  input.cost.learned = dice.chance(90) ? &learned : nullptr;
  CostRules& rules = input.cost.rules;
  rules.ride = dice.chance(70);
  rules.cover = dice.chance(70);
  rules.group = dice.chance(70);
  rules.spare = static_cast<double>(dice.pick({0, 0, 1, 5}));
  if (!input.containers.empty() && !input.instances.empty() && dice.chance(10))
    input.cost.guard = PlanGuard{static_cast<std::uint32_t>(dice(0, std::ssize(input.containers) - 1)),
                                 static_cast<std::uint32_t>(dice(0, std::ssize(input.instances) - 1))};
}

}  // namespace berth
