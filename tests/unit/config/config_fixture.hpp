#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "loader.hpp"

namespace berth::config {

inline std::string read_test_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::string test_data(const std::string& name) {
  return read_test_file(BERTH_TEST_DATA "/config/" + name);
}

inline HostFacts test_host() {
  return {12, 64000000000, 500000000000};
}

/// Loads a cluster with good tokens and these lines below it, indented by four spaces.
inline LoadedConfig load_below_cluster(const std::string& lines) {
  const std::string text =
      "Clusters:\n  zzzzz:\n    SystemRootToken: abcdefghijabcdefghijabcdefghij12\n"
      "    ManagementToken: abcdefghijabcdefghijabcdefghij34\n";
  return load_text(text + lines, "c.yml", test_host);
}

/// All diagnostics, a line each.
inline std::string report(const LoadedConfig& loaded) {
  std::string text;
  for (const Diagnostic& d : loaded.diagnostics) text += to_string(d) + "\n";
  return text;
}

}  // namespace berth::config
