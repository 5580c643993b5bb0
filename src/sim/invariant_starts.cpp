// What must hold when a container is started.
#include <algorithm>

#include "berth/dispatcher/dispatcher.hpp"
#include "berth/queue/choose_types.hpp"

#include "invariants.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

std::string need_text(const QueueEntry& entry) {
  return std::to_string(entry.needed().vcpus) + " VCPUs, " + std::to_string(entry.needed().ram) + " bytes of RAM, " +
         std::to_string(entry.needed().scratch) + " of scratch" +
         (entry.spec->container.scheduling_parameters.supervisor ? ", a supervisor" : "");
}

bool fits_where(const Resources& a, const Resources& b) {
  return a.vcpus <= b.vcpus && a.ram <= b.ram && a.scratch <= b.scratch && a.gpus <= b.gpus;
}

const PoolInstance* find_instance(const PoolSnapshot& pool, const std::string& id) {
  const auto found =
      std::find_if(pool.instances.begin(), pool.instances.end(), [&](const PoolInstance& i) { return i.id == id; });
  return found == pool.instances.end() ? nullptr : &*found;
}

bool any_boots(const PoolSnapshot& pool) {
  return std::any_of(pool.instances.begin(), pool.instances.end(), [](const PoolInstance& instance) {
    return instance.state == WorkerState::booting || instance.state == WorkerState::unknown;
  });
}

}  // namespace

void Invariants::runner_began(const SimVm& vm, const SimRunner& runner, const Link& link) {
  check_one_runner(vm, runner, link);
}

/// Another runner of the same container lives, and the dispatcher that started this one could know.
void Invariants::check_one_runner(const SimVm& vm, const SimRunner& runner, const Link& link) {
  for (const auto& [id, other_vm] : cloud_.all()) {
    if (id == vm.id) continue;
    const SimRunner* other = other_vm->machine->find(runner.uuid);
    if (!other) continue;
    if (knows_runner(link, *other_vm, *other))
      core_.violate("one-runner", runner.uuid + " is started on " + vm.id + " although it has a runner on " + id);
    ++excused_;
    excused_twice_.insert(runner.uuid);
  }
}

void Invariants::start_sent(const Link& link, const SimVm& vm, const std::string& uuid) {
  if (link.dead) return;
  const KnownInstance& instance = known(link).instances[vm.id];
  if (instance.behavior != IdleBehavior::run)
    core_.violate("hold", "a container is started on " + vm.id + ", whose idle behavior is " +
                              std::string(to_string(instance.behavior)));
  check_passed_over(link, vm, uuid);
  const auto queue = link.dispatcher->queue()->snapshot();
  const auto pool = link.dispatcher->pool()->snapshot();
  const QueueEntry* entry = queue->entries.find(uuid);
  const PoolInstance* shown = find_instance(*pool, vm.id);
  if (entry) check_eligible(vm, *entry);
  if (shown) check_room(vm, *shown, *queue);
  if (entry) check_order(link, vm, *entry, *queue, *pool);
}

/// It starts as soon as it is locked, where it could have started when the lock was sent. Whether one may ride on an
/// instance of a type that is too dear for it depends on how long it is expected to run, and is not judged.
void Invariants::check_passed_over(const Link& link, const SimVm& vm, const std::string& uuid) {
  Known& its = known(link);
  const auto passed = its.passed_over.extract(uuid);
  const auto queue = link.dispatcher->queue()->snapshot();
  const QueueEntry* entry = queue->entries.find(uuid);
  if (!passed || !entry || !vm.booted) return;
  const auto& types = entry->instance_types();
  const bool rides = std::count(types.begin(), types.end(), vm.type->name) == 0;
  const std::optional<SteadyTime>& probed = its.instances[vm.id].probed;
  constexpr Duration at_once = 50ms;
  if (!rides && probed && *vm.booted < its.lock_sent[uuid] && core_.now() - its.locking_until[uuid] <= at_once)
    core_.violate("order", passed.mapped() + "; it is started at once on " + vm.id);
}

void Invariants::check_eligible(const SimVm& vm, const QueueEntry& entry) {
  ChooseTypesOptions options;
  constexpr double any_price = 1e9;  // policy `cost` may use what runs already, whatever it costs
  options.maximum_price_factor = vms().policy == "cost" ? any_price : cluster().containers.maximum_price_factor;
  const SimRecord& record = store_.all().at(entry.container.uuid);
  const auto types = choose_types(record.container, cluster().instance_types, options);
  const bool eligible = types && std::any_of(types->begin(), types->end(),
                                             [&](const InstanceType& type) { return type.name == vm.type->name; });
  if (!eligible)
    core_.violate("eligible-type", entry.container.uuid + " is started on a " + vm.type->name +
                                       ", which is too small, too dear or of the wrong kind for it");
}

