#include "people.hpp"

#include <algorithm>

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration longest_hold = 20min;  ///< of an instance, or a container
constexpr Duration before_second_look = 2min;

// The pool is kept for the length of the call.
awaitable<void> behave(SimWatcher& watcher, const Link& link, std::shared_ptr<WorkerPool> pool, std::string id,
                       IdleBehavior behavior) {
  const auto set = co_await pool->set_idle_behavior(id, behavior);
  if (set && behavior == IdleBehavior::hold) watcher.behavior_set(link, id, behavior);
}
awaitable<void> kill_instance(SimWatcher& watcher, const Link& link, std::shared_ptr<WorkerPool> pool, std::string id) {
  const auto killed = co_await pool->kill_instance(id, "by chance");
  if (killed) watcher.instance_kill_accepted(link, id);
}
awaitable<void> kill_container(std::shared_ptr<WorkerPool> pool, std::string uuid) {
  (void)co_await pool->kill_container(std::move(uuid), "by chance");
}

bool shows_hold(const Dispatcher& dispatcher, const std::string& id) {
  const auto pool = dispatcher.pool()->snapshot();
  const PoolInstance* instance = pool->find(id);
  return instance && instance->idle_behavior == IdleBehavior::hold;
}

}  // namespace

void People::begin() {
  plan(&SimFaults::operator_verbs_per_hour, &People::operate);
  plan(&SimFaults::user_verbs_per_hour, &People::use);
}

void People::plan(double SimFaults::*per_hour, void (People::*verb)()) {
  const double rate = core_.options.faults.*per_hour;
  if (rate <= 0) return;
  core_.after(core_.chance.until_next(rate), [this, per_hour, verb] {
    if (core_.strikes_now(per_hour)) (this->*verb)();
    plan(per_hour, verb);
  });
}

/// A hold counts once it is acknowledged, its end as soon as it is asked for.
void People::set_behavior(DispatcherProcess& process, const std::string& id, IdleBehavior behavior) {
  if (behavior != IdleBehavior::hold) watcher_.behavior_set(process.link(), id, behavior);
  core_.note(SimEventKind::verb, {}, id, to_string(behavior));
  process.run(behave(watcher_, process.link(), process.dispatcher().pool(), id, behavior));
}

/// Whoever lets go looks once more: a dispatcher that is killed before it has written the tag has told nobody.
void People::let_go(const std::string& id) {
  DispatcherProcess* process = active_();
  if (!process) return core_.after(10s, [this, id] { let_go(id); });
  set_behavior(*process, id, IdleBehavior::run);
  core_.after(before_second_look, [this, id] {
    const DispatcherProcess* now = active_();
    if (!now || shows_hold(now->dispatcher(), id)) let_go(id);
  });
}

/// Whoever holds an instance back lets it go again.
void People::operate() {
  DispatcherProcess* process = active_();
  if (!process) return;
  const auto snapshot = process->dispatcher().pool()->snapshot();
  if (snapshot->instances.empty()) return;
  const auto last = static_cast<std::int64_t>(snapshot->instances.size()) - 1;
  const auto& instance = *std::next(snapshot->instances.begin(), core_.chance.between(std::int64_t{0}, last));
  if (instance.id.empty()) return;
  switch (core_.chance.between(std::int64_t{0}, 4)) {
    case 0:
      set_behavior(*process, instance.id, IdleBehavior::hold);
      return core_.after(core_.chance.between(1min, longest_hold), [this, id = instance.id] { let_go(id); });
    case 1:
      return set_behavior(*process, instance.id, IdleBehavior::drain);
    case 2:
      return set_behavior(*process, instance.id, IdleBehavior::run);
    case 3:
      core_.note(SimEventKind::verb, {}, instance.id, "kill instance");
      watcher_.operator_kills_instance(instance.id);
      return process->run(kill_instance(watcher_, process->link(), process->dispatcher().pool(), instance.id));
    default:
      if (instance.containers.empty()) return;
      core_.note(SimEventKind::verb, instance.containers.front(), instance.id, "kill container");
      watcher_.operator_kills_container(instance.containers.front());
      return process->run(kill_container(process->dispatcher().pool(), instance.containers.front()));
  }
}

void People::set_priority(const std::string& uuid, std::int64_t request_priority) {
  store_.set_priority(uuid, request_priority);
  store_.pass_on_priority(uuid);
}

void People::use() {
  if (store_.open().empty()) return;
  auto chosen = store_.open().begin();
  std::advance(chosen, core_.chance.between(std::int64_t{0}, std::ssize(store_.open()) - 1));
  constexpr double of_the_whole = 0.5;
  const auto parent = store_.parent_of(*chosen);
  const std::string uuid = parent && core_.chance.with(of_the_whole) ? *parent : *chosen;
  switch (core_.chance.between(std::int64_t{0}, 3)) {
    case 0:
      core_.note(SimEventKind::verb, uuid, {}, "cancel");
      store_.set_priority(uuid, 0);
      return store_.cancel_by_user(uuid);
    case 1:
      core_.note(SimEventKind::verb, uuid, {}, "hold");
      set_priority(uuid, 0);
      return core_.after(core_.chance.between(10s, longest_hold), [this, uuid] { set_priority(uuid, 500); });
    default:
      core_.note(SimEventKind::verb, uuid, {}, "priority");
      return set_priority(uuid, core_.chance.between(std::int64_t{1}, 1000));
  }
}

}  // namespace berth
