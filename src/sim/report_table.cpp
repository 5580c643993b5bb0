#include "report_table.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "plural.hpp"

namespace berth {
namespace {

using Value = std::function<std::optional<double>(const SimFigures&)>;  ///< nothing: there is none in this history
using Format = std::function<std::string(double)>;

std::string count(double value) {
  return with_commas(std::llrint(value));
}
std::string dollars(double value) {
  const double whole = std::floor(value + 0.005);
  return "$" + count(whole) + fmt::format("{:.2f}", std::max(0.0, value - whole)).substr(1);
}
std::string percent(double value) {
  return fmt::format("{:.1f} %", 100 * value);
}
std::string ratio(double value) {
  return fmt::format("{:.3f}", value);
}
std::string hours(double value) {
  return fmt::format("{:.1f} h", value);
}

class Rows {
 public:
  explicit Rows(const WhatIfReport& report) : report_(report) {}
  void heading(std::string name) { rows_.push_back({std::move(name), {}, true, false}); }
  void add(std::string name, const std::function<std::string(const VariantReport&)>& cell) {
    ReportRow row{std::move(name), {}, false, false};
    for (const VariantReport& variant : report_.variants) row.cells.push_back(cell(variant));
    rows_.push_back(std::move(row));
  }
  void add(std::string name, const Value& value, const Format& format) {
    add(std::move(name), [&](const VariantReport& variant) { return cell(variant, value, format); });
  }
  void mark_alarm() { rows_.back().alarm = true; }
  std::vector<ReportRow> take() { return std::move(rows_); }

