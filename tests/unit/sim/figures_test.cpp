#include "figures.hpp"

#include <gtest/gtest.h>

#include "cost_bound.hpp"
#include "report_table.hpp"
#include "svg_plot.hpp"
#include "time_series.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kGib = std::int64_t{1} << 30;

Cluster cluster_of_two() {
  Cluster cluster;
  const auto add = [&](const char* name, std::int64_t vcpus, std::int64_t ram, double price) {
    InstanceType& type = cluster.instance_types[name];
    type.name = type.provider_type = name;
    type.vcpus = vcpus;
    type.ram = ram;
    type.price = price;
  };
  add("small", 2, 4 * kGib, 1);
  add("large", 8, 16 * kGib, 3);
  return cluster;
}

WorkloadContainer container(std::int64_t vcpus, std::int64_t ram, Duration run_time) {
  WorkloadContainer c;
  c.constraints.vcpus = vcpus;
  c.constraints.ram = ram;
  c.run_time = run_time;
  return c;
}

/// One instance of an hour with two containers that overlap, one that nobody uses, and a container that never ran.
struct Example {
  Cluster cluster = cluster_of_two();
  Workload workload{container(1, kGib, 30min), container(2, kGib, 30min), container(64, kGib, 1min)};
  Lives lives;

  Example() {
    lives.span = 2h;
    lives.instances = {{&cluster.instance_types.at("large"), 1min, 3min, 61min},
                       {&cluster.instance_types.at("small"), 10min, std::nullopt, 10min + 10s}};
    lives.containers = {{0, 1, 0s, 5min, 35min, true, 0U},
                        {1, 1, 0s, 15min, 16min, false, 0U},
                        {1, 2, 17min, 20min, 50min, true, 0U},
                        {2, 1, 0s, std::nullopt, 2min, false, std::nullopt}};
    lives.outcomes = {SimOutcome::complete, SimOutcome::complete, SimOutcome::failed};
  }
};

TEST(Figures, OfASmallHistory) {
  const Example e;
  const SimFigures f = figures_of(e.lives, e.workload, e.cluster, {});
  EXPECT_EQ(f.containers, 3);
  EXPECT_EQ(f.complete, 2);
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.unfinished, 0);
  EXPECT_EQ(f.retries, 1);
  EXPECT_DOUBLE_EQ(f.cost, 3.0 + 1.0 / 60) << "an hour of the large one, a minute at least of the small one";
  EXPECT_DOUBLE_EQ(f.boot_cost, 3.0 * 2 / 60 + 1.0 * 10 / 3600);
  EXPECT_DOUBLE_EQ(f.idle_cost, 3.0 * (60 - 2 - 45) / 60 + 1.0 * 50 / 3600) << "busy from minute 5 to 50";
  EXPECT_EQ(f.creates, 2);
  EXPECT_EQ(f.unused, 1);
  EXPECT_EQ(f.peak_instances, 2);
  EXPECT_DOUBLE_EQ(f.makespan, 50 * 60);
  EXPECT_DOUBLE_EQ(f.types.at("large").hours, 1);
  EXPECT_DOUBLE_EQ(f.cpu_use, (30.0 * 1 + 1 * 2 + 30 * 2) / (60 * 8 + 1 * 2));
  EXPECT_EQ(f.waits.count, 3);
  EXPECT_DOUBLE_EQ(f.waits.max, 15 * 60);
  EXPECT_DOUBLE_EQ(f.waits.p50, 5 * 60);
  ASSERT_EQ(f.by_size.size(), 2U);
  EXPECT_EQ(to_string(f.by_size.begin()->first), "1 VCPU");
  EXPECT_EQ(to_string(f.by_size.rbegin()->first), "2-3 VCPUs");
  EXPECT_EQ(f.by_size.rbegin()->second.count, 2);
  EXPECT_FALSE(f.gpu_use);
}

