#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "cost_learned.hpp"
#include "cost_needs.hpp"

namespace berth {

/// Whether a container may ride on an instance.
enum class RideAnswer : std::uint8_t {
  yes,
  no,
  not_yet,  ///< that may change as time goes by, before Rides forgets
};

/// What may use an instance above its price ceiling, by the time that is expected to be paid for. A container may
/// *ride* on one that is in use if the time by which it is expected to keep that longer costs no more than an instance
/// of its own would. A *group* may share an empty one if the time until all have ended costs no more than instances of
/// their own would, times the price factor; what they have waited counts as much as what they run.
///
/// If kept from pass to pass, it answers for a window of time: within it, what is `no` stays so, as long as nothing
/// changes on the instance.
class Rides {
 public:
  explicit Rides(const CostNeeds& classes);

  /// The instance came, changed or went, or a container listed on it has come, changed or gone.
  void instance_changed(std::uint32_t instance) { touched_.push_back(instance); }
  /// Forgets what the last pass put anywhere, and what has changed. True: all, since the window is over or something
  /// was learned.
  bool begin_pass();
  /// What a container of this need class and run-time key runs, and what an instance of its own would cost it. For this
  /// pass.
  class Rider;
  Rider rider(std::uint32_t need, std::uint32_t key);
  RideAnswer allows(const Rider& rider, std::uint32_t instance);
  /// As long as nothing has ended, any group may.
  bool allows_group(std::uint32_t type, const std::vector<std::uint32_t>& group);
  /// This pass puts the container on the instance.
  void put(std::uint32_t container, std::uint32_t instance);

 private:
  struct Expected {
    Survival alive{};         // P(a container that starts now still runs)
    double mean = 0;          // seconds
    SurvivalSteps seconds{};  // of the mean, by step
  };
  /// By step: the price of the instance × P(all that runs there has ended) when the step begins, $/hour, or less, at
  /// any time of the window. The first is negative if they are not known.
  struct alignas(64) Fares {
    SurvivalSteps by_step{-1};
  };
  using AllEnded = std::vector<std::unique_ptr<Survival>>;  // by instance: P(all that runs there has ended)
  const Expected& expected(std::uint32_t key);
  const Survival& all_ended(AllEnded& known, std::uint32_t instance, double window);
  const SurvivalSteps& fares(std::uint32_t instance);
  double window_left() const;
  void forget(std::uint32_t instance);

  const CostNeeds& classes_;
  const PlanInput& input_;
  std::vector<std::unique_ptr<Expected>> by_key_;  // null: not asked for yet
  std::uint64_t learned_ = 0;                      // version that by_key_ was made of
  SteadyTime window_begin_{}, window_end_{};       // the same: this pass alone
  std::vector<std::vector<std::uint32_t>> put_;    // by instance: keys of what this pass puts there
  std::vector<Fares> fares_;                       // by instance
  AllEnded ended_in_window_;                       // or less, at any time of the window
  AllEnded ended_now_;
  std::vector<std::uint32_t> asked_now_;  // instances of which ended_now_ is known
  std::vector<std::uint32_t> touched_;    // instances that have changed, or on which this pass puts something
  double dearest_ = 0;                    // price of any type
};

class Rides::Rider {
  friend class Rides;
  const Expected* run_ = nullptr;  // nothing is known
  double own_cost_ = 0;
  double too_much_ = 0;  // so much more that rounding makes no difference
};

}  // namespace berth