 private:
  static std::string cell(const VariantReport& variant, const Value& value, const Format& format) {
    double sum = 0, runs = 0;
    double least = INFINITY;
    double most = -INFINITY;
    for (const RunReport& run : variant.runs) {
      const std::optional<double> one = value(run.figures);
      if (!one) continue;
      ++runs;
      sum += *one;
      least = std::min(least, *one);
      most = std::max(most, *one);
    }
    if (runs == 0) return "-";
    const std::string mean = format(sum / runs);
    return least == most ? mean : fmt::format("{} ({} to {})", mean, format(least), format(most));
  }
  const WhatIfReport& report_;
  std::vector<ReportRow> rows_;
};

std::optional<double> over(double a, double b) {
  return b > 0 ? std::optional(a / b) : std::nullopt;
}

/// What any of the histories has, the cheapest (in the first configuration that uses it) first.
std::vector<std::string> type_names(const WhatIfReport& report) {
  std::map<std::string, double> prices;
  for (const VariantReport& variant : report.variants)
    for (const RunReport& run : variant.runs)
      for (const auto& [name, type] : run.figures.types) prices.try_emplace(name, type.price);
  std::vector<std::string> names;
  for (const auto& [name, price] : prices) names.push_back(name);
  std::ranges::stable_sort(names, {}, [&](const std::string& name) { return prices[name]; });
  return names;
}

std::set<SizeClass> sizes_of(const WhatIfReport& report) {
  std::set<SizeClass> sizes;
  for (const VariantReport& variant : report.variants)
    for (const RunReport& run : variant.runs)
      for (const auto& [size, waits] : run.figures.by_size) sizes.insert(size);
  return sizes;
}

bool has_gpus(const WhatIfReport& report) {
  return std::any_of(report.variants.begin(), report.variants.end(), [](const VariantReport& variant) {
    return std::any_of(variant.runs.begin(), variant.runs.end(),
                       [](const RunReport& run) { return run.figures.gpu_use.has_value(); });
  });
}

/// Of all containers, or of those of one size.
WaitFigures waits_of(const SimFigures& figures, std::optional<SizeClass> size) {
  if (!size) return figures.waits;
  const auto found = figures.by_size.find(*size);
  return found == figures.by_size.end() ? WaitFigures{} : found->second;
}

/// p50, p95 and most in one cell: means over the seeds.
std::string wait_cell(const VariantReport& variant, std::optional<SizeClass> size) {
  WaitFigures sum;
  double runs = 0;
  for (const RunReport& run : variant.runs) {
    const WaitFigures waits = waits_of(run.figures, size);
    if (waits.count == 0) continue;
    ++runs;
    sum.p50 += waits.p50;
    sum.p95 += waits.p95;
    sum.max += waits.max;
  }
  if (runs == 0) return "-";
  return format_seconds(sum.p50 / runs) + " / " + format_seconds(sum.p95 / runs) + " / " +
         format_seconds(sum.max / runs);
}

/// `complete`, or what went wrong: `stuck`, `failed in 2 of 3 histories`, …
std::string outcome_cell(const VariantReport& variant) {
  std::map<SimProblem::Kind, std::int64_t> histories;
  for (const RunReport& run : variant.runs)
    for (const SimProblem& problem : run.problems) ++histories[problem.kind];
  std::string out;
  for (const auto& [kind, count] : histories) {
    out += (out.empty() ? "" : ", ") + std::string(to_string(kind));
    if (variant.runs.size() > 1) out += fmt::format(" in {} of {}", count, variant.runs.size());
  }
  return out.empty() ? "all complete" : out;
}

bool has_problems(const WhatIfReport& report) {
  return std::ranges::any_of(report.variants, [](const VariantReport& variant) {
    return std::ranges::any_of(variant.runs, [](const RunReport& run) { return !run.problems.empty(); });
  });
}

/// For who looks at figures alone.
void add_outcome_row(Rows& rows, const WhatIfReport& report) {
  if (!has_problems(report)) return;
  rows.add("outcome", outcome_cell);
  rows.mark_alarm();
}

void add_money_rows(Rows& rows, const WhatIfReport& report) {
  rows.heading("Cost");
  rows.add(
      "cost", [](const SimFigures& f) { return f.cost; }, dollars);
  rows.add(
      "of it booting", [](const SimFigures& f) { return f.boot_cost; }, dollars);
  rows.add(
      "of it idle", [](const SimFigures& f) { return f.idle_cost; }, dollars);
  rows.add(
      "lower bound", [](const SimFigures& f) { return f.lower_bound; }, dollars);
  rows.add(
      "cost / lower bound", [](const SimFigures& f) { return over(f.cost, f.lower_bound); }, ratio);
  rows.add(
      "use of CPU", [](const SimFigures& f) { return f.cpu_use; }, percent);
  rows.add(
      "use of RAM", [](const SimFigures& f) { return f.ram_use; }, percent);
  if (has_gpus(report))
    rows.add(
        "use of GPUs", [](const SimFigures& f) { return f.gpu_use.value_or(0); }, percent);
}

void add_container_rows(Rows& rows) {
  rows.heading("Containers");
  rows.add(
      "in the workload", [](const SimFigures& f) { return static_cast<double>(f.containers); }, count);
  rows.add(
      "complete", [](const SimFigures& f) { return static_cast<double>(f.complete); }, count);
  rows.add(
      "failed", [](const SimFigures& f) { return static_cast<double>(f.failed); }, count);
  rows.add(
      "unfinished", [](const SimFigures& f) { return static_cast<double>(f.unfinished); }, count);
  rows.add(
      "tried again", [](const SimFigures& f) { return static_cast<double>(f.retries); }, count);
  rows.add(
      "makespan", [](const SimFigures& f) { return f.makespan; }, format_seconds);
}

void add_instance_rows(Rows& rows, const WhatIfReport& report) {
  rows.heading("Instances");
  rows.add(
      "creates", [](const SimFigures& f) { return static_cast<double>(f.creates); }, count);
  rows.add(
      "creates refused", [](const SimFigures& f) { return static_cast<double>(f.creates_refused); }, count);
  rows.add(
      "never used", [](const SimFigures& f) { return static_cast<double>(f.unused); }, count);
  rows.add(
      "interrupted", [](const SimFigures& f) { return static_cast<double>(f.died); }, count);
  rows.add(
      "most at a time", [](const SimFigures& f) { return static_cast<double>(f.peak_instances); }, count);
  rows.add(
      "instance-hours", [](const SimFigures& f) { return f.instance_hours; }, hours);
  for (const std::string& name : type_names(report))
    rows.add(
        "of type " + name,
        [=](const SimFigures& f) {
          const auto found = f.types.find(name);
          return found == f.types.end() ? 0 : found->second.hours;
        },
        hours);
}

std::string seeds_line(const std::vector<RunReport>& runs) {
  if (runs.size() == 1) return fmt::format("seed      {}", runs.front().seed);
  return fmt::format("seeds     {} to {}: figures are means, with the least and the most in brackets",
                     runs.front().seed, runs.back().seed);
}

std::string problems_text(const WhatIfReport& report) {
  const std::vector<SimProblem> problems = report_problems(report);
  if (problems.empty()) return "";
  std::string out = '\n' + std::string(kNotAllComplete) + '\n';
  for (const SimProblem& problem : problems) out += "  " + describe(problem, 2) + '\n';
  return out;
}

/// Of UTF-8 text, in characters.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::string format_seconds(double seconds) {
  if (seconds < 0.0005) return "0 s";
  if (seconds < 1) return fmt::format("{:.0f} ms", 1000 * seconds);
  if (seconds < 99.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 72 * 3600) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return fmt::format("{} d {} h", whole / 86400, whole / 3600 % 24);
}

std::vector<ReportRow> report_rows(const WhatIfReport& report) {
  Rows rows(report);
  add_outcome_row(rows, report);
  add_money_rows(rows, report);
  add_container_rows(rows);
  rows.heading("Wait until it runs: p50 / p95 / max");
  rows.add("all", [](const VariantReport& variant) { return wait_cell(variant, std::nullopt); });
  rows.add(
      "mean of all", [](const SimFigures& f) { return f.waits.count > 0 ? std::optional(f.waits.mean) : std::nullopt; },
      format_seconds);
  for (const SizeClass size : sizes_of(report))
    rows.add(to_string(size), [&](const VariantReport& variant) { return wait_cell(variant, size); });
  add_instance_rows(rows, report);
  return rows.take();
}

std::vector<SimProblem> report_problems(const WhatIfReport& report) {
  constexpr std::size_t most_shown = 10;
  std::vector<SimProblem> shown;
  std::int64_t others = 0;
  for (const VariantReport& variant : report.variants)
    for (const RunReport& run : variant.runs) {
      if (shown.size() >= most_shown && !run.problems.empty()) {
        ++others;
        continue;
      }
      std::string where;
      if (report.variants.size() > 1) where = variant.label + ": ";
      if (variant.runs.size() > 1) where += fmt::format("seed {}: ", run.seed);
      for (const SimProblem& problem : run.problems) shown.push_back({problem.kind, where + problem.what, problem.why});
    }
  if (others > 0) shown.push_back({{}, "further histories with problems: " + with_commas(others), {}});
  return shown;
}

std::string report_text(const WhatIfReport& report) {
  const std::vector<ReportRow> rows = report_rows(report);
  std::size_t first = 0;
  std::vector<std::size_t> widths;
  for (const VariantReport& variant : report.variants) widths.push_back(width(variant.label));
  for (const ReportRow& row : rows) {
    if (!row.heading) first = std::max(first, width(row.name) + 2);
    for (std::size_t i = 0; i < row.cells.size(); ++i) widths[i] = std::max(widths[i], width(row.cells[i]));
  }
  const auto padded = [](const std::string& text, std::size_t to) {
    return std::string(to - std::min(to, width(text)), ' ') + text;
  };
  std::string out = "workload  " + report.workload + '\n' + seeds_line(report.variants.front().runs) + '\n';
  out += problems_text(report) + '\n' + std::string(first, ' ');
  for (std::size_t i = 0; i < widths.size(); ++i) out += "  " + padded(report.variants[i].label, widths[i]);
  out += '\n';
  for (const ReportRow& row : rows) {
    if (row.heading) {
      out += row.name + '\n';
      continue;
    }
    out += "  " + row.name + std::string(first - 2 - width(row.name), ' ');
    for (std::size_t i = 0; i < row.cells.size(); ++i) out += "  " + padded(row.cells[i], widths[i]);
    out += '\n';
  }
  return out;
}

}  // namespace berth
