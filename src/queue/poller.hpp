#pragma once

#include <optional>
#include <string>

#include "berth/arvados/container_api.hpp"
#include "berth/base/lasting_problem.hpp"
#include "berth/base/log.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/signal.hpp"
#include "berth/base/task_group.hpp"

#include "cache.hpp"
#include "changes.hpp"
#include "exclusion.hpp"
#include "first_sight.hpp"
#include "tail_rules.hpp"

namespace berth {

/// Keeps the cache like the API's records: the poll cycle and the sweep over the tail (facts §3; merge.hpp).
class Poller {
 public:
  Poller(Runtime& runtime, Logger log, Metrics& metrics, ContainerApi& api, const QueueOptions& options, Cache& cache,
         FirstSight& first_sight, Changes& changes, const Exclusion& exclusion);

  /// Polls for ever.
  awaitable<void> poll_loop();
  /// Lists the tail for ever, while there is one.
  awaitable<void> sweep_loop();
  /// Thread-safe.
  void poll_soon() { soon_.wake(); }
  /// Lists everything anew whenever something may have been missed: at once, but of doubts that go on no more often
  /// than every 5 s, doubling up to a minute.
  awaitable<void> doubt_loop();
  /// Something may have been missed. Thread-safe.
  void doubt() { doubted_.wake(); }

 private:
  awaitable<bool> poll();
  awaitable<Result<void>> poll_once();
  awaitable<Result<PolledRecords>> fetch();
  awaitable<Result<void>> list_held(PolledRecords& out);
  void apply(const PollMerge& merge);
  /// What was modified in the tail since the last poll; where the server cannot say, everything is listed anew.
  awaitable<void> poll_tail();
  awaitable<Result<void>> look_for_changes();
  /// The latest stamp of the first page; nothing if it was empty.
  awaitable<Result<std::optional<WallTime>>> look_for_changes_of(ModifiedQuery::Of of, WallTime since,
                                                                 UuidSet& changed);
  void choose_for_fetch(ModifiedQuery::Of of, const ModifiedRecord& record, UuidSet& out);
  void hurry_sweeps();
  awaitable<bool> sweep_page();
  void apply(const TailMerge& merge);
  UuidSet hands_off(const Cache::Watch& watch) const;

  Runtime& runtime_;
  const Logger log_;
  LastingProblem poll_problem_, sweep_problem_;
  ContainerApi& api_;
  const QueueOptions& options_;
  Cache& cache_;
  FirstSight& first_sight_;
  Changes& changes_;
  const Exclusion& exclusion_;
  prometheus::Summary& poll_seconds_;
  prometheus::Counter& poll_failures_;
  prometheus::Gauge& poll_lag_;
  prometheus::Gauge& sweep_seconds_;
  Subscription soon_;
  Subscription tail_appeared_;
  Subscription hurry_;
  Subscription doubted_;
  std::optional<std::string> token_uuid_;
  bool polled_ = false;                  // a poll has succeeded
  std::optional<SteadyTime> last_poll_;  // when the last one that succeeded had begun
  bool window_complete_ = true;
  std::optional<ModifiedSince> containers_since_;
  ModifiedSince requests_since_;
  std::optional<SteadyTime> cannot_filter_until_;
  std::string swept_;  // last uuid of the last page
  SteadyTime sweep_began_{};
  std::size_t last_page_ = 0;
  int hurried_sweeps_ = 0;  // so many whole sweeps, the one under way included, go without pauses
};

}  // namespace berth
