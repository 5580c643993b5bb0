#pragma once

#include "berth/net/websocket.hpp"

#include "calls.hpp"

namespace berth {

/// One client of `/websocket` (facts §11), until it leaves or is too slow. `may_read`: it showed the token; without it
/// gets no events.
awaitable<void> serve_events(ApiContextPtr api, bool may_read, WebSocket& socket);

}  // namespace berth
