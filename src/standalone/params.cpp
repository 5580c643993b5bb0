#include "params.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "berth/arvados/records.hpp"

#include "invalid.hpp"

namespace berth {
namespace {

using Json = nlohmann::json;

/// Parameters that are never attributes of a record.
constexpr std::string_view kReserved[] = {"select",     "api_token",          "_method",
                                          "cluster_id", "ensure_unique_name", "reader_tokens"};
constexpr std::size_t kMaxParams = 1000;
/// Of one parameter, or of a JSON body: a record's largest attribute, and something for the others.
constexpr std::size_t kMaxText = std::size_t{1200} << 10;
constexpr std::size_t kLarge = std::size_t{32} << 10;
constexpr std::size_t kMaxValues = 100'000;

Result<Json> parse_bounded(std::string_view text) {
  if (text.size() > kMaxText) return fail(ErrorKind::exhausted, "larger than " + std::to_string(kMaxText) + " bytes");
  return parse_json(text, kMaxValues);
}

Result<void> add_form(Params& params, std::string_view text) {
  const auto pairs = parse_form(text);
  if (!pairs) return fail(Error{pairs.error()}.within("parameters"));
  if (pairs->size() > kMaxParams) return fail(ErrorKind::invalid, "too many parameters");
  for (const auto& [name, value] : *pairs) {
    if (value.empty() || value == "null") continue;
    if (value.front() != '[' && value.front() != '{' && value.front() != '"') {
      params.values[name] = value;
      continue;
    }
    auto json = parse_bounded(value);
    if (!json) return fail(Error{json.error()}.within(name));
    params.values[name] = std::move(*json);
  }
  return {};
}

Result<void> add_json(Params& params, std::string_view text) {
  auto json = parse_bounded(text);
  if (!json) return fail(Error{json.error()}.within("body"));
  if (!json->is_object()) return fail(ErrorKind::invalid, "body: want a JSON object");
  params.body = std::move(*json);
  return {};
}

/// `Some`: Params, const or not.
template <class Some>
auto look_up(Some& params, std::string_view name) -> decltype(&params.body) {
  if (params.body.is_object())
    if (const auto at = params.body.find(name); at != params.body.end() && !at->is_null()) return &*at;
  const auto at = params.values.find(name);
  return at == params.values.end() ? nullptr : &at->second;
}

bool is_json_body(const ServerRequest& request) {
  const auto type = find_header(request.headers, "Content-Type");
  if (type.starts_with("application/json")) return true;
  if (type.starts_with("application/x-www-form-urlencoded") && !request.body.starts_with('{')) return false;
  return request.body.starts_with('{');
}

bool is_method(std::string_view text) {
  constexpr std::string_view methods[] = {"GET", "PUT", "PATCH", "POST", "DELETE"};
  return std::find(std::begin(methods), std::end(methods), text) != std::end(methods);
}

Result<void> override_method(Params& params, const ServerRequest& request) {
  if (request.method != "POST") return {};
  std::string_view wanted = find_header(request.headers, "X-Http-Method-Override");
  if (const Json* value = params.find("_method"); wanted.empty() && value && value->is_string())
    wanted = value->get_ref<const std::string&>();
  if (wanted.empty()) return {};
  if (!is_method(wanted)) return invalid("X-Http-Method-Override", "unknown method");
  params.method = wanted;
  return {};
}

}  // namespace

const Json* Params::find(std::string_view name) const {
  return look_up(*this, name);
}

Result<Params> decode_params(const ServerRequest& request) {
  Params params;
  params.method = request.method;
  if (auto added = add_form(params, request.query); !added) return fail(added.error());
  if (!request.body.empty()) {
    auto added = is_json_body(request) ? add_json(params, request.body) : add_form(params, request.body);
    if (!added) return fail(added.error());
  }
  if (auto overridden = override_method(params, request); !overridden) return fail(overridden.error());
  return params;
}

bool is_large(const ServerRequest& request) {
  return request.body.size() > kLarge;
}

Result<std::int64_t> to_integer(const Json& value, std::string_view what) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
    return invalid(what, "the number is too large");
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
  }
  return invalid(what, "want an integer");
}

Result<std::int64_t> integer_param(const Params& params, std::string_view name, std::int64_t fallback, std::int64_t min,
                                   std::int64_t max) {
  const Json* value = params.find(name);
  if (!value) return fallback;
  auto number = to_integer(*value, name);
  if (!number) return number;
  if (*number < min) return invalid(name, "want at least " + std::to_string(min));
  return std::min(*number, max);
}

Result<std::vector<std::string>> list_param(const Params& params, std::string_view name) {
  std::vector<std::string> list;
  const Json* value = params.find(name);
  if (!value) return list;
  if (value->is_string()) {
    std::string_view rest = value->get_ref<const std::string&>();
    for (bool more = true; more;) {
      const auto comma = rest.find(',');
      list.emplace_back(rest.substr(0, comma));
      more = comma != rest.npos;
      if (more) rest.remove_prefix(comma + 1);
    }
    return list;
  }
  if (!value->is_array()) return invalid(name, "want an array of strings");
  for (const Json& item : *value) {
    if (!item.is_string()) return invalid(name, "want an array of strings");
    list.push_back(item.get<std::string>());
  }
  return list;
}

Result<Json> take_record_param(Params params, std::string_view name) {
  if (auto* value = look_up(params, name)) {
    if (!value->is_object()) return invalid(name, "want a JSON object");
    return std::move(*value);
  }
  if (params.body.is_null()) return invalid(name, "missing parameter");
  for (const std::string_view reserved : kReserved) params.body.erase(std::string(reserved));
  return std::move(params.body);
}

}  // namespace berth
