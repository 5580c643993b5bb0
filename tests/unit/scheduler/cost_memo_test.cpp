// What is refused a ride is remembered by CostMemo: its plans equal those from nothing while what runs gets older.
#include "cost_memo.hpp"

#include <deque>
#include <gtest/gtest.h>
#include <string>

#include "cost_learned.hpp"
#include "random_times.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

/// Large instances in use, above the price ceiling of most that waits. Who rides depends on how long containers have
/// run: of most kinds some end soon, and the others run for long.
class RideHistory {
 public:
  explicit RideHistory(std::uint64_t seed) : dice_(seed) {
    input.cost.learned = &learned_;
    input.cost.steady_now = SteadyTime(100h);
    input.cost.rules.group = false;
    input.types = {{1, {4, 4, 1, 0, 0}}, {6, {24, 24, 1, 0, 0}}};
    input.limits.blocked_types = {false, false};
    input.type_lists = {{0}, {0, 1}, {1}};
    for (const std::int64_t vcpus : {1, 1, 2, 3, 4}) input.needs.push_back({{vcpus, vcpus, 0, 0, 0}, 0, 1});
    for (const std::int64_t vcpus : {6, 12, 20}) input.needs.push_back({{vcpus, vcpus, 0, 0, 0}, 2});
    for (std::uint32_t key = 0; key < kKeys; ++key)
      for (int i = 0; i < 40; ++i) learn(key);
    for (std::int64_t i = dice_(1, 12); i > 0; --i) add_instance();
    for (std::int64_t i = dice_(1, 30); i > 0; --i) add_waiting();
  }

  PlanInput input;

  void change(CostMemo& memo) {
    if (dice_.chance(50)) pass_time(std::chrono::milliseconds(dice_(1, dice_.pick({200, 3000, 30'000}))));
    const std::int64_t what = dice_(0, 19);
    if (what < 3)
      memo.container_changed(add_waiting());
    else if (what < 6)
      end_one(memo);
    else if (what == 6)
      memo.container_changed(restart_one());
    else if (what == 7)
      memo.instance_changed(add_instance());
    else if (what == 8)
      learn(static_cast<std::uint32_t>(dice_(0, kKeys - 1)));
  }
  /// Returns how many ride.
  int carry_out(const Decisions& made, CostMemo& memo) {
    int rides = 0;
    for (const PlanStart& start : made.starts) {
      const auto& ceiling = input.type_lists[input.needs[input.containers[start.container].need].type_list];
      const std::uint32_t type = input.instances[start.instance].type;
      rides += std::find(ceiling.begin(), ceiling.end(), type) == ceiling.end();
      run(start.container, start.instance, 0s);
      memo.container_changed(start.container);
      memo.instance_changed(start.instance);
    }
    return rides;
  }

 private:
  static constexpr std::int64_t kKeys = 5;

  void learn(std::uint32_t key) {
    const bool soon = dice_.chance(static_cast<int>(20 * key));
    learned_.run_times.add(key, static_cast<double>(soon ? dice_(5, 60) : dice_(600, 30'000)));
  }
  void pass_time(Duration time) {
    input.cost.now += time;
    input.cost.steady_now += time;
  }
  std::uint32_t add(std::uint32_t need) {
    PlanContainer& made = input.containers.emplace_back();
    made.uuid = uuids_.emplace_back(std::to_string(input.containers.size()));
    made.need = need;
    made.state = ContainerState::locked;
    made.priority = dice_(1, 3);
    made.run_time_key = static_cast<std::uint32_t>(dice_(0, kKeys - 1));
    return static_cast<std::uint32_t>(input.containers.size() - 1);
  }
  std::uint32_t add_waiting() { return add(static_cast<std::uint32_t>(dice_(0, dice_.pick({4, 7})))); }
  void run(std::uint32_t container, std::uint32_t instance, Duration ran) {
    input.containers[container].in_pool = true;
    input.containers[container].started = input.cost.steady_now - ran;
    input.instances[instance].containers.push_back(container);
  }
  std::uint32_t add_instance() {
    const auto made = static_cast<std::uint32_t>(input.instances.size());
    input.instances.emplace_back().type = 1;
    input.instances[made].state = WorkerState::running;
    for (std::int64_t i = dice_(1, 2); i > 0; --i)
      run(add(static_cast<std::uint32_t>(dice_(5, 6))), made,
          std::chrono::seconds(dice_(0, dice_.pick({10, 100, 5000}))));
    return made;
  }
  std::vector<std::uint32_t>& any_containers() {
    return input.instances[static_cast<std::size_t>(dice_(0, std::ssize(input.instances) - 1))].containers;
  }
  /// Of one that runs it becomes known when it has begun. Returns which.
  std::uint32_t restart_one() {
    const auto& listed = any_containers();
    if (listed.empty()) return 0;
    input.containers[listed[0]].started = input.cost.steady_now - std::chrono::seconds(dice_(0, 5000));
    return listed[0];
  }
  void end_one(CostMemo& memo) {
    auto& listed = any_containers();
    if (listed.empty()) return;
    const std::uint32_t container = listed.back();
    listed.pop_back();
    input.containers[container].gone = true;
    memo.container_changed(container);
    for (std::uint32_t i = 0; i < input.instances.size(); ++i)
      if (&input.instances[i].containers == &listed) memo.instance_changed(i);
  }

  Dice dice_;
  LearnedTimes learned_;
  std::deque<std::string> uuids_;
};

TEST(CostMemo, WhoIsRefusedARideGetsItAsSoonAsFromNothing) {
  int rides = 0, later = 0, refused = 0;
  for (std::uint64_t seed = 1; seed <= 500 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    RideHistory history(seed);
    CostMemo memo(history.input);
    for (int pass = 0; pass < 100; ++pass) {
      WaitReasons reasons;
      const Decisions made = plan(history.input, memo, reasons);
      const Decisions plain = plan(history.input, Policy::cost);
      ASSERT_EQ(made, plain) << "pass " << pass;
      const int ride = history.carry_out(made, memo);
      rides += ride;
      later += pass > 0 ? ride : 0;
      refused += made.starts.empty();
      history.change(memo);
    }
  }
  EXPECT_GT(rides, 5000);
  EXPECT_GT(later, 3000);
  EXPECT_GT(refused, 20'000);
}

}  // namespace
}  // namespace berth
