#pragma once

#include <string_view>

#include "berth/net/http_server.hpp"

namespace berth {

/// Whether the request carries the token: `Authorization: Bearer T` or `OAuth2 T` (facts §2.1), else parameter
/// `api_token` of the query or of a small form body. Takes the same time for every wrong token of the right length.
bool is_authorized(const ServerRequest& request, std::string_view token);

/// Whether a query string has it as `api_token`.
bool holds_token(std::string_view query, std::string_view token);

}  // namespace berth
