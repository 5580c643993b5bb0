// plan(input, memo) equals plan(input) after any history of changes, for each policy that has a memo.
#include "plan_memo.hpp"

#include <gtest/gtest.h>

#include "cost_memo.hpp"
#include "random_input.hpp"
#include "random_times.hpp"
#include "scan_fleet.hpp"
#include "scheduling_order.hpp"

namespace berth {
namespace {

/// An input whose owner changes it at random and tells the memo.
template <class Memo>
class History {
 public:
  History(std::uint64_t seed, const Sizes& sizes) : dice_(seed), sizes_(sizes), case_(random_case(dice_, sizes)) {
    add_times(dice_, mutable_input(), learned_);
    mutable_input().cost.guard.reset();
    memo_.emplace(case_.builder.input);
  }

  Memo& memo() { return *memo_; }
  const PlanInput& input() const { return case_.builder.input; }

  void change() {
    switch (dice_(0, 11)) {
      case 0:
      case 1:
        return put_container(any(input().containers.size() + 1), random_container(dice_, sizes_, case_.strings));
      case 2:
        return change_container();
      case 3:
        return remove_container(any(input().containers.size()));
      case 4:
        return put_instance(any(input().instances.size() + 1), random_instance(dice_, sizes_, input(), case_.strings));
      case 5:
        return change_instance();
      case 6:
        return remove_instance(any(input().instances.size()));
      case 7:
        return set_limits(dice_, mutable_input());
      case 8:
        return learn_need();
      case 9:
        return learned_.run_times.add(static_cast<std::uint32_t>(dice_(0, 5)), static_cast<double>(dice_(1, 2000)));
      case 10:
        return let_time_pass();
      default:
        return;
    }
  }
  /// If both still exist.
  void guard(const std::optional<PlanGuard>& guard) {
    mutable_input().cost.guard.reset();
    if (guard && !input().containers[guard->container].gone && !input().instances[guard->instance].gone)
      mutable_input().cost.guard = guard;
  }
  /// As the pool would: what is started is listed on its instance.
  void carry_out(const Decisions& made) {
    for (const PlanStart& start : made.starts) {
      if (dice_.chance(20)) continue;  // refused
      PlanContainer container = input().containers[start.container];
      container.in_pool = true;
      container.started = input().cost.steady_now;
      mutable_input().containers[start.container] = container;
      memo_->container_changed(start.container);
      mutable_input().instances[start.instance].containers.push_back(start.container);
      memo_->instance_changed(start.instance);
    }
  }

 private:
  PlanInput& mutable_input() { return case_.builder.input; }
  std::uint32_t any(std::size_t count) {
    return count == 0 ? 0 : static_cast<std::uint32_t>(dice_(0, static_cast<std::int64_t>(count) - 1));
  }

  void put_container(std::uint32_t c, const PlanContainer& container) {
    if (c == input().containers.size()) mutable_input().containers.emplace_back();
    unlist(c);
    mutable_input().containers[c] = container;
    memo_->container_changed(c);
  }
  void remove_container(std::uint32_t c) {
    if (input().containers.empty()) return;
    PlanContainer none;
    none.gone = true;
    put_container(c, none);
  }
  /// Stays who it is.
  void change_container() {
    if (input().containers.empty()) return;
    const std::uint32_t c = any(input().containers.size());
    PlanContainer& container = mutable_input().containers[c];
    const PlanContainer other = random_container(dice_, sizes_, case_.strings);
    if (container.gone) return;
    container.state = other.state;
    container.priority = other.priority;
    container.in_pool = other.in_pool;
    if (dice_.chance(20)) container.started = input().cost.steady_now - std::chrono::seconds(dice_(0, 500));
    memo_->container_changed(c);
  }
  void unlist(std::uint32_t c) {
    for (std::uint32_t i = 0; i < input().instances.size(); ++i)
      if (std::erase(mutable_input().instances[i].containers, c) > 0) memo_->instance_changed(i);
  }

  void put_instance(std::uint32_t i, const PlanInstance& instance) {
    if (i == input().instances.size()) mutable_input().instances.emplace_back();
    mutable_input().instances[i] = instance;
    set_times(i);
    memo_->instance_changed(i);
  }
  void remove_instance(std::uint32_t i) {
    if (input().instances.empty()) return;
    PlanInstance none;
    none.gone = true;
    put_instance(i, none);
  }
  void change_instance() {
    if (input().instances.empty()) return;
    const std::uint32_t i = any(input().instances.size());
    PlanInstance& instance = mutable_input().instances[i];
    if (instance.gone) return;
    const PlanInstance other = random_instance(dice_, sizes_, input(), case_.strings);
    instance.state = other.state;
    instance.idle_behavior = other.idle_behavior;
    if (instance.id.empty()) instance.id = other.id;  // created, perhaps
    if (dice_.chance(70)) instance.containers = other.containers;
    set_times(i);
    memo_->instance_changed(i);
  }
  /// New needs, among them smaller ones than before, for containers that come from now on.
  void learn_need() {
    NeedClass need = input().needs[any(input().needs.size())];
    if (dice_.chance(50)) need.any_price_list = need.type_list;
    need.need.vcpus /= 2;
    need.need.ram = dice_(0, 1) * need.need.ram / 2;
    mutable_input().needs.push_back(need);
    ++sizes_.needs;
  }

