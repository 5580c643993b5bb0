// What must come of an instance that is of no use any more: it is broken, holds a runner that does not end, or the lock
// of one that has ended, or an operator has killed it.
#include <algorithm>

#include "berth/dispatcher/dispatcher.hpp"

#include "invariants.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration soon = 1min;
constexpr Duration timer_bound = 1s;  // for what is due at a time

}  // namespace

void Invariants::broken_heard(const Link& link, const SimVm& vm) {
  if (link.dead) return;
  auto& since = known(link).instances[vm.id].unfit_since;
  if (!since) since = core_.now();
}

/// A lock that every list has shown for more than TimeoutStaleRunLock (facts §6.8).
void Invariants::run_locks_heard(const Link& link, const SimVm& vm, const std::set<std::string>& uuids) {
  if (link.dead) return;
  KnownInstance& instance = known(link).instances[vm.id];
  std::erase_if(instance.run_locks, [&](const auto& entry) { return !uuids.contains(entry.first); });
  for (const std::string& uuid : uuids) {
    const SteadyTime since = instance.run_locks.try_emplace(uuid, core_.now()).first->second;
    if (core_.now() - since > vms().timeout_stale_run_lock && !instance.unfit_since) instance.unfit_since = core_.now();
  }
}

void Invariants::instance_kill_accepted(const Link& link, const std::string& id) {
  if (link.dead || !link.lease || !link.lease->held()) return;
  auto& accepted = known(link).instances[id].kill_accepted;
  if (!accepted) accepted = core_.now();
}

void Invariants::note_kill(const Link& link, const SimVm& vm, const std::string& uuid) {
  if (!link.dispatcher) return;
  const PoolProcessEntry* process = link.dispatcher->pool()->snapshot()->running.find(uuid);
  if (!process) return;
  Kill& kill = known(link).kills.try_emplace(uuid, Kill{vm.id, process->second.started, core_.now()}).first->second;
  if (kill.instance != vm.id) return;
  kill.last = core_.now();
  kill.ended.reset();
}

void Invariants::kill_ended(const Link& link, const SimVm& vm, const std::string& uuid) {
  if (link.dead) return;
  const auto kill = known(link).kills.find(uuid);
  if (kill != known(link).kills.end() && kill->second.instance == vm.id) kill->second.ended = core_.now();
}

/// Until it is given up, a process that its pool has shown ever since gets another SIGTERM each TimeoutSignal (facts
/// §6.8), once it is known what came of the one before.
void Invariants::check_repeated(const Link& link, const std::string& uuid, const Kill& kill) {
  const bool given_up = core_.now() - kill.first > vms().timeout_term - soon;  // it may have begun before it was sent
  if (!kill.ended || given_up || !link.lease->held()) return;
  const SteadyTime due = std::max(kill.last + vms().timeout_signal, *kill.ended);
  if (core_.now() - due > timer_bound)
    core_.violate("term-repeated", uuid + " on " + kill.instance + " got a SIGTERM " +
                                       std::to_string((core_.now() - kill.last) / 1s) + " s ago, and no other since");
}

/// A process that its pool has shown ever since the first SIGTERM is given up after TimeoutTERM (facts §6.8).
void Invariants::judge_kills(const Link& link) {
  Known& its = known(link);
  if (its.kills.empty()) return;
  const auto pool = link.dispatcher->pool()->snapshot();
  std::erase_if(its.kills, [&](const auto& entry) {
    const PoolProcessEntry* process = pool->running.find(entry.first);
    if (!process || process->second.exited || process->second.started != entry.second.started) return true;
    const PoolInstance* on = pool->instances.find(process->second.instance);
    return !on || on->id != entry.second.instance;
  });
  for (const auto& [uuid, kill] : its.kills) {
    check_repeated(link, uuid, kill);
    KnownInstance& instance = its.instances[kill.instance];
    // The kill may have begun before the command could be sent.
    const bool told_to_run = instance.told_to_run && *instance.told_to_run >= kill.first - soon;
    if (core_.now() - kill.first > vms().timeout_term && !told_to_run && !instance.unfit_since)
      instance.unfit_since = core_.now();
  }
}

/// Known to be so, or about to.
bool Invariants::is_unfit(const Known& its, const std::string& id) const {
  const auto instance = its.instances.find(id);
  if (instance != its.instances.end() && instance->second.unfit_since) return true;
  return std::ranges::any_of(its.kills, [&](const auto& kill) {
    return kill.second.instance == id && core_.now() - kill.second.first > vms().timeout_term - soon;
  });
}

/// What was decided before it was known may be sent a little later.
void Invariants::check_unfit_start(const Link& link, const SimVm& vm, const std::string& uuid) {
  const auto since = known(link).instances[vm.id].unfit_since;
  if (!since || !link.dispatcher) return;
  const PoolProcessEntry* process = link.dispatcher->pool()->snapshot()->running.find(uuid);
  if (process && process->second.started && *process->second.started > *since + soon)
    core_.violate("drains",
                  uuid + " is started on " + vm.id + ", which is broken or holds a process or lock that stays");
}

/// It is drained, or on hold.
void Invariants::check_unfit(const Link& link) {
  if (link.dead || !link.lease->held()) return;
  Known& its = known(link);
  for (const PoolInstance& instance : link.dispatcher->pool()->snapshot()->instances) {
    const bool in_service = instance.state == WorkerState::idle || instance.state == WorkerState::running;
    if (!in_service || instance.idle_behavior != IdleBehavior::run) continue;
    const auto known_instance = its.instances.find(instance.id);
    if (known_instance == its.instances.end()) continue;
    const auto since = known_instance->second.unfit_since;
    if (since && core_.now() - *since > soon)
      core_.violate("drains", instance.id + " has been broken, or held a process or lock that stays, for " +
                                  std::to_string((core_.now() - *since) / 1s) + " s, and is not drained");
  }
}

/// It is destroyed soon, and is gone within a bound, unless a list has left it out since.
void Invariants::check_told_to_go(const Link& link) {
  if (link.dead || !link.lease->held()) return;
  for (const auto& [id, instance] : known(link).instances) {
    const auto vm = instance.kill_accepted ? cloud_.find(id) : nullptr;
    if (!vm || vm->ended) continue;
    const std::string text = id + " has been killed by an operator, and ";
    if (!instance.destroy_sent && core_.now() - *instance.kill_accepted > soon)
      core_.violate("goes-when-told", text + "is not destroyed");
    wrong_for("told to go " + id, convergence_bound(cluster()), "goes-when-told", text + "is still there");
  }
}

}  // namespace berth
