#include "runner_config.hpp"

#include <array>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace berth {
namespace {

/// `https://host:port/…` → `host:port`.
std::string host_of(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != url.npos) url.remove_prefix(scheme + 3);
  return std::string(url.substr(0, url.find('/')));
}

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// What is the same for many starts (all but the address and the secret) is rendered once.
class RunnerText {
 public:
  RunnerText(const Cluster& cluster, const std::map<std::string, std::string>& extra_environment)
      : secrets_(cluster.system_root_token),
        env_(extra_environment),
        spot_check_(cluster.containers.cloud_vms.driver == "ec2"),
        buffers_(cluster.containers.local_keep_blob_buffers_per_vcpu),
        end_("},\"Cluster\":" + (buffers_ > 0 ? cluster.document->dump() : "null") + '}') {
    env_["ARVADOS_API_HOST"] = host_of(cluster.services.controller_url);
    env_["ARVADOS_API_TOKEN"] = cluster.system_root_token;
    if (cluster.tls.insecure) env_["ARVADOS_API_HOST_INSECURE"] = "1";
    for (const char* own : {"GatewayAddress", "GatewayAuthSecret"}) env_.erase(own);
    for (const auto& [name, type] : cluster.instance_types) heads_[name] = head(type);
  }

  std::string of(const std::string& uuid, const InstanceType& type, const std::string& address) const {
    const auto known = heads_.find(type.name);
    std::string text = known == heads_.end() ? head(type) : known->second;
    text += ",\"GatewayAddress\":" + dump(gateway_host(address) + ":0");
    text += ",\"GatewayAuthSecret\":\"" + secrets_.of(uuid) + '"';
    return text += end_;
  }

 private:
  /// Up to the end of what `Env` has of the type and the cluster.
  std::string head(const InstanceType& type) const {
    nlohmann::json env = env_;
    env["InstanceType"] = to_json(type).dump(4) + '\n';
    std::string text = dump(
        {{"KeepBuffers", buffers_ > 0 ? buffers_ * type.vcpus : 0}, {"EC2SpotCheck", spot_check_ && type.preemptible}});
    text.pop_back();
    text += ",\"Env\":" + dump(env);
    text.pop_back();
    return text;
  }

  GatewaySecrets secrets_;
  nlohmann::json env_;
  const bool spot_check_;
  const std::int64_t buffers_;
  const std::string end_;
  std::map<std::string, std::string> heads_;  // by the name of the type
};

}  // namespace

GatewaySecrets::GatewaySecrets(std::string_view root_token) {
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr), EVP_MAC_free);
  keyed_ = {EVP_MAC_CTX_new(mac.get()), EVP_MAC_CTX_free};
  char digest[] = "SHA256";
  const std::array params = {OSSL_PARAM_construct_utf8_string("digest", digest, 0), OSSL_PARAM_construct_end()};
  // An empty key must not be null, which would mean "the one before".
  const auto* key = reinterpret_cast<const unsigned char*>(root_token.empty() ? "" : root_token.data());
  if (!keyed_ || EVP_MAC_init(keyed_.get(), key, root_token.size(), params.data()) != 1)
    throw std::runtime_error("OpenSSL has no HMAC-SHA256");
}

std::string GatewaySecrets::of(std::string_view container_uuid) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  std::size_t size = 0;
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> mac(EVP_MAC_CTX_dup(keyed_.get()), EVP_MAC_CTX_free);
  const auto* uuid = reinterpret_cast<const unsigned char*>(container_uuid.data());
  if (!mac || EVP_MAC_update(mac.get(), uuid, container_uuid.size()) != 1 ||
      EVP_MAC_final(mac.get(), digest.data(), &size, digest.size()) != 1)
    throw std::runtime_error("OpenSSL: HMAC-SHA256 failed");
  std::string hex;
  for (std::size_t i = 0; i < size; ++i) {
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
  return [text = std::make_shared<const RunnerText>(cluster, extra_environment)](
             const std::string& uuid, const InstanceType& type, const std::string& address) {
    return text->of(uuid, type, address);
  };
}

}  // namespace berth
