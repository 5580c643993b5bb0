#pragma once

#include <string_view>

#include "berth/net/http_server.hpp"

namespace berth {

enum class Access { granted, disabled, missing, wrong };

/// Facts §9.1, management API: `Authorization: Bearer|OAuth2 T`, HTTP Basic password, `api_token=T` in the query, or
/// cookie `arvados_api_token` (base64url). Any match suffices. An empty token disables the API.
Access check_credentials(const ServerRequest& request, std::string_view management_token);

/// Facts §9.1, health, inspect and metrics: exactly `Authorization: Bearer <token>`.
Access check_bearer(const ServerRequest& request, std::string_view management_token);

}  // namespace berth
