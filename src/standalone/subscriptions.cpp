#include "subscriptions.hpp"

#include <algorithm>

#include "berth/base/units.hpp"

#include "records.hpp"
#include "tables.hpp"

namespace berth {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostSubscriptions = 100;

bool is_filter(const Json& filter) {
  return filter.is_array() && filter.size() == 3 && filter[0].is_string() && filter[1].is_string();
}

/// True for an operator that the event bus does not know: such a filter counts for nothing.
bool compare(WallTime a, const std::string& op, WallTime b) {
  if (op == ">=") return a >= b;
  if (op == "<=") return a <= b;
  if (op == ">") return a > b;
  if (op == "<") return a < b;
  return op != "=" || a == b;
}

bool passes(const Event& event, const Json& filter) {
  if (!is_filter(filter)) return true;
  const Json& operand = filter[2];
  if (filter[0] == "event_type" && filter[1] == "in" && operand.is_array())
    return std::find(operand.begin(), operand.end(), Json(event.event_type)) != operand.end();
  if (filter[0] != "created_at" || !operand.is_string()) return true;
  const auto time = parse_time(operand.get_ref<const std::string&>());
  return !time || compare(event.event_at, filter[1].get<std::string>(), *time);
}

Json attributes(const std::string& state) {
  return {{"state", state}};
}

}  // namespace

Subscriptions::Answer Subscriptions::handle(std::string_view message) {
  const Json json = Json::parse(message, nullptr, false);
  if (!json.is_object() || !json.contains("method")) return {400, {}};
  Json filters = json.value("filters", Json::array());
  if (filters.is_null()) filters = Json::array();
  if (!filters.is_array()) return {400, {}};
  if (json["method"] == "unsubscribe") {
    const auto known = std::find(filters_.begin(), filters_.end(), filters);
    if (known == filters_.end()) return {400, {}};
    filters_.erase(known);
    return {};
  }
  if (json["method"] != "subscribe" || filters_.size() == kMostSubscriptions) return {400, {}};
  filters_.push_back(std::move(filters));
  const auto last = json.find("last_log_id");
  if (last == json.end() || !last->is_number_integer()) return {};
  return {200, last->get<std::int64_t>()};
}

bool Subscriptions::want(const Event& event) const {
  return std::any_of(filters_.begin(), filters_.end(), [&](const Json& filters) {
    return std::all_of(filters.begin(), filters.end(), [&](const Json& filter) { return passes(event, filter); });
  });
}

std::string event_text(const Event& event, std::int64_t message_id) {
  const bool is_container = event.object_uuid.substr(6, 5) == kContainers.uuid_type;
  Json properties{{"new_attributes", attributes(event.new_state)}};
  if (event.old_state) properties["old_attributes"] = attributes(*event.old_state);
  const Json text{{"msgID", message_id},
                  {"id", event.id},
                  {"uuid", event.uuid},
                  {"object_uuid", event.object_uuid},
                  {"object_owner_uuid", event.object_uuid.substr(0, 5) + "-tpzed-000000000000000"},
                  {"object_kind", std::string(is_container ? kContainers.kind : kRequests.kind)},
                  {"event_type", event.event_type},
                  {"event_at", format_time(event.event_at)},
                  {"properties", std::move(properties)}};
  return json_text(text);
}

}  // namespace berth
