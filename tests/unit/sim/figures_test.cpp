#include "figures.hpp"

#include <gtest/gtest.h>

#include "cost_bound.hpp"
#include "plural.hpp"
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
    lives.containers = {{0, 1, 0s, 5min, 35min, true, 0U, {}},
                        {1, 1, 0s, 15min, 16min, false, 0U, {}},
                        {1, 2, 17min, 20min, 50min, true, 0U, {}},
                        {2, 1, 0s, std::nullopt, 2min, false, std::nullopt, {}}};
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
  EXPECT_DOUBLE_EQ(f.makespan.value(), 50 * 60);
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
  const std::string csv = time_series_csv(s, {{"config", "a,\"b\""}}, {"large", "x"}, "no, \"never\"", true);
  EXPECT_TRUE(
      csv.starts_with("config,seconds,waiting,running,instances,cost_per_hour,large,x,remark\n"
                      "\"a,\"\"b\"\"\",0,3,0,0,0,0,0,\"no, \"\"never\"\"\"\n"
                      "\"a,\"\"b\"\"\",300,1,1,1,3,1,0,\n"))
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

TEST(SvgPlot, PlotsThatAreComparedHaveTheSameAxes) {
  Plot low;
  low.stacked = true;
  low.lines = {{"a", {0, 100}, {1, 2}}, {"b", {0, 100}, {1, 2}}};
  Plot high = low;
  high.lines = {{"a", {0, 50}, {30, 40}}, {"b", {0, 50}, {30, 40}}};
  const auto axes = [](Plot plot) {
    plot.lines.clear();
    return svg_plot(plot);
  };
  std::vector<Plot> plots{low, high};
  share_axes(plots);
  EXPECT_EQ(axes(plots[0]), axes(plots[1]));
  EXPECT_NE(axes(plots[0]), axes(low));
  EXPECT_EQ(plots[0].x_end, 100);
  EXPECT_EQ(plots[0].y_end, 80) << "one upon the other";
  EXPECT_NE(svg_plot(plots[1]).find(">90 s</text>"), std::string::npos) << "though its lines end at 50";
}

TEST(SvgPlot, Ticks) {
  EXPECT_EQ(axis_ticks(4.2, AxisUnit::count), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(axis_ticks(0, AxisUnit::count), (std::vector<double>{0, 1}));
  EXPECT_EQ(axis_ticks(86400, AxisUnit::time).at(1), 10800);
  EXPECT_LT(axis_ticks(1e12, AxisUnit::time).size(), 20U);
  EXPECT_EQ(axis_label(21600, AxisUnit::time), "6 h");
  EXPECT_EQ(axis_label(172800, AxisUnit::time), "2 d");
  EXPECT_EQ(axis_label(86400, AxisUnit::time, 21600), "24 h") << "between 18 h and 30 h";
  EXPECT_EQ(axis_label(129600, AxisUnit::time, 43200), "1.5 d");
  EXPECT_EQ(axis_label(5400, AxisUnit::time, 900), "90 min");
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

TEST(Plural, NumbersAndNouns) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(-1000), "-1,000");
  EXPECT_EQ(with_commas(-123), "-123");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
  EXPECT_EQ(plural(1, "container"), "1 container");
  EXPECT_EQ(plural(0, "container"), "0 containers");
  EXPECT_EQ(plural(2000, "container"), "2,000 containers");
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
  EXPECT_EQ(report_csv(report).find("config,seed,outcome,seconds"), 0U);
  EXPECT_EQ(text.find("outcome"), std::string::npos) << "all became complete";
  EXPECT_EQ(html.find("class=\"problems\""), std::string::npos);
}

/// Of one history under one configuration.
WhatIfReport report_of(const SimFigures& figures) {
  WhatIfReport report;
  RunReport run;
  run.figures = figures;
  report.variants.push_back({"c.yml", {run}});
  return report;
}

/// The names of the rows that begin so.
std::vector<std::string> names_of_rows(const WhatIfReport& report, std::string_view beginning) {
  std::vector<std::string> names;
  for (const ReportRow& row : report_rows(report))
    if (row.name.starts_with(beginning)) names.push_back(row.name);
  return names;
}

TEST(Report, ShowsNoMakespanIfNothingEnded) {
  Example e;
  for (ContainerLife& life : e.lives.containers) life.ended.reset();
  const SimFigures f = figures_of(e.lives, e.workload, e.cluster, {});
  EXPECT_FALSE(f.makespan);
  for (const ReportRow& row : report_rows(report_of(f)))
    if (row.name == "makespan") EXPECT_EQ(row.cells, std::vector<std::string>{"-"});
}

TEST(Report, ListsInstanceTypesByWhatIsBilledThenByName) {
  Example e;
  SimFigures f = figures_of(e.lives, e.workload, e.cluster, {.prices = {{"large", 2.5}}});
  EXPECT_DOUBLE_EQ(f.types.at("large").price, 2.5);
  EXPECT_DOUBLE_EQ(f.types.at("small").price, 1);
  f.types = {{"c16", {1, 1, 16, 16}}, {"c2", {1, 1, 2, 2}}, {"c4", {1, 1, 4, 4}}, {"a4", {1, 1, 4, 4}}};
  EXPECT_EQ(names_of_rows(report_of(f), "of type "),
            (std::vector<std::string>{"of type c2", "of type a4", "of type c4", "of type c16"}));
}

