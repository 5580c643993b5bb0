// Policy `cost` on random inputs: what must hold whatever it chooses.
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <vector>

#include "capacity.hpp"
#include "cost_learned.hpp"
#include "random_input.hpp"
#include "random_times.hpp"

namespace berth {
namespace {

using State = ContainerState;

/// What must hold for each plan, whatever was chosen.
class Judge {
 public:
  Judge(const PlanInput& input, const Plan& plan) : in_(input), plan_(plan), rank_(input.containers.size()) {
    for (std::uint32_t i = 0; i < plan.order.size(); ++i) rank_[plan.order[i]] = i;
    for (const PlanInstance& instance : in_.instances) {
      left_.push_back({});
      listed_.push_back(static_cast<std::int64_t>(instance.containers.size()) + instance.unknown_containers);
      if (instance.type == kNoType || instance.unknown_containers > 0) continue;
      left_.back().left = in_.types[instance.type].size;
      for (const std::uint32_t c : instance.containers) left_.back().subtract(need(c), GpuMemory::per_device);
    }
  }
  void check() {
    starts_fit();
    creates_keep_limits();
    nothing_placeable_is_left();
    order_is_kept();
    everyone_is_told();
    for (const std::uint32_t i : plan_.shutdowns) EXPECT_TRUE(plan_.at_quota && listed_[i] == 0);
  }

  int group_starts = 0;

 private:
  const Resources& need(std::uint32_t c) const { return in_.needs[in_.containers[c].need].need; }
  bool in_list(std::uint32_t list, std::uint32_t type) const {
    const auto& types = in_.type_lists[list];
    return std::find(types.begin(), types.end(), type) != types.end();
  }
  bool within_ceiling(std::uint32_t c, std::uint32_t type) const {
    return in_list(in_.needs[in_.containers[c].need].type_list, type);
  }
  bool ready(std::uint32_t i) const {
    const PlanInstance& instance = in_.instances[i];
    const bool guarded = in_.cost.guard && in_.cost.guard->instance == i;
    return (instance.state == WorkerState::idle || instance.state == WorkerState::running) && !guarded &&
           instance.idle_behavior == IdleBehavior::run && instance.type != kNoType;
  }
  void starts_fit() {
    std::set<std::uint32_t> started;
    for (const PlanStart& s : plan_.starts) {
      EXPECT_TRUE(started.insert(s.container).second);
      EXPECT_EQ(in_.containers[s.container].state, State::locked);
      EXPECT_FALSE(in_.containers[s.container].in_pool || in_.containers[s.container].old_process);
      EXPECT_GT(in_.containers[s.container].priority, 0);
      EXPECT_TRUE(left_[s.instance].accommodates(need(s.container)));
      left_[s.instance].subtract(need(s.container), GpuMemory::per_device);
      ++listed_[s.instance];
      const std::uint32_t type = in_.instances[s.instance].type;
      const CostRules& rules = in_.cost.rules;
      if (!rules.ride && !rules.group) EXPECT_TRUE(within_ceiling(s.container, type));
      const std::uint32_t any = in_.needs[in_.containers[s.container].need].any_price_list;
      EXPECT_TRUE(within_ceiling(s.container, type) || (any != kNoType && in_list(any, type)));
      if (in_.limits.max_per_instance > 0) EXPECT_LE(listed_[s.instance], in_.limits.max_per_instance);
    }
  }
  void creates_keep_limits() {
    const auto creates = static_cast<std::int64_t>(plan_.creates.size());
    EXPECT_LE(creates, in_.limits.create_slots);
    if (in_.limits.instances_left) EXPECT_LE(creates, *in_.limits.instances_left);
    if (in_.limits.at_quota) EXPECT_EQ(creates, 0);
    for (const std::uint32_t type : plan_.creates) EXPECT_FALSE(in_.limits.blocked_types[type]);
  }
  /// Room for it that it may use now.
  bool fits(std::uint32_t c, std::uint32_t i, const Capacity& room) const {
    return ready(i) && within_ceiling(c, in_.instances[i].type) && room.accommodates(need(c)) &&
           (in_.limits.max_per_instance <= 0 || listed_[i] < in_.limits.max_per_instance);
  }
  bool got_nothing(std::uint32_t c) const {
    const Reason reason = plan_.statuses[c].reason;
    return in_.containers[c].state == State::locked &&
           (reason == Reason::cloud_limits || reason == Reason::cluster_capacity || reason == Reason::type_capacity ||
            reason == Reason::room_soon || reason == Reason::new_instance);
  }
  void nothing_placeable_is_left() {
    if (in_.limits.max_containers > 0 || !plan_.locks.empty() || !plan_.kills.empty()) return;
    for (const std::uint32_t c : plan_.order)
      for (std::uint32_t i = 0; got_nothing(c) && i < in_.instances.size(); ++i) EXPECT_FALSE(fits(c, i, left_[i]));
  }
  void order_is_kept() {
    if (!plan_.kills.empty()) return;  // those keep a place without a start
    for (const PlanStart& s : plan_.starts) {
      Capacity slot = left_[s.instance];
      const Resources& freed = need(s.container);
      slot.left.vcpus += freed.vcpus;
      slot.left.ram += freed.ram;
      slot.left.scratch += freed.scratch;
      slot.left.gpus += freed.gpus;
      for (const std::uint32_t c : plan_.order)
        if (rank_[c] < rank_[s.container] && got_nothing(c)) EXPECT_FALSE(fits(c, s.instance, slot));
      if (!is_group_on(s.instance)) continue;
      ++group_starts;
      for (const std::uint32_t c : plan_.order) {
        const bool more_urgent = in_.containers[c].priority > in_.containers[s.container].priority;
        if (more_urgent && got_nothing(c)) EXPECT_FALSE(may_share(c, s.instance) && slot.accommodates(need(c)));
      }
    }
  }
  /// Nothing was on it, and whatever gets it is above its ceiling there: they have it together.
  bool is_group_on(std::uint32_t i) const {
    return in_.instances[i].containers.empty() &&
           std::none_of(plan_.starts.begin(), plan_.starts.end(), [&](const PlanStart& s) {
             return s.instance == i && within_ceiling(s.container, in_.instances[i].type);
           });
  }
  /// In a group.
  bool may_share(std::uint32_t c, std::uint32_t i) const {
    const std::uint32_t any = in_.needs[in_.containers[c].need].any_price_list;
    return any != kNoType && in_list(any, in_.instances[i].type) && in_.limits.max_per_instance <= 0;
  }
  void everyone_is_told() {
    for (std::uint32_t c = 0; c < in_.containers.size(); ++c) {
      const State state = in_.containers[c].state;
      if (is_waiting(state)) EXPECT_NE(plan_.statuses[c].reason, Reason::none);
    }
  }

