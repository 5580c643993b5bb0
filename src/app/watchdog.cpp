#include "watchdog.hpp"

#include <systemd/sd-daemon.h>

namespace berth {

awaitable<void> feed_watchdog(Runtime& runtime, Dispatcher& dispatcher) {
  std::uint64_t interval_us = 0;
  if (::sd_watchdog_enabled(0, &interval_us) <= 0) co_return;
  const auto pause = std::chrono::microseconds(interval_us / 2);
  for (;;) {
    co_await dispatcher.beat();
    ::sd_notify(0, "WATCHDOG=1");
    co_await runtime.sleep_for(pause);
  }
}

}  // namespace berth
