#include "matched_queue.hpp"

#include <algorithm>

namespace berth {
namespace {

void sort_unique(std::vector<std::uint32_t>& numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

/// A free place of the list, or a new one.
template <class T>
std::uint32_t take_place(std::vector<T>& places, std::vector<std::uint32_t>& free) {
  if (free.empty()) {
    places.emplace_back();
    return static_cast<std::uint32_t>(places.size() - 1);
  }
  const std::uint32_t place = free.back();
  free.pop_back();
  return place;
}

}  // namespace

MatchedQueue::Changes MatchedQueue::update(const QueueSnapshot& queue, const PoolSnapshot& pool) {
  Changes changes;
  for (const auto& change : changes_between(entries_, queue.entries)) change_entry(change, changes);
  for (const auto& change : changes_between(processes_, pool.running)) change_process(change, changes);
  for (const auto& change : changes_between(pool_instances_, pool.instances)) change_instance(change, changes);
  entries_ = queue.entries;
  processes_ = pool.running;
  pool_instances_ = pool.instances;
  sort_unique(changes.containers);
  sort_unique(changes.instances);
  release(changes);
  return changes;
}

std::optional<std::uint32_t> MatchedQueue::find(const std::string& uuid) const {
  const auto known = numbers_.find(uuid);
  return known == numbers_.end() ? std::nullopt : std::optional(known->second);
}

std::uint32_t MatchedQueue::number_of(const std::string& uuid) {
  const auto [known, fresh] = numbers_.try_emplace(uuid, 0);
  if (fresh) {
    known->second = take_place(rows_, free_rows_);
    rows_[known->second].uuid = &known->first;
  }
  return known->second;
}

void MatchedQueue::change_entry(const QueueEntries::Change& change, Changes& changes) {
  const std::uint32_t container = number_of((change.before ? change.before : change.after)->container.uuid);
  rows_[container].entry = change.after;
  changes.containers.push_back(container);
  const bool same = change.before && change.after && change.before->id == change.after->id;
  const auto& listing = rows_[container].instances;
  if (!same) changes.instances.insert(changes.instances.end(), listing.begin(), listing.end());
}

void MatchedQueue::change_process(const SharedMap<PoolProcessEntry, PoolProcessKey>::Change& change, Changes& changes) {
  const std::uint32_t container = number_of((change.before ? change.before : change.after)->first);
  rows_[container].process = change.after;
  changes.containers.push_back(container);
  if (change.before && change.before->second.exited) --counts_.exited;
  if (change.after && change.after->second.exited) ++counts_.exited;
}

void MatchedQueue::change_instance(const SharedMap<PoolInstance, PoolInstanceKey>::Change& change, Changes& changes) {
  std::uint32_t instance = 0;
  if (change.before) {
    const auto known = instance_numbers_.find(change.before->number);
    instance = known->second;
    if (!change.after) instance_numbers_.erase(known);
  } else {
    instance = instance_numbers_[change.after->number] = take_place(instances_, free_instances_);
  }
  instances_[instance] = change.after;
  changes.instances.push_back(instance);
  if (change.before) count(*change.before, -1);
  if (change.after) count(*change.after, +1);
  if (change.before && change.after && change.before->containers == change.after->containers) return;
  for (const auto& [shown, listed] : {std::pair(change.before, false), std::pair(change.after, true)}) {
    if (!shown) continue;
    list(*shown, instance, listed);
    for (const std::string& uuid : shown->containers) changes.containers.push_back(number_of(uuid));
  }
}

void MatchedQueue::list(const PoolInstance& instance, std::uint32_t number, bool listed) {
  for (const std::string& uuid : instance.containers) {
    auto& listing = rows_[number_of(uuid)].instances;
    if (listed)
      listing.push_back(number);
    else
      std::erase(listing, number);
  }
}

void MatchedQueue::count(const PoolInstance& instance, std::int64_t by) {
  if (instance.id.empty()) return;
  counts_.instances += by;
  if (instance.state == WorkerState::unknown) counts_.unknown += by;
}

void MatchedQueue::release(const Changes& changes) {
  for (const std::uint32_t container : changes.containers) {
    Row& row = rows_[container];
    if (!row.uuid || !row.empty()) continue;
    numbers_.erase(*row.uuid);
    row = {};
    free_rows_.push_back(container);
  }
  for (const std::uint32_t instance : changes.instances)
    if (!instances_[instance]) free_instances_.push_back(instance);
}

}  // namespace berth
