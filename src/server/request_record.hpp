#pragma once

#include <cstdint>
#include <string>

#include "berth/base/log.hpp"
#include "berth/base/runtime.hpp"

#include "requests_in_flight.hpp"

namespace berth {

/// What is told of one request: a log line `request` when it comes, a line `response` when its answer has been made or
/// streamed (facts §1.6), its times in the metrics, and its place among the requests in flight until then.
class RequestRecord {
 public:
  RequestRecord(Runtime& runtime, const Logger& log, RequestsInFlight& in_flight, const ServerRequest& request,
                const std::string& request_id);
  /// A request that was never answered (its client went away) only leaves.
  ~RequestRecord();
  RequestRecord(const RequestRecord&) = delete;
  RequestRecord& operator=(const RequestRecord&) = delete;

  /// The answer is known; its body, unless streamed.
  void answered(const ServerResponse& response);
  /// The body is complete. Without a stream: at once.
  void complete(std::size_t body_bytes);

 private:
  Runtime& runtime_;
  const Logger log_;
  RequestsInFlight& in_flight_;
  const std::string method_;
  const SteadyTime begin_;
  std::uint64_t ticket_;
  int status_ = 0;
  std::string error_body_;
  Duration to_status_{};
};

}  // namespace berth
