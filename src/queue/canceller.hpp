#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "berth/arvados/container_api.hpp"
#include "berth/base/log.hpp"
#include "berth/base/task_group.hpp"

#include "cache.hpp"
#include "exclusion.hpp"

namespace berth {

/// Cancels containers that cannot run here, telling their owners why (facts §3): lock if Queued, set
/// `runtime_status.error`, cancel. In the background, a few at a time; what fails is tried again when a poll next shows
/// the container.
class Canceller {
 public:
  Canceller(Logger log, ContainerApi& api, Cache& cache, Exclusion& exclusion, TaskGroup& tasks)
      : log_(std::move(log)), api_(api), cache_(cache), exclusion_(exclusion), tasks_(tasks) {}

  void cancel(const std::string& uuid, ContainerState state, std::string reason);
  /// Whether it waits to be cancelled or is being.
  bool contains(const std::string& uuid) const { return listed_.contains(uuid); }

 private:
  struct Case {
    std::string uuid;
    ContainerState state;
    std::string reason;
  };
  awaitable<void> work();
  awaitable<void> carry_out(Case it);
  awaitable<Result<void>> end(const Case& it);

  const Logger log_;
  ContainerApi& api_;
  Cache& cache_;
  Exclusion& exclusion_;
  TaskGroup& tasks_;
  std::deque<Case> cases_;
  UuidSet listed_;
  std::size_t workers_ = 0;
};

}  // namespace berth
