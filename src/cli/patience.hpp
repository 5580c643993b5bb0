#pragma once

#include <cstdio>
#include <optional>

#include "connection.hpp"

namespace berth {

/// The daemon is not there, or starting: the same call may succeed later.
bool is_away(const Error& error);
/// How long to wait before the next try, after `failures` in a row that began `away` ago; nothing: give up.
std::optional<Duration> pause_after(int failures, Duration away);

/// Makes a call until the daemon answers it. While the daemon is away it tries again, says so once on stderr, and gives
/// up in the end with the last error.
template <class Attempt>
auto patiently(DaemonConnection& connection, const Attempt& attempt) -> decltype(attempt()) {
  const SteadyTime begin = connection.now();
  for (int failures = 0;;) {
    auto answer = attempt();
    if (answer || !is_away(answer.error())) {
      if (failures > 0) std::fprintf(stderr, "berthctl: the daemon is back\n");
      return answer;
    }
    const auto pause = pause_after(++failures, connection.now() - begin);
    if (!pause) return answer;
    if (failures == 1) std::fprintf(stderr, "berthctl: %s; reconnecting\n", answer.error().message.c_str());
    connection.wait(*pause);
  }
}

}  // namespace berth
