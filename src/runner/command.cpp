#include "command.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.hpp"

namespace berth::runner {
namespace {

/// What went wrong in the child before it became the command.
struct Failure {
  enum Step { set_up, directory, limit, exec } step;
  int error;
};

/// All that the child needs, made before fork: between fork and exec only plain system calls are safe.
struct Prepared {
  std::vector<std::string> paths;
  std::vector<char*> argv;
  std::vector<std::string> variables;
  std::vector<char*> envp;
  const char* directory;
  rlimit memory;
  int stdin_fd, stdout_fd, stderr_fd, failure_fd;
  pid_t parent;
};

Prepared prepare(const CommandSpec& spec) {
  Prepared p{};
  const auto path = spec.environment.find("PATH");
  p.paths = candidates(spec.command.front(), path == spec.environment.end() ? "" : path->second);
  for (const std::string& word : spec.command) p.argv.push_back(const_cast<char*>(word.c_str()));
  p.argv.push_back(nullptr);
  for (const auto& [name, value] : spec.environment) p.variables.push_back(name + '=' + value);
  for (std::string& variable : p.variables) p.envp.push_back(variable.data());
  p.envp.push_back(nullptr);
  p.directory = spec.directory.c_str();
  const rlim_t limit = spec.memory_limit > 0 ? static_cast<rlim_t>(spec.memory_limit) : RLIM_INFINITY;
  p.memory = {limit, limit};
  p.parent = ::getpid();
  return p;
}

[[noreturn]] void give_up(int failure_fd, Failure::Step step) {
  const Failure failure{step, errno};
  [[maybe_unused]] const ssize_t written = ::write(failure_fd, &failure, sizeof failure);
  ::_exit(127);
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become_command(const Prepared& p) {
  reset_signals();
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // no command outlives its runner: it might be started anew elsewhere
  if (::getppid() != p.parent) ::_exit(127);
  if (::dup2(p.stdin_fd, STDIN_FILENO) < 0 || ::dup2(p.stdout_fd, STDOUT_FILENO) < 0 ||
      ::dup2(p.stderr_fd, STDERR_FILENO) < 0)
    give_up(p.failure_fd, Failure::set_up);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (::chdir(p.directory) != 0) give_up(p.failure_fd, Failure::directory);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (p.memory.rlim_max != RLIM_INFINITY && ::setrlimit(RLIMIT_DATA, &p.memory) != 0)
    give_up(p.failure_fd, Failure::limit);
  int error = ENOENT;
  for (const std::string& path : p.paths) {
    ::execve(path.c_str(), p.argv.data(), p.envp.data());
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
  }
  errno = error;
  give_up(p.failure_fd, Failure::exec);
}

/// What another attempt would meet again: the container itself asks for what is not there.
Error hopeless_if_asked_for(Error error, int number) {
  constexpr std::array asked_for = {ENOENT, ENOTDIR, EACCES, ENOEXEC, ELOOP, ENAMETOOLONG, E2BIG, EISDIR};
  if (std::ranges::find(asked_for, number) != asked_for.end()) error.kind = ErrorKind::invalid;
  return error;
}

Error explain(const Failure& failure, const CommandSpec& spec) {
  switch (failure.step) {
    case Failure::directory:
      return hopeless_if_asked_for(system_error("cannot change to directory " + spec.directory, failure.error),
                                   failure.error);
    case Failure::exec:
      return hopeless_if_asked_for(system_error("cannot run " + spec.command.front(), failure.error), failure.error);
    case Failure::limit:
      return system_error("cannot limit the command's memory", failure.error);
    case Failure::set_up:
      break;
  }
  return system_error("cannot set the command up", failure.error);
}

/// Our children, those inherited from processes that ended included.
std::vector<pid_t> own_children() {
  std::vector<pid_t> children;
  std::error_code error;
  for (std::filesystem::directory_iterator task("/proc/self/task", error), end; !error && task != end;
       task.increment(error)) {
    std::ifstream file(task->path() / "children");
    for (pid_t pid = 0; file >> pid;) children.push_back(pid);
  }
  return children;
}

}  // namespace

std::vector<std::string> candidates(const std::string& program, const std::string& path) {
  if (program.find('/') != program.npos) return {program};
  std::vector<std::string> found;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    if (end > begin) found.push_back(path.substr(begin, end - begin) + '/' + program);
    begin = end + 1;
  }
  return found;
}

std::int64_t memory_limit_for(std::int64_t ram) {
  constexpr std::int64_t slack = std::int64_t{256} << 20;
  return ram <= 0 || ram > INT64_MAX - slack ? 0 : ram + slack;
}

bool speaks_of_memory(std::string_view last_words) {
  std::string text(last_words);
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  constexpr std::array words = {"cannot allocate memory", "memoryerror",      "bad_alloc",
                                "out of memory",          "outofmemoryerror", "memory exhausted"};
  return std::ranges::any_of(words, [&](const char* word) { return text.find(word) != text.npos; });
}

Result<RunningCommand> start_command(const CommandSpec& spec) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto out = make_pipe();
  auto err = make_pipe();
  auto failure_pipe = make_pipe();
  if (!out || !err || !failure_pipe) return fail(ErrorKind::exhausted, "no descriptors left");
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  Prepared prepared = prepare(spec);
  prepared.stdin_fd = null.get();
  prepared.stdout_fd = out->write_end.get();
  prepared.stderr_fd = err->write_end.get();
  prepared.failure_fd = failure_pipe->write_end.get();

  RunningCommand running;
  running.pid = ::fork();
  if (running.pid < 0) return fail(system_error("cannot make a process", errno));
  if (running.pid == 0) become_command(prepared);
  running.pidfd = open_process(running.pid);
  failure_pipe->write_end = Fd();
  Failure failure{};
  ssize_t size;
  do size = ::read(failure_pipe->read_end.get(), &failure, sizeof failure);
  while (size < 0 && errno == EINTR);
  if (size == sizeof failure || !running.pidfd) {
    ::kill(running.pid, SIGKILL);
    ::waitpid(running.pid, nullptr, 0);
    return fail(size == sizeof failure ? explain(failure, spec) : system_error("cannot watch the command", errno));
  }
  running.stdout_pipe = std::move(out->read_end);
  running.stderr_pipe = std::move(err->read_end);
  return running;
}

bool end_leftovers(pid_t command, pid_t guard) {
  ::kill(-command, SIGKILL);
  const SteadyTime deadline = steady_now() + std::chrono::seconds(2);
  for (;;) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
    auto children = own_children();
    std::erase(children, guard);
    if (children.empty() || steady_now() > deadline) return children.empty();
    for (const pid_t child : children) ::kill(child, SIGKILL);
    sleep_briefly(std::chrono::milliseconds(1));
  }
}

}  // namespace berth::runner
