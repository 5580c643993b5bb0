#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "berth/arvados/container_api.hpp"
#include "berth/base/lasting_problem.hpp"
#include "berth/base/log.hpp"
#include "berth/base/metrics.hpp"

#include "cache.hpp"
#include "canceller.hpp"
#include "exclusion.hpp"
#include "first_sight.hpp"
#include "hints.hpp"
#include "vain_pause.hpp"

namespace berth {

/// Looks at what changed, and at nothing else: what the event bus tells, what workers show, and what a poll finds
/// modified. Whatever comes within a few milliseconds is fetched together: what is known by uuid, without mounts; what
/// is not by first sight.
class Changes {
 public:
  /// `on_doubt`: something may have been missed.
  Changes(Runtime& runtime, Logger log, Metrics& metrics, ContainerApi& api, Cache& cache, FirstSight& first_sight,
          const Canceller& canceller, const Exclusion& exclusion, prometheus::Summary& news_seconds,
          std::function<void()> on_doubt);

  /// Thread-safe.
  void tell(ApiChange change) { hints_.add(std::move(change), runtime_.now()); }
  void tell_end(std::string uuid) { hints_.add_end(std::move(uuid), runtime_.now()); }
  /// Looks at what is told, for ever.
  awaitable<void> look_loop();
  /// Fetches these: known ones at once, the others in the background.
  awaitable<Result<void>> fetch(UuidSet containers);
  /// Newcomers join the tail: the window does not show all that wait.
  void set_newcomers_to_tail(bool to_tail) { newcomers_to_tail_ = to_tail; }

 private:
  /// By uuid: since when it was told, if it was.
  using Told = std::map<std::string, std::optional<SteadyTime>>;
  struct Sorted {
    Told containers;
    Told requests;
    Hints::Map later;
  };
  Sorted sort(const Hints::Map& hints);
  bool says_nothing_new(const std::string& uuid, const Hints::Hint& hint) const;
  awaitable<Result<void>> look_at(Sorted sorted);
  awaitable<Result<Told>> containers_of(const Told& requests);
  awaitable<Result<void>> fetch_all(Told containers);
  awaitable<Result<void>> fetch_known(std::vector<std::string> uuids);
  awaitable<Result<void>> fetch_batch_of_known(std::vector<std::string> uuids);
  void add_unknown(std::vector<Arrival> arrivals);
  void doubt();

  Runtime& runtime_;
  LastingProblem problem_;
  ContainerApi& api_;
  Cache& cache_;
  FirstSight& first_sight_;
  const Canceller& canceller_;
  const Exclusion& exclusion_;
  const std::function<void()> on_doubt_;
  prometheus::Counter& looked_at_;
  prometheus::Counter& nothing_new_;
  prometheus::Counter& overflows_;
  prometheus::Summary& seconds_;
  Hints hints_;
  std::uint64_t looks_ = 0;  // requests that look_at() made
  std::uint64_t news_ = 0;   // what they brought
  VainPause vain_;
  bool newcomers_to_tail_ = false;
};

}  // namespace berth
