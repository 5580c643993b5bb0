// What must hold at any time: looked at every minute.
#include <algorithm>
#include <utility>

#include "berth/dispatcher/dispatcher.hpp"

#include "invariants.hpp"
#include "needs.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration mirror_bound = 3min;
constexpr Duration killed_bound = 2min;  // of answers that are under way from before a kill
constexpr Duration told_bound = 5s;  // of changes, where an event bus loses no news; of ends that a worker has shown
constexpr std::int64_t most_calls_per_minute = 600;  // of those that change something

}  // namespace

void Invariants::check_all(const std::vector<const Link*>& links, const Link* active) {
  const auto now_active = active ? std::pair(active->number, active->term) : std::pair<std::uint64_t, std::uint64_t>();
  if (now_active != active_) {
    force_unlocks();
    dispatched_since_ = active ? core_.now() : SteadyTime::max();
  }
  active_ = now_active;
  for (auto& [what, lasting] : lasting_) lasting.seen = false;
  for (const auto& [uuid, record] : store_.all()) check_record(record);
  check_runners();
  const bool dispatched = active && core_.now() - dispatched_since_ > convergence_bound(cluster());
  for (const auto& [id, vm] : cloud_.all()) check_instance(*vm, dispatched);
  if (active) check_mirror(*active);
  if (active) check_imagined(*active);
  if (active) check_priorities(*active);
  if (active) check_waits(*active);
  for (const Link* link : links) {
    check_calls(*link);
    check_limits(*link);
    if (!link->dispatcher) continue;
    check_pool(*link);
    check_unfit(*link);
    check_told_to_go(*link);
    check_starts(*link);
  }
  std::erase_if(lasting_, [](const auto& entry) { return !entry.second.seen; });
}

void Invariants::wrong_for(const std::string& what, Duration bound, std::string_view invariant,
                           const std::string& detail) {
  Lasting& lasting = lasting_.try_emplace(what, Lasting{core_.now(), true}).first->second;
  lasting.seen = true;
  const SteadyTime from = std::max({lasting.since, calm_since_, dispatched_since_});
  if (core_.storm() || dispatched_since_ == SteadyTime::max() || core_.now() - from < bound) return;
  core_.violate(std::string(invariant), detail);
}

/// Record and process agree, within a bound once faults have stopped.
void Invariants::check_record(const SimRecord& record) {
  const std::string& uuid = record.uuid();
  const SimVm* where = nullptr;
  const SimRunner* runner = nullptr;
  // Final for long, nothing left of it: nothing to see.
  if (is_final(record.container.state) && core_.now() - record.changed > 2h) return;
  for (const auto& [id, vm] : cloud_.all())
    if (const SimRunner* found = vm->machine->find(uuid)) {
      where = vm.get();
      runner = found;
    }
  const Duration bound = convergence_bound(cluster());
  const ContainerState state = record.container.state;
  if (state == ContainerState::running && !runner)
    wrong_for("lost " + uuid, bound, "converges", uuid + " is Running, and no runner lives");
  const bool beyond_help = runner && (runner->ignores_term || where->machine->hangs || where->machine->broken);
  if (runner && !beyond_help && (is_final(state) || state == ContainerState::queued))
    wrong_for("ghost " + uuid, bound, "converges",
              uuid + " has a runner on " + where->id + ", and is " + std::string(to_string(state)));
  if (runner && !beyond_help && record.container.priority == 0)
    wrong_for("unwanted " + uuid, bound, "converges", uuid + " has a runner on " + where->id + ", and priority 0");
  if (state == ContainerState::locked && record.container.priority == 0)
    wrong_for("held " + uuid, bound, "converges", uuid + " is Locked, and has priority 0");
}

/// Whatever was seen, or missed, as they were started.
void Invariants::check_runners() {
  std::map<std::string, std::string> where;  // by uuid of the container
  for (const auto& [id, vm] : cloud_.all())
    for (const auto& [uuid, runner] : vm->machine->runners())
      if (const auto [other, first] = where.try_emplace(uuid, id); !first) {
        const std::string text = uuid + " has runners on " + other->second + " and " + id;
        if (!excused_twice_.contains(uuid))
          core_.violate("one-runner", text);
        else
          wrong_for("twice " + uuid, convergence_bound(cluster()), "one-runner", text);
      }
}

