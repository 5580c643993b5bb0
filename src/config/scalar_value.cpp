#include "scalar_value.hpp"

#include <cmath>
#include <string>

#include "berth/base/units.hpp"

#include "url.hpp"
#include "yaml_scalar.hpp"

namespace berth::config {
namespace {

using nlohmann::json;

/// YAML's `.inf` and `.nan`, and decimals too large for a number: they have no JSON form, so they were read as text.
bool is_not_finite(const Node& node, KeyType type) {
  if (node.kind != Node::Kind::text || node.quoted || node.text.empty()) return false;
  std::string_view text = node.text;
  if (text[0] == '+' || text[0] == '-') text.remove_prefix(1);
  for (const std::string_view word : {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"})
    if (text == word) return true;
  if (type == KeyType::bytes) return false;  // 8E is eight exabytes
  return !text.empty() && text[0] >= '0' && text[0] <= '9' &&
         text.find_first_not_of("0123456789.eE+-_") == std::string_view::npos;
}

tl::unexpected<Error> wrong_type(const Node& node, KeyType type) {
  const bool is_numeric = type == KeyType::integer || type == KeyType::real || type == KeyType::bytes;
  if (is_numeric && is_not_finite(node, type))
    return fail(ErrorKind::invalid, "expected " + std::string(description(type)) + ", got " + node.text.substr(0, 40) +
                                        ", which is not a finite number");
  std::string message = "expected " + std::string(description(type)) + ", got " + kind_name(node);
  const bool unquoted = node.kind == Node::Kind::number || node.kind == Node::Kind::boolean;
  if (type == KeyType::text && unquoted) message += ": put it in quotes";
  if (node.kind == Node::Kind::text && node.quoted &&
      (type == KeyType::integer || type == KeyType::real || type == KeyType::boolean)) {
    message += ": a quoted value is a string";
  }
  return fail(ErrorKind::invalid, message);
}

bool fits_int64(double number) {
  constexpr double limit = 9223372036854775808.0;  // 2^63
  return std::trunc(number) == number && number >= -limit && number < limit;
}

Result<json> integer(const Node& node, KeyType type) {
  if (node.kind != Node::Kind::number) return wrong_type(node, type);
  if (!fits_int64(node.number)) {
    return fail(ErrorKind::invalid, number_text(node.number) + " is not a whole number of 64 bits");
  }
  return json(static_cast<std::int64_t>(node.number));
}

Result<json> duration(const Node& node) {
  if (node.kind == Node::Kind::number) {
    if (node.number == 0) return json(format_duration(Duration::zero()));
    return fail(ErrorKind::invalid, "a unit is missing: write " + number_text(node.number) + "s for seconds");
  }
  if (node.kind != Node::Kind::text) return wrong_type(node, KeyType::duration);
  const auto parsed = parse_duration(node.text);
  if (!parsed) return fail(parsed.error());
  return json(format_duration(*parsed));
}

Result<json> size(const Node& node) {
  if (node.kind == Node::Kind::number) return integer(node, KeyType::bytes);
  if (node.kind != Node::Kind::text) return wrong_type(node, KeyType::bytes);
  if (is_not_finite(node, KeyType::bytes)) return wrong_type(node, KeyType::bytes);
  if (is_zero_size_quirk(node, KeyType::bytes)) return json(std::int64_t{0});
  const auto parsed = parse_bytes(node.text);
  if (!parsed) return fail(parsed.error());
  return json(*parsed);
}

Result<json> url(const Node& node) {
  if (node.kind != Node::Kind::text) return wrong_type(node, KeyType::url);
  const auto normalized = normalized_url(node.text);
  if (!normalized) return fail(normalized.error());
  return json(*normalized);
}

Result<json> text(const Node& node) {
  if (node.kind != Node::Kind::text) return wrong_type(node, KeyType::text);
  if (node.text.find('\0') != std::string::npos) return fail(ErrorKind::invalid, "a string must not hold NUL bytes");
  return json(node.text);
}

}  // namespace

json plain_json(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return nullptr;
    case Node::Kind::boolean:
      return node.boolean;
    case Node::Kind::number:
      if (fits_int64(node.number)) return static_cast<std::int64_t>(node.number);
      return node.number;
    case Node::Kind::text:
      return node.text;
    case Node::Kind::list: {
      json list = json::array();
      for (const Node& item : node.items) list.push_back(plain_json(item));
      return list;
    }
    case Node::Kind::map: {
      json map = json::object();
      for (const auto& [key, value] : node.entries) map[key] = plain_json(value);
      return map;
    }
  }
  return nullptr;
}

bool is_zero_size_quirk(const Node& node, KeyType type) {
  return type == KeyType::bytes && node.kind == Node::Kind::text && !node.text.empty() &&
         node.text.find_first_not_of("0123456789") == std::string::npos;
}

Result<json> scalar_value(const Node& node, KeyType type) {
  switch (type) {
    case KeyType::text:
      return text(node);
    case KeyType::integer:
      return integer(node, type);
    case KeyType::duration:
      return duration(node);
    case KeyType::bytes:
      return size(node);
    case KeyType::url:
      return url(node);
    case KeyType::boolean:
      if (node.kind == Node::Kind::boolean) return json(node.boolean);
      return wrong_type(node, type);
    case KeyType::real:
      if (node.kind == Node::Kind::number) return plain_json(node);
      return wrong_type(node, type);
    default:
      return plain_json(node);
  }
}

}  // namespace berth::config
