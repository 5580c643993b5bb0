// What the shell keeps between passes decides as a recount from nothing does, after any history of snapshots.
#include "recount.hpp"

#include <gtest/gtest.h>

#include "kept.hpp"
#include "plan_memo.hpp"
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
    set_supervisor(entry, dice_.chance(10));
    now.set(entry);
  }
  void put_process() {
    std::optional<SteadyTime> exited;
    if (dice_.chance(30)) exited = kPollTime + std::chrono::seconds(dice_(-1, 1));
    now.pool.running.put(any_uuid(), {static_cast<std::uint64_t>(dice_(0, 12)), exited});
  }
  void put_instance() {
    PoolInstance instance;
    instance.number = static_cast<std::uint64_t>(dice_(1, 12));
    if (dice_.chance(80)) instance.id = "i-" + std::to_string(100 - instance.number);
    instance.type = dice_.chance(45) ? "small" : dice_.chance(90) ? "large" : "retired";
    instance.state = static_cast<WorkerState>(dice_(0, 4));
    instance.idle_behavior = dice_.chance(90) ? IdleBehavior::run : IdleBehavior::hold;
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

PassRecord record_of(const RandomSnapshots& history, std::shared_ptr<const SchedulerOptions> options) {
  return {std::make_shared<QueueSnapshot>(history.now.queue),
          std::make_shared<PoolSnapshot>(history.now.pool),
          {8, 2},
          history.unlocking,
          {},
          std::move(options),
          Policy::greedy};
}

TEST(Recount, EqualsWhatIsKeptAfterAnyHistory) {
  const auto options = std::make_shared<SchedulerOptions>();
  options->instance_types = types();
  for (std::uint64_t seed = 1; seed <= 200 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    RandomSnapshots history(seed);
    std::set<std::string> unlocking;
    Kept kept;
    kept.unlocking = [&](const std::string& uuid) { return unlocking.contains(uuid); };
    PlanMemo memo(kept.builder.input());
    for (int pass = 0; pass < 60 && !HasFailure(); ++pass) {
      SCOPED_TRACE(pass);
      for (int i = pass % 5; i >= 0; --i) history.change();
      std::set<std::string> touched = unlocking;
      touched.insert(history.unlocking.begin(), history.unlocking.end());
      unlocking = history.unlocking;
      kept.update(history.now, {8, 2}, touched);
      for (const std::uint32_t container : kept.changes.containers) memo.container_changed(container);
      for (const std::uint32_t instance : kept.changes.instances) memo.instance_changed(instance);
      const Decisions made = plan(kept.builder.input(), memo);
      const NamedDecisions names =
          named(made, kept.reconcile.decide(kept.queue, history.now.queue.updated), kept.queue, kept.builder);
      EXPECT_EQ(difference(names, named_anew(record_of(history, options))), std::nullopt);
    }
  }
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