/// Without faults nothing is an excuse.
void Invariants::check_ends() {
  if (!fault_free()) return;
  for (const auto& [uuid, record] : store_.all()) {
    const Container& c = record.container;
    if (c.state != ContainerState::complete && c.priority > 0 && held_by_any(c, cluster()))
      core_.violate("completes",
                    uuid + " has ended " + std::string(to_string(c.state)) + " although nothing went wrong");
  }
}

/// Nobody pays for what nobody needs.
void Invariants::check_instance(const SimVm& vm, bool dispatched) {
  if (vm.ended || !dispatched) return;
  if (idle_tag(vm) == IdleBehavior::hold) return;
  const Duration patience = vm.booted ? vms().timeout_idle : vms().timeout_booting;
  const SteadyTime needed = std::max(vm.created, vm.busy_until);
  const SteadyTime from = std::max({needed, calm_since_, dispatched_since_});
  // Without faults: until a probe has shown that its last runner has ended, until it is destroyed, and a minute.
  const Duration bound =
      fault_free() ? vms().sync_interval + vms().watched_probe_interval + 1min : convergence_bound(cluster());
  if (!core_.storm() && vm.machine->runners().empty() && core_.now() - from > patience + bound)
    core_.violate("no-idle", vm.id + " has not been needed for " + std::to_string((core_.now() - needed) / 1s) + " s");
}

/// Whatever was seen, or missed, as they were created.
void Invariants::check_limits(const Link& link) {
  const std::int64_t most = vms().max_concurrent_instance_create_ops;
  if (most > 0 && std::ssize(known(link).creates_in_flight) > most)
    core_.violate("max-creates", "more creates at a time than the limit of " + std::to_string(most));
  if (vms().max_instances > 0 && fault_free() && std::ssize(cloud_.all()) > vms().max_instances)
    core_.violate("max-instances", std::to_string(cloud_.all().size()) + " instances, of at most " +
                                       std::to_string(vms().max_instances));
}

/// Whatever was seen, or missed, as containers were started and instances destroyed.
void Invariants::check_pool(const Link& link) {
  Known& its = known(link);
  const auto pool = link.dispatcher->pool()->snapshot();
  const std::set<std::string> held_then = std::exchange(its.held_then, {});
  for (const PoolInstance& instance : pool->instances) {
    const auto vm = cloud_.find(instance.id);
    if (!vm) continue;
    check_room(link, *vm);
    const bool shut_down = instance.state == WorkerState::shutdown;
    const bool held = its.instances[vm->id].behavior == IdleBehavior::hold;
    if (held && !shut_down) its.held_then.insert(vm->id);
    if (held && !shut_down && !vm->ended && link.lease->held() && idle_tag(*vm) != IdleBehavior::hold)
      wrong_for("untagged " + vm->id, 2 * vms().sync_interval + 3min, "hold",
                vm->id + " is on hold, and its tag does not say so");
    if (held && shut_down && held_then.contains(vm->id) && !killed_instances_.contains(vm->id))
      core_.violate("hold", vm->id + " is on hold, and has been shut down");
  }
}

/// What the active dispatcher believes is what is.
void Invariants::check_mirror(const Link& active) {
  if (!calm_for(convergence_bound(cluster())) || core_.now() - dispatched_since_ < convergence_bound(cluster())) return;
  const auto queue = active.dispatcher->queue()->snapshot();
  const auto pool = active.dispatcher->pool()->snapshot();
  const auto& bus = core_.options.api.event_bus;
  for (const std::string& uuid : store_.open()) {
    const SimRecord& record = store_.all().at(uuid);
    const Container& is = record.container;
    const Duration age = core_.now() - std::max({record.changed, record.prioritized, record.inherited});
    const bool told = bus && bus->loss == 0 && record.inherited < std::max(record.changed, record.prioritized);
    if (age < (told ? told_bound : mirror_bound) || is.priority == 0) continue;
    const QueueEntry* entry = queue->entries.find(uuid);
    if (entry && entry->container.state == is.state && entry->container.priority == is.priority) continue;
    core_.violate(age < mirror_bound ? "told-soon" : "mirrors-queue",
                  uuid + " is " + std::string(to_string(is.state)) + " of priority " + std::to_string(is.priority) +
                      ", and the dispatcher's queue says otherwise");
  }
  for (const auto& [uuid, process] : pool->running) {
    if (!process.exited || core_.now() - *process.exited < told_bound) continue;
    const auto found = store_.all().find(uuid);
    if (found == store_.all().end()) continue;
    const SimRecord& record = found->second;
    if (is_final(record.container.state) && record.changed <= *process.exited)
      core_.violate("told-soon", uuid + " has ended, and so has its runner, and the dispatcher's queue does not know");
  }
  for (const auto& [id, vm] : cloud_.all()) {
    const SimMachine& machine = *vm->machine;
    if (vm->ended || !machine.reachable() || machine.hangs) continue;
    for (const auto& [uuid, runner] : machine.runners())
      if (core_.now() - runner.began > mirror_bound && !runner.stopping && !pool->running.contains(uuid))
        core_.violate("mirrors-pool", uuid + " runs on " + id + ", and the dispatcher's pool does not know");
  }
}

