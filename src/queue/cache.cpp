#include "cache.hpp"

#include <prometheus/gauge.h>

#include "judge.hpp"

namespace berth {

Cache::Cache(Metrics& metrics) : metrics_(metrics), published_(std::make_shared<QueueSnapshot>()) {}

void Cache::add(QueueEntry entry) {
  entry.id = ++last_id_;
  core_.insert(entry.container.uuid);
  set(std::move(entry));
}

void Cache::enter_tail(const std::string& uuid) {
  if (core_.erase(uuid) > 0) tail_.insert(uuid);
}

void Cache::leave_tail(const std::string& uuid) {
  if (tail_.erase(uuid) > 0) core_.insert(uuid);
}

void Cache::update(const Container& record) {
  if (!record.unreadable.empty()) return;
  const QueueEntry* known = entries_.find(record.uuid);
  const bool same_holder = known->container.locked_by_uuid == record.locked_by_uuid;
  if (same_holder && same_record(known->container, record)) return;
  QueueEntry entry = *known;
  entry.container = record;
  entry.container.mounts.clear();
  set(std::move(entry));
}

void Cache::apply(const std::string& uuid, const ContainerUpdate& update) {
  note(uuid);
  const QueueEntry* known = entries_.find(uuid);
  if (!known) return;
  QueueEntry entry = *known;
  entry.container.state = update.state;
  entry.container.priority = update.priority;
  entry.container.locked_by_uuid = update.locked_by_uuid;
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
  entries_.set(std::make_shared<QueueEntry>(std::move(entry)));
}

void Cache::note(const std::string& uuid) {
  for (Watch* watch : watches_) watch->changed_.insert(uuid);
}

void Cache::count(const QueueEntry& entry, double by) {
  const std::string type = entry.instance_types.empty() ? std::string() : entry.instance_types.front();
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
  snapshot->unreadable = unreadable_;
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
