#include "attributes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "berth/base/units.hpp"
#include "berth/model/container.hpp"

#include "constraints.hpp"
#include "invalid.hpp"

namespace berth {
namespace {

using Json = nlohmann::json;
using Value = Result<SqlValue>;

constexpr std::size_t kMaxText = 64 * 1024;
/// The kernel's bound on one argument or environment string, its final NUL included.
constexpr std::size_t kMaxArgument = 128 * 1024 - 1;
constexpr std::size_t kMaxObjectText = 1024 * 1024;

/// A string that can go to the operating system: no NUL, bounded.
Result<void> check_string(const Json& value, std::string_view name, std::size_t limit) {
  if (!value.is_string()) return invalid(name, "want a string");
  const auto& text = value.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos) return invalid(name, "holds a NUL character");
  if (text.size() > limit) return invalid(name, "longer than " + std::to_string(limit) + " bytes");
  return {};
}

Value bounded_json(const Json& value, std::string_view name) {
  std::string text = json_text(value);
  if (text.size() > kMaxObjectText) return invalid(name, "larger than " + std::to_string(kMaxObjectText) + " bytes");
  return SqlValue(std::move(text));
}

Value text(const Json& value, std::string_view name) {
  if (auto checked = check_string(value, name, kMaxText); !checked) return fail(checked.error());
  return SqlValue(value.get<std::string>());
}

Value path(const Json& value, std::string_view name) {
  auto checked = text(value, name);
  if (checked && !value.get_ref<const std::string&>().empty() && !value.get_ref<const std::string&>().starts_with('/'))
    return invalid(name, "want an absolute path");
  return checked;
}

template <std::int64_t Min, std::int64_t Max>
Value integer(const Json& value, std::string_view name) {
  const auto number = integer_between(value, name, Min, Max);
  if (!number) return fail(number.error());
  return SqlValue(*number);
}

Value boolean(const Json& value, std::string_view name) {
  if (!value.is_boolean()) return invalid(name, "want true or false");
  return SqlValue(std::int64_t{value.get<bool>()});
}

Value amount(const Json& value, std::string_view name) {
  if (!value.is_number()) return invalid(name, "want a number");
  const double number = value.get<double>();
  if (!std::isfinite(number) || number < 0) return invalid(name, "want a number that is not negative");
  return SqlValue(number);
}

Value time(const Json& value, std::string_view name) {
  if (value.is_string())
    if (const auto parsed = parse_time(value.get_ref<const std::string&>())) return SqlValue(format_time(*parsed));
  return invalid(name, "want a time like 2030-01-02T03:04:05Z");
}

Value object(const Json& value, std::string_view name) {
  if (!value.is_object()) return invalid(name, "want an object");
  return bounded_json(value, name);
}

Value empty_object(const Json& value, std::string_view name) {
  if (!value.is_object() || !value.empty()) return invalid(name, "not supported by this server");
  return SqlValue();
}

Value ignored(const Json&, std::string_view) {
  return SqlValue();
}

Value command(const Json& value, std::string_view name) {
  if (!value.is_array() || value.empty()) return invalid(name, "want an array of strings that is not empty");
  for (std::size_t i = 0; i < value.size(); ++i)
    if (auto checked = check_string(value[i], std::string(name) + '[' + std::to_string(i) + ']', kMaxArgument);
        !checked)
      return fail(checked.error());
  if (value[0].get_ref<const std::string&>().empty()) return invalid(name, "the program's name is empty");
  return bounded_json(value, name);
}

Value environment(const Json& value, std::string_view name) {
  if (!value.is_object()) return invalid(name, "want an object of strings");
  for (const auto& [key, item] : value.items()) {
    if (key.empty() || key.find('=') != std::string::npos || key.find('\0') != std::string::npos)
      return invalid(name, "'" + key.substr(0, 100) + "' is no name of a variable");
    if (auto checked = check_string(item, std::string(name) + '.' + key.substr(0, 100), kMaxArgument); !checked)
      return fail(checked.error());
  }
  return bounded_json(value, name);
}

Value mounts(const Json& value, std::string_view name) {
  if (auto checked = check_mounts(value); !checked) return fail(checked.error());
  return bounded_json(value, name);
}

template <Result<Json> (*Normalise)(const Json&)>
Value normalised(const Json& value, std::string_view name) {
  const auto whole = Normalise(value);
  if (!whole) return fail(whole.error());
  return bounded_json(*whole, name);
}

Value container_state(const Json& value, std::string_view name) {
  if (!value.is_string() || !parse_container_state(value.get_ref<const std::string&>()))
    return invalid(name, "want Queued, Locked, Running, Complete or Cancelled");
  return SqlValue(value.get<std::string>());
}

Value request_state(const Json& value, std::string_view name) {
  if (value != "Uncommitted" && value != "Committed") return invalid(name, "want Uncommitted or Committed");
  return SqlValue(value.get<std::string>());
}

/// Facts §2.4: these keys must be strings.
Value runtime_status(const Json& value, std::string_view name) {
  if (!value.is_object()) return invalid(name, "want an object");
  for (const char* key : {"error", "errorDetail", "warning", "warningDetail", "activity", "preemptionNotice"})
    if (const auto at = value.find(key); at != value.end() && !at->is_string())
      return invalid(std::string(name) + '.' + key, "want a string");
  return bounded_json(value, name);
}

struct Attribute {
  std::string_view name;
  Value (*check)(const Json&, std::string_view);
  bool nullable = false;  ///< null clears it; otherwise null is as good as absent
};

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

constexpr Attribute kRequestAttributes[] = {
    {"name", text, true},
    {"description", text, true},
    {"properties", object},
    {"state", request_state},
    {"priority", integer<0, 1000>},
    {"container_count_max", integer<1, 1000>},
    {"command", command},
    {"cwd", text},
    {"environment", environment},
    {"container_image", text},
    {"mounts", mounts},
    {"runtime_constraints", normalised<normalise_runtime_constraints>},
    {"scheduling_parameters", normalised<normalise_scheduling_parameters>},
    {"output_path", path},
    {"output_name", text, true},
    {"use_existing", boolean},
    {"secret_mounts", empty_object},
    {"expires_at", ignored},
    {"output_glob", ignored},
    {"output_storage_classes", ignored},
    {"output_ttl", ignored},
};

constexpr Attribute kContainerAttributes[] = {
    {"state", container_state},
    {"priority", integer<0, kMax>},
    {"locked_by_uuid", text, true},
    {"finished_at", time},
    {"runtime_status", runtime_status},
    {"progress", amount},
    {"exit_code", integer<-kMax, kMax>},
    {"output", text, true},
    {"output_properties", object},
    {"log", text, true},
    {"cost", amount},
    {"subrequests_cost", amount},
    {"gateway_address", text},
    {"interactive_session_started", boolean},
};

Result<Changes> check(const Json& attributes, std::span<const Attribute> known, std::string_view record) {
  Changes changes;
  for (const auto& [name, value] : attributes.items()) {
    const auto at =
        std::find_if(known.begin(), known.end(), [&, &n = name](const Attribute& a) { return a.name == n; });
    if (at == known.end())
      return invalid(name.substr(0, 100), "no attribute of a " + std::string(record) + " that can be set");
    if (value.is_null()) {
      if (at->nullable) changes[name] = SqlValue();
      continue;
    }
    auto checked = at->check(value, name);
    if (!checked) return fail(checked.error());
    if (at->check != ignored && at->check != empty_object) changes[name] = std::move(*checked);
  }
  return changes;
}

std::string filled(Result<Json> (*normalise)(const Json&)) {
  return json_text(normalise(Json::object()).value());
}

}  // namespace

Result<Changes> check_request_attributes(const Json& attributes) {
  return check(attributes, kRequestAttributes, "container request");
}

Changes request_defaults() {
  constexpr std::int64_t priority = 500;
  constexpr std::int64_t attempts = 3;  // Containers.MaxRetryAttempts, facts §1.3
  return {
      {"properties", "{}"},
      {"state", "Uncommitted"},
      {"priority", priority},
      {"container_count_max", attempts},
      {"command", "[]"},
      {"cwd", "."},
      {"environment", "{}"},
      {"container_image", ""},
      {"mounts", "{}"},
      {"runtime_constraints", filled(normalise_runtime_constraints)},
      {"scheduling_parameters", filled(normalise_scheduling_parameters)},
      {"output_path", ""},
      {"use_existing", std::int64_t{0}},
  };
}

Result<Changes> check_container_attributes(const Json& attributes) {
  return check(attributes, kContainerAttributes, "container");
}

}  // namespace berth
