#include "route.hpp"

#include <vector>

#include "berth/model/container.hpp"

namespace berth {
namespace {

constexpr std::string_view kApi = "/arvados/v1/";
constexpr std::string_view kExtension = "/berth/v1/containers/";

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == path.npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

bool is_uuid_of(std::string_view text, const Table& table) {
  return is_uuid(text) && text.substr(6, 5) == table.uuid_type;
}

bool is_action(const Table& table, std::string_view action) {
  return &table == &kContainers ? action == "lock" || action == "unlock" : action == "cancel";
}

Route route_in(const Table& table, const std::vector<std::string_view>& parts) {
  Route route;
  route.table = &table;
  if (parts.size() == 1) {
    route.kind = Route::Kind::collection;
    return route;
  }
  if (parts.size() > 3 || !is_uuid_of(parts[1], table)) return {};
  route.uuid = parts[1];
  route.kind = Route::Kind::record;
  if (parts.size() == 2) return route;
  if (!is_action(table, parts[2])) return {};
  route.kind = Route::Kind::action;
  route.action = parts[2];
  return route;
}

Route log_route(std::string_view path) {
  const auto parts = split(path);
  if (parts.size() != 2 || parts[1] != "log" || !is_container_uuid(parts[0])) return {};
  Route route;
  route.kind = Route::Kind::log;
  route.uuid = parts[0];
  return route;
}

}  // namespace

Route find_route(std::string_view path) {
  Route route;
  if (path == "/discovery/v1/apis/arvados/v1/rest") {
    route.kind = Route::Kind::discovery;
  } else if (path == "/arvados/v1/config") {
    route.kind = Route::Kind::config;
  } else if (path == "/arvados/v1/users/current") {
    route.kind = Route::Kind::current_user;
  } else if (path == "/arvados/v1/api_client_authorizations/current") {
    route.kind = Route::Kind::current_token;
  } else if (path == "/websocket") {
    route.kind = Route::Kind::events;
  } else if (path.starts_with(kExtension)) {
    return log_route(path.substr(kExtension.size()));
  } else if (path.starts_with(kApi)) {
    const auto parts = split(path.substr(kApi.size()));
    for (const Table* table : {&kContainers, &kRequests})
      if (parts[0] == table->name) return route_in(*table, parts);
  }
  return route;
}

}  // namespace berth