TEST(Figures, GpusAreASizeAndAreUsed) {
  Example e;
  e.cluster.instance_types.at("large").gpu.device_count = 4;
  e.workload[0].constraints.gpu.device_count = 2;
  const SimFigures f = figures_of(e.lives, e.workload, e.cluster, {});
  ASSERT_TRUE(f.gpu_use);
  EXPECT_DOUBLE_EQ(*f.gpu_use, 30.0 * 2 / (60 * 4)) << "half an hour of two, of an hour of four";
  EXPECT_EQ(to_string(f.by_size.begin()->first), "2-3 VCPUs");
  EXPECT_EQ(to_string(f.by_size.rbegin()->first), "2-3 GPUs") << "after those without";
  EXPECT_EQ(f.by_size.rbegin()->second.count, 1);
}

TEST(Figures, WhatHasNotEndedIsPaidForToTheEnd) {
  Example e;
  e.lives.instances[0].ended.reset();
  e.lives.containers[2].ended.reset();
  e.lives.containers[2].complete = false;
  e.lives.outcomes[1] = SimOutcome::open;
  const SimFigures f = figures_of(e.lives, e.workload, e.cluster, {});
  EXPECT_EQ(f.unfinished, 1);
  EXPECT_DOUBLE_EQ(f.types.at("large").hours, 119.0 / 60);
}

TEST(Figures, PricesOfTheCloudModelCount) {
  const Example e;
  BillingModel billing;
  billing.minimum = 0s;
  billing.prices["large"] = 30;
  EXPECT_DOUBLE_EQ(figures_of(e.lives, e.workload, e.cluster, billing).cost, 30.0 + 10.0 / 3600);
}

TEST(Figures, Quantiles) {
  EXPECT_EQ(quantile({}, 0.5), 0);
  const std::vector<double> values{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 0.5), 5);
  EXPECT_EQ(quantile(values, 0.95), 10);
  EXPECT_EQ(quantile(values, 1), 10);
}

TEST(CostBound, IsWhatTheBestMixCosts) {
  const auto types = cluster_of_two().instance_types;
  const Resources half_large{4, 8 * kGib, 0, 0, 0};
  EXPECT_NEAR(cost_lower_bound({{half_large, false, 10}}, types, {}), 15, 0.01) << "two on a large one";
  const Resources thin{4, 0, 0, 0, 0};
  const Resources fat{0, 8 * kGib, 0, 0, 0};
  EXPECT_NEAR(cost_lower_bound({{thin, false, 10}, {fat, false, 10}}, types, {}), 15, 0.1)
      << "two of each share a large one";
  EXPECT_NEAR(cost_lower_bound({{half_large, false, 10}}, types, {{"large", 30}}), 150, 0.1);
  const Resources too_large{64, kGib, 0, 0, 0};
  EXPECT_EQ(cost_lower_bound({{too_large, false, 10}}, types, {}), 0);
  EXPECT_EQ(cost_lower_bound({{half_large, true, 10}}, types, {}), 0) << "no preemptible type";
  EXPECT_EQ(cost_lower_bound({}, types, {}), 0);
}

TEST(TimeSeries, CountsAtEachMoment) {
  const Example e;
  const TimeSeries s = time_series(e.lives, {}, 25);
  EXPECT_EQ(s.step, 5min);
  ASSERT_EQ(s.waiting.size(), 25U);
  EXPECT_EQ(s.waiting[0], 3);
  EXPECT_EQ(s.waiting[1], 1) << "one runs from minute 5 on, one has failed";
  EXPECT_EQ(s.running[1], 1);
  EXPECT_EQ(s.running[5], 2);
  EXPECT_EQ(s.running[24], 0);
  EXPECT_EQ(s.instances[2], 2);
  EXPECT_DOUBLE_EQ(s.cost_per_hour[2], 4);
  EXPECT_EQ(s.instances[13], 0);
  EXPECT_EQ(round_step(24h, 600), 5min);
  EXPECT_EQ(round_step(10s, 600), 1s);
  EXPECT_GE(round_step(24h * 366, 600) * 600, Duration(24h * 366));
  const std::string csv = time_series_csv(s, {{"config", "a,\"b\""}}, {"large", "x"}, true);
  EXPECT_TRUE(
      csv.starts_with("config,seconds,waiting,running,instances,cost_per_hour,large,x\n"
                      "\"a,\"\"b\"\"\",0,3,0,0,0,0,0\n"))
      << csv;
}

