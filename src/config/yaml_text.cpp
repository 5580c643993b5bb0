#include "yaml_text.hpp"

#include <string_view>

#include "yaml_scalar.hpp"

namespace berth::config {
namespace {

using nlohmann::json;

/// JSON strings are YAML's double-quoted ones.
std::string quoted(const std::string& text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string key_text(const std::string& key) {
  constexpr std::string_view safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  const bool plain = !key.empty() && key[0] != '-' && key[0] != '.' &&
                     key.find_first_not_of(safe) == std::string::npos &&
                     resolve_plain_scalar(key).kind == Node::Kind::text;
  return plain ? key : quoted(key);
}

void write_value(const json& value, const std::string& indent, std::string& out);

void write_map(const json& map, const std::string& indent, std::string& out) {
  for (const auto& [key, value] : map.items()) {
    out += indent + key_text(key) + ':';
    write_value(value, indent + "  ", out);
  }
}

void write_list(const json& list, const std::string& indent, std::string& out) {
  for (const json& value : list) {
    out += indent + '-';
    write_value(value, indent + "  ", out);
  }
}

/// After `key:` or `-`.
void write_value(const json& value, const std::string& indent, std::string& out) {
  if (value.is_structured() && !value.empty()) {
    out += '\n';
    value.is_object() ? write_map(value, indent, out) : write_list(value, indent, out);
  } else {
    out += ' ' + (value.is_string() ? quoted(value.get_ref<const std::string&>()) : value.dump()) + '\n';
  }
}

}  // namespace

std::string yaml_text(const json& document) {
  std::string out;
  write_map(document, "", out);
  return out;
}

}  // namespace berth::config
