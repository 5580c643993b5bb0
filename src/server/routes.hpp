#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

enum class ManagementRoute {
  index,
  openapi,
  health_ping,
  metrics,
  metrics_json,
  inspect_requests,
  containers,
  container,
  container_kill,
  instances,
  instance_hold,
  instance_drain,
  instance_run,
  instance_kill,
};

/// Where a request goes (facts §9.1).
struct Routed {
  enum class Kind { found, options, redirect, wrong_method, unknown } kind = Kind::unknown;
  ManagementRoute route = ManagementRoute::health_ping;  ///< found
  std::string location;                                  ///< redirect: the canonical path
  std::string allow;                                     ///< wrong_method, options: value of `Allow`
};

/// Whether a path is open to all (Berth's own pages; everything else as facts §9.1).
bool is_open(std::string_view path);

/// `path` is decoded and starts with `/`. Double slashes, a trailing slash and wrong letter case lead to a redirect.
Routed route_request(std::string_view method, std::string_view path);

}  // namespace berth
