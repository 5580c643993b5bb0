#pragma once

#include <string>
#include <string_view>

#include "berth/base/result.hpp"

namespace berth::config {

/// A URL as the reference re-serialises it: lower-case scheme, and path `/` if there is a host and no path (facts
/// §1.2). Errors: invalid, without the URL's text (it may hold a password).
Result<std::string> normalized_url(std::string_view text);

/// What stands between `scheme://` and the path; empty if there is nothing of the kind.
std::string_view url_authority(std::string_view url);

}  // namespace berth::config