  const PlanInput& in_;
  const Plan& plan_;
  std::vector<std::uint32_t> rank_;
  std::vector<Capacity> left_;
  std::vector<std::int64_t> listed_;
};

TEST(RandomCostPlans, KeepOrderLimitsAndRoom) {
  std::map<Reason, int> reasons;
  int shutdowns = 0, unlocks = 0, guards = 0, group_starts = 0;
  for (std::uint64_t seed = 1; seed <= 5000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    RandomCase c = random_case(dice, {dice(1, 6), dice(1, 12), dice(0, 15), dice(0, 40),
                                      dice.pick({1, 1, kGiB * 3 / 7}), static_cast<int>(dice(0, 15))});
    LearnedTimes learned;
    add_times(dice, c.builder.input, learned);
    const Plan made = plan(c.builder.input, Policy::cost);
    EXPECT_EQ(plan(c.builder.input, Policy::cost), made);
    Judge judge(c.builder.input, made);
    judge.check();
    group_starts += judge.group_starts;
    for (const ContainerStatus& status : made.statuses) ++reasons[status.reason];
    shutdowns += !made.shutdowns.empty();
    unlocks += !made.unlocks.empty();
    guards += made.guard.has_value();
  }
  for (const Reason reason :
       {Reason::preparing, Reason::supervisor_limit, Reason::previous_attempt, Reason::new_instance,
        Reason::type_capacity, Reason::cloud_limits, Reason::cluster_capacity, Reason::room_soon, Reason::making_room})
    EXPECT_GE(reasons[reason], 20) << to_string(reason);
  for (int n : {shutdowns, unlocks, guards, group_starts}) EXPECT_GE(n, 20);
}

}  // namespace
}  // namespace berth
