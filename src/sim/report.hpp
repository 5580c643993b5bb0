#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "figures.hpp"
#include "outcome_text.hpp"
#include "time_series.hpp"

namespace berth {

/// One history.
struct RunReport {
  std::uint64_t seed = 0;
  SimFigures figures;
  TimeSeries series;
  std::vector<double> waits;  ///< seconds, in rising order
  std::uint64_t event_hash = 0;
  std::vector<SimProblem> problems;  ///< none if all containers became complete
};

/// One configuration: its histories, seed by seed.
struct VariantReport {
  std::string label;
  std::vector<RunReport> runs;
};

/// All that berth-sim has to say.
struct WhatIfReport {
  std::string workload;
  std::vector<VariantReport> variants;  ///< none without a run
};

/// The time series of all histories as CSV.
std::string report_csv(const WhatIfReport& report);
/// One page that needs nothing else: figures and plots. Plots show the first seed.
std::string report_html(const WhatIfReport& report);

}  // namespace berth
