#pragma once

#include <string_view>

#include "berth/net/http_client.hpp"

namespace berth {

/// RFC 9110 §5.6.2: what methods and header names are made of.
bool is_token(std::string_view text);
/// Whether every name is a token and no value could end its line: nothing to smuggle another header in.
bool are_valid(const HttpHeaders& headers);
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace berth
