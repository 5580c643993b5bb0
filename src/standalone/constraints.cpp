#include "constraints.hpp"

#include <span>
#include <string>

#include "invalid.hpp"

namespace berth {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMaxBytes = std::int64_t{1} << 60;
constexpr std::int64_t kMaxDevices = 1'000'000;
constexpr std::int64_t kMaxSeconds = 1'000'000'000;
constexpr std::int64_t kDefaultRam = std::int64_t{256} << 20;
constexpr std::size_t kMaxStrings = 1000;
constexpr std::size_t kMaxString = 1024;

enum class Kind { integer, boolean, text, text_list, gpu, ignored };

struct Key {
  std::string_view name;
  Kind kind;
  std::int64_t fallback = 0;
  std::int64_t min = 0;
  std::int64_t max = kMaxBytes;
};

constexpr Key kGpuKeys[] = {
    {"stack", Kind::text},
    {"driver_version", Kind::text},
    {"hardware_target", Kind::text_list},
    {"device_count", Kind::integer, 0, 0, kMaxDevices},
    {"vram", Kind::integer},
};

constexpr Key kRuntimeKeys[] = {
    {"API", Kind::boolean},
    {"vcpus", Kind::integer, 1, 1, kMaxDevices},
    {"ram", Kind::integer, kDefaultRam},
    {"keep_cache_ram", Kind::integer},
    {"keep_cache_disk", Kind::integer},
    {"gpu", Kind::gpu},
    {"cuda", Kind::ignored},  // deprecated, facts §2.3
};

constexpr Key kSchedulingKeys[] = {
    {"partitions", Kind::text_list},
    {"preemptible", Kind::boolean},
    {"max_run_time", Kind::integer, 0, 0, kMaxSeconds},
    {"supervisor", Kind::boolean},
};

Result<Json> normalise(const Json& value, const std::string& name, std::span<const Key> keys);

Json fallback_of(const Key& key) {
  switch (key.kind) {
    case Kind::integer:
      return key.fallback;
    case Kind::boolean:
      return false;
    case Kind::text:
      return "";
    case Kind::text_list:
      return Json::array();
    case Kind::gpu:
      return normalise(Json::object(), "gpu", kGpuKeys).value();
    case Kind::ignored:
      break;
  }
  return nullptr;
}

Result<void> check_text(const Json& value, const std::string& name) {
  if (!value.is_string()) return invalid(name, "want a string");
  if (value.get_ref<const std::string&>().size() > kMaxString) return invalid(name, "too long");
  return {};
}

Result<Json> check_text_list(const Json& value, const std::string& name) {
  if (!value.is_array()) return invalid(name, "want an array of strings");
  if (value.size() > kMaxStrings) return invalid(name, "too many entries");
  for (const Json& item : value)
    if (auto checked = check_text(item, name); !checked) return fail(checked.error());
  return value;
}

Result<Json> check_value(const Json& value, const std::string& name, const Key& key) {
  switch (key.kind) {
    case Kind::integer: {
      const auto number = integer_between(value, name, key.min, key.max);
      if (!number) return fail(number.error());
      return Json(*number);
    }
    case Kind::boolean:
      if (!value.is_boolean()) return invalid(name, "want true or false");
      return value;
    case Kind::text:
      if (auto checked = check_text(value, name); !checked) return fail(checked.error());
      return value;
    case Kind::text_list:
      return check_text_list(value, name);
    case Kind::gpu:
      return normalise(value, name, kGpuKeys);
    case Kind::ignored:
      break;
  }
  return Json();
}

Result<Json> normalise(const Json& value, const std::string& name, std::span<const Key> keys) {
  if (!value.is_object()) return invalid(name, "want an object");
  Json whole = Json::object();
  std::size_t known = 0;
  for (const Key& key : keys) {
    const auto at = value.find(key.name);
    known += at != value.end();
    if (key.kind == Kind::ignored) continue;
    if (at == value.end() || at->is_null()) {
      whole[std::string(key.name)] = fallback_of(key);
      continue;
    }
    auto checked = check_value(*at, name + '.' + std::string(key.name), key);
    if (!checked) return checked;
    whole[std::string(key.name)] = std::move(*checked);
  }
  if (known == value.size()) return whole;
  for (const auto& [given, item] : value.items()) {
    bool found = false;
    for (const Key& key : keys) found = found || key.name == given;
    if (!found) return invalid(name + '.' + given.substr(0, 100), "unknown key");
  }
  return whole;
}

}  // namespace

Result<std::int64_t> integer_between(const Json& value, std::string_view name, std::int64_t min, std::int64_t max) {
  const bool too_large = value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(max);
  if (!value.is_number_integer()) return invalid(name, "want an integer");
  if (too_large || value.get<std::int64_t>() < min || value.get<std::int64_t>() > max)
    return invalid(name, "want an integer from " + std::to_string(min) + " to " + std::to_string(max));
  return value.get<std::int64_t>();
}

Result<Json> normalise_runtime_constraints(const Json& value) {
  return normalise(value, "runtime_constraints", kRuntimeKeys);
}

Result<Json> normalise_scheduling_parameters(const Json& value) {
  return normalise(value, "scheduling_parameters", kSchedulingKeys);
}

Result<void> check_mounts(const Json& value) {
  if (!value.is_object()) return invalid("mounts", "want an object of mounts by path");
  for (const auto& [path, mount] : value.items()) {
    const std::string name = "mounts['" + path.substr(0, 100) + "']";
    if (!path.starts_with('/') && path != "stdin" && path != "stdout" && path != "stderr")
      return invalid(name, "want an absolute path, stdin, stdout or stderr");
    if (path.find('\0') != std::string::npos) return invalid(name, "holds a NUL character");
    if (!mount.is_object()) return invalid(name, "want an object");
    const auto kind = mount.find("kind");
    if (kind == mount.end() || !kind->is_string()) return invalid(name + ".kind", "want a string");
    if (const auto capacity = mount.find("capacity"); capacity != mount.end() && !capacity->is_null())
      if (const auto bytes = integer_between(*capacity, name + ".capacity", 0, kMaxBytes); !bytes)
        return fail(bytes.error());
  }
  return {};
}

}  // namespace berth
