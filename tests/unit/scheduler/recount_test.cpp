// What the shell keeps between passes decides as a recount from nothing does, after any history of snapshots.
#include "recount.hpp"

#include <gtest/gtest.h>
#include <map>

#include "kept.hpp"
#include "pass_planner.hpp"
#include "random_input.hpp"

namespace berth {
namespace {

/// Queue and pool as they may follow on each other, likely or not.
class RandomSnapshots {
 public:
  explicit RandomSnapshots(std::uint64_t seed) : dice_(seed) {}

  Snapshots now;
  std::set<std::string> unlocking;

  void change() {
    switch (dice_(0, 7)) {
      case 0:
      case 1:
        return put_entry();
      case 2:
        return void(now.queue.entries.erase(any_uuid()));
      case 3:
        return put_process();
      case 4:
        return void(now.pool.running.erase(any_uuid()));
      case 5:
        return put_instance();
      case 6:
        return void(now.pool.instances.erase(static_cast<std::uint64_t>(dice_(1, 12))));
      default:
        return change_limits();
    }
  }

 private:
  std::string any_uuid() { return "c" + std::to_string(dice_(1, 30)); }

  void put_entry() {
    const std::string uuid = any_uuid();
    const QueueEntry* known = now.queue.entries.find(uuid);
    QueueEntry entry = known && dice_.chance(80) ? *known
                                                 : now.add(uuid, ContainerState::queued, 1,
                                                           dice_.chance(50) ? std::vector<std::string>{"small", "large"}
                                                                            : std::vector<std::string>{"large"},
                                                           {dice_(0, 2), dice_(0, 2), dice_(0, 1), 0, 0});
    entry.container.state = static_cast<ContainerState>(dice_.pick({0, 0, 1, 1, 1, 2, 3, 4}));
    entry.container.priority = dice_.pick({0, 1, 1, 2, 9});
    entry.first_seen = WallTime((kPollTime + std::chrono::seconds(dice_(0, 600))).time_since_epoch());
    set_supervisor(entry, dice_.chance(10));
    now.set(entry);
  }
  void put_process() {
    std::optional<SteadyTime> exited;
    if (dice_.chance(30)) exited = kPollTime + std::chrono::seconds(dice_(-1, 1));
    const SteadyTime started = kPollTime + std::chrono::seconds(dice_(-600, 0));
    now.pool.running.put(any_uuid(), {static_cast<std::uint64_t>(dice_(0, 12)), exited, 0, started});
  }
  void put_instance() {
    PoolInstance instance;
    instance.number = static_cast<std::uint64_t>(dice_(1, 12));
    if (dice_.chance(80)) instance.id = "i-" + std::to_string(100 - instance.number);
    instance.type = dice_.chance(45) ? "small" : dice_.chance(90) ? "large" : "retired";
    instance.state = static_cast<WorkerState>(dice_(0, 4));
    instance.idle_behavior = dice_.chance(90) ? IdleBehavior::run : IdleBehavior::hold;
    instance.created = kPollTime + std::chrono::seconds(dice_(-100, 0));
    instance.last_busy = WallTime(std::chrono::seconds(dice_(0, 3)));
    std::set<std::string> listed;
    for (std::int64_t k = dice_(0, 2); k > 0; --k) listed.insert(any_uuid());
    instance.containers.assign(listed.begin(), listed.end());
    now.set(instance);
  }
  void change_limits() {
    now.pool.at_quota = dice_.chance(10);
    now.pool.create_slots = dice_.pick({0, 0, 1, 3});
    now.pool.instances_left.reset();
    if (dice_.chance(30)) now.pool.instances_left = dice_(0, 2);
    now.pool.blocked_types.clear();
    if (dice_.chance(20)) now.pool.blocked_types.insert(dice_.chance(50) ? "small" : "large");
    unlocking.clear();
    if (dice_.chance(30)) unlocking.insert(any_uuid());
  }

  Dice dice_;
};

/// A planner and what is kept beside it, told of each snapshot.
class KeptPlanner {
 public:
  explicit KeptPlanner(Policy policy) : policy_(policy), options_(options_of()), planner_(*options_, policy) {}

