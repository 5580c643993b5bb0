#pragma once

#include "berth/scheduler/plan.hpp"

#include "cost_idle_gaps.hpp"
#include "cost_run_times.hpp"
#include "seconds.hpp"

namespace berth {

/// What the policy `cost` has learned from the past, part of the snapshot it decides on.
class LearnedTimes {
 public:
  RunTimes run_times;
  IdleGaps idle_gaps;

  void add_boot(double seconds) {
    boot_seconds_ += seconds;
    ++boots_;
  }
  /// Mean, in seconds.
  double boot_time() const { return boots_ < kFewestBoots ? kUsualBoot : boot_seconds_ / static_cast<double>(boots_); }

 private:
  static constexpr double kUsualBoot = 90;
  static constexpr std::int64_t kFewestBoots = 5;
  double boot_seconds_ = 0;
  std::int64_t boots_ = 0;
};

/// How long the container has run, in seconds; 0 if nobody knows.
inline double time_run(const PlanInput& input, const PlanContainer& container) {
  return container.started ? seconds(input.cost.steady_now - *container.started) : 0;
}

}  // namespace berth
