#include <set>

#include "report.hpp"

namespace berth {

std::string report_csv(const WhatIfReport& report) {
  std::set<std::string> types;
  for (const VariantReport& variant : report.variants)
    for (const RunReport& run : variant.runs)
      for (const auto& [name, values] : run.series.by_type) types.insert(name);
  const std::vector<std::string> columns(types.begin(), types.end());
  std::string out;
  for (const VariantReport& variant : report.variants)
    for (const RunReport& run : variant.runs)
      out += time_series_csv(run.series, {{"config", variant.label}, {"seed", std::to_string(run.seed)}}, columns,
                             out.empty());
  return out;
}

}  // namespace berth
