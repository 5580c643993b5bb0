#pragma once

#include <algorithm>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "plan_builder.hpp"

namespace berth {

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

inline void add_types(Dice& dice, const Sizes& sizes, PlanBuilder& b) {
  for (std::int64_t i = 0; i < sizes.types; ++i) {
    const std::int64_t gpus = dice.pick({0, 0, 0, 2});
    b.type("t" + std::to_string(i), static_cast<double>(dice.pick({1, 2, 2, 3, 5})),
           {dice.pick({1, 2, 2, 4, 8}), dice.pick({2, 4, 8, 16}) * sizes.unit, dice.pick({0, 4, 8}) * sizes.unit, gpus,
            gpus * 4});
    b.input.limits.blocked_types.back() = dice.chance(15);
  }
}

inline void add_needs(Dice& dice, const Sizes& sizes, PlanInput& input) {
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

inline PlanContainer random_container(Dice& dice, const Sizes& sizes, std::deque<std::string>& strings) {
  PlanContainer c;
  c.uuid = strings.emplace_back("c" + std::to_string(dice(0, 1 << 30)) + "-" + std::to_string(strings.size()));
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
  return c;
}

/// With up to three of the input's containers listed on it.
inline PlanInstance random_instance(Dice& dice, const Sizes& sizes, const PlanInput& input,
                                    std::deque<std::string>& strings) {
  PlanInstance instance;
  const bool pending = dice.chance(15);
  instance.id =
      strings.emplace_back(pending ? "" : "i-" + std::to_string(dice(100000, 999999)) + std::to_string(strings.size()));
  instance.number = strings.size();
  instance.type = dice.chance(3) ? kNoType : static_cast<std::uint32_t>(dice(0, sizes.types - 1));
  instance.state = pending ? WorkerState::booting : static_cast<WorkerState>(dice(0, 4));
  if (dice.chance(20)) instance.idle_behavior = static_cast<IdleBehavior>(dice(1, 2));
  for (std::int64_t k = input.containers.empty() ? 0 : dice.pick({0, 0, 1, 2, 3}); k > 0; --k) {
    const auto listed = static_cast<std::uint32_t>(dice(0, static_cast<std::int64_t>(input.containers.size()) - 1));
    if (!input.containers[listed].gone) instance.containers.push_back(listed);
  }
  instance.unknown_containers = dice.chance(5);
  return instance;
}

inline void set_limits(Dice& dice, PlanInput& input) {
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

inline RandomCase random_case(Dice& dice, const Sizes& sizes) {
  RandomCase c;
  add_types(dice, sizes, c.builder);
  add_needs(dice, sizes, c.builder.input);
  PlanInput& input = c.builder.input;
  for (std::int64_t i = 0; i < sizes.containers; ++i)
    input.containers.push_back(random_container(dice, sizes, c.strings));
  for (std::int64_t i = 0; i < sizes.instances; ++i)
    input.instances.push_back(random_instance(dice, sizes, input, c.strings));
  set_limits(dice, input);
  return c;
}

}  // namespace berth
