#pragma once

#include <map>
#include <memory>
#include <string>

namespace prometheus {
class Counter;
class Gauge;
class Summary;
}  // namespace prometheus

namespace berth {

using MetricLabels = std::map<std::string, std::string>;

/// The registry: each room asks once for the metrics it sets and keeps the references, which live as long as the
/// registry. Asking for an existing name with other labels adds a series; names and meanings: facts §10. Thread-safe.
class Metrics {
 public:
  enum class Quantiles { kept, dropped };
  /// `dropped`: summary() is as plain_summary(); for where nobody reads them, as they cost time.
  explicit Metrics(Quantiles quantiles = Quantiles::kept);
  ~Metrics();
  prometheus::Counter& counter(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  prometheus::Gauge& gauge(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  /// With quantiles 0.5, 0.9, 0.95, 0.99 over a sliding window of 10 minutes (facts §10).
  prometheus::Summary& summary(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  /// Only `_sum` and `_count`.
  prometheus::Summary& plain_summary(const std::string& name, const std::string& help, const MetricLabels& labels = {});

  /// Prometheus text format.
  std::string text() const;
  /// JSON array of metric families in protobuf-JSON form (facts §9.3).
  std::string json() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth
