#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/runtime.hpp"
#include "berth/sim/world.hpp"

#include "chance.hpp"
#include "event_queue.hpp"

namespace berth {

/// What all parts of the simulated world share: time, chance, the plan of events, and the record of what happened.
class SimCore {
 public:
  explicit SimCore(SimOptions o);

  SteadyTime now() const { return runtime.now(); }
  Duration elapsed() const { return runtime.now() - begin; }
  /// The clock of API and cloud: never stepped.
  WallTime server_time() const { return wall_begin + elapsed(); }
  void after(Duration delay, std::function<void()> action) { plan.at(now() + delay, std::move(action)); }

  bool storm() const { return storm_; }
  void set_storm(bool on) { storm_ = on; }
  /// Whether this fault strikes now.
  bool strikes(double SimFaults::*rate) { return storm_ && chance.with(options.faults.*rate) && struck(rate); }
  /// Counts one that comes by the hour: true while a storm lasts.
  bool strikes_now(double SimFaults::*per_hour) { return storm_ && struck(per_hour); }

  void note(SimEventKind kind, std::string_view container, std::string_view instance, std::string_view detail = {});
  /// The first violation stands.
  void violate(std::string invariant, std::string detail);

  const SimOptions options;
  SimRuntime runtime;
  EventQueue plan;
  Chance chance;
  const SteadyTime begin;
  const WallTime wall_begin;
  std::vector<SimObserver*> observers;
  std::optional<SimViolation> violation;
  std::uint64_t events = 0;
  std::array<std::uint64_t, fault_count> strike_counts{};  ///< in the order of named_faults()
  std::uint64_t hash = 0xcbf29ce484222325;

 private:
  void mix(std::string_view text);
  bool struck(double SimFaults::*rate);

  bool storm_ = false;
  std::string last_event_;
};

/// `2h03m05.250s`, for people.
std::string format_elapsed(Duration elapsed);

}  // namespace berth
