#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "berth/base/result.hpp"
#include "berth/net/http_server.hpp"

namespace berth {

/// The parameters of one call, whichever way they came (facts §2.1).
struct Params {
  std::string method;                                         ///< after `X-Http-Method-Override` or `_method`
  std::map<std::string, nlohmann::json, std::less<>> values;  ///< of query and form; empty and null ones are left out
  nlohmann::json body;  ///< a JSON body as it came: parameters, or itself a record's attributes; else null
  /// Nothing for null; the body goes first.
  const nlohmann::json* find(std::string_view name) const;
};

/// Decodes query and body: form values that begin with `[`, `{` or `"` are JSON text, others strings; a JSON body is an
/// object of parameters. Errors: invalid, exhausted (too large), undecodable, naming the parameter. Takes some 50 ms
/// per MiB: see is_large().
Result<Params> decode_params(const ServerRequest& request);
/// Whether decoding it would hold up the event loop.
bool is_large(const ServerRequest& request);

/// A parameter that must be an integer (or a string of digits) from `min` to `max`. Errors: invalid.
Result<std::int64_t> integer_param(const Params& params, std::string_view name, std::int64_t fallback, std::int64_t min,
                                   std::int64_t max);
/// A list of strings: a JSON array, or text with commas. Absent: empty. Errors: invalid.
Result<std::vector<std::string>> list_param(const Params& params, std::string_view name);
/// The attributes of a record: the object named `name`, or a JSON body that is itself the attributes. Errors: invalid.
Result<nlohmann::json> take_record_param(Params params, std::string_view name);
/// Strings that are numbers in decimal. Errors: invalid, naming `what`.
Result<std::int64_t> to_integer(const nlohmann::json& value, std::string_view what);

}  // namespace berth
