#pragma once

#include <map>
#include <memory>
#include <openssl/types.h>
#include <string>
#include <string_view>

#include "berth/config/cluster.hpp"
#include "berth/pool/worker_pool.hpp"

namespace berth {

/// Makes the JSON of facts §6.10 for each start. `extra_environment` is added to its `Env`. The text holds secrets.
RunnerConfig make_runner_config(const Cluster& cluster, const std::map<std::string, std::string>& extra_environment);

/// Per-container gateway secrets (facts §6.10): lower-case hex HMAC-SHA256 of the container's uuid under the root
/// token. Thread-safe. Throws std::runtime_error if OpenSSL lacks it.
class GatewaySecrets {
 public:
  explicit GatewaySecrets(std::string_view root_token);
  std::string of(std::string_view container_uuid) const;

 private:
  std::unique_ptr<EVP_MAC_CTX, void (*)(EVP_MAC_CTX*)> keyed_{nullptr, nullptr};
};

/// `host:port`, `host`, `[v6]:port` or bare v6 → the host, bracketed if it is IPv6 (facts §6.10).
std::string gateway_host(std::string_view instance_address);

}  // namespace berth
