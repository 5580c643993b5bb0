#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "berth/arvados/container_api.hpp"
#include "berth/base/log.hpp"
#include "berth/base/task_group.hpp"

#include "cache.hpp"
#include "canceller.hpp"
#include "recent_uuids.hpp"
#include "vain_pause.hpp"

namespace prometheus {
class Summary;
}

namespace berth {

/// A container that a list has shown for the first time, or of which an event has told.
struct Arrival {
  enum class Origin { held, window, tail };
  std::string uuid;
  Origin origin = Origin::window;
  std::string locked_by_uuid = {};         ///< if it is held by us
  std::optional<SteadyTime> told_at = {};  ///< if no list has shown it
};

/// First sight of containers (facts §3): fetches their mounts, which are needed once, chooses their instance types, and
/// adds them to the cache or has them cancelled. Mounts come for up to 50 containers per request, a few requests at a
/// time; should a batch fail for what is in it, each container is asked for alone, so that only the malformed one is
/// cancelled. What fails otherwise is forgotten with a warning: the next list that shows it brings it back; what an
/// event told is tried again a few times.
///
/// What lists have shown does not wait for what events told: each has a line of its own. That of events is bounded, and
/// goes the slower the less of it the API knows; what the API does not know is not asked for again for some seconds.
class FirstSight {
 public:
  FirstSight(Runtime& runtime, Logger log, ContainerApi& api, const QueueOptions& options, Cache& cache,
             Canceller& canceller, TaskGroup& tasks, prometheus::Summary& news_seconds);

  /// In the background, in this order; a known container, or one already on its way, is left alone. False: of those
  /// that were told, there was no room for some.
  bool add(std::vector<Arrival> arrivals);
  /// The same for containers that must not stay unknown: returns when all are settled, or with the first failure.
  awaitable<Result<void>> settle_all(std::vector<Arrival> held);
  /// How many are on their way, but for those that were told and wait.
  std::size_t backlog() const { return arriving_.size() - told_.waiting.size(); }
  bool is_arriving(std::string_view uuid) const { return arriving_.contains(uuid); }
  /// It is one of the backlog.
  bool is_in_backlog(std::string_view uuid) const;
  /// Of what was told last the API knew less than half.
  bool told_in_vain() const { return vain_.in_vain(); }
  /// It was told, and the API did not know it, some seconds ago.
  bool was_unknown(std::string_view uuid) { return unknown_.contains(uuid, runtime_.now()); }

 private:
  struct Pending {
    Arrival arrival;
    WallTime seen;
    int failures = 0;
  };
  using Batch = std::vector<Pending>;
  struct Line {
    std::deque<Pending> waiting;
    std::size_t workers = 0;
  };

  bool add_one(Arrival arrival);
  void show(const std::string& uuid);
  void spawn_workers(Line& line);
  awaitable<void> work(Line& line);
  awaitable<Batch> try_batch(Batch batch);
  Duration pause_after(const Batch& told);
  bool is_settled(const std::string& uuid) const;
  static Batch next_batch(Line& line);
  awaitable<Result<void>> settle_batch(Batch batch);
  awaitable<Result<void>> settle_each(Batch batch);
  awaitable<Result<void>> settle_alone(Pending pending);
  awaitable<Result<Container>> record_of(const Pending& pending);
  void settle(const Pending& pending, Container with_mounts);
  void refuse(const Pending& pending, ContainerState state, const std::string& reason);

  Runtime& runtime_;
  const Logger log_;
  ContainerApi& api_;
  const QueueOptions& options_;
  Cache& cache_;
  Canceller& canceller_;
  TaskGroup& tasks_;
  prometheus::Summary& news_seconds_;
  Line listed_, told_;
  UuidSet arriving_;  // waiting or being fetched
  RecentUuids unknown_;
  VainPause vain_;
};

}  // namespace berth
