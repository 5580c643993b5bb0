#pragma once

#include <memory>
#include <string>

#include "berth/base/metrics.hpp"
#include "berth/config/cluster.hpp"
#include "berth/dispatcher/dispatcher.hpp"
#include "berth/net/http_server.hpp"

namespace berth {

/// Management API, health and metrics (facts §9, §10) as one request handler for an HttpServer.
class ManagementServer {
 public:
  ManagementServer(Runtime& runtime, Logger log, Metrics& metrics, Dispatcher& dispatcher, const Cluster& cluster);
  ~ManagementServer();
  RequestHandler handler();
  /// Gives answers that the HTTP server makes itself what all have: a request id, lines in the log, times in the
  /// metrics.
  OwnAnswerHook own_answers();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth
