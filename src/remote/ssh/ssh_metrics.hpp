#pragma once

#include "berth/base/metrics.hpp"
#include "berth/base/result.hpp"

namespace berth {

/// What all SSH executors together show.
class SshMetrics {
 public:
  explicit SshMetrics(Metrics& metrics);
  void connected(double seconds);
  /// A connection attempt failed.
  void not_connected(ErrorKind kind);
  void sessions(int change);
  void waiting(int change);
  void command_ended();
  void command_failed(ErrorKind kind);

 private:
  Metrics& metrics_;
  prometheus::Summary& connect_seconds_;
  prometheus::Gauge& sessions_;
  prometheus::Gauge& waiting_;
  prometheus::Counter& commands_;
};

}  // namespace berth
