#include "announcer.hpp"

#include <utility>

namespace berth {
namespace {

// Of newcomers that are told at once the queue keeps 1,000, and leaves the others to polls. Here there are none.
constexpr std::size_t most_at_once = 500;
constexpr Duration between_portions = std::chrono::milliseconds(100);

}  // namespace

void Announcer::saved(const std::string& uuid, std::optional<ContainerState> state) {
  if (!core_.options.api.told_every) return;
  changed_.insert_or_assign(uuid, state);
  plan_round();
}

void Announcer::record_changed(const SimRecord& record, ContainerState /*before*/, ChangedBy /*by*/) {
  if (record.container.locked_by_uuid.empty()) orphans_.erase(record.uuid());
}

void Announcer::runner_ended(const SimVm& /*vm*/, const std::string& uuid) {
  const SimRecord* record = store_.find(uuid);
  if (!core_.options.api.told_every || !record || record->container.locked_by_uuid.empty()) return;
  orphans_.insert(uuid);
  plan_round();
}

void Announcer::plan_round() {
  if (std::exchange(planned_, true)) return;
  const Duration every = *core_.options.api.told_every;
  const Duration wait = every > Duration::zero() ? every - core_.elapsed() % every : core_.options.api.latency.median;
  core_.after(wait, [this] { round(); });
}

void Announcer::round() {
  planned_ = false;
  const auto queue = queue_();
  if (!queue) return changed_.clear();  // the next one begins with a poll
  for (std::size_t told = 0; told < most_at_once && !changed_.empty(); ++told) {
    const auto change = changed_.extract(changed_.begin());
    queue->tell({change.key(), change.mapped()});
  }
  if (!changed_.empty()) {
    planned_ = true;
    return core_.after(between_portions, [this] { round(); });
  }
  if (orphans_.empty()) return;
  queue->poll_soon();
  plan_round();
}

}  // namespace berth
