#include "authentication.hpp"

#include <string>

#include "berth/base/secret.hpp"

namespace berth {
namespace {

/// Bodies of strangers are not decoded beyond this size.
constexpr std::size_t kMaxUnknownBody = 64 * 1024;

}  // namespace

bool holds_token(std::string_view query, std::string_view token) {
  const auto pairs = parse_form(query);
  if (!pairs) return false;
  for (const auto& [name, value] : *pairs)
    if (name == "api_token" && same_secret(value, token)) return true;
  return false;
}

bool is_authorized(const ServerRequest& request, std::string_view token) {
  if (token.empty()) return false;
  const auto header = find_header(request.headers, "Authorization");
  for (const std::string_view scheme : {"Bearer ", "OAuth2 "})
    if (header.starts_with(scheme)) return same_secret(header.substr(scheme.size()), token);
  if (!header.empty()) return false;
  if (holds_token(request.query, token)) return true;
  const auto type = find_header(request.headers, "Content-Type");
  return type.starts_with("application/x-www-form-urlencoded") && request.body.size() <= kMaxUnknownBody &&
         holds_token(request.body, token);
}

}  // namespace berth
