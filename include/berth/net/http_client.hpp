#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "berth/base/asio.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"

namespace berth {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;
/// The first header of that name (case-insensitive), or empty.
std::string_view find_header(const HttpHeaders& headers, std::string_view name);

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  HttpHeaders headers;
  std::string body;
  Duration deadline = std::chrono::minutes(1);            ///< for the whole transfer, waiting for a slot included
  std::size_t max_response_body = std::size_t{64} << 20;  ///< bytes; more is ErrorKind::exhausted
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::string body;
};

struct HttpClientOptions {
  bool insecure_tls = false;
  std::string ca_file;  ///< empty: the library's default
  /// HTTPS_PROXY, HTTP_PROXY, NO_PROXY (facts §1.6), as they are when the client is made; not with insecure_tls. A
  /// redirect goes the way of the first URL.
  bool use_proxy_environment = true;
  std::string connect_to;           ///< dial this host instead of the URL's, same port; empty: as the URL says
  std::size_t max_concurrent = 64;  ///< transfers at once; more wait
  std::size_t max_connections_per_host = 16;
  bool follow_redirects = true;  ///< GET only
};

/// HTTP client on libcurl's multi interface inside the event loop: keep-alive, TLS, deadlines. An awaiting coroutine
/// may be on any executor; cancelling it aborts its transfer. Errors: network, timeout, exhausted, invalid (URL),
/// unavailable (a proxy answered 503 to CONNECT). Every answer that is complete is a success here, whatever its status.
class HttpClient {
 public:
  HttpClient(Runtime& runtime, HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  awaitable<Result<HttpResponse>> perform(HttpRequest request);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

/// application/x-www-form-urlencoded, RFC 3986 unreserved characters kept, space as `+`.
std::string form_encode(std::string_view text);
/// Bad escapes are ErrorKind::invalid.
Result<std::string> form_decode(std::string_view text);
/// `a=1&b=2` into pairs, in order.
Result<std::vector<std::pair<std::string, std::string>>> parse_form(std::string_view text);

}  // namespace berth
