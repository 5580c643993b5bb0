#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/net/http_client.hpp"

#include "endpoint.hpp"

namespace berth {

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// Calls to API and management API, one at a time; blocks until each is answered. Errors say in a human's words what to
/// look at: network, timeout (nobody answers), unavailable (503), denied (the token), not_found, undecodable, failed.
class DaemonConnection {
 public:
  explicit DaemonConnection(Endpoint endpoint);
  ~DaemonConnection();
  Result<nlohmann::json> api(const std::string& method, const std::string& path, const Parameters& parameters);
  Result<nlohmann::json> manage(const std::string& method, const std::string& path, const Parameters& parameters);
  /// The body as it is.
  Result<std::string> api_text(const std::string& path, const Parameters& parameters);
  void wait(Duration duration);
  SteadyTime now() const { return runtime_.now(); }

 private:
  Result<std::string> call(const std::string& method, const std::string& base, const std::string& path,
                           const std::string& token, const Parameters& parameters);
  Endpoint endpoint_;
  RealRuntime runtime_;
  HttpClient http_;
};

/// The error that an answer other than 2xx stands for. `source`: where the token is from.
Error refusal(const HttpResponse& response, const std::string& source);

}  // namespace berth
