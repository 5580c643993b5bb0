#pragma once

#include <functional>
#include <memory>

#include "berth/arvados/container_api.hpp"
#include "berth/base/log.hpp"
#include "berth/base/runtime.hpp"
#include "berth/net/http_client.hpp"

namespace berth {

struct ArvadosClientOptions {
  std::string base_url;               ///< `scheme://host[:port]`, with or without a final `/`
  std::string token;                  ///< secret
  std::int64_t max_concurrency = 16;  ///< cap of the adaptive limiter: API.MaxConcurrentRequests / 4
  Duration call_deadline = std::chrono::minutes(1);
  /// Asked when a call that changes something has its turn and is about to be sent; no: `unavailable`. Empty: always.
  std::function<bool()> may_act;
};

/// The REST client (facts §2.1): form-encoded parameters, GET-as-POST over 1000 bytes, request ids, the adaptive
/// concurrency limiter, typed errors. Thread-safe.
std::unique_ptr<ContainerApi> make_arvados_client(Runtime& runtime, Logger log, HttpClient& http,
                                                  ArvadosClientOptions options);

}  // namespace berth
