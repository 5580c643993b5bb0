#include "exit_watch.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "berth/base/shell.hpp"
#include "berth/model/uuid.hpp"

#include "commands.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr Duration first_pause = 1s;
constexpr Duration longest_pause = 5min;
constexpr Duration first_check_pause = 10ms;
constexpr Duration longest_check_pause = 10s;
constexpr std::int64_t largest_pid = 1 << 22;  // Linux: PID_MAX_LIMIT

// %h: handles of pidfds by PID; %p: PIDs to look for where there are no pidfds. 434 is pidfd_open everywhere.
constexpr std::string_view pid_watch = R"perl($| = 1; my (%h, %p, $b); print "watching\n";
for (;;) {
  my $r = ""; vec($r, 0, 1) = 1; vec($r, fileno($h{$_}), 1) = 1 for keys %h;
  select($r, undef, undef, %p ? 0.2 : undef);
  if (vec($r, 0, 1)) {
    sysread(STDIN, $b, 4096, length $b) or exit;
    while ($b =~ s/^(.*)\n//) {
      my $n = $1; next if $n !~ /^[1-9]\d{0,6}$/ || keys(%h) + keys(%p) > 4095;
      my $f = syscall(434, $n + 0, 0);
      if ($f >= 0) { open $h{$n}, "<&=$f" } elsif ($!{ESRCH}) { print "end $n\n" } else { $p{$n} = 1 }
    }
    $b = "" if length $b > 4096;
  }
  for (keys %h) { if (vec($r, fileno($h{$_}), 1)) { close $h{$_}; delete $h{$_}; print "end $_\n" } }
  for (keys %p) { -e "/proc/$_" or delete $p{$_}, print "end $_\n" }
})perl";

Duration doubled(Duration first, Duration longest, int times) {
  constexpr int enough = 20;
  return std::min(longest, first * (1 << std::clamp(times, 0, enough)));
}

}  // namespace

std::string watch_command(std::string_view login_user, std::string_view runner) {
  const std::string script = "case \"$(" + std::string(runner) +
                             " --version </dev/null 2>/dev/null)\" in berth-run*) exec env " + std::string(runner) +
                             " --watch;; *) exec perl -e " + shell_quote(pid_watch) + ";; esac";
  return std::string(sudo_prefix(login_user)) + "sh -c " + shell_quote(script);
}

std::optional<WatchLine> parse_watch_line(std::string_view line) {
  if (line == "watching") return watch_line::Watching{};
  if (line == "broken") return watch_line::Broken{};
  if (!line.starts_with("end ")) return std::nullopt;
  line.remove_prefix(4);
  if (is_container_uuid(line)) return watch_line::Ended{std::string(line)};
  std::int64_t pid = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), pid);
  if (error != std::errc() || end != line.data() + line.size() || pid < 2 || pid > largest_pid) return std::nullopt;
  return watch_line::EndedProcess{pid};
}

bool WatchBudget::take(SteadyTime now) {
  const double elapsed = std::chrono::duration<double>(now - last_).count();
  lines_ = std::min(burst, lines_ + std::clamp(elapsed, 0.0, burst) * per_second) - 1;
  last_ = now;
  return lines_ >= 0;
}

Duration watch_pause(int failures, std::uint64_t random) {
  const Duration whole = doubled(first_pause, longest_pause, failures - 1);
  return whole - Duration(static_cast<std::int64_t>(random % static_cast<std::uint64_t>(whole.count() / 2)));
}

Duration check_pause(int refuted) {
  return refuted == 0 ? Duration::zero() : doubled(first_check_pause, longest_check_pause, refuted - 1);
}

}  // namespace berth