/// What the dispatcher has put there does not exceed what the type offers.
void Invariants::check_room(const SimVm& vm, const PoolInstance& instance, const QueueSnapshot& queue) {
  Resources sum;
  for (const std::string& uuid : instance.containers) {
    const QueueEntry* entry = queue.entries.find(uuid);
    if (!entry) continue;
    sum.vcpus += entry->needed().vcpus;
    sum.ram += entry->needed().ram;
    sum.scratch += entry->needed().scratch;
    sum.gpus += entry->needed().gpus;
  }
  if (!fits_where(sum, vm.type->resources()))
    core_.violate("room", vm.id + " has been given more than a " + vm.type->name + " holds");
  const std::int64_t most = vms().max_running_containers_per_instance;
  if (most > 0 && std::ssize(instance.containers) > most)
    core_.violate("room", vm.id + " has been given more containers than the limit");
}

/// Somebody that is Queued, too, of higher priority, no greater need and no fewer types stays Queued: whatever this one
/// is locked for would have suited the other. What is being locked or unlocked, or had a process a moment ago, was not
/// passed over; nor what the same pass locks next: the turn is judged when it is over. Policy `cost` creates nothing
/// for what it expects to start soon, but for what comes after it: there, only who starts at once has passed somebody
/// over.
void Invariants::check_lock_order(const Link& link, const std::string& uuid) {
  const Known& its = known(link);
  const auto queue = link.dispatcher->queue()->snapshot();
  const auto pool = link.dispatcher->pool()->snapshot();
  const QueueEntry* locked = queue->entries.find(uuid);
  if (link.dead || !its.queue || !locked || locked->container.state != ContainerState::queued) return;
  const auto is_since = [](const std::map<std::string, SteadyTime>& times, const std::string& key, SteadyTime when) {
    const auto found = times.find(key);
    return found != times.end() && found->second >= when;
  };
  for (const auto& entry : queue->entries) {
    const QueuedContainer& other = entry->container;
    if (other.state != ContainerState::queued || other.priority <= locked->container.priority) continue;
    if (entry->spec->container.scheduling_parameters.supervisor) continue;
    if (pool->running.contains(other.uuid) || its.pool->running.contains(other.uuid)) continue;
    if (is_since(its.locking_until, other.uuid, core_.now()) || is_since(its.unlocking_until, other.uuid, core_.now()))
      continue;
    if (its.queue->entries.find(other.uuid) != entry.get()) continue;  // the pass may have seen it otherwise
    if (!fits_where(entry->needed(), locked->needed())) continue;
    const auto may = [&](const std::string& type) {
      return std::count(entry->instance_types().begin(), entry->instance_types().end(), type) > 0;
    };
    if (!std::all_of(locked->instance_types().begin(), locked->instance_types().end(), may)) continue;
    passed_over_.push_back({link.number, uuid, other.uuid, core_.now(),
                            uuid + " is locked although " + other.uuid + " of higher priority stays Queued: " +
                                need_text(*locked) + " and " + need_text(*entry)});
  }
}

void Invariants::judge_passed_over(const Link& link) {
  const auto& sent = known(link).lock_sent;
  for (const PassedOver& one : passed_over_) {
    const auto lock = sent.find(one.other);
    if (one.process != link.number || (lock != sent.end() && lock->second >= one.at)) continue;
    if (vms().policy != "cost") return core_.violate("order", one.detail);
    known(link).passed_over[one.locked] = one.detail;
  }
  std::erase_if(passed_over_, [&](const PassedOver& one) { return one.process == link.number; });
}

/// Somebody of the same lock state, of higher priority and no greater need, waits while this one is started. Entries
/// count that were the same a moment ago: the pass has seen them so. What was being unlocked counted as Queued in the
/// pass that decided, at the latest as the lock of the started one was sent.
void Invariants::check_order(const Link& link, const SimVm& vm, const QueueEntry& started, const QueueSnapshot& queue,
                             const PoolSnapshot& pool) {
  const Known& its = known(link);
  if (!its.queue) return;
  // Whose scan may put the other one on an instance that is not ready rather than here (facts §5.4).
  if (vms().policy == "reference" && (any_boots(pool) || any_boots(*its.pool))) return;
  const auto lock = its.lock_sent.find(started.container.uuid);
  const SteadyTime decided = lock == its.lock_sent.end() ? core_.now() : lock->second;
  for (const auto& entry : queue.entries) {
    const QueuedContainer& container = entry->container;
    if (container.state != ContainerState::locked || container.priority <= started.container.priority) continue;
    if (entry->spec->container.scheduling_parameters.supervisor || pool.running.contains(container.uuid)) continue;
    if (const auto unlocked = its.unlocking_until.find(container.uuid);
        unlocked != its.unlocking_until.end() && unlocked->second >= decided)
      continue;
    if (its.queue->entries.find(container.uuid) != entry.get()) continue;
    if (!fits_where(entry->needed(), started.needed())) continue;
    if (std::count(entry->instance_types().begin(), entry->instance_types().end(), vm.type->name) == 0) continue;
    core_.violate("order", started.container.uuid + " is started on " + vm.id + " although " + container.uuid +
                               " of higher priority waits and fits there, too: " + need_text(started) + " and " +
                               need_text(*entry));
  }
}

}  // namespace berth
