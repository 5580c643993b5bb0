#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "berth/base/time.hpp"

namespace berth {

/// The long-lived command that tells when runners end on a worker; it ends when its stdin does. `runner` is shell text.
///
/// `berth-run` is asked to `--watch`. For any other runner there is a small Perl program (perl-base is on every Debian
/// and Ubuntu) that takes PIDs on stdin, one a line, and prints `end PID` when such a process ends: by pidfd, so that
/// it sleeps meanwhile; where the kernel has none (before 5.3) it looks for the processes five times a second.
std::string watch_command(std::string_view login_user, std::string_view runner);

/// What a line of the watch says. All of it is a hint.
namespace watch_line {
struct Watching {};  ///< from here on nothing is missed
struct Ended {
  std::string uuid;
};
struct EndedProcess {
  std::int64_t pid = 0;
};
struct Broken {};  ///< the runner says that the worker cannot run containers
}  // namespace watch_line
using WatchLine = std::variant<watch_line::Watching, watch_line::Ended, watch_line::EndedProcess, watch_line::Broken>;

/// Nothing for lines that are not understood or of no interest.
std::optional<WatchLine> parse_watch_line(std::string_view line);
/// Longer lines end the watch.
inline constexpr std::size_t longest_watch_line = 256;

/// Keeps a worker that talks without end from costing more than its share: a value that reads no clock.
class WatchBudget {
 public:
  /// One more line came. False if there have been too many.
  bool take(SteadyTime now);

 private:
  double lines_ = burst;
  SteadyTime last_{};
  static constexpr double per_second = 5000;
  static constexpr double burst = 20000;
};

/// How long to wait before the watch is started again, after so many failures in a row (from 1); `random` is up to a
/// half of it taken off.
Duration watch_pause(int failures, std::uint64_t random);

/// How long to wait before the worker is probed once more for ends that the watch tells and the last `refuted` probes
/// did not show.
Duration check_pause(int refuted);

}  // namespace berth
