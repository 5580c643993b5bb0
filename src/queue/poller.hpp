#pragma once

#include <optional>
#include <string>

#include "berth/arvados/container_api.hpp"
#include "berth/base/log.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/signal.hpp"
#include "berth/base/task_group.hpp"

#include "cache.hpp"
#include "exclusion.hpp"
#include "first_sight.hpp"

namespace berth {

/// Keeps the cache like the API's records: the poll cycle and the sweep over the tail (facts §3; merge.hpp).
class Poller {
 public:
  Poller(Runtime& runtime, Logger log, Metrics& metrics, ContainerApi& api, const QueueOptions& options, Cache& cache,
         FirstSight& first_sight, const Exclusion& exclusion);

  /// Polls for ever.
  awaitable<void> poll_loop();
  /// Lists the tail for ever, while there is one.
  awaitable<void> sweep_loop();
  /// Thread-safe.
  void poll_soon() { soon_.wake(); }

 private:
  awaitable<bool> poll();
  awaitable<Result<void>> poll_once();
  awaitable<Result<PolledRecords>> fetch();
  void apply(const PollMerge& merge);
  awaitable<bool> sweep_page();
  void apply(const TailMerge& merge);
  UuidSet hands_off(const Cache::Watch& watch) const;

  Runtime& runtime_;
  const Logger log_;
  ContainerApi& api_;
  const QueueOptions& options_;
  Cache& cache_;
  FirstSight& first_sight_;
  const Exclusion& exclusion_;
  prometheus::Summary& poll_seconds_;
  prometheus::Counter& poll_failures_;
  Subscription soon_;
  Subscription tail_appeared_;
  std::optional<std::string> token_uuid_;
  bool polled_ = false;  // a poll has succeeded
  bool window_complete_ = true;
  std::string swept_;  // last uuid of the last page
};

}  // namespace berth