/// However deep in the queue, and whoever tells of it or not: a list of all that waits takes half a minute.
void Invariants::check_priorities(const Link& active) {
  if (!calm_for(mirror_bound) || core_.now() - dispatched_since_ < mirror_bound) return;
  const auto queue = active.dispatcher->queue()->snapshot();
  for (const std::string& uuid : store_.open()) {
    const SimRecord& record = store_.all().at(uuid);
    const Container& is = record.container;
    const QueueEntry* entry = queue->entries.find(uuid);
    const Duration age = core_.now() - std::max({record.changed, record.prioritized, record.inherited});
    if (!entry || age < mirror_bound || is.state != ContainerState::queued || is.priority == 0) continue;
    if (entry->container.state == is.state && entry->container.priority != is.priority)
      core_.violate("mirrors-queue", uuid + " has priority " + std::to_string(is.priority) +
                                         ", and the dispatcher's queue has " +
                                         std::to_string(entry->container.priority));
  }
}

/// It believes in no process that has ended, or never was, longer than until the next probe: where a machine answers.
void Invariants::check_imagined(const Link& active) {
  const auto pool = active.dispatcher->pool()->snapshot();
  for (const auto& [uuid, process] : pool->running) {
    const PoolInstance* on = process.exited ? nullptr : pool->instances.find(process.instance);
    const auto vm = on && on->state != WorkerState::shutdown ? cloud_.find(on->id) : nullptr;
    if (!vm || vm->machine->find(uuid)) continue;
    if (!vm->ended && (!vm->machine->reachable() || vm->machine->hangs)) continue;
    const auto since = process.started.value_or(SteadyTime{}).time_since_epoch().count();
    wrong_for("imagined " + uuid + " of " + std::to_string(since), mirror_bound, "mirrors-pool",
              uuid + " runs on " + vm->id + " as the dispatcher's pool believes, and does not");
  }
}

/// What was killed, and shown as ended since, does not come back to life.
void Invariants::judge_killed(const Link& link) {
  Known& its = known(link);
  if (its.killed.empty()) return;
  const auto pool = link.dispatcher->pool()->snapshot();
  for (auto& [uuid, killed] : its.killed) {
    const PoolProcess* process = pool->running.contains(uuid) ? &pool->running.at(uuid) : nullptr;
    if (!process || process->exited) {
      killed.noted = true;
      continue;
    }
    const PoolInstance* on = pool->instances.find(process->instance);
    const auto vm = on && on->id == killed.instance ? cloud_.find(on->id) : nullptr;
    if (killed.noted && vm && !vm->machine->find(uuid))
      core_.violate("mirrors-pool", uuid + " counts as running on " + vm->id + " again, and was killed before");
  }
  std::erase_if(its.killed, [&](const auto& entry) { return core_.now() - entry.second.at > killed_bound; });
}

/// A list that was begun before an instance was made says nothing about it.
void Invariants::judge_forgotten(const Link& link) {
  const Known& its = known(link);
  const auto pool = link.dispatcher->pool()->snapshot();
  if (!its.first_list || !link.lease->held() || !pool->loaded || !its.pool) return;
  if (pool->instances.size() >= its.pool->instances.size()) return;
  for (const PoolInstance& before : its.pool->instances) {
    const auto instance = its.instances.find(before.id);
    if (instance == its.instances.end() || pool->instances.find(before.number)) continue;
    if (instance->second.made && *instance->second.made > its.list_begun)
      core_.violate("mirrors-pool", before.id + " was made after the latest list was begun, and is forgotten since");
  }
}

/// No storm of calls.
void Invariants::check_calls(const Link& link) {
  std::int64_t& calls = known(link).calls;
  if (calls > most_calls_per_minute)
    core_.violate("call-rate", std::to_string(calls) + " changing calls of one dispatcher within a minute");
  calls = 0;
}

}  // namespace berth
