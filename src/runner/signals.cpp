#include "signals.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.hpp"

namespace berth::runner {

namespace {

sigset_t watched_signals() {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2}) sigaddset(&watched, signal);
  return watched;
}

}  // namespace

void block_runner_signals() {
  const sigset_t watched = watched_signals();
  ::pthread_sigmask(SIG_BLOCK, &watched, nullptr);
}

Signals::Signals() {
  block_runner_signals();
  const sigset_t watched = watched_signals();
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  fd_ = Fd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
}

void Signals::take() {
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof info) == sizeof info) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal != SIGUSR1 && signal != SIGUSR2 && stop_signal_ == 0) stop_signal_ = signal;
  }
}

void Signals::wait_until(SteadyTime when, bool stoppable) {
  for (;;) {
    take();
    if ((stoppable && stop_signal_ != 0) || steady_now() >= when) return;
    pollfd item{fd_.get(), POLLIN, 0};
    ::poll(&item, 1, poll_timeout(when));
  }
}

}  // namespace berth::runner
