#include "start_up.hpp"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <signal.h>
#include <utility>

#include "patience.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr Duration kUntilHeld = 1s;     // one that was started before us may not have got to its lock yet
constexpr Duration kUntilServed = 15s;  // a large queue takes a while to open
constexpr Duration kPause = 50ms;

bool serves(const Endpoint& endpoint) {
  DaemonConnection connection(endpoint);
  const auto answer = connection.manage("GET", "/_health/ping", {});
  return answer || !is_away(answer.error());
}

}  // namespace

// The lock itself is not tried: a daemon that starts in that moment would be refused.
bool is_held(const std::string& data_dir) {
  pid_t holder = 0;
  return std::ifstream(data_dir + "/lock") >> holder && holder > 0 && (::kill(holder, 0) == 0 || errno == EPERM);
}

Result<Endpoint> find_started(const std::string& data_dir, const std::function<Result<Endpoint>()>& find) {
  DaemonConnection clock{Endpoint{}};
  const SteadyTime began = clock.now();
  for (bool said = false;;) {
    auto endpoint = find();
    if (endpoint && serves(*endpoint)) return endpoint;
    const bool held = is_held(data_dir);
    if (clock.now() - began >= (held ? kUntilServed : kUntilHeld)) return endpoint;
    if (held && !std::exchange(said, true))
      std::fprintf(stderr, "berthctl: the daemon of %s is starting\n", data_dir.c_str());
    clock.wait(kPause);
  }
}

}  // namespace berth
