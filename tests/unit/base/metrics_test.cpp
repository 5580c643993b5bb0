#include "berth/base/metrics.hpp"

#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/summary.h>

namespace berth {
namespace {

TEST(Metrics, SameNameAndLabelsIsTheSameSeries) {
  Metrics metrics;
  auto& a = metrics.counter("c", "help", {{"k", "1"}});
  EXPECT_EQ(&a, &metrics.counter("c", "help", {{"k", "1"}}));
  EXPECT_NE(&a, &metrics.counter("c", "help", {{"k", "2"}}));
  EXPECT_EQ(&metrics.summary("s", "help"), &metrics.summary("s", "help"));
}

TEST(Metrics, TextIsSortedByNameAndLabels) {
  Metrics metrics;
  metrics.gauge("z_gauge", "last").Set(1.5);
  metrics.counter("a_counter", "first", {{"outcome", "success"}}).Increment(3);
  metrics.counter("a_counter", "first", {{"outcome", "aborted"}});
  metrics.plain_summary("m_summary", "middle", {{"code", "200"}}).Observe(0.25);
  EXPECT_EQ(metrics.text(),
            "# HELP a_counter first\n# TYPE a_counter counter\n"
            "a_counter{outcome=\"aborted\"} 0\na_counter{outcome=\"success\"} 3\n"
            "# HELP m_summary middle\n# TYPE m_summary summary\n"
            "m_summary_count{code=\"200\"} 1\nm_summary_sum{code=\"200\"} 0.25\n"
            "# HELP z_gauge last\n# TYPE z_gauge gauge\nz_gauge 1.5\n");
}

TEST(Metrics, SummaryHasTheQuantilesOfFacts_10) {
  Metrics metrics;
  auto& summary = metrics.summary("s", "help");
  for (int i = 1; i <= 100; ++i) summary.Observe(i);
  const std::string text = metrics.text();
  for (const char* part : {"s_count 100", "s_sum 5050", "s{quantile=\"0.5\"} ", "s{quantile=\"0.9\"} ",
                           "s{quantile=\"0.95\"} ", "s{quantile=\"0.99\"} "}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Metrics, JsonOfFacts_9_3) {
  Metrics metrics;
  EXPECT_EQ(metrics.json(), "[]");
  metrics.gauge("g", "a \"gauge\"").Set(2);
  metrics.counter("c", "help", {{"b", "x"}, {"a", "y"}}).Increment();
  metrics.plain_summary("s", "help").Observe(0.5);
  EXPECT_EQ(
      metrics.json(),
      R"([{"name":"c","help":"help","type":"COUNTER","metric":[{"label":[{"name":"a","value":"y"},)"
      R"({"name":"b","value":"x"}],"counter":{"value":1}}]},)"
      R"({"name":"g","help":"a \"gauge\"","type":"GAUGE","metric":[{"gauge":{"value":2}}]},)"
      R"({"name":"s","help":"help","type":"SUMMARY","metric":[{"summary":{"sampleCount":"1","sampleSum":0.5}}]}])");
}

TEST(Metrics, JsonQuantiles) {
  Metrics metrics;
  metrics.summary("s", "help").Observe(4);
  EXPECT_EQ(metrics.json(),
            R"([{"name":"s","help":"help","type":"SUMMARY","metric":[{"summary":{"sampleCount":"1","sampleSum":4,)"
            R"("quantile":[{"quantile":0.5,"value":4},{"quantile":0.9,"value":4},{"quantile":0.95,"value":4},)"
            R"({"quantile":0.99,"value":4}]}}]}])");
}

TEST(Metrics, QuantilesOfAnEmptySummaryAreNoNumbers) {
  Metrics metrics;
  metrics.summary("s", "help");
  EXPECT_NE(metrics.text().find("s{quantile=\"0.5\"} Nan"), std::string::npos) << metrics.text();
}

}  // namespace
}  // namespace berth
