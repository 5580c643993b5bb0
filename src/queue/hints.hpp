#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "berth/arvados/event_bus.hpp"
#include "berth/base/signal.hpp"
#include "berth/base/time.hpp"

namespace berth {

/// What the queue was told of and has not yet looked at: one hint per uuid, bounded. Thread-safe.
class Hints {
 public:
  struct Hint {
    bool changed = false;                 ///< the API has changed it
    std::optional<ContainerState> state;  ///< of the latest of such news
    bool ended = false;                   ///< its process has ended
    SteadyTime since{};                   ///< of the first news
  };
  using Map = std::map<std::string, Hint, std::less<>>;

  explicit Hints(std::size_t bound) : bound_(bound), told_(Signal().subscribe()) {}

  void add(ApiChange change, SteadyTime now);
  void add_end(std::string uuid, SteadyTime now);
  /// Those that could not be looked at yet; older than what came meanwhile.
  void put_back(const Map& hints);
  /// All of them.
  Map take();
  /// Whether more came than there is room for since this was last asked; all were forgotten then.
  bool take_overflow();
  /// Until there are some. By one task at a time.
  awaitable<void> wait() { return told_.wait(); }
  void wake() { told_.wake(); }

 private:
  Hint* find_or_make(std::string uuid, SteadyTime now);

  const std::size_t bound_;
  Subscription told_;
  std::mutex mutex_;
  Map hints_;
  bool overflow_ = false;
};

}  // namespace berth
