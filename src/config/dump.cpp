#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "berth/config/load.hpp"

#include "defaults.hpp"
#include "yaml_text.hpp"

namespace berth {
namespace config {
namespace {

using nlohmann::json;

constexpr const char* kMask = "(masked)";
constexpr std::string_view kDriverParameters = "Containers.CloudVMs.DriverParameters";

/// Whether strings of that name are secrets, wherever they stand: the names that the known services use end so.
bool is_secret_name(std::string name) {
  constexpr std::array<std::string_view, 4> ends = {"secret", "password", "token", "key"};
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return name.ends_with(end); });
}

/// `file:///path` and TLS.Key name a file, which is no secret.
bool is_path(std::string_view path, const std::string& value) {
  return path == "TLS.Key" || (path == "Containers.DispatchPrivateKey" && value.starts_with("file:///"));
}

/// `scheme://user:password@host` without the password.
std::string without_password(const std::string& text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const std::size_t begin = scheme + 3, at = text.find('@', begin), colon = text.find(':', begin);
  if (at == std::string::npos || colon == std::string::npos || colon > at) return text;
  if (text.find('/', begin) < at) return text;
  return text.substr(0, colon + 1) + kMask + text.substr(at);
}

class Masker {
 public:
  explicit Masker(const Node& defaults) : known_parameters_(*find_path(defaults, kDriverParameters)) {}

  json masked(const json& value, const std::string& path, const std::string& name, bool secret) const {
    if (value.is_object()) return object(value, path, secret);
    if (value.is_array()) {
      json list = json::array();
      for (const json& item : value) list.push_back(masked(item, path, name, secret));
      return list;
    }
    if (!value.is_string()) return secret && value.is_number() ? json(kMask) : value;
    const auto& text = value.get_ref<const std::string&>();
    if (text.empty() || is_path(path, text)) return value;
    return secret || is_secret_name(name) ? json(kMask) : json(without_password(text));
  }

 private:
  json object(const json& value, const std::string& path, bool secret) const {
    json out = json::object();
    for (const auto& [key, entry] : value.items()) {
      // What a driver that is not ours means by a parameter is not known here.
      const bool unknown = path == kDriverParameters && known_parameters_.find(key) == nullptr;
      out[without_password(key)] = masked(entry, path.empty() ? key : path + "." + key, key, secret || unknown);
    }
    return out;
  }

  const Node& known_parameters_;
};

}  // namespace
}  // namespace config

std::string dump_config(const LoadedConfig& loaded, bool unmask) {
  using namespace config;
  const json& document = *loaded.cluster.document;
  const Node defaults = default_cluster();
  const json shown = unmask ? document : Masker(defaults).masked(document, "", "", false);
  return yaml_text({{"Clusters", {{loaded.cluster.id, shown}}}});
}

}  // namespace berth