  /// What differs from a recount.
  std::optional<std::string> pass(const RandomSnapshots& history, SteadyTime now) {
    MatchedQueue::Changes changes = queue_.update(history.now.queue, history.now.pool);
    reconcile_.update(queue_, changes.containers);
    for (const auto* unlocks : {&std::as_const(unlocking_), &history.unlocking})
      for (const std::string& uuid : *unlocks)
        if (const auto container = queue_.find(uuid)) changes.containers.push_back(*container);
    unlocking_ = history.unlocking;
    PassRecord record{std::make_shared<QueueSnapshot>(history.now.queue),
                      std::make_shared<PoolSnapshot>(history.now.pool),
                      {8, 2},
                      history.unlocking,
                      {},
                      options_,
                      policy_};
    const Decisions made = planner_.decide(queue_, changes, record, now, WallTime(now.time_since_epoch()));
    auto found =
        planner_.difference_from_nothing(made, reconcile_.decide(queue_, history.now.queue.updated), queue_, record);
    planner_.explain(made, queue_, record);
    for (const ScheduledContainer& line : scheduled_queue(record).containers) ++reasons[line.reason];
    planner_.remember(made, queue_);
    started += made.starts.size();
    return found;
  }

  std::map<Reason, int> reasons;
  std::size_t started = 0;

 private:
  static std::shared_ptr<const SchedulerOptions> options_of() {
    SchedulerOptions options;
    options.instance_types = types();
    options.cost_rules.guard = std::chrono::seconds(60);
    return std::make_shared<const SchedulerOptions>(std::move(options));
  }
  const Policy policy_;
  const std::shared_ptr<const SchedulerOptions> options_;
  PassPlanner planner_;
  MatchedQueue queue_;
  ReconcilePass reconcile_;
  std::set<std::string> unlocking_;
};

void expect_equal_all_along(Policy policy, std::map<Reason, int>& reasons, std::size_t& started) {
  for (std::uint64_t seed = 1; seed <= 200 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    RandomSnapshots history(seed);
    KeptPlanner planner(policy);
    for (int pass = 0; pass < 60 && !testing::Test::HasFailure(); ++pass) {
      SCOPED_TRACE(pass);
      for (int i = pass % 5; i >= 0; --i) history.change();
      EXPECT_EQ(planner.pass(history, kPollTime + std::chrono::seconds(10 * pass)), std::nullopt);
    }
    for (const auto& [reason, count] : planner.reasons) reasons[reason] += count;
    started += planner.started;
  }
}

TEST(Recount, EqualsWhatIsKeptAfterAnyHistory) {
  std::map<Reason, int> reasons;
  std::size_t started = 0;
  expect_equal_all_along(Policy::greedy, reasons, started);
  EXPECT_GE(started, 1000U);
}

TEST(Recount, EqualsWhatPolicyCostKeepsAfterAnyHistory) {
  std::map<Reason, int> reasons;
  std::size_t started = 0;
  expect_equal_all_along(Policy::cost, reasons, started);
  EXPECT_GE(started, 1000U);
  for (const Reason reason :
       {Reason::none, Reason::preparing, Reason::priority_zero, Reason::supervisor_limit, Reason::new_instance,
        Reason::type_capacity, Reason::cloud_limits, Reason::cluster_capacity, Reason::making_room})
    EXPECT_GE(reasons[reason], 20) << to_string(reason);
}

TEST(Recount, ADifferenceIsTold) {
  EXPECT_EQ(difference({{"start a@1"}}, {{"start a@1"}}), std::nullopt);
  EXPECT_EQ(difference({{"start a@1"}}, {{"start a@2", "x"}}),
            "kept state decides \"start a@1\", without it the decision is \"start a@2\"");
  EXPECT_EQ(difference({{"start a@1"}}, {}),
            "kept state decides \"start a@1\", without it the decision is \"nothing more\"");
}

}  // namespace
}  // namespace berth
