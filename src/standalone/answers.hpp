#pragma once

#include <string>

#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/net/http_server.hpp"

namespace berth {

ServerResponse json_response(std::string text);
/// `{"errors":[…],"error_token":…}` with the status that facts §2.4 give each kind; `error.http_status` wins if set.
ServerResponse error_response(Runtime& runtime, const Error& error);
/// An error with a status of its own.
tl::unexpected<Error> refuse(int status, std::string message);

}  // namespace berth
