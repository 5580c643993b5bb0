#include "child_process.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace berth {
namespace {

tl::unexpected<Error> system_failure(const char* what, int error) {
  const bool full = error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM;
  return fail(full ? ErrorKind::exhausted : ErrorKind::failed, std::string(what) + ": " + strerror(error));
}

struct Pipe {
  Fd read_end;
  Fd write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_failure("cannot make a pipe", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

/// posix_spawn of a shell that starts with default signals, nothing blocked, and a process group of its own.
int spawn_shell(pid_t& pid, const std::string& text, const std::vector<std::string>& environment, int stdin_fd,
                int stdout_fd, int stderr_fd) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, stdin_fd, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, stdout_fd, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, stderr_fd, STDERR_FILENO);
  // Sockets of the daemon would live on in a runner and keep the daemon's port taken after its end.
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  const char* arguments[] = {"sh", "-c", text.c_str(), nullptr};
  std::vector<char*> variables;
  variables.reserve(environment.size() + 1);
  for (const std::string& variable : environment) variables.push_back(const_cast<char*>(variable.c_str()));
  variables.push_back(nullptr);
  const int error =
      posix_spawn(&pid, "/bin/sh", &actions, &attributes, const_cast<char**>(arguments), variables.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

int shell_status(const siginfo_t& info) {
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

}  // namespace

void ProcessGroups::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const pid_t pid : pids_) ::kill(-pid, SIGKILL);
}

bool ProcessGroups::add(pid_t pid) {
  const std::lock_guard lock(mutex_);
  pids_.insert(pid);
  return !closed_;
}

void ProcessGroups::kill(pid_t pid) {
  const std::lock_guard lock(mutex_);
  if (pids_.contains(pid)) ::kill(-pid, SIGKILL);
}

bool ProcessGroups::reap(pid_t pid, int& exit_status) {
  const std::lock_guard lock(mutex_);
  if (!pids_.contains(pid)) return true;
  siginfo_t info{};
  int result;
  do result = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
  while (result != 0 && errno == EINTR);
  if (result == 0 && info.si_pid == 0) return false;
  if (result == 0) exit_status = shell_status(info);
  pids_.erase(pid);
  return true;
}

Result<ChildProcess> ChildProcess::spawn(std::shared_ptr<ProcessGroups> groups, const std::string& text,
                                         const std::vector<std::string>& environment) {
  if (text.find('\0') != text.npos) return fail(ErrorKind::invalid, "the command holds a NUL byte");
  auto stdin_pipe = make_pipe();
  if (!stdin_pipe) return fail(stdin_pipe.error());
  auto stdout_pipe = make_pipe();
  if (!stdout_pipe) return fail(stdout_pipe.error());
  auto stderr_pipe = make_pipe();
  if (!stderr_pipe) return fail(stderr_pipe.error());

  ChildProcess child;
  const int error = spawn_shell(child.pid_, text, environment, stdin_pipe->read_end.get(), stdout_pipe->write_end.get(),
                                stderr_pipe->write_end.get());
  if (error != 0) return system_failure("cannot start /bin/sh", error);
  child.groups_ = std::move(groups);
  const bool wanted = child.groups_->add(child.pid_);
  child.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid_, 0)));
  const int pidfd_error = errno;
  if (!wanted || child.pidfd.get() < 0) {
    child.kill();
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(child.pid_), &info, WEXITED | WNOWAIT);  // it was sent SIGKILL: ends at once
    int ignored = 0;
    child.reap(ignored);
    if (!wanted) return fail(ErrorKind::network, "the executor was closed");
    return system_failure("cannot watch the command", pidfd_error);
  }
  child.stdin_pipe = std::move(stdin_pipe->write_end);
  child.stdout_pipe = std::move(stdout_pipe->read_end);
  child.stderr_pipe = std::move(stderr_pipe->read_end);
  return child;
}

}  // namespace berth
