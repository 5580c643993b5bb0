#pragma once

#include "berth/base/asio.hpp"
#include "berth/base/fd.hpp"
#include "berth/base/runtime.hpp"

#include "address.hpp"

namespace berth {

/// A TCP connection to `endpoint`: its addresses in turn, each with its share of the time left. Names are looked up on
/// threads for that alone; whoever waits for them can be cancelled. Errors: network, timeout.
awaitable<Result<Fd>> dial(Runtime& runtime, SshEndpoint endpoint, Duration deadline);

}  // namespace berth