TEST(Report, KeepsNumbersAndUnitsTogetherInItsPage) {
  const Example e;
  WhatIfReport report = report_of(figures_of(e.lives, e.workload, e.cluster, {}));
  report.variants[0].runs.push_back(report.variants[0].runs[0]);
  report.variants[0].runs[1].figures.instance_hours = 3;
  const std::string html = report_html(report);
  EXPECT_NE(html.find("<td>5\u00A0min\u00A000\u00A0s\u00A0/ 15\u00A0min\u00A000\u00A0s\u00A0/ 15\u00A0min"), html.npos)
      << html;
  EXPECT_NE(html.find("<td>2.0\u00A0h (1.0\u00A0h to 3.0\u00A0h)</td>"), html.npos) << html;
  EXPECT_EQ(report_text(report).find("\u00A0"), std::string::npos);
}

/// What a workload of three says of the example, with a reason for each that failed.
WorkloadSource source_of(const Example& e) {
  WorkloadSource source;
  source.containers = e.workload;
  source.names = {"one", "two", "three"};
  return source;
}

TEST(OutcomeText, SaysWhyContainersFailed) {
  Example e;
  e.lives.containers[3].error = "needs 64 VCPUs; configured: large, small";
  e.lives.containers[3].attempt = 3;
  e.lives.outcomes[1] = SimOutcome::failed;
  const auto problems = problems_of(e.lives, source_of(e));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].kind, SimProblem::Kind::failed);
  EXPECT_EQ(describe(problems[0], 1),
            "2 of 3 containers failed\n"
            "   given up, since what they come after, or their supervisor, failed: 'two'\n"
            "   needs 64 VCPUs (tried 3 times): 'three'");
}

TEST(OutcomeText, SaysWhatIsStuck) {
  Example e;
  e.lives.outcomes = {SimOutcome::open, SimOutcome::open, SimOutcome::complete};
  e.lives.stuck = {{1, "cluster-capacity"}};
  e.lives.creates_refused = 1234;
  e.lives.last_refusal = "no more";
  const auto problems = problems_of(e.lives, source_of(e));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(describe(problems[0]),
            "nothing moves any more after 2h: 1 container can never run, and 1 more is still to end\n"
            "  cluster-capacity, there is no room for them, and no instance may be created: 'two'\n"
            "  instances created: 2, of them booted: 1; creates refused: 1,234, the last one: no more");
}

TEST(OutcomeText, SaysThatTimeIsUp) {
  Example e;
  e.lives.outcomes.assign(3, SimOutcome::open);
  e.lives.containers = {{0, 1, 0s, 5min, std::nullopt, false, 0U, {}}, {1, 1, 0s, {}, {}, false, {}, {}}};
  const auto problems = problems_of(e.lives, source_of(e));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(describe(problems[0]),
            "3 of 3 containers had not ended when time was up (--limit)\n"
            "  running: 1, waiting: 1, not submitted yet: 1");
  e.lives.outcomes.assign(3, SimOutcome::complete);
  EXPECT_TRUE(problems_of(e.lives, source_of(e)).empty());
}

TEST(OutcomeText, NamesAFewAndCountsTheOthers) {
  Example e;
  WorkloadSource source;
  e.lives.outcomes.assign(1007, SimOutcome::failed);
  e.lives.containers.clear();
  for (std::uint32_t i = 0; i < 1007; ++i) {
    source.names.push_back("c" + std::to_string(i));
    ContainerLife life;
    life.workload_index = i;
    life.error = i < 1000 ? "the same" : "reason " + std::to_string(i);
    e.lives.containers.push_back(life);
  }
  const std::string text = describe(problems_of(e.lives, source).at(0));
  EXPECT_TRUE(
      text.starts_with("1,007 of 1,007 containers failed\n  the same: 'c0', 'c1', 'c2', 'c3', 'c4' and 995 more\n"
                       "  reason 1000: 'c1000'\n"))
      << text;
  EXPECT_TRUE(text.ends_with("\n  other reasons: 3 containers")) << text;
}

TEST(Report, SaysInEachFormThatNotAllBecameComplete) {
  const Example e;
  WhatIfReport report;
  for (const char* label : {"good.yml", "bad.yml"}) {
    RunReport run;
    run.seed = 1;
    run.figures = figures_of(e.lives, e.workload, e.cluster, {});
    run.series = time_series(e.lives, {}, 25);
    report.variants.push_back({label, {run, run}});
  }
  report.variants[1].runs[1].seed = 2;
  report.variants[1].runs[1].problems = {{SimProblem::Kind::failed, "1 of 3 containers failed", {"too <large>: 'x'"}},
                                         {SimProblem::Kind::stuck, "nothing moves", {"no room", "none booted"}}};
  const std::string text = report_text(report);
  EXPECT_NE(text.find("\nNot all containers became complete; the figures are of what ran\n"
                      "  bad.yml: seed 2: 1 of 3 containers failed\n    too <large>: 'x'\n"
                      "  bad.yml: seed 2: nothing moves\n    no room\n    none booted\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("all complete"), std::string::npos) << text;
  EXPECT_NE(text.find("  failed in 1 of 2, stuck in 1 of 2\n"), std::string::npos) << text;
  const std::string html = report_html(report);
  EXPECT_LT(html.find("too &lt;large&gt;"), html.find("<table>"));
  EXPECT_NE(html.find("<td class=\"alarm\">failed in 1 of 2"), std::string::npos);
  const std::string csv = report_csv(report);
  EXPECT_NE(csv.find("\ngood.yml,1,complete,0,"), std::string::npos) << csv;
  EXPECT_NE(csv.find("\nbad.yml,2,failed+stuck,0,"), std::string::npos) << csv;
  EXPECT_NE(csv.find(",1 of 3 containers failed: too <large>: 'x'. nothing moves: no room; none booted\n"),
            std::string::npos)
      << csv;
}

}  // namespace
}  // namespace berth