TEST(SvgPlot, EscapesAndStaysInside) {
  Plot plot;
  plot.title = "<script>\"'&\x01";
  plot.lines = {{"</svg>", {0, 50, 100}, {0, 7, 3}}};
  const std::string svg = svg_plot(plot);
  EXPECT_EQ(svg.find("<script"), std::string::npos);
  EXPECT_NE(svg.find("&lt;script&gt;&quot;&#39;&amp;\xEF\xBF\xBD"), std::string::npos);
  EXPECT_EQ(svg.find("</svg>"), svg.rfind("</svg>"));
  EXPECT_NE(svg.find("points=\"66.0,224.0 "), std::string::npos) << svg;
  plot.lines.clear();
  EXPECT_TRUE(svg_plot(plot).ends_with("</svg>\n")) << "nothing to draw";
  plot.stacked = true;
  plot.lines = {{"a", {0, 1}, {1, 1}}, {"b", {0, 1}, {2, 2}}};
  EXPECT_NE(svg_plot(plot).find("area series-2"), std::string::npos);
}

TEST(SvgPlot, Ticks) {
  EXPECT_EQ(axis_ticks(4.2, AxisUnit::count), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(axis_ticks(0, AxisUnit::count), (std::vector<double>{0, 1}));
  EXPECT_EQ(axis_ticks(86400, AxisUnit::time).at(1), 10800);
  EXPECT_LT(axis_ticks(1e12, AxisUnit::time).size(), 20U);
  EXPECT_EQ(axis_label(21600, AxisUnit::time), "6 h");
  EXPECT_EQ(axis_label(172800, AxisUnit::time), "2 d");
  EXPECT_EQ(axis_label(0.25, AxisUnit::percent), "25 %");
  EXPECT_EQ(axis_label(25000, AxisUnit::count), "25k");
}

TEST(ReportTable, Numbers) {
  EXPECT_EQ(format_seconds(0), "0 s");
  EXPECT_EQ(format_seconds(0.95), "950 ms");
  EXPECT_EQ(format_seconds(12.34), "12.3 s");
  EXPECT_EQ(format_seconds(250), "4 min 10 s");
  EXPECT_EQ(format_seconds(7500), "2 h 05 min");
  EXPECT_EQ(format_seconds(100 * 3600), "4 d 4 h");
}

TEST(Report, NamesWhatItGot) {
  const Example e;
  WhatIfReport report;
  report.workload = "<b>";
  for (const char* label : {"a&b.yml", "c.yml"}) {
    RunReport run;
    run.seed = 1;
    run.figures = figures_of(e.lives, e.workload, e.cluster, {});
    run.series = time_series(e.lives, {}, 25);
    run.waits = sorted_waits(e.lives);
    report.variants.push_back({label, {run, run}});
  }
  report.variants[1].runs[1].figures.cost = 1234567.891;
  const std::string text = report_text(report);
  EXPECT_NE(text.find("($3.02 to $1,234,567.89)"), std::string::npos) << text;
  const std::string html = report_html(report);
  EXPECT_EQ(html.find("<b>"), std::string::npos);
  EXPECT_NE(html.find("a&amp;b.yml"), std::string::npos);
  for (const char* asset : {"http:", "https:", "<script", "src=", "url(", "@import"})
    EXPECT_EQ(html.find(asset), std::string::npos) << asset;
  EXPECT_EQ(report_csv(report).find("config,seed,seconds"), 0U);
}

}  // namespace
}  // namespace berth
