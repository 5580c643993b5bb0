#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cloud_file.hpp"
#include "lives.hpp"

namespace berth {

/// How things stood at one moment after another, `step` apart, the first at 0.
struct TimeSeries {
  Duration step{};
  std::vector<double> waiting;                                       ///< containers submitted and not yet running
  std::vector<double> running;                                       ///< containers
  std::vector<double> instances;                                     ///< from their create to their end
  std::vector<double> cost_per_hour;                                 ///< $, of these instances
  std::vector<std::pair<std::string, std::vector<double>>> by_type;  ///< instances of each type that was used
};

/// At most `points` moments, a round number of seconds apart.
TimeSeries time_series(const Lives& lives, const BillingModel& billing, std::size_t points);

/// The step for so many points over a span: a round number of seconds.
Duration round_step(Duration span, std::size_t points);

/// CSV with a header, RFC 4180. `labels` (name, value) come first in each line, `remark` is the last field of the
/// first.
std::string time_series_csv(const TimeSeries& series, const std::vector<std::pair<std::string, std::string>>& labels,
                            const std::vector<std::string>& types, const std::string& remark, bool with_header);

}  // namespace berth
