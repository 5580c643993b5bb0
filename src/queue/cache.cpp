#include "cache.hpp"

#include <prometheus/gauge.h>

#include "judge.hpp"

namespace berth {

namespace {

/// Of a record or of an answer.
template <class Said>
void take_state(QueueEntry& entry, const Said& said) {
  entry.container.state = said.state;
  entry.container.priority = said.priority;
  entry.container.locked_by_uuid = said.locked_by_uuid;
}

/// From one part to the other, if it is in the first.
void move(const std::string& uuid, QueueEntries& from, QueueEntries& to) {
  QueueEntries::value_type entry = from.share(uuid);
  if (!entry) return;
  from.erase(uuid);
  to.set(std::move(entry));
}

}  // namespace

Cache::Cache(Metrics& metrics) : metrics_(metrics), published_(std::make_shared<QueueSnapshot>()) {}

void Cache::add(QueueEntry entry) {
  entry.id = ++last_id_;
  entry.spec = specs_.share(std::move(entry.spec));
  set(std::move(entry));
}

void Cache::enter_tail(const std::string& uuid) {
  move(uuid, core_, tail_);
}

void Cache::leave_tail(const std::string& uuid) {
  move(uuid, tail_, core_);
}

void Cache::update(const Container& record) {
  if (!record.unreadable.empty()) return;
  const QueueEntry* known = entries_.find(record.uuid);
  if (same_record(*known, record)) return;
  QueueEntry entry = *known;
  take_state(entry, record);
  entry.container.created_at = record.created_at;
  if (entry.spec->container != record) {
    auto spec = std::make_shared<QueueSpec>(*entry.spec);
    spec->container = static_cast<const ContainerSpec&>(record);
    entry.spec = specs_.share(std::move(spec));
  }
  set(std::move(entry));
}

void Cache::update_state(const Container& record) {
  if (!record.unreadable.empty()) return;
  const QueueEntry* known = entries_.find(record.uuid);
  if (same_state(*known, record)) return;
  QueueEntry entry = *known;
  take_state(entry, record);
  set(std::move(entry));
}

void Cache::apply(const std::string& uuid, const ContainerUpdate& update) {
  note(uuid);
  const QueueEntry* known = entries_.find(uuid);
  if (!known) return;
  QueueEntry entry = *known;
  take_state(entry, update);
  leave_tail(uuid);
  set(std::move(entry));
}

void Cache::drop(const std::string& uuid) {
  const QueueEntry* known = entries_.find(uuid);
  if (!known) return;
  note(uuid);
  count(*known, -1);
  core_.erase(uuid);
  tail_.erase(uuid);
  entries_.erase(uuid);
}

Cache::~Cache() {
  for (const auto& entry : entries_) count(*entry, -1);
}

void Cache::set(QueueEntry entry) {
  const std::string& uuid = entry.container.uuid;
  note(uuid);
  if (const QueueEntry* known = entries_.find(uuid)) count(*known, -1);
  count(entry, +1);
  auto shared = std::make_shared<const QueueEntry>(std::move(entry));
  (tail_.contains(shared->container.uuid) ? tail_ : core_).set(shared);
  entries_.set(std::move(shared));
}

void Cache::note(const std::string& uuid) {
  for (Watch* watch : watches_) watch->changed_.insert(uuid);
}

void Cache::count(const QueueEntry& entry, double by) {
  const std::string type = entry.instance_types().empty() ? std::string() : entry.instance_types().front();
  prometheus::Gauge*& gauge = counts_[{entry.container.state, type}];
  if (!gauge) {
    const MetricLabels labels{{"state", std::string(to_string(entry.container.state))}, {"instance_type", type}};
    gauge = &metrics_.gauge("arvados_dispatchcloud_queue_entries", "Number of containers in the cache.", labels);
  }
  gauge->Increment(by);
}

void Cache::publish() {
  auto snapshot = std::make_shared<QueueSnapshot>();
  snapshot->version = ++version_;
  snapshot->entries = entries_;
  snapshot->updated = updated_;
  snapshot->to_come = to_come_;
  {
    const std::lock_guard lock(mutex_);
    published_ = std::move(snapshot);
  }
  changed_.notify();
}

std::shared_ptr<const QueueSnapshot> Cache::snapshot() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

}  // namespace berth
