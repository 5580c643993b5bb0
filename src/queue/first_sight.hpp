#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "berth/arvados/container_api.hpp"
#include "berth/base/log.hpp"
#include "berth/base/task_group.hpp"

#include "cache.hpp"
#include "canceller.hpp"

namespace berth {

/// A container that a list has shown for the first time.
struct Arrival {
  enum class Origin { held, window, tail };
  std::string uuid;
  Origin origin = Origin::window;
  std::string locked_by_uuid = {};  ///< if it is held by us
};

/// First sight of containers (facts §3): fetches their mounts, which are needed once, chooses their instance types, and
/// adds them to the cache or has them cancelled. Mounts come for up to 50 containers per request, a few requests at a
/// time; should a batch fail for what is in it, each container is asked for alone, so that only the malformed one is
/// cancelled. What fails otherwise is forgotten with a warning: the next list that shows it brings it back.
class FirstSight {
 public:
  FirstSight(Runtime& runtime, Logger log, ContainerApi& api, const QueueOptions& options, Cache& cache,
             Canceller& canceller, TaskGroup& tasks);

  /// In the background; a known container, or one already on its way, is left alone.
  void add(std::vector<Arrival> arrivals);
  /// The same for containers that must not stay unknown: returns when all are settled, or with the first failure.
  awaitable<Result<void>> settle_all(std::vector<Arrival> held);
  /// How many are on their way.
  std::size_t backlog() const { return arriving_.size(); }
  bool is_arriving(std::string_view uuid) const { return arriving_.contains(uuid); }

 private:
  struct Pending {
    Arrival arrival;
    WallTime seen;
  };
  using Batch = std::vector<Pending>;

  void add_one(Arrival arrival);
  awaitable<void> work();
  Batch next_batch();
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
  std::map<std::string, Pending> waiting_;
  UuidSet arriving_;  // waiting or being fetched
  std::size_t workers_ = 0;
};

}  // namespace berth
