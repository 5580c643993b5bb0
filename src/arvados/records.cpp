#include "berth/arvados/records.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "berth/base/units.hpp"

#include "field_reader.hpp"
#include "text.hpp"

namespace berth {

namespace {

using Json = nlohmann::json;

constexpr int max_depth = 64;

struct Shape {
  int depth = 0;
  std::size_t values = 0;
};

// How deep the text nests and how many values it holds at most, whether or not it is valid.
Shape measure(std::string_view text) {
  Shape shape;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      shape.depth = std::max(shape.depth, ++depth);
      ++shape.values;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',') {
      ++shape.values;
    }
  }
  return shape;
}

RuntimeConstraints read_runtime_constraints(FieldReader& record) {
  RuntimeConstraints out;
  FieldReader fields = record.object("runtime_constraints");
  fields.read("API", out.api);
  fields.read("vcpus", out.vcpus);
  fields.read("ram", out.ram);
  fields.read("keep_cache_ram", out.keep_cache_ram);
  fields.read("keep_cache_disk", out.keep_cache_disk);
  FieldReader gpu = fields.object("gpu");
  gpu.read("stack", out.gpu.stack);
  gpu.read("driver_version", out.gpu.driver_version);
  gpu.read("hardware_target", out.gpu.hardware_target);
  gpu.read("device_count", out.gpu.device_count);
  gpu.read("vram", out.gpu.vram);
  fields.absorb(gpu);
  record.absorb(fields);
  return out;
}

SchedulingParameters read_scheduling_parameters(FieldReader& record) {
  SchedulingParameters out;
  FieldReader fields = record.object("scheduling_parameters");
  fields.read("preemptible", out.preemptible);
  fields.read("supervisor", out.supervisor);
  fields.read("max_run_time", out.max_run_time);
  fields.read("partitions", out.partitions);
  record.absorb(fields);
  return out;
}

Mount read_mount(FieldReader& mounts, const std::string& path, const Json& value) {
  Mount out;
  FieldReader fields(value, mounts.path_of(path));
  fields.read("kind", out.kind);
  fields.read("capacity", out.capacity);
  fields.check<bool>("writable");
  fields.check<bool>("exclude_from_output");
  for (const char* name : {"portable_data_hash", "uuid", "device_type", "path"}) fields.check<std::string>(name);
  mounts.absorb(fields);
  return out;
}

std::map<std::string, Mount> read_mounts(FieldReader& owner, const Json& value, std::string path) {
  std::map<std::string, Mount> out;
  FieldReader mounts(value, std::move(path));
  if (value.is_object()) {
    for (const auto& [mount_path, mount] : value.items()) {
      out.emplace(mount_path, read_mount(mounts, mount_path, mount));
      if (mounts.failed()) break;
    }
  }
  owner.absorb(mounts);
  return out;
}

// The state and the identity have no useful zero value: a record without them is not one.
void read_identity(FieldReader& record, Container& out) {
  record.read("uuid", out.uuid);
  if (!record.failed() && !is_container_uuid(out.uuid)) record.fail_with("uuid: want the uuid of a container");
  std::string state;
  record.read("state", state);
  if (record.failed()) return;
  if (auto parsed = parse_container_state(state))
    out.state = *parsed;
  else
    record.fail_with(parsed.error().message);
}

void read_created_at(FieldReader& record, Container& out) {
  std::string text;
  record.read("created_at", text);
  if (record.failed() || text.empty()) return;
  if (auto time = parse_time(text))
    out.created_at = *time;
  else
    record.fail_with("created_at: want a time in RFC 3339 form");
}

Result<Container> listed_container(const Json& value) {
  auto container = container_from_json(value);
  if (container) return container;
  Container unreadable;
  FieldReader record(value, "");
  record.read("uuid", unreadable.uuid);
  if (!is_container_uuid(unreadable.uuid)) return container;
  unreadable.unreadable = container.error().message;
  return unreadable;
}

}  // namespace

ErrorKind kind_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorKind::denied;
    case 404:
      return ErrorKind::not_found;
    case 409:
    case 422:
      return ErrorKind::conflict;
    case 503:
      return ErrorKind::unavailable;
    default:
      return status >= 500 ? ErrorKind::server_error : ErrorKind::failed;
  }
}

Result<Json> parse_json(std::string_view text, std::size_t max_values) {
  const Shape shape = measure(text);
  if (shape.depth > max_depth) return fail(ErrorKind::undecodable, "JSON: nested deeper than 64 levels");
  if (shape.values > max_values)
    return fail(ErrorKind::undecodable, "JSON: more than " + std::to_string(max_values) + " values");
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& e) {
    const std::string where = e.byte > text.size()
                                  ? ": it ends too early, after " + std::to_string(text.size()) + " bytes"
                                  : " at byte " + std::to_string(e.byte) + " of " + std::to_string(text.size());
    return fail(ErrorKind::undecodable, "not JSON" + where + ", the text begins: " + safe_excerpt(text));
  } catch (const Json::out_of_range& e) {
    return fail(ErrorKind::undecodable, "JSON: a number is out of range");
  }
}

Result<Container> container_from_json(const Json& value) {
  Container out;
  FieldReader record(value, "");
  read_identity(record, out);
  record.read("priority", out.priority);
  record.read("locked_by_uuid", out.locked_by_uuid);
  read_created_at(record, out);
  record.read("container_image", out.container_image);
  out.runtime_constraints = read_runtime_constraints(record);
  out.scheduling_parameters = read_scheduling_parameters(record);
  out.mounts = read_mounts(record, record.at("mounts"), "mounts");
  record.check<std::int64_t>("lock_count");
  record.check_object("runtime_status");
  if (!record.failed()) return out;
  std::string who = is_container_uuid(out.uuid) ? "container " + out.uuid + ": " : "container record: ";
  return fail(ErrorKind::type_mismatch, std::move(who) + record.error());
}

Result<std::vector<Container>> container_list_from_json(const Json& answer) {
  FieldReader fields(answer, "");
  const Json& items = fields.at("items");
  if (!items.is_array() && !items.is_null()) fields.mismatch("items", "an array", items);
  if (fields.failed()) return fail(ErrorKind::type_mismatch, fields.error());
  if (items.is_null()) return fail(ErrorKind::type_mismatch, "items: missing");
  std::vector<Container> out;
  out.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto container = listed_container(items[i]);
    if (!container) return fail(container.error().within("items[" + std::to_string(i) + "]"));
    out.push_back(std::move(*container));
  }
  return out;
}

Result<std::map<std::string, Mount>> mounts_from_json(const Json& mounts) {
  const Json nothing;
  FieldReader owner(nothing, "");
  auto out = read_mounts(owner, mounts, "mounts");
  if (owner.failed()) return fail(ErrorKind::type_mismatch, owner.error());
  return out;
}

}  // namespace berth
