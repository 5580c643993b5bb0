#include <nlohmann/json.hpp>

#include "berth/arvados/event_bus.hpp"
#include "berth/arvados/records.hpp"

#include "field_reader.hpp"

namespace berth {
namespace {

// An event holds at most all properties of a log row.
constexpr std::size_t kMaxValues = 100'000;
constexpr std::string_view kRequestType = "xvhdp";

bool is_of_interest(std::string_view uuid) {
  return is_uuid(uuid) && (is_container_uuid(uuid) || uuid.substr(6, 5) == kRequestType);
}

/// `properties.new_attributes.state`, if it is there. A state that nobody knows is left to the API to tell.
std::optional<ContainerState> new_state(FieldReader& fields) {
  const FieldReader properties = fields.object("properties");
  FieldReader attributes = properties.object("new_attributes");
  std::string state;
  attributes.read("state", state);
  fields.absorb(properties);
  fields.absorb(attributes);
  const auto known = parse_container_state(state);
  return known ? std::optional(*known) : std::nullopt;
}

}  // namespace

Result<BusMessage> parse_bus_message(std::string_view text) {
  const auto json = parse_json(text, kMaxValues);
  if (!json) return fail(json.error());
  FieldReader fields(*json, "");
  BusMessage out;
  fields.read("status", out.status);
  fields.read("object_uuid", out.change.uuid);
  if (fields.failed()) return fail(ErrorKind::type_mismatch, fields.error());
  if (out.status != 0 && out.change.uuid.empty()) out.kind = BusMessage::Kind::answer;
  if (!is_of_interest(out.change.uuid)) {
    out.change = {};
    return out;
  }
  out.kind = BusMessage::Kind::change;
  if (is_container_uuid(out.change.uuid)) out.change.state = new_state(fields);
  if (fields.failed()) return fail(ErrorKind::type_mismatch, fields.error());
  return out;
}

}  // namespace berth
