#include "auth.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "berth/base/secret.hpp"

namespace berth {
namespace {

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

/// Both alphabets, padding optional; nothing if it is not base64.
std::optional<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>((bits >> count) & 0xff);
  }
  return out;
}

/// Every credential of a request, tested one by one.
class Credentials {
 public:
  explicit Credentials(std::string_view token) : token_(token) {}
  void offer(std::string_view candidate) {
    any_ = true;
    match_ = match_ || same_secret(candidate, token_);
  }
  Access verdict() const { return match_ ? Access::granted : any_ ? Access::wrong : Access::missing; }

 private:
  std::string_view token_;
  bool any_ = false, match_ = false;
};

void offer_authorization(Credentials& credentials, std::string_view header) {
  for (const std::string_view scheme : {"Bearer ", "OAuth2 "})
    if (header.starts_with(scheme)) credentials.offer(header.substr(scheme.size()));
  constexpr std::string_view basic = "Basic ";
  if (!header.starts_with(basic)) return;
  const auto pair = decode_base64(header.substr(basic.size()));
  if (!pair) return credentials.offer("");
  const auto colon = pair->find(':');
  credentials.offer(colon == std::string::npos ? std::string_view() : std::string_view(*pair).substr(colon + 1));
}

void offer_cookie(Credentials& credentials, std::string_view cookies) {
  constexpr std::string_view name = "arvados_api_token=";
  while (!cookies.empty()) {
    const auto end = cookies.find(';');
    std::string_view cookie = cookies.substr(0, end);
    cookies.remove_prefix(end == cookies.npos ? cookies.size() : end + 1);
    while (cookie.starts_with(' ')) cookie.remove_prefix(1);
    if (!cookie.starts_with(name)) continue;
    if (const auto value = decode_base64(cookie.substr(name.size()))) credentials.offer(*value);
  }
}

}  // namespace

Access check_credentials(const ServerRequest& request, std::string_view management_token) {
  if (management_token.empty()) return Access::disabled;
  Credentials credentials(management_token);
  if (const auto header = find_header(request.headers, "Authorization"); !header.empty())
    offer_authorization(credentials, header);
  if (const auto query = parse_form(request.query))
    for (const auto& [name, value] : *query)
      if (name == "api_token") credentials.offer(value);
  offer_cookie(credentials, find_header(request.headers, "Cookie"));
  return credentials.verdict();
}

Access check_bearer(const ServerRequest& request, std::string_view management_token) {
  if (management_token.empty()) return Access::disabled;
  const auto header = find_header(request.headers, "Authorization");
  if (header.empty()) return Access::missing;
  constexpr std::string_view scheme = "Bearer ";
  const bool match = header.starts_with(scheme) && same_secret(header.substr(scheme.size()), management_token);
  return match ? Access::granted : Access::wrong;
}

}  // namespace berth
