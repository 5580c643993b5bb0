// That nobody waits for nothing.
#include <algorithm>

#include "berth/dispatcher/dispatcher.hpp"

#include "invariants.hpp"
#include "needs.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
/// Policy `cost` may put a create off for half a boot, and looks again then; creates may have to wait for their turn.
constexpr Duration prompt_bound = 2min;

bool waits(const QueueEntry& entry) {
  return entry.container.priority > 0 &&
         (entry.container.state == ContainerState::queued || entry.container.state == ContainerState::locked);
}

bool is_supervisor(const QueueEntry& entry) {
  return entry.spec->container.scheduling_parameters.supervisor;
}

}  // namespace

/// No limit of containers was ever met: everybody in the queue is to be served, not only who is first.
bool Invariants::has_no_limit(const Link& link) {
  return vms().max_instances == 0 && vms().initial_quota_estimate == 0 && !known(link).met_quota && !link.last_503;
}

/// A type that it may use at its price, of which the cloud has any number.
bool Invariants::is_to_be_had(const InstanceType& type, const Container& container,
                              const Cluster& as_configured) const {
  return !core_.options.cloud.capacity.contains(type.name) && holds(type, container, as_configured.containers) &&
         within_ceiling(type, container, as_configured);
}

/// There is an instance that is being made, or boots, and that it may use.
bool Invariants::is_under_way(const Link& link, const Container& container) {
  const Cluster& as_configured = *link.cluster;
  const auto pool = link.dispatcher->pool()->snapshot();
  return std::ranges::any_of(pool->instances, [&](const PoolInstance& instance) {
    const auto type = as_configured.instance_types.find(instance.type);
    const bool to_come = instance.state == WorkerState::booting || instance.state == WorkerState::unknown;
    return to_come && type != as_configured.instance_types.end() &&
           holds(type->second, container, as_configured.containers);
  });
}

/// Who waits, and for whom an instance may be created, is started, or has one under way.
void Invariants::check_waits(const Link& active) {
  Known& its = known(active);
  const bool full = vms().max_instances > 0 && counted(its) >= vms().max_instances;
  if (full || its.met_quota || core_.options.cloud.creates_per_minute > 0) return;
  const bool everybody = has_no_limit(active);
  if (!everybody && vms().policy == "reference") return;
  const auto queue = active.dispatcher->queue()->snapshot();
  const auto pool = active.dispatcher->pool()->snapshot();
  std::vector<const QueueEntry*> waiting;
  for (const auto& entry : queue->entries)
    if (waits(*entry) && !pool->running.contains(entry->container.uuid)) waiting.push_back(entry.get());
  if (!everybody && !waiting.empty())
    waiting = {*std::ranges::min_element(waiting, [&](const QueueEntry* a, const QueueEntry* b) {
      if (a->container.state != b->container.state) return a->container.state == ContainerState::locked;
      return goes_before(*a, *b);
    })};
  for (const QueueEntry* entry : waiting) {
    const std::string& uuid = entry->container.uuid;
    const Container& container = store_.all().at(uuid).container;
    const auto to_be_had = [&](const auto& type) { return is_to_be_had(type.second, container, *active.cluster); };
    if (is_supervisor(*entry) || container.state != entry->container.state || is_under_way(active, container)) continue;
    if (std::ranges::any_of(active.cluster->instance_types, to_be_had))
      wrong_for("waits " + uuid, prompt_bound, "prompt",
                uuid + " waits, no limit is met, and no instance is under way that it may use");
  }
}

}  // namespace berth
