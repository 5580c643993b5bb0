#include "record.hpp"

#include <cstdlib>

#include <nlohmann/json.hpp>

namespace berth::runner {
namespace {

using nlohmann::json;

tl::unexpected<Error> mismatch(const std::string& field, const char* wanted) {
  return fail(ErrorKind::type_mismatch, field + " is not " + wanted);
}

/// The member, or null.
const json& member(const json& object, const char* name) {
  static const json null;
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

Result<void> get(const json& object, const char* name, std::string& out) {
  const json& value = member(object, name);
  if (value.is_null()) return {};
  if (!value.is_string()) return mismatch(name, "a string");
  out = value.get<std::string>();
  return {};
}

/// A number with a fraction or beyond 64 bits is refused.
Result<void> get(const json& object, const char* name, std::int64_t& out) {
  const json& value = member(object, name);
  if (value.is_null()) return {};
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX))
    return mismatch(name, "an integer");
  out = value.get<std::int64_t>();
  return {};
}

/// Of a member of a member.
template <typename T>
Result<void> get(const json& object, const char* outer, const char* name, T& out) {
  const json& section = member(object, outer);
  if (section.is_null()) return {};
  if (!section.is_object()) return mismatch(outer, "an object");
  if (auto read = get(section, name, out); !read)
    return fail(ErrorKind::type_mismatch, std::string(outer) + '.' + read.error().message);
  return {};
}

Result<void> get_command(const json& object, std::vector<std::string>& out) {
  const json& value = member(object, "command");
  if (value.is_null()) return {};
  if (!value.is_array()) return mismatch("command", "an array");
  for (const json& word : value) {
    if (!word.is_string()) return mismatch("command", "an array of strings");
    out.push_back(word.get<std::string>());
  }
  return {};
}

Result<void> get_strings(const json& object, const char* name, std::map<std::string, std::string>& out) {
  const json& value = member(object, name);
  if (value.is_null()) return {};
  if (!value.is_object()) return mismatch(name, "an object");
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) return mismatch(std::string(name) + '.' + key, "a string");
    out[key] = text.get<std::string>();
  }
  return {};
}

Result<void> get_mounts(const json& object, std::map<std::string, std::string>& out) {
  const json& value = member(object, "mounts");
  if (value.is_null()) return {};
  if (!value.is_object()) return mismatch("mounts", "an object");
  for (const auto& [path, mount] : value.items()) {
    if (!mount.is_object()) return mismatch("mounts." + path, "an object");
    if (auto read = get(mount, "kind", out[path]); !read)
      return fail(ErrorKind::type_mismatch, "mounts." + path + '.' + read.error().message);
  }
  return {};
}

bool has_nul(const std::string& text) {
  return text.find('\0') != text.npos;
}

}  // namespace

Result<Record> parse_record(const json& json) {
  if (!json.is_object()) return mismatch("the container record", "an object");
  Record record;
  for (const auto& read : {get(json, "state", record.state), get(json, "locked_by_uuid", record.locked_by_uuid),
                           get(json, "runtime_status", "error", record.runtime_error),
                           get(json, "priority", record.priority), get(json, "gateway_address", record.gateway_address),
                           get(json, "container_image", record.container_image), get_command(json, record.command),
                           get(json, "cwd", record.cwd), get_strings(json, "environment", record.environment),
                           get_mounts(json, record.mount_kinds), get(json, "runtime_constraints", "ram", record.ram),
                           get(json, "scheduling_parameters", "max_run_time", record.max_run_time)})
    if (!read) return fail(read.error());
  return record;
}

std::string find_obstacle(const Record& record) {
  if (!record.container_image.empty())
    return "container_image is set, but this runner runs commands without a container engine";
  if (record.command.empty() || record.command.front().empty()) return "command is empty";
  for (const std::string& word : record.command)
    if (has_nul(word)) return "command holds a NUL character";
  for (const auto& [name, value] : record.environment)
    if (name.empty() || name.find('=') != name.npos || has_nul(name) || has_nul(value))
      return "environment has a bad entry: \"" + name.substr(0, name.find('\0')) + '"';
  if (has_nul(record.cwd)) return "cwd holds a NUL character";
  for (const auto& [path, kind] : record.mount_kinds)
    if (kind != "tmp") return "mounts: " + path + " is of kind \"" + kind + "\", this runner knows only \"tmp\"";
  return "";
}

std::string RunnerConfig::variable(const std::string& name) const {
  if (const auto found = env.find(name); found != env.end()) return found->second;
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

std::string RunnerConfig::api_url() const {
  if (std::string url = variable("BERTH_API_URL"); !url.empty()) return url;
  const std::string host = variable("ARVADOS_API_HOST");
  return host.empty() ? "" : "http://" + host;
}

Result<RunnerConfig> parse_config(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return fail(ErrorKind::undecodable, "the configuration on stdin is no JSON object");
  RunnerConfig config;
  if (auto read = get_strings(document, "Env", config.env); !read) return fail(read.error());
  const auto type = json::parse(config.variable("InstanceType"), nullptr, false);
  if (type.is_object())
    if (const json& price = member(type, "Price"); price.is_number()) config.price = price.get<double>();
  return config;
}

}  // namespace berth::runner
