#include "loader.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "build_cluster.hpp"
#include "checks.hpp"
#include "defaults.hpp"
#include "digest.hpp"
#include "document.hpp"
#include "environment.hpp"
#include "findings.hpp"
#include "merge.hpp"
#include "url.hpp"
#include "yaml_tree.hpp"

namespace berth {
namespace config {
namespace {

bool is_cluster_id(std::string_view id) {
  constexpr std::size_t length = 5;
  return id.size() == length &&
         std::all_of(id.begin(), id.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

void check_other_sections(const Node& root, Findings& findings) {
  for (const auto& [key, value] : root.entries) {
    if (key == "Clusters") continue;
    if (key == "AutoReloadConfig") {  // of other services; Berth re-reads nothing but its certificate
      if (value.kind != Node::Kind::boolean && value.kind != Node::Kind::null)
        findings.error(value.at, key, std::string("expected true or false, got ") + kind_name(value));
      continue;
    }
    findings.warn(value.key_at, key, "unknown key, ignored");
  }
}

/// The one cluster of a file: its id and the node below.
std::optional<std::pair<std::string, const Node*>> only_cluster(const Node& root, Findings& findings) {
  if (!root.is_map()) {
    findings.error(root.at, "", std::string("expected an object with the key Clusters, got ") + kind_name(root));
    return std::nullopt;
  }
  check_other_sections(root, findings);
  const Node* clusters = root.find("Clusters");
  if (clusters == nullptr || clusters->kind == Node::Kind::null || (clusters->is_map() && clusters->entries.empty())) {
    findings.error(clusters == nullptr ? Position{} : clusters->key_at, "Clusters", "no cluster is configured");
    return std::nullopt;
  }
  if (!clusters->is_map()) {
    findings.error(clusters->at, "Clusters",
                   std::string("expected an object by cluster id, got ") + kind_name(*clusters));
    return std::nullopt;
  }
  for (const auto& [id, cluster] : clusters->entries) {
    if (is_cluster_id(id)) continue;
    findings.error(cluster.key_at, "Clusters." + id,
                   "a cluster id is five characters a-z, 0-9; one that looks like a number needs quotes");
  }
  if (clusters->entries.size() > 1) {
    const auto later = std::max_element(clusters->entries.begin(), clusters->entries.end(),
                                        [](auto& a, auto& b) { return a.second.key_at.line < b.second.key_at.line; });
    findings.error(later->second.key_at, "Clusters." + later->first,
                   "more than one cluster: a dispatcher serves exactly one");
  }
  const auto& [id, cluster] = *clusters->entries.begin();
  return std::pair(id, &cluster);
}

using WrittenPlaces = std::map<std::string, std::pair<int, int>>;

void note_places(const Node& node, const std::string& path, WrittenPlaces& places) {
  const Position at = node.is_map() ? node.key_at : node.at;
  if (at.line > 0 && !path.empty()) places[path] = {at.line, at.column};
  for (const auto& [key, value] : node.entries) {
    const bool is_url = path.ends_with(".InternalURLs");
    const auto url = is_url ? normalized_url(key) : Result<std::string>(key);
    note_places(value, (path.empty() ? "" : path + ".") + url.value_or(key), places);
  }
}

Cluster load_cluster(std::string_view text, const HostFactsSource& host, const ApiEnvironment& environment,
                     WrittenPlaces& written, Findings& findings) {
  Cluster empty;
  empty.document = std::make_shared<const nlohmann::json>(nlohmann::json::object());
  empty.containers.cloud_vms.driver_parameters = empty.document;

  const std::optional<Node> root = parse_yaml(text, YamlLimits{}, findings);
  if (!root) return empty;
  const auto found = only_cluster(*root, findings);
  if (!found || findings.has_errors()) return empty;
  const auto& [id, site] = *found;
  if (!site->is_map() && site->kind != Node::Kind::null) {
    findings.error(site->at, "Clusters." + id, std::string("expected an object, got ") + kind_name(*site));
    return empty;
  }
  const Node defaults = default_cluster();
  Node merged = merge_cluster(defaults, *site, findings);
  apply_environment(environment, merged, findings);
  note_places(merged, "", written);
  nlohmann::json document = make_document(merged, defaults, findings);
  if (findings.has_errors()) return empty;
  Cluster cluster = build_cluster(id, std::move(document), merged, defaults, host, findings);
  check_cluster(cluster, merged, findings);
  return cluster;
}

}  // namespace

LoadedConfig load_text(std::string_view text, std::string_view name, const HostFactsSource& host,
                       const ApiEnvironment& environment) {
  Findings findings(name);
  LoadedConfig loaded;
  loaded.file = name;
  loaded.cluster = load_cluster(text, host, environment, loaded.written, findings);
  loaded.diagnostics = std::move(findings).take();
  loaded.source_sha256 = sha256_hex(text);
  return loaded;
}

}  // namespace config

bool LoadedConfig::ok() const {
  return std::none_of(diagnostics.begin(), diagnostics.end(),
                      [](const Diagnostic& d) { return d.severity == Severity::error; });
}

Diagnostic LoadedConfig::finding(Severity severity, std::string key, std::string message) const {
  std::pair<int, int> at;
  for (std::string_view path = key; !path.empty();) {
    if (const auto found = written.find(std::string(path)); found != written.end()) {
      at = found->second;
      break;
    }
    const std::size_t dot = path.rfind('.');
    path = path.substr(0, dot == std::string_view::npos ? 0 : dot);
  }
  return {severity, file, at.first, at.second, std::move(key), std::move(message)};
}

LoadedConfig load_config_text(std::string_view text, std::string_view name, const ApiEnvironment& environment) {
  return config::load_text(text, name, config::read_host_facts, environment);
}

}  // namespace berth
