#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "berth/base/metrics.hpp"
#include "berth/base/signal.hpp"
#include "berth/queue/container_queue.hpp"

#include "merge.hpp"
#include "spec_table.hpp"

namespace berth {

/// The entries, and what is published of them. Belongs to the queue's strand, but for snapshot() and subscribe().
class Cache {
 public:
  explicit Cache(Metrics& metrics);
  /// Takes its entries out of the gauges: another cache may follow.
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  const QueueEntries& entries() const { return entries_; }
  Known known() const { return {entries_, core_, tail_}; }
  void enter_tail(const std::string& uuid);
  void leave_tail(const std::string& uuid);

  /// Adds an entry to the core; its id is given here.
  void add(QueueEntry entry);
  /// Replaces the record of a known container; no change if it says the same or cannot be read.
  void update(const Container& record);
  /// The same, of its state, priority and lock holder alone.
  void update_state(const Container& record);
  /// What lock, unlock and cancel answered (facts §3); an unknown container is only noted.
  void apply(const std::string& uuid, const ContainerUpdate& update);
  void drop(const std::string& uuid);
  /// A poll that started then has succeeded.
  void set_updated(SteadyTime when) { updated_ = when; }

  /// QueueSnapshot::to_come of that poll.
  void set_to_come(UuidSet uuids) { to_come_ = std::move(uuids); }

  /// Makes the changes visible and wakes the subscribers.
  void publish();
  std::shared_ptr<const QueueSnapshot> snapshot() const;
  Subscription subscribe() { return changed_.subscribe(); }

  /// Collects the uuids that change while it lives.
  class Watch {
   public:
    explicit Watch(Cache& cache) : cache_(cache) { cache_.watches_.insert(this); }
    ~Watch() { cache_.watches_.erase(this); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    const UuidSet& changed() const { return changed_; }

   private:
    friend class Cache;
    Cache& cache_;
    UuidSet changed_;
  };

 private:
  void set(QueueEntry entry);
  void note(const std::string& uuid);
  void count(const QueueEntry& entry, double by);

  Metrics& metrics_;
  std::map<std::pair<ContainerState, std::string>, prometheus::Gauge*> counts_;
  QueueEntries entries_;
  QueueEntries core_;  // each of them is either in this
  QueueEntries tail_;  // or in this
  std::optional<SteadyTime> updated_;
  UuidSet to_come_;
  SpecTable specs_;
  std::uint64_t last_id_ = 0;
  std::uint64_t version_ = 0;
  std::set<Watch*> watches_;
  Signal changed_;
  mutable std::mutex mutex_;
  std::shared_ptr<const QueueSnapshot> published_;
};

}  // namespace berth
