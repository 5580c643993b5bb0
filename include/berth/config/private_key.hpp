#pragma once

#include <string>
#include <string_view>

#include "berth/base/result.hpp"

namespace berth {

/// The PEM text of `Containers.DispatchPrivateKey`: `value` itself, or the file that `file:///…` names (facts §1.2).
/// Empty stays empty. Errors: failed (unreadable file, with path and the system's text), invalid (not PEM); never with
/// key text.
Result<std::string> read_private_key(std::string_view value);

}  // namespace berth
