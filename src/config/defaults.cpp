#include "defaults.hpp"

#include <stdexcept>
#include <string>

#include "findings.hpp"
#include "keys.hpp"
#include "yaml_tree.hpp"

namespace berth::config {
namespace {

void forget_positions(Node& node) {
  node.at = node.key_at = {};
  for (auto& [key, value] : node.entries) forget_positions(value);
  for (Node& item : node.items) forget_positions(item);
}

Node parse_default(std::string_view text) {
  Findings findings("defaults");
  std::optional<Node> node = parse_yaml(text, YamlLimits{}, findings);
  if (!node) throw std::logic_error("embedded defaults do not parse: " + std::string(text.substr(0, 100)));
  forget_positions(*node);
  return std::move(*node);
}

void add_own_keys(Node& cluster) {
  for (const Key& key : keys()) {
    if (!key.own) continue;
    Node* parent = &cluster;
    std::string_view rest = key.path;
    for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      parent = &parent->entries.at(std::string(rest.substr(0, dot)));
      rest.remove_prefix(dot + 1);
    }
    Node& own = parent->entries[std::string(rest)] = parse_default(key.default_value);
    own.own = true;
  }
}

}  // namespace

Node default_cluster() {
  Node document = parse_default(defaults_text());
  Node cluster = std::move(document.entries.at("Clusters").entries.at("xxxxx"));
  add_own_keys(cluster);
  return cluster;
}

}  // namespace berth::config
