// What may end soon is found by ages: never less than what a look at each would find.
#include "cost_running.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "random_times.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr double kQuantile = 0.7;

double some_most(Dice& dice) {
  return static_cast<double>(dice.pick({0, 1, 5, 18, 60, 1000})) / 2;
}

TEST(RunTimes, OutsideOfItsAgesNothingMayEnd) {
  std::int64_t ends = 0, outside = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Dice dice(seed);
    RunTimes times;
    std::vector<RunTimes::Running> running;
    const std::int64_t longest = dice.pick({10, 300, 5000, 40'000});
    for (std::int64_t i = dice(0, 200); i > 0; --i)
      times.add(static_cast<std::uint32_t>(dice(0, 2)), static_cast<double>(dice(0, longest)));
    for (std::int64_t i = dice(0, 50); i > 0; --i)
      running.push_back({static_cast<std::uint32_t>(dice(0, 2)), static_cast<double>(dice(0, longest))});
    times.set_running(running);
    for (std::uint32_t key = 0; key < 4; ++key) {
      const double most = some_most(dice);
      const RunTimes::Ages ages = times.ages_that_may_end(key, kQuantile, most);
      for (double age = 0; age < 1.5 * static_cast<double>(longest); age += 0.1 + age * 0.003) {
        const bool inside = ages.least <= age && age <= ages.most;
        const bool may_end = times.remaining(key, age, kQuantile, most).has_value();
        EXPECT_TRUE(inside || !may_end) << "seed " << seed << " key " << key << " most " << most << " age " << age;
        ends += may_end;
        outside += !inside;
      }
    }
  }
  EXPECT_GT(ends, 10'000);
  EXPECT_GT(outside, 100'000);
}

/// Instances on which a look at each container finds one that ends.
std::vector<std::uint32_t> with_an_end(const PlanInput& input, double most) {
  std::vector<std::uint32_t> found;
  for (std::uint32_t i = 0; i < input.instances.size(); ++i) {
    const auto& containers = input.instances[i].containers;
    const bool any = std::any_of(containers.begin(), containers.end(), [&](std::uint32_t c) {
      const PlanContainer& container = input.containers[c];
      return input.cost.learned->run_times
          .remaining(container.run_time_key, time_run(input, container), kQuantile, most)
          .has_value();
    });
    if (any) found.push_back(i);
  }
  return found;
}

/// A container starts somewhere, ends, is known better, or an instance comes.
void change(Dice& dice, PlanInput& input, RunningByKey& running) {
  const auto instance = static_cast<std::uint32_t>(dice(0, std::ssize(input.instances) - 1));
  auto& containers = input.instances[instance].containers;
  const std::int64_t what = dice(0, 9);
  if (what < 5) {
    PlanContainer& started = input.containers.emplace_back();
    started.run_time_key = static_cast<std::uint32_t>(dice(0, 2));
    if (dice.chance(80)) started.started = input.cost.steady_now - std::chrono::seconds(dice(0, 5));
    containers.push_back(static_cast<std::uint32_t>(input.containers.size() - 1));
    running.instance_changed(instance);
  } else if (what < 7 && !containers.empty()) {
    containers.erase(containers.begin() + dice(0, std::ssize(containers) - 1));
    running.instance_changed(instance);
  } else if (what < 9 && !containers.empty()) {
    const std::uint32_t c = containers[static_cast<std::size_t>(dice(0, std::ssize(containers) - 1))];
    input.containers[c].started = input.cost.steady_now - std::chrono::seconds(dice(0, 400));
    running.instance_changed(running.instance_of(c));
  } else {
    input.instances.emplace_back();
    running.instance_changed(static_cast<std::uint32_t>(input.instances.size() - 1));
  }
}

TEST(RunningByKey, FindsAllThatALookAtEachFinds) {
  std::size_t found = 0, none = 0, looked_at = 0, all = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Dice dice(seed);
    PlanInput input;
    LearnedTimes learned;
    input.cost.learned = &learned;
    input.cost.steady_now = SteadyTime(100h);
    input.instances.resize(40);
    RunningByKey running(input);
    for (std::int64_t i = dice(3, 100); i > 0; --i)
      learned.run_times.add(static_cast<std::uint32_t>(dice(0, 2)), static_cast<double>(dice(100, 400)));
    double most = 0;
    for (int pass = 0; pass < 60; ++pass) {
      for (std::int64_t i = dice(0, 8); i > 0; --i) change(dice, input, running);
      input.cost.steady_now += std::chrono::seconds(dice(0, 30));
      if (dice.chance(20)) most = some_most(dice);
      const std::vector<std::uint32_t> with = with_an_end(input, most);
      const std::vector<std::uint32_t> may = running.may_end(kQuantile, most);
      EXPECT_TRUE(std::includes(may.begin(), may.end(), with.begin(), with.end()))
          << "seed " << seed << " pass " << pass;
      EXPECT_EQ(running.any_ends(kQuantile, most), !with.empty()) << "seed " << seed << " pass " << pass;
      found += with.size();
      none += with.empty();
      looked_at += may.size();
      all += input.instances.size();
    }
  }
  EXPECT_GT(found, 1000u);
  EXPECT_GT(none, 1000u);
  EXPECT_LT(looked_at, all * 3 / 4);
}

}  // namespace
}  // namespace berth
