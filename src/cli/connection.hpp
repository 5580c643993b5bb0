#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/net/http_client.hpp"

namespace berth {

/// Where the daemon is and how to prove who asks: from the environment, else from a standalone daemon's `env` file.
struct Endpoint {
  std::string api_url;           ///< BERTH_API_URL, or https://ARVADOS_API_HOST
  std::string api_token;         ///< ARVADOS_API_TOKEN; secret
  std::string management_url;    ///< BERTH_URL
  std::string management_token;  ///< BERTH_TOKEN; secret
  bool insecure = false;         ///< ARVADOS_API_HOST_INSECURE
};
/// `env_file` empty: the default one, which may be absent. Values of the environment win.
Result<Endpoint> find_endpoint(const std::string& env_file);

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// Calls to API and management API, one at a time; blocks until each is answered.
class DaemonConnection {
 public:
  explicit DaemonConnection(Endpoint endpoint);
  ~DaemonConnection();
  Result<nlohmann::json> api(const std::string& method, const std::string& path, const Parameters& parameters);
  Result<nlohmann::json> manage(const std::string& method, const std::string& path, const Parameters& parameters);
  /// The body as it is.
  Result<std::string> api_text(const std::string& path, const Parameters& parameters);
  void wait(Duration duration);

 private:
  Result<std::string> call(const std::string& method, std::string url, const std::string& token,
                           const Parameters& parameters);
  Endpoint endpoint_;
  RealRuntime runtime_;
  HttpClient http_;
};

}  // namespace berth
