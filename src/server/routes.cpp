#include "routes.hpp"

#include <algorithm>
#include <array>

namespace berth {
namespace {

struct Entry {
  std::string_view path;
  ManagementRoute route;
  bool post;
};

constexpr std::array<Entry, 14> kRoutes{{
    {"/", ManagementRoute::index, false},
    {"/openapi.yaml", ManagementRoute::openapi, false},
    {"/_health/ping", ManagementRoute::health_ping, false},
    {"/metrics", ManagementRoute::metrics, false},
    {"/metrics.json", ManagementRoute::metrics_json, false},
    {"/_inspect/requests", ManagementRoute::inspect_requests, false},
    {"/arvados/v1/dispatch/containers", ManagementRoute::containers, false},
    {"/arvados/v1/dispatch/container", ManagementRoute::container, false},
    {"/arvados/v1/dispatch/containers/kill", ManagementRoute::container_kill, true},
    {"/arvados/v1/dispatch/instances", ManagementRoute::instances, false},
    {"/arvados/v1/dispatch/instances/hold", ManagementRoute::instance_hold, true},
    {"/arvados/v1/dispatch/instances/drain", ManagementRoute::instance_drain, true},
    {"/arvados/v1/dispatch/instances/run", ManagementRoute::instance_run, true},
    {"/arvados/v1/dispatch/instances/kill", ManagementRoute::instance_kill, true},
}};

const Entry* find_route(std::string_view path) {
  const auto at = std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Entry& e) { return e.path == path; });
  return at == kRoutes.end() ? nullptr : &*at;
}

/// Single slashes, none at the end, lower case.
std::string canonical(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (c == '/' && out.ends_with('/')) continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

}  // namespace

bool is_open(std::string_view path) {
  return path == "/" || path == "/openapi.yaml";
}

Routed route_request(std::string_view method, std::string_view path) {
  Routed routed;
  const Entry* entry = find_route(path);
  if (!entry) {
    const std::string better = canonical(path);
    if (better != path && find_route(better)) {
      routed.kind = Routed::Kind::redirect;
      routed.location = better;
    }
    return routed;
  }
  routed.route = entry->route;
  routed.allow = entry->post ? "OPTIONS, POST" : "GET, HEAD, OPTIONS";
  const bool fits = entry->post ? method == "POST" : method == "GET" || method == "HEAD";
  routed.kind = fits ? Routed::Kind::found : method == "OPTIONS" ? Routed::Kind::options : Routed::Kind::wrong_method;
  return routed;
}

}  // namespace berth
