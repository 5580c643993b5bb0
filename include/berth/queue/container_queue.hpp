#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "berth/arvados/container_api.hpp"
#include "berth/arvados/event_bus.hpp"
#include "berth/base/asio.hpp"
#include "berth/base/log.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/base/signal.hpp"
#include "berth/model/instance_type.hpp"
#include "berth/queue/choose_types.hpp"
#include "berth/queue/queue_entries.hpp"

namespace berth {

struct QueueSnapshot {
  std::uint64_t version = 0;
  QueueEntries entries;  ///< sorted by uuid; `find(uuid)`; changes_between() tells what two snapshots differ in
  /// When the last successful poll started; nothing = no poll has succeeded yet. Records are at least as fresh as this.
  std::optional<SteadyTime> updated;
  /// Records of the last poll that could not be read, or that we hold and that had no entry then. Entries of them stay
  /// as they were; there may be none yet. What runs of them is left alone.
  std::set<std::string, std::less<>> to_come;
};

struct QueueOptions {
  Duration poll_interval = std::chrono::seconds(10);
  ChooseTypesOptions choose;
  std::map<std::string, InstanceType> instance_types;
  /// Scheduling window (facts §2.2 C): stop after the page at which this many non-supervisors were received.
  std::int64_t window = 100;
  /// Page size of the lists.
  std::int64_t page_size = 1000;
  /// Most time between pages of the tail beyond the window.
  Duration tail_page_interval = std::chrono::seconds(1);
  /// How long listing the whole tail may take: what changes there without a trace is seen after twice as long at most.
  Duration tail_sweep_time = std::chrono::seconds(25);
};

/// The container queue: cache and poller (facts §3). Reads never wait for I/O. Thread-safe.
class ContainerQueue {
 public:
  ContainerQueue(Runtime& runtime, Logger log, Metrics& metrics, ContainerApi& api, QueueOptions options);
  ~ContainerQueue();
  ContainerQueue(const ContainerQueue&) = delete;
  ContainerQueue& operator=(const ContainerQueue&) = delete;

  /// Starts polling: the first poll is repeated until it succeeds.
  void start();
  awaitable<void> stop();
  /// Returns once its strand has run, which it does not if something holds it: for a watchdog.
  awaitable<void> beat();

  std::shared_ptr<const QueueSnapshot> snapshot() const;
  /// Raised after each successful poll and each local change.
  Subscription subscribe();

  /// API calls F, G, H; on success the cached entry takes state, priority and lock holder from the answer (facts §3).
  /// One call per uuid at a time: a second answers ErrorKind::conflict at once. A refused lock has the queue polled.
  awaitable<Result<void>> lock(std::string uuid);
  awaitable<Result<void>> unlock(std::string uuid);
  /// Writes `reason` to runtime_status.error first, unless explain() has said more. `is_lost` is asked last, on the
  /// queue's strand: whether there is still cause to. Errors also: conflict if there is not, or if the container has
  /// ended meanwhile; it stays as it is.
  awaitable<Result<void>> cancel(std::string uuid, std::string reason, std::function<bool()> is_lost);
  /// Call I: why a container that runs is about to end, for its user to read. Errors also: conflict
  /// unless the entry is Locked or Running.
  awaitable<Result<void>> explain(std::string uuid, std::string reason);
  /// Drops an entry that is final, or Queued with priority 0; else no effect.
  void forget(std::string uuid);
  /// A hint that something changed at the API: polls as soon as it can instead of at the next interval.
  void poll_soon();
  /// News: whatever comes within a few milliseconds is fetched together, if it says something new.
  void tell(ApiChange change);
  /// The container's process has ended, as its worker shows: how it ended is fetched with the news, unless it is known.
  void tell_end(std::string uuid);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth
