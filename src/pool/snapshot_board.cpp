#include "snapshot_board.hpp"

#include <algorithm>
#include <utility>

namespace berth {
std::int64_t PoolSnapshot::count(WorkerState state) const {
  return std::count_if(instances.begin(), instances.end(),
                       [&](const PoolInstance& i) { return !i.id.empty() && i.state == state; });
}

const PoolInstance* PoolSnapshot::find(std::string_view id) const {
  if (id.empty()) return nullptr;  // as pending creates have it
  const auto found =
      std::find_if(instances.begin(), instances.end(), [&](const PoolInstance& i) { return i.id == id; });
  return found == instances.end() ? nullptr : &*found;
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
  const PoolInstance* known = draft_.instances.find(instance.number);
  auto shown = std::make_shared<PoolInstance>(std::move(instance));
  if (!known) {
    draft_.instances.set(std::move(shown));
    return changed();
  }
  if (*known == *shown) return false;
  const WallTime last_busy = std::exchange(shown->last_busy, known->last_busy);
  const bool counts = *known != *shown;
  shown->last_busy = last_busy;
  draft_.instances.set(std::move(shown));
  published_.reset();
  return counts && changed();
}

bool SnapshotBoard::erase(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  return draft_.instances.erase(number) && changed();
}

bool SnapshotBoard::put_process(const std::string& uuid, PoolProcess process) {
  const std::lock_guard lock(mutex_);
  const auto* known = draft_.running.find(uuid);
  if (known && known->second == process) return false;
  const bool only_pid = known && known->second.instance == process.instance && known->second.exited == process.exited;
  draft_.running.put(uuid, process);
  published_.reset();
  if (only_pid) return false;
  return changed();
}

bool SnapshotBoard::erase_process(const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  return draft_.running.erase(uuid) && changed();
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
