#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report.hpp"

namespace berth {

/// A line of the table of figures: one cell for each configuration. With several seeds a cell holds the mean, and in
/// brackets the least and the most.
struct ReportRow {
  std::string name;
  std::vector<std::string> cells;
  bool heading = false;  ///< begins a group; no cells
  bool alarm = false;    ///< says that not all is well
};
std::vector<ReportRow> report_rows(const WhatIfReport& report);

constexpr std::string_view kNotAllComplete = "Not all containers became complete; the figures are of what ran";

/// The problems of the first histories that have any, each with its configuration and seed where there are several; the
/// last one says how many more histories have some.
std::vector<SimProblem> report_problems(const WhatIfReport& report);

/// The table for a terminal, and above it the problems.
std::string report_text(const WhatIfReport& report);

/// `950 ms`, `12.3 s`, `4 min 10 s`, `2 h 05 min`, `3 d 4 h`.
std::string format_seconds(double seconds);

}  // namespace berth
