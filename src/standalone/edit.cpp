#include "edit.hpp"

#include <array>

#include "berth/base/units.hpp"

namespace berth {

std::string EditContext::now() const {
  return format_time(runtime.wall_now());
}

void EditContext::note_event(const std::string& uuid, std::optional<std::string> before, std::string after) {
  Event event;
  event.uuid = new_uuid("57u5n");
  event.object_uuid = uuid;
  event.event_type = before ? "update" : "create";
  event.event_at = runtime.wall_now();
  event.old_state = std::move(before);
  event.new_state = std::move(after);
  events.push_back(std::move(event));
}

std::string EditContext::new_uuid(std::string_view type) const {
  std::array<unsigned char, 15> bytes{};
  runtime.secret_bytes(bytes.data(), bytes.size());
  std::string uuid = options.cluster_id + '-' + std::string(type) + '-';
  for (const unsigned char byte : bytes) uuid += "0123456789abcdefghijklmnopqrstuvwxyz"[byte % 36];
  return uuid;
}

std::string root_token_uuid(const StandaloneOptions& options) {
  return options.cluster_id + "-gj3su-000000000000000";
}

Caller root_caller(const StandaloneOptions& options) {
  return {CallerRole::admin, root_token_uuid(options)};
}

}  // namespace berth
