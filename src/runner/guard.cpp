#include "guard.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.hpp"
#include "lock_files.hpp"
#include "strays.hpp"

namespace berth::runner {
namespace {

constexpr Duration look_interval = std::chrono::seconds(1);
/// From SIGTERM to SIGKILL for a runner without a lock file: enough to stop the command and say so once.
constexpr Duration farewell_limit = std::chrono::seconds(10);

bool is_removed(int file) {
  struct stat status {};
  return ::fstat(file, &status) == 0 && status.st_nlink == 0;
}

void close_all_but(int one, int other) {
  const auto [low, high] = std::minmax(static_cast<unsigned>(one), static_cast<unsigned>(other));
  if (low > 3) ::close_range(3, low - 1, 0);
  if (high > low + 1) ::close_range(low + 1, high - 1, 0);
  ::close_range(high + 1, ~0U, 0);
}

/// Until the runner is gone, or done: then its end of `orders` is closed. The session to kill.
pid_t watch(int lock, int orders, const Fd& runner) {
  pid_t session = 0;
  std::optional<SteadyTime> removed;
  for (;;) {
    pollfd item{orders, POLLIN, 0};
    const SteadyTime next_look = steady_now() + look_interval;
    if (::poll(&item, 1, poll_timeout(next_look)) > 0) {
      const ssize_t size = ::read(orders, &session, sizeof session);
      if (size == 0) return session;
      continue;
    }
    if (!removed && is_removed(lock)) {
      (void)write_all(STDERR_FILENO, "berth-run: the lock file is gone: the container is stopped\n");
      removed = steady_now() + farewell_limit;
      send_signal(runner, SIGTERM);
    }
    if (removed && steady_now() >= *removed) send_signal(runner, SIGKILL);
  }
}

/// In one write, and as long as what was there: who reads meanwhile sees the old line or the new one.
void sign(int lock, const std::string& uuid) {
  struct stat status {};
  if (::fstat(lock, &status) != 0) return;
  std::string line = lock_line({uuid, ::getpid()});
  while (line.size() < static_cast<std::size_t>(status.st_size)) line.insert(line.end() - 1, ' ');
  [[maybe_unused]] const auto written = ::pwrite(lock, line.data(), line.size(), 0);
}

[[noreturn]] void be_guard(int lock, int orders, const std::string& uuid, const std::string& mark, pid_t parent) {
  ::setsid();  // what kills the runner's process group does not kill its guard
  ::prctl(PR_SET_NAME, "berth-run-guard");
  close_all_but(lock, orders);
  const Fd runner = open_process(parent);
  const pid_t session = watch(lock, orders, runner);
  if (session == Guard::nothing_left) ::_exit(0);
  sign(lock, uuid);
  while (!end_strays(mark, session, std::chrono::minutes(1))) continue;
  ::_exit(0);
}

}  // namespace

Result<Guard> Guard::start(const Fd& lock, const std::string& uuid, const std::string& mark) {
  auto orders = make_pipe();
  if (!orders) return fail(orders.error());
  const pid_t parent = ::getpid();
  Guard guard;
  guard.pid_ = ::fork();
  if (guard.pid_ < 0) return fail(system_error("cannot make a process", errno));
  if (guard.pid_ == 0) be_guard(lock.get(), orders->read_end.get(), uuid, mark, parent);
  guard.orders_ = std::move(orders->write_end);
  guard.process_ = open_process(guard.pid_);
  return guard;
}

Guard::~Guard() {
  orders_ = Fd();
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
}

void Guard::set_session(pid_t session) {
  [[maybe_unused]] const auto written = ::write(orders_.get(), &session, sizeof session);
}

}  // namespace berth::runner
