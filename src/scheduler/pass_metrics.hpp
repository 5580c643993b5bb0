#pragma once

#include <optional>

#include "berth/base/metrics.hpp"
#include "berth/base/time.hpp"

#include "pass_pace.hpp"

namespace berth {

/// How many passes there are, what they answer to and how soon: Berth's own metrics.
class PassMetrics {
 public:
  explicit PassMetrics(Metrics& metrics);

  /// A pass begins because of something that happened at `news` (nothing: its time had come), and sees this.
  void began(SteadyTime now, std::optional<SteadyTime> news, SeenVersions sees);
  /// The pool has accepted starts that the pass decided on which began at `began`.
  void started(SteadyTime began, SteadyTime now);
  void ended(Duration took);

 private:
  SeenVersions seen_;
  prometheus::Counter& passes_;
  prometheus::Counter& changes_;
  prometheus::Summary& time_to_plan_;
  prometheus::Summary& time_to_start_;
  prometheus::Summary& pass_time_;
};

}  // namespace berth
