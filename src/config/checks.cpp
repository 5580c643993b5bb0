#include "checks.hpp"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace berth::config {
namespace {

using nlohmann::json;

Position position_of(const Node& merged, std::string_view path) {
  const Node* node = find_path(merged, path);
  return node == nullptr ? Position{} : node->at;
}

void check_token(const std::string& token, std::string_view path, bool needed, const Node& merged, Findings& findings) {
  constexpr std::size_t good_length = 32;
  const auto is_good = [](unsigned char c) { return c < 0x80 && std::isalnum(c); };
  if (!std::all_of(token.begin(), token.end(), is_good)) {
    findings.error(position_of(merged, path), path, "only letters and digits are allowed");
  } else if (token.empty() && needed) {
    findings.warn(position_of(merged, path), path, "not set");
  } else if (!token.empty() && token.size() < good_length) {
    findings.warn(position_of(merged, path), path, "shorter than 32 characters");
  }
}

void check_word(const std::string& word, std::initializer_list<std::string_view> allowed, std::string_view path,
                const Node& merged, Findings& findings) {
  if (std::find(allowed.begin(), allowed.end(), word) != allowed.end()) return;
  std::string message = "must be one of";
  for (const std::string_view other : allowed) message.append(" ").append(other);
  findings.error(position_of(merged, path), path, message);
}

/// libpq knows its keywords in lower case only: `DBName` beside the default `dbname` would be two of one.
void check_connection(const Node& merged, Findings& findings) {
  constexpr std::string_view path = "PostgreSQL.Connection";
  const Node* connection = find_path(merged, path);
  if (connection == nullptr) return;
  for (const auto& [name, value] : connection->entries) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    if (lower != name && connection->find(lower) != nullptr) {
      findings.error(value.key_at, std::string(path) + "." + name, "the same as " + lower + ": write it in lower case");
    }
  }
}

void check_storage_classes(const json& document, const Node& merged, Findings& findings) {
  const json& classes = document.at("StorageClasses");
  const bool has_default =
      std::any_of(classes.begin(), classes.end(), [](const json& c) { return c.at("Default").get<bool>(); });
  if (!has_default) {
    const Node* node = find_path(merged, "StorageClasses");
    findings.error(node == nullptr ? Position{} : node->key_at, "StorageClasses", "none of them has Default: true");
  }
  for (const auto& [uuid, volume] : document.at("Volumes").items()) {
    const json& used = volume.at("StorageClasses");
    if (!used.is_object()) continue;
    for (const auto& [name, value] : used.items()) {
      if (classes.contains(name)) continue;
      const Node* node = merged.find("Volumes")->find(uuid);
      findings.error(node->key_at, "Volumes." + uuid + ".StorageClasses", "there is no storage class " + name);
    }
  }
}

}  // namespace

void check_cluster(const Cluster& cluster, const Node& merged, Findings& findings) {
  const json& document = *cluster.document;
  check_token(cluster.system_root_token, "SystemRootToken", true, merged, findings);
  check_token(cluster.management_token, "ManagementToken", true, merged, findings);
  // A dispatcher does not sign blobs, so this one may be missing.
  check_token(document.at("Collections").at("BlobSigningKey"), "Collections.BlobSigningKey", false, merged, findings);
  check_word(cluster.containers.cloud_vms.policy, {"cost", "greedy", "reference"}, "Containers.CloudVMs.Policy", merged,
             findings);
  check_word(document.at("Containers").at("LocalKeepLogsToContainerLog"), {"none", "all", "errors"},
             "Containers.LocalKeepLogsToContainerLog", merged, findings);
  check_connection(merged, findings);
  check_storage_classes(document, merged, findings);
}

}  // namespace berth::config
