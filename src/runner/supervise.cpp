#include "supervise.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.hpp"

namespace berth::runner {
namespace {

constexpr Duration terminate_grace = std::chrono::seconds(5);

class Supervisor {
 public:
  Supervisor(RunningCommand& command, Guard& guard, Signals& signals, LogSpool& log, std::optional<SteadyTime> deadline)
      : command_(command), guard_(guard), signals_(signals), log_(log), deadline_(deadline) {
    for (Fd* pipe : {&command_.stdout_pipe, &command_.stderr_pipe}) ::fcntl(pipe->get(), F_SETFL, O_NONBLOCK);
  }

  CommandEnd run() {
    guard_.set_session(command_.pid);
    while (!has_ended()) {
      wait();
      signals_.take();
      check_stop();
      read_some(command_.stdout_pipe, LogSpool::out);
      read_some(command_.stderr_pipe, LogSpool::err);
    }
    end_.nothing_left = end_leftovers(command_.pid, guard_.pid());
    guard_.set_session(end_.nothing_left ? Guard::nothing_left : 0);
    drain(command_.stdout_pipe, LogSpool::out);
    drain(command_.stderr_pipe, LogSpool::err);
    return end_;
  }

 private:
  void wait() {
    std::array<pollfd, 5> items{};
    int i = 0;
    const int guard = stopping_ ? -1 : guard_.process().get();
    for (const int fd :
         {signals_.fd(), command_.pidfd.get(), command_.stdout_pipe.get(), command_.stderr_pipe.get(), guard})
      items[i++] = {fd, POLLIN, 0};  // poll() skips closed ones, which are negative
    ::poll(items.data(), items.size(), deadline_ ? poll_timeout(*deadline_) : -1);
    guard_died_ = guard_died_ || items[4].revents != 0;
  }

  bool has_ended() {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(command_.pid), &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
      return false;
    end_.exit_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    return true;
  }

  /// First SIGTERM, later SIGKILL, when asked to stop, out of time or alone.
  void check_stop() {
    const bool late = deadline_ && steady_now() >= *deadline_;
    if (!stopping_) {
      if (signals_.stop_signal() == 0 && !late && !guard_died_) return;
      end_.stopped_by_signal = signals_.stop_signal();
      end_.unguarded = guard_died_ && end_.stopped_by_signal == 0;
      end_.timed_out = end_.stopped_by_signal == 0 && !end_.unguarded;
      stopping_ = true;
      ::kill(-command_.pid, SIGTERM);
      deadline_ = steady_now() + terminate_grace;
    } else if (late) {
      ::kill(-command_.pid, SIGKILL);
      deadline_.reset();
    }
  }

  /// One bufferful. False if there is no more now; the descriptor is closed at the end of the stream.
  bool read_some(Fd& pipe, LogSpool::Stream stream) {
    if (!pipe) return false;
    const ssize_t size = ::read(pipe.get(), buffer_.data(), buffer_.size());
    if (size > 0) {
      log_.append(stream, {buffer_.data(), static_cast<std::size_t>(size)});
      if (stream == LogSpool::err) remember({buffer_.data(), static_cast<std::size_t>(size)});
      return true;
    }
    if (size == 0 || (errno != EAGAIN && errno != EINTR)) pipe = Fd();
    return false;
  }

  void remember(std::string_view bytes) {
    constexpr std::size_t enough = 4096;
    end_.last_words += bytes;
    if (end_.last_words.size() > enough) end_.last_words.erase(0, end_.last_words.size() - enough);
  }

  /// What is in the pipe. Whoever else may still write to it is not waited for.
  void drain(Fd& pipe, LogSpool::Stream stream) {
    for (int i = 0; i < 64 && read_some(pipe, stream); ++i) continue;
  }

  RunningCommand& command_;
  Guard& guard_;
  Signals& signals_;
  LogSpool& log_;
  std::optional<SteadyTime> deadline_;
  bool stopping_ = false;
  bool guard_died_ = false;
  CommandEnd end_;
  std::array<char, 65536> buffer_{};
};

}  // namespace

CommandEnd supervise(RunningCommand& command, Guard& guard, Signals& signals, LogSpool& log,
                     std::optional<SteadyTime> deadline) {
  return Supervisor(command, guard, signals, log, deadline).run();
}

}  // namespace berth::runner
