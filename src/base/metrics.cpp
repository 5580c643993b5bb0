#include "berth/base/metrics.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>
#include <prometheus/text_serializer.h>
#include <vector>

#include "json_text.hpp"

namespace berth {

namespace {
using Families = std::vector<prometheus::MetricFamily>;
using prometheus::ClientMetric;
using prometheus::MetricType;

constexpr std::chrono::minutes summary_window{10};
constexpr int summary_age_buckets = 5;
// Of a summary without quantiles; what it keeps of a window nobody reads, and a long one costs time.
constexpr std::chrono::seconds no_window{5};

const prometheus::Summary::Quantiles& quantiles() {
  static const prometheus::Summary::Quantiles wanted{{0.5, 0.05}, {0.9, 0.01}, {0.95, 0.005}, {0.99, 0.001}};
  return wanted;
}

/// Families by name, series by labels: the order does not depend on who registered first.
Families collect_sorted(const prometheus::Registry& registry) {
  Families families = registry.Collect();
  std::sort(families.begin(), families.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (auto& family : families) {
    std::sort(family.metric.begin(), family.metric.end(),
              [](const auto& a, const auto& b) { return a.label < b.label; });
  }
  return families;
}

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "COUNTER";
    case MetricType::Gauge:
      return "GAUGE";
    case MetricType::Summary:
      return "SUMMARY";
    default:
      return "UNTYPED";
  }
}

void append_labels(std::string& out, const std::vector<ClientMetric::Label>& labels) {
  out += R"("label":[)";
  for (const auto& label : labels) {
    if (&label != &labels.front()) out += ',';
    out += R"({"name":)";
    append_json_string(out, label.name);
    out += R"(,"value":)";
    append_json_string(out, label.value);
    out += '}';
  }
  out += ']';
}

void append_value(std::string& out, std::string_view kind, double value) {
  out += fmt::format(R"("{}":{{"value":)", kind);
  append_json_number(out, value);
  out += '}';
}

void append_summary(std::string& out, const ClientMetric::Summary& summary) {
  out += fmt::format(R"("summary":{{"sampleCount":"{}","sampleSum":)", summary.sample_count);
  append_json_number(out, summary.sample_sum);
  if (!summary.quantile.empty()) {
    out += R"(,"quantile":[)";
    for (const auto& quantile : summary.quantile) {
      if (&quantile != &summary.quantile.front()) out += ',';
      out += R"({"quantile":)";
      append_json_number(out, quantile.quantile);
      out += R"(,"value":)";
      append_json_number(out, quantile.value);
      out += '}';
    }
    out += ']';
  }
  out += '}';
}

void append_metric(std::string& out, MetricType type, const ClientMetric& metric) {
  out += '{';
  if (!metric.label.empty()) {
    append_labels(out, metric.label);
    out += ',';
  }
  if (type == MetricType::Counter) {
    append_value(out, "counter", metric.counter.value);
  } else if (type == MetricType::Summary) {
    append_summary(out, metric.summary);
  } else {
    append_value(out, "gauge", metric.gauge.value);
  }
  out += '}';
}

void append_family(std::string& out, const prometheus::MetricFamily& family) {
  out += R"({"name":)";
  append_json_string(out, family.name);
  out += R"(,"help":)";
  append_json_string(out, family.help);
  out += fmt::format(R"(,"type":"{}","metric":[)", type_name(family.type));
  for (const auto& metric : family.metric) {
    if (&metric != &family.metric.front()) out += ',';
    append_metric(out, family.type, metric);
  }
  out += "]}";
}
}  // namespace

struct Metrics::Impl {
  explicit Impl(Quantiles q) : quantiles(q) {}
  prometheus::Registry registry;
  const Quantiles quantiles;
};

Metrics::Metrics(Quantiles quantiles) : impl_(std::make_unique<Impl>(quantiles)) {}
Metrics::~Metrics() = default;

prometheus::Counter& Metrics::counter(const std::string& name, const std::string& help, const MetricLabels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry).Add(labels);
}

prometheus::Gauge& Metrics::gauge(const std::string& name, const std::string& help, const MetricLabels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry).Add(labels);
}

prometheus::Summary& Metrics::summary(const std::string& name, const std::string& help, const MetricLabels& labels) {
  if (impl_->quantiles == Quantiles::dropped) return plain_summary(name, help, labels);
  return prometheus::BuildSummary()
      .Name(name)
      .Help(help)
      .Register(impl_->registry)
      .Add(labels, quantiles(), summary_window, summary_age_buckets);
}

prometheus::Summary& Metrics::plain_summary(const std::string& name, const std::string& help,
                                            const MetricLabels& labels) {
  return prometheus::BuildSummary()
      .Name(name)
      .Help(help)
      .Register(impl_->registry)
      .Add(labels, prometheus::Summary::Quantiles{}, no_window, 1);
}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(collect_sorted(impl_->registry));
}

std::string Metrics::json() const {
  std::string out = "[";
  for (const auto& family : collect_sorted(impl_->registry)) {
    if (out.size() > 1) out += ',';
    append_family(out, family);
  }
  out += ']';
  return out;
}

}  // namespace berth
