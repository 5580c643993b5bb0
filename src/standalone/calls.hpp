#pragma once

#include <atomic>
#include <memory>

#include "berth/base/log.hpp"
#include "berth/base/runtime.hpp"
#include "berth/net/http_server.hpp"
#include "berth/standalone/server.hpp"

#include "logs.hpp"
#include "params.hpp"
#include "route.hpp"
#include "store.hpp"

namespace berth {

/// What the calls of the API share; outlives every call.
struct ApiContext {
  ApiContext(Runtime& runtime, Logger logger, const StandaloneOptions& options);
  Runtime& runtime;
  Logger log;
  std::shared_ptr<Store> store;
  LogStore logs;
  std::atomic<int> event_sessions = 0;
  std::atomic<int> tokenless_sessions = 0;  ///< of these, those that did not show the token
  Signal activity;  ///< raised when any log grew or any record changed: those who follow a log look again
};

using Answer = Result<ServerResponse>;
using ApiContextPtr = std::shared_ptr<ApiContext>;

/// Authenticates, routes and answers one request; never fails.
awaitable<ServerResponse> answer_request(ApiContextPtr api, ServerRequest request);

/// Calls on containers and container requests. Errors as facts §2.4. Large requests are decoded beside the event loop.
awaitable<Answer> answer_record_call(ApiContextPtr api, Route route, ServerRequest request);

/// `GET|POST /berth/v1/containers/UUID/log`. `params`: those of the query; the body is a piece of the log.
awaitable<Answer> answer_log_call(ApiContextPtr api, Route route, Params params, std::string method, std::string body);

}  // namespace berth