  void set_times(std::uint32_t i) {
    mutable_input().instances[i].created = input().cost.steady_now - std::chrono::seconds(dice_(0, 200));
    mutable_input().instances[i].last_busy = WallTime(std::chrono::seconds(dice_(0, 3)));
  }
  void let_time_pass() {
    const Duration time = std::chrono::milliseconds(dice_(1, dice_.pick({1000, 1000, 20'000, 100'000})));
    mutable_input().cost.now += time;
    mutable_input().cost.steady_now += time;
  }

  Dice dice_;
  Sizes sizes_;
  RandomCase case_;
  LearnedTimes learned_;
  std::optional<Memo> memo_;
};

/// What a pass has decided, and why containers wait, if that is kept.
struct Outcome {
  Decisions made;
  std::vector<ContainerStatus> statuses;
};

Outcome pass_of(History<PlanMemo>& history) {
  return {plan(history.input(), history.memo()), {}};
}
Outcome from_nothing(const History<PlanMemo>& history) {
  return {scan_plan(history.input(), rules_of(Policy::greedy)).plan, {}};
}
Outcome pass_of(History<CostMemo>& history) {
  WaitReasons reasons;
  Outcome out{plan(history.input(), history.memo(), reasons), {}};
  out.statuses = statuses_of(history.input(), scheduling_order(history.input().containers), reasons);
  return out;
}
Outcome from_nothing(const History<CostMemo>& history) {
  const Plan made = plan(history.input(), Policy::cost);
  return {made, made.statuses};
}

template <class Memo>
void expect_equal_all_along(std::uint64_t seed, const Sizes& sizes, int passes, int changes) {
  History<Memo> history(seed, sizes);
  for (int pass = 0; pass < passes; ++pass) {
    SCOPED_TRACE("pass " + std::to_string(pass));
    const Outcome out = pass_of(history);
    ASSERT_EQ(out.made, from_nothing(history).made);
    ASSERT_EQ(out.statuses, from_nothing(history).statuses);
    history.guard(out.made.guard);
    if (pass % 3 != 0) history.carry_out(out.made);
    for (int i = 0; i < changes; ++i) history.change();
  }
}

template <class Memo>
class Memos : public testing::Test {};
using MemoTypes = testing::Types<PlanMemo, CostMemo>;
TYPED_TEST_SUITE(Memos, MemoTypes);

TYPED_TEST(Memos, DecideAsIfThereWereNoneOnSmallHistories) {
  for (std::uint64_t seed = 1; seed <= 400 && !this->HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    const Sizes sizes{dice(1, 6),
                      dice(1, 12),
                      dice(0, 15),
                      dice(0, 40),
                      dice.pick({1, 1, kGiB * 3 / 7}),
                      static_cast<int>(dice(0, 15))};
    expect_equal_all_along<TypeParam>(seed, sizes, 40, static_cast<int>(dice(0, 6)));
  }
}

TYPED_TEST(Memos, DecideAsIfThereWereNoneOnLargerHistories) {
  for (std::uint64_t seed = 1; seed <= 6 && !this->HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed + 1000000);
    const Sizes sizes{dice(5, 30), dice(10, 60), dice(300, 600), dice(300, 900), dice.pick({1, kGiB * 3 / 7}), 2};
    expect_equal_all_along<TypeParam>(seed, sizes, 40, static_cast<int>(dice.pick({1, 5, 300})));
  }
}

TEST(PlanMemo, WhatFailedIsFoundOnceThereIsRoom) {
  PlanBuilder b;
  b.type("small", 1, {1, 1, 1, 0, 0});
  b.container("running", ContainerState::running, 1, {1, 1, 1, 0, 0}, {"small"});
  b.container("a", ContainerState::locked, 1, {1, 1, 1, 0, 0}, {"small"});
  b.container("b", ContainerState::locked, 1, {1, 1, 1, 0, 0}, {"small"});
  b.instance("i-1", "small", WorkerState::running, {"running"});
  PlanMemo memo(b.input);
  for (int pass = 0; pass < 3; ++pass) EXPECT_TRUE(plan(b.input, memo).starts.empty());
  b.find("running").gone = true;
  b.input.instances[0].containers.clear();
  memo.container_changed(0);
  memo.instance_changed(0);
  EXPECT_EQ(plan(b.input, memo).starts, (std::vector<PlanStart>{{1, 0}}));
  EXPECT_EQ(plan(b.input, memo).starts, (std::vector<PlanStart>{{1, 0}})) << "assignments are not kept";
}

}  // namespace
}  // namespace berth
