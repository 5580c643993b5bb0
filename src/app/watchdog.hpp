#pragma once

#include "berth/base/runtime.hpp"
#include "berth/dispatcher/dispatcher.hpp"

namespace berth {

/// Tells the service manager's watchdog that the daemon lives (sd_watchdog_enabled(3)): twice in its interval, and only
/// if every part of the dispatcher has answered. Returns at once where no watchdog is set; ends by cancellation.
awaitable<void> feed_watchdog(Runtime& runtime, Dispatcher& dispatcher);

}  // namespace berth
