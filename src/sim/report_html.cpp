#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <map>

#include "report.hpp"
#include "report_table.hpp"
#include "svg_plot.hpp"

namespace berth {
namespace {

constexpr std::size_t kColours = 8;  // the last one is for what is left over

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>berth-sim</title>
<style>
:root { color-scheme: light dark; --page: #fbfbfa; --ink: #1c1c1a; --soft: #5d5d58; --rule: #dcdcd6; --alarm: #b3261e;
  --c1: #0067a8; --c2: #c8511b; --c3: #00855f; --c4: #a8498a; --c5: #b47d00; --c6: #3a9bd6; --c7: #6b4fa0; --c8: #8a8a84; }
@media (prefers-color-scheme: dark) { :root { --page: #191918; --ink: #ecece8; --soft: #a5a59e; --rule: #3a3a37; --alarm: #ff8a80;
  --c1: #5aaee8; --c2: #f08a55; --c3: #3cc79c; --c4: #dd8fc3; --c5: #e0b040; --c6: #9bd3f5; --c7: #b59ae6; --c8: #8f8f88; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 62rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; }
h2 { font-size: 1.1rem; margin: 2.4rem 0 .4rem; }
p { margin: .3rem 0; color: var(--soft); overflow-wrap: anywhere; }
svg { display: block; width: 100%; min-width: 34rem; height: auto; font-size: 12px; }
svg text { fill: var(--soft); }
.axis { stroke: var(--soft); } .grid { stroke: var(--rule); }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.area { stroke: var(--page); stroke-width: .6; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .2rem 0; padding: 0; list-style: none; font-size: .9rem; }
.legend li { overflow-wrap: anywhere; }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .4em; border-radius: 2px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .18rem 1.2rem .18rem 0; text-align: left; font-weight: normal; }
td, thead th { text-align: right; }
thead th:first-child { text-align: left; }
thead th { font-weight: 600; overflow-wrap: anywhere; }
tbody tr + tr:not(.group) > * { border-top: 1px solid var(--rule); }
.problems { margin: 1.2rem 0; padding: .1rem 1rem .6rem; border: 1px solid var(--alarm); border-left-width: .4rem; }
.problems h2 { margin: .6rem 0 .2rem; color: var(--alarm); }
.problems ul { margin: 0; padding-left: 1.2rem; } .problems li { overflow-wrap: anywhere; }
.problems small { color: var(--soft); }
td.alarm { color: var(--alarm); font-weight: 600; }
.group th { padding-top: 1rem; font-weight: 600; }
)";

std::string style_of_colours() {
  std::string out;
  for (std::size_t i = 1; i <= kColours; ++i)
    out += fmt::format(".line.series-{0} {{ stroke: var(--c{0}); }} .area.series-{0} {{ fill: var(--c{0}); }}\n", i);
  return out + "</style>\n</head>\n<body>\n";
}

std::string legend(const Plot& plot) {
  if (plot.lines.size() < 2 && !plot.stacked) return "";
  std::string out = "<ul class=\"legend\">";
  for (std::size_t i = 0; i < plot.lines.size(); ++i)
    out += fmt::format("<li><i style=\"background: var(--c{})\"></i>{}</li>", i + 1, escape_html(plot.lines[i].name));
  return out + "</ul>\n";
}

std::string section(const Plot& plot, std::string_view remark = "") {
  std::string out = "<h2>" + escape_html(plot.title) + "</h2>\n";
  if (!remark.empty()) out += "<p>" + escape_html(remark) + "</p>\n";
  return out + legend(plot) + "<div class=\"scroll\">" + svg_plot(plot) + "</div>\n";
}

std::vector<double> times(const TimeSeries& series) {
  const double step = std::chrono::duration<double>(series.step).count();
  std::vector<double> x;
  for (std::size_t i = 0; i < series.waiting.size(); ++i) x.push_back(static_cast<double>(i) * step);
  return x;
}

Plot over_time(const WhatIfReport& report, std::string title, std::string y_name, AxisUnit unit,
               const std::vector<double> TimeSeries::*values) {
  Plot plot;
  plot.title = std::move(title);
  plot.x_name = "time since the first submission";
  plot.y_name = std::move(y_name);
  plot.y_unit = unit;
  for (const VariantReport& variant : report.variants) {
    const TimeSeries& series = variant.runs.front().series;
    plot.lines.push_back({variant.label, times(series), series.*values});
  }
  return plot;
}

/// Types by the hours of all that the plots show, most first: each has one colour in all of them.
std::vector<std::string> types_by_use(const WhatIfReport& report) {
  std::map<std::string, double> hours;
  for (const VariantReport& variant : report.variants)
    for (const auto& [name, values] : variant.runs.front().series.by_type)
      if (const auto& types = variant.runs.front().figures.types; types.contains(name))
        hours[name] += types.at(name).hours;
  std::vector<std::string> names;
  for (const auto& [name, sum] : hours) names.push_back(name);
  std::ranges::stable_sort(names, std::greater<>(), [&](const std::string& name) { return hours[name]; });
  return names;
}

/// Instances by type; those types that were used least are one area.
Plot types_over_time(const VariantReport& variant, const std::vector<std::string>& types, bool alone) {
  const RunReport& run = variant.runs.front();
  Plot plot;
  plot.title = alone ? "Instances by type" : "Instances by type: " + variant.label;
  plot.x_name = "time since the first submission";
  plot.y_name = "instances";
  plot.stacked = true;
  const std::size_t single = types.size() <= kColours ? types.size() : kColours - 1;
  const std::vector<double> x = times(run.series);
  for (std::size_t i = 0; i < single; ++i) plot.lines.push_back({types[i], x, std::vector<double>(x.size())});
  if (single < types.size())
    plot.lines.push_back({fmt::format("{} other types", types.size() - single), x, std::vector<double>(x.size())});
  for (const auto& [name, values] : run.series.by_type) {
    const auto place = static_cast<std::size_t>(std::ranges::find(types, name) - types.begin());
    if (plot.lines.empty()) continue;
    std::vector<double>& sum = plot.lines[std::min(place, plot.lines.size() - 1)].y;
    for (std::size_t k = 0; k < values.size(); ++k) sum[k] += values[k];
  }
  return plot;
}

/// One for each configuration, to be compared.
std::vector<Plot> types_plots(const WhatIfReport& report) {
  const std::vector<std::string> types = types_by_use(report);
  std::vector<Plot> plots;
  for (const VariantReport& variant : report.variants)
    plots.push_back(types_over_time(variant, types, report.variants.size() == 1));
  share_axes(plots);
  return plots;
}

Plot waits_plot(const WhatIfReport& report) {
  constexpr std::size_t points = 400;
  Plot plot;
  plot.title = "Wait";
  plot.x_name = "wait, at most";
  plot.y_name = "share of containers";
  plot.y_unit = AxisUnit::percent;
  plot.log_x = true;
  for (const VariantReport& variant : report.variants) {
    const std::vector<double>& waits = variant.runs.front().waits;
    PlotLine line{variant.label, {}, {}};
    for (std::size_t i = 0; i <= points && !waits.empty(); ++i) {
      const double share = static_cast<double>(i) / points;
      line.x.push_back(std::max(1.0, quantile(waits, share)));
      line.y.push_back(share);
    }
    plot.lines.push_back(std::move(line));
  }
  return plot;
}

/// `12.3 s / 4 min 10 s` may break after the slash, `$3 ($2 to $4)` before the bracket and around the word; a number
/// and its unit stay together.
std::string with_whole_figures(std::string_view cell) {
  std::string out;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const std::string_view before = cell.substr(0, i);
    const std::string_view after = cell.substr(i + 1);
    const bool may_break =
        before.ends_with("/") || before.ends_with(" to") || after.starts_with("to ") || after.starts_with("(");
    out += cell[i] != ' ' || may_break ? std::string(1, cell[i]) : "\u00A0";
  }
  return out;
}

std::string table(const WhatIfReport& report) {
  std::string out = "<h2>Figures</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th></th>";
  for (const VariantReport& variant : report.variants) out += "<th>" + escape_html(variant.label) + "</th>";
  out += "</tr></thead>\n<tbody>\n";
  for (const ReportRow& row : report_rows(report)) {
    if (row.heading) {
      out += fmt::format("<tr class=\"group\"><th colspan=\"{}\">{}</th></tr>\n", 1 + report.variants.size(),
                         escape_html(row.name));
      continue;
    }
    out += "<tr><th>" + escape_html(row.name) + "</th>";
    for (const std::string& cell : row.cells)
      out += row.alarm ? "<td class=\"alarm\">" + escape_html(cell) + "</td>"
                       : "<td>" + escape_html(with_whole_figures(cell)) + "</td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

/// What a reader must know before the figures; empty if all is well.
std::string problems_box(const WhatIfReport& report) {
  const std::vector<SimProblem> problems = report_problems(report);
  if (problems.empty()) return "";
  std::string out = "<section class=\"problems\">\n<h2>" + escape_html(kNotAllComplete) + "</h2>\n<ul>\n";
  for (const SimProblem& problem : problems) {
    out += "<li>" + escape_html(problem.what);
    for (const std::string& line : problem.why) out += "<br><small>" + escape_html(line) + "</small>";
    out += "</li>\n";
  }
  return out + "</ul>\n</section>\n";
}

std::string seeds_text(const std::vector<RunReport>& runs) {
  if (runs.size() == 1) return fmt::format("One history, of seed {}.", runs.front().seed);
  return fmt::format(
      "{} histories, of seeds {} to {}: figures are means, with the least and the most in brackets; plots show seed "
      "{}.",
      runs.size(), runs.front().seed, runs.back().seed, runs.front().seed);
}

}  // namespace

std::string report_html(const WhatIfReport& report) {
  std::string out(kHead);
  out += style_of_colours() + "<h1>What if?</h1>\n";
  out += "<p>Workload: " + escape_html(report.workload) + ".</p>\n";
  out += "<p>" + escape_html(seeds_text(report.variants.front().runs)) + "</p>\n";
  out += problems_box(report) + table(report);
  out += section(over_time(report, "Queue", "containers waiting", AxisUnit::count, &TimeSeries::waiting));
  out += section(over_time(report, "Running", "containers running", AxisUnit::count, &TimeSeries::running));
  for (const Plot& plot : types_plots(report)) out += section(plot);
  out += section(over_time(report, "Cost per hour", "$ per hour", AxisUnit::dollars, &TimeSeries::cost_per_hour),
                 "Of the instances that exist at the time.");
  out += section(waits_plot(report), "From the submission until the container runs; logarithmic.");
  return out + "</body>\n</html>\n";
}

}  // namespace berth
