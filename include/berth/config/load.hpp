#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
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

/// What the environment says about the API server, used for what the file leaves empty (facts §1.3, §1.6).
struct ApiEnvironment {
  std::string host;       ///< ARVADOS_API_HOST: `host[:port]`
  std::string token;      ///< ARVADOS_API_TOKEN; secret
  bool insecure = false;  ///< ARVADOS_API_HOST_INSECURE; counts only together with `host`
};
/// Of this process.
ApiEnvironment read_api_environment();

struct LoadedConfig {
  Cluster cluster;   ///< valid only if ok()
  std::string file;  ///< as diagnostics name it
  /// Where keys of the cluster are written: dotted path → line, column of the value (of the key in case of a map).
  std::map<std::string, std::pair<int, int>> written;
  std::vector<Diagnostic> diagnostics;  ///< in order of the file
  std::string source_sha256;            ///< hex, of the raw bytes
  WallTime source_modified{};           ///< of the file
  bool ok() const;
  /// A finding about a key of the cluster, at the place where it or else what holds it is written.
  Diagnostic finding(Severity severity, std::string key, std::string message) const;
};

/// Reads cluster YAML (or JSON) text: exactly one cluster, defaults under it, site values over them (facts §1.1), every
/// known key checked for type and unit. `name` stands for the file in diagnostics. Never throws for bad input.
LoadedConfig load_config_text(std::string_view text, std::string_view name, const ApiEnvironment& environment = {});
/// The same from a file (`-` = standard input). An unreadable file is a diagnostic.
LoadedConfig load_config_file(const std::string& path, const ApiEnvironment& environment = {});

/// The merged document with its cluster id, as YAML that can be loaded again. Values that may be secret are replaced by
/// `(masked)` unless `unmask`; empty ones are shown as they are.
std::string dump_config(const LoadedConfig& config, bool unmask);
/// The table of keys as a page of documentation (docs/configuration.md).
std::string config_reference();

}  // namespace berth
