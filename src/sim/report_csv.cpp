#include <fmt/format.h>
#include <set>

#include "report.hpp"

namespace berth {

namespace {

/// `complete`, `failed`, `failed+stuck`, …
std::string outcome_of(const RunReport& run) {
  std::string out;
  for (const SimProblem& problem : run.problems) out += (out.empty() ? "" : "+") + std::string(to_string(problem.kind));
  return out.empty() ? "complete" : out;
}

/// In one line.
std::string why(const RunReport& run) {
  std::string out;
  for (const SimProblem& problem : run.problems)
    out += fmt::format("{}{}: {}", out.empty() ? "" : ". ", problem.what, fmt::join(problem.why, "; "));
  return out;
}

}  // namespace

std::string report_csv(const WhatIfReport& report) {
  std::set<std::string> types;
  for (const VariantReport& variant : report.variants)
    for (const RunReport& run : variant.runs)
      for (const auto& [name, values] : run.series.by_type) types.insert(name);
  const std::vector<std::string> columns(types.begin(), types.end());
  std::string out;
  for (const VariantReport& variant : report.variants)
    for (const RunReport& run : variant.runs)
      out += time_series_csv(
          run.series, {{"config", variant.label}, {"seed", std::to_string(run.seed)}, {"outcome", outcome_of(run)}},
          columns, why(run), out.empty());
  return out;
}

}  // namespace berth
