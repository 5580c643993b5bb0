#include "request_rules.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <boost/beast/websocket/rfc6455.hpp>

#include "header_rules.hpp"
#include "percent.hpp"

namespace berth {

namespace {
tl::unexpected<HttpRefusal> refuse(int status, std::string reason) {
  return tl::unexpected<HttpRefusal>(HttpRefusal{status, std::move(reason)});
}

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

/// `http://host/path` (RFC 9112 §3.2.2) without scheme and host.
std::string_view without_origin(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    const std::size_t end = target.find_first_of("/?", scheme.size());
    return end == std::string_view::npos ? "/" : target.substr(end);
  }
  return target;
}

/// Sets path and query from the target.
tl::expected<void, HttpRefusal> split_target(ServerRequest& request) {
  const std::string_view target = without_origin(request.target);
  if (!target.starts_with('/')) return refuse(400, "the request target is not a path");
  const std::size_t question = std::min(target.find('?'), target.size());
  auto path = percent_decode(target.substr(0, question), false);
  if (!path) return refuse(400, "a % in the path is not followed by two hex digits");
  if (path->find('\0') != std::string::npos) return refuse(400, "the path contains NUL");
  request.path = std::move(*path);
  request.query = target.substr(std::min(question + 1, target.size()));
  return {};
}
}  // namespace

HttpRefusal refusal_for(beast::error_code error) {
  if (error == http::error::header_limit) return {431, "the request header is too large"};
  if (error == http::error::body_limit) return {413, "the request body is too large"};
  if (error == http::error::buffer_overflow) return {400, "a line of the chunked body is too long"};
  return {400, "malformed request: " + error.message()};
}

tl::expected<void, HttpRefusal> check_head(const RequestParser& parser) {
  const auto& message = parser.get();
  const bool is_http_1_1 = message.version() >= 11;
  const auto encodings = message.count(http::field::transfer_encoding);
  if (encodings > 0) {
    if (!is_http_1_1) return refuse(400, "HTTP/1.0 has no transfer encodings");
    const auto value = view(message[http::field::transfer_encoding]);
    if (encodings > 1 || !equal_ignoring_case(value, "chunked")) {
      return refuse(501, "the only transfer encoding known here is chunked");
    }
  }
  const auto hosts = message.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && is_http_1_1)) return refuse(400, "exactly one Host header is needed");
  const auto expectation = message.find(http::field::expect);
  if (expectation != message.end() && !equal_ignoring_case(view(expectation->value()), "100-continue")) {
    return refuse(417, "the only expectation known here is 100-continue");
  }
  return {};
}

std::optional<UpgradeRequest> upgrade_of(const http::request<http::string_body>& message) {
  if (!beast::websocket::is_upgrade(message)) return std::nullopt;
  return UpgradeRequest(message.base());
}

tl::expected<ServerRequest, HttpRefusal> to_server_request(http::request<http::string_body> message) {
  ServerRequest request;
  request.method = message.method_string();
  std::transform(request.method.begin(), request.method.end(), request.method.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  request.target = message.target();
  if (auto split = split_target(request); !split) return tl::unexpected<HttpRefusal>(std::move(split.error()));
  for (const auto& field : message) request.headers.emplace_back(field.name_string(), field.value());
  request.host = message[http::field::host];
  request.body = std::move(message.body());
  return request;
}

}  // namespace berth
