#include "runner_config.hpp"

#include <array>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <nlohmann/json.hpp>

namespace berth {
namespace {

/// `https://host:port/…` → `host:port`.
std::string host_of(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != url.npos) url.remove_prefix(scheme + 3);
  return std::string(url.substr(0, url.find('/')));
}

}  // namespace

std::string gateway_secret(std::string_view root_token, std::string_view container_uuid) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), root_token.data(), static_cast<int>(root_token.size()),
       reinterpret_cast<const unsigned char*>(container_uuid.data()), container_uuid.size(), digest.data(), &size);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

std::string gateway_host(std::string_view address) {
  if (address.starts_with('[')) return std::string(address.substr(0, address.find(']') + 1));
  const auto colon = address.find(':');
  if (colon == address.npos) return std::string(address);
  if (address.find(':', colon + 1) != address.npos) return '[' + std::string(address) + ']';
  return std::string(address.substr(0, colon));
}

RunnerConfig make_runner_config(const Cluster& cluster, const std::map<std::string, std::string>& extra_environment) {
  nlohmann::json env = extra_environment;
  env["ARVADOS_API_HOST"] = host_of(cluster.services.controller_url);
  env["ARVADOS_API_TOKEN"] = cluster.system_root_token;
  if (cluster.tls.insecure) env["ARVADOS_API_HOST_INSECURE"] = "1";
  const bool spot_check = cluster.containers.cloud_vms.driver == "ec2";
  const std::int64_t buffers = cluster.containers.local_keep_blob_buffers_per_vcpu;
  // The cluster document is large and the same for every start: it is rendered once.
  const std::string document = buffers > 0 ? cluster.document->dump() : "null";
  return [env = std::move(env), token = cluster.system_root_token, spot_check, buffers, document](
             const std::string& uuid, const InstanceType& type, const std::string& address) {
    nlohmann::json own = env;
    own["InstanceType"] = to_json(type).dump(4) + '\n';
    own["GatewayAddress"] = gateway_host(address) + ":0";
    own["GatewayAuthSecret"] = gateway_secret(token, uuid);
    const nlohmann::json config = {{"Env", std::move(own)},
                                   {"KeepBuffers", buffers > 0 ? buffers * type.vcpus : 0},
                                   {"EC2SpotCheck", spot_check && type.preemptible}};
    std::string text = config.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    text.pop_back();
    return text + ",\"Cluster\":" + document + '}';
  };
}

}  // namespace berth
