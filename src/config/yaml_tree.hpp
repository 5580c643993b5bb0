#pragma once

#include <optional>
#include <string_view>

#include "findings.hpp"
#include "tree.hpp"

namespace berth::config {

/// Bounds on a document; a real one of 1,000 instance types has 20,000 nodes.
struct YamlLimits {
  std::size_t text_bytes = std::size_t{16} << 20;
  std::size_t nodes = 200'000;  ///< after aliases are expanded
  std::size_t expanded_bytes = std::size_t{64} << 20;
  std::size_t depth = 100;
};

/// Reads the first document of a YAML (or JSON) text: aliases and merge keys `<<` expanded, the later of two equal keys
/// kept with a warning. Errors go to `findings`.
std::optional<Node> parse_yaml(std::string_view text, const YamlLimits& limits, Findings& findings);

}  // namespace berth::config
