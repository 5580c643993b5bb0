#pragma once

#include <optional>
#include <string>

#include "berth/base/result.hpp"
#include "berth/net/http_server.hpp"

#include "beast.hpp"

namespace berth {

using RequestParser = http::request_parser<http::string_body>;

/// The head of a request that asks for a websocket.
using UpgradeRequest = http::request<http::empty_body>;

/// Why a request is refused.
struct HttpRefusal {
  int status = 400;
  std::string reason;  ///< for the client: a short sentence
};

/// For what Beast's parser refused.
HttpRefusal refusal_for(beast::error_code error);

/// What Beast lets through and we do not: a transfer encoding other than chunked or together with HTTP/1.0 (nobody
/// would know where the body ends), no or several Host headers, expectations other than 100-continue. To be called once
/// the header is complete, before the body is read.
tl::expected<void, HttpRefusal> check_head(const RequestParser& parser);

/// Nothing if it asks for no websocket (RFC 6455 §4.1).
std::optional<UpgradeRequest> upgrade_of(const http::request<http::string_body>& message);

/// The complete request as handlers see it. Refuses targets that are not a path and paths with bad escapes or NUL.
tl::expected<ServerRequest, HttpRefusal> to_server_request(http::request<http::string_body> message);

}  // namespace berth
