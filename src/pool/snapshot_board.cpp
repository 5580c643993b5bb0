#include "snapshot_board.hpp"

#include <algorithm>

namespace berth {
namespace {

auto position(std::vector<PoolInstance>& instances, std::uint64_t number) {
  return std::lower_bound(instances.begin(), instances.end(), number,
                          [](const PoolInstance& instance, std::uint64_t n) { return instance.number < n; });
}

}  // namespace

std::int64_t PoolSnapshot::count(WorkerState state) const {
  return std::count_if(instances.begin(), instances.end(),
                       [&](const PoolInstance& i) { return !i.id.empty() && i.state == state; });
}

std::int64_t PoolSnapshot::total() const {
  return std::count_if(instances.begin(), instances.end(), [](const PoolInstance& i) { return !i.id.empty(); });
}

bool SnapshotBoard::changed() {
  ++draft_.version;
  published_.reset();
  return true;
}

bool SnapshotBoard::put(PoolInstance instance) {
  const std::lock_guard lock(mutex_);
  const auto at = position(draft_.instances, instance.number);
  if (at == draft_.instances.end() || at->number != instance.number) {
    draft_.instances.insert(at, std::move(instance));
    return changed();
  }
  if (at->last_busy != instance.last_busy) published_.reset();
  at->last_busy = instance.last_busy;
  if (*at == instance) return false;
  *at = std::move(instance);
  return changed();
}

bool SnapshotBoard::erase(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto at = position(draft_.instances, number);
  if (at == draft_.instances.end() || at->number != number) return false;
  draft_.instances.erase(at);
  return changed();
}

bool SnapshotBoard::put_process(const std::string& uuid, PoolProcess process) {
  const std::lock_guard lock(mutex_);
  const auto [at, added] = draft_.running.try_emplace(uuid, process);
  if (!added && at->second.pid != process.pid) published_.reset();
  if (!added) at->second.pid = process.pid;
  if (!added && at->second == process) return false;
  at->second = process;
  return changed();
}

bool SnapshotBoard::erase_process(const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  return draft_.running.erase(uuid) > 0 && changed();
}

bool SnapshotBoard::set_room(CreateRoom room) {
  const std::lock_guard lock(mutex_);
  if (draft_.at_quota == room.at_quota && draft_.instances_left == room.instances_left &&
      draft_.create_slots == room.create_slots && draft_.create_blocked_until == room.create_blocked_until &&
      draft_.blocked_types == room.blocked_types)
    return false;
  draft_.at_quota = room.at_quota;
  draft_.instances_left = room.instances_left;
  draft_.create_slots = room.create_slots;
  draft_.create_blocked_until = room.create_blocked_until;
  draft_.blocked_types = std::move(room.blocked_types);
  return changed();
}

bool SnapshotBoard::set_loaded() {
  const std::lock_guard lock(mutex_);
  if (draft_.loaded) return false;
  draft_.loaded = true;
  return changed();
}

std::uint64_t SnapshotBoard::version() const {
  const std::lock_guard lock(mutex_);
  return draft_.version;
}

std::shared_ptr<const PoolSnapshot> SnapshotBoard::read() const {
  const std::lock_guard lock(mutex_);
  if (!published_) published_ = std::make_shared<const PoolSnapshot>(draft_);
  return published_;
}

}  // namespace berth
