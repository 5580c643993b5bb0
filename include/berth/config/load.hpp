#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "berth/base/result.hpp"
#include "berth/base/time.hpp"
#include "berth/config/cluster.hpp"

namespace berth {

enum class Severity { warning, error };

/// One finding about a configuration file. Never shows a secret value.
struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;
  int line = 0;     ///< from 1; 0 if it belongs to no line
  int column = 0;   ///< from 1
  std::string key;  ///< dotted path below the cluster, e.g. `Containers.CloudVMs.PollInterval`
  std::string message;
};
/// `file:line:column: error: key: message`.
std::string to_string(const Diagnostic& diagnostic);

struct LoadedConfig {
  Cluster cluster;                      ///< valid only if ok()
  std::vector<Diagnostic> diagnostics;  ///< in order of the file
  std::string source_sha256;            ///< hex, of the raw bytes
  WallTime source_modified{};           ///< of the file
  bool ok() const;
};

/// Reads cluster YAML (or JSON) text: exactly one cluster, defaults under it, site values over them (facts §1.1), every
/// known key checked for type and unit. `name` stands for the file in diagnostics. Never throws for bad input.
LoadedConfig load_config_text(std::string_view text, std::string_view name);
/// The same from a file (`-` = standard input). An unreadable file is a diagnostic.
LoadedConfig load_config_file(const std::string& path);

}  // namespace berth
