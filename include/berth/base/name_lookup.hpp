#pragma once

#include <string>
#include <vector>

#include "berth/base/asio.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"

namespace berth {

/// The numeric addresses of a host, in the system's order, at most 8. The caller does not wait on when cancelled; the
/// look-up itself ends when the system's resolver gives up.
awaitable<Result<std::vector<std::string>>> look_up_host(Runtime& runtime, std::string host);

}  // namespace berth
