#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "berth/base/metrics.hpp"
#include "berth/base/runtime.hpp"
#include "berth/net/http_server.hpp"

namespace berth {

/// Requests that are being answered: `/_inspect/requests` (facts §9.3), their greatest age (§10), and the counts and
/// times of those that ended. Thread-safe.
class RequestsInFlight {
 public:
  RequestsInFlight(Runtime& runtime, Metrics& metrics);

  std::uint64_t enter(const ServerRequest& request, const std::string& request_id);
  void leave(std::uint64_t ticket);
  /// The body of `/_inspect/requests`: the youngest first.
  std::string json() const;
  /// Sets the age metrics; called when they are read.
  void show_ages() const;
  /// `request_duration_seconds` and `time_to_status_seconds`.
  void observe(const std::string& method, int status, Duration to_status, Duration total) const;

 private:
  struct Entry {
    std::string id, method, host, url, remote, forwarded;
    SteadyTime begin;
  };

  Runtime& runtime_;
  Metrics& metrics_;
  prometheus::Gauge& max_age_;
  mutable std::mutex mutex_;  // guards what follows
  std::uint64_t tickets_ = 0;
  std::map<std::uint64_t, Entry> entries_;  // in order of arrival
};

/// The query with the value of `api_token` taken out, for logs.
std::string masked_query(const std::string& query);

}  // namespace berth
