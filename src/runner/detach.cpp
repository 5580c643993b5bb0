#include "detach.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "signals.hpp"

namespace berth::runner {
namespace {

/// A stream to the journal as systemd-cat makes one (identifier, unit, priority, level prefix, three forwards off).
Fd connect_journal() {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, "/run/systemd/journal/stdout", sizeof address.sun_path - 1);
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  if (!write_all(fd.get(), "crunch-run\n\n6\n0\n0\n0\n0\n")) return {};
  return fd;
}

/// Where the detached runner's own messages go.
Fd open_complaints(const LockDirectory& locks, const std::string& uuid) {
  if (Fd journal = connect_journal()) return journal;
  Fd file(::open(locks.complaints_path(uuid).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file) return file;
  return Fd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
}

/// In the child: everything in its place, then this program anew. Does not return.
[[noreturn]] void become_runner(int lock, int input, int output, char* const* argv) {
  ::setsid();
  // Out of the way of the numbers that are about to be set.
  const int high_lock = ::fcntl(lock, F_DUPFD, 10);
  const int high_input = ::fcntl(input, F_DUPFD, 10);
  const int high_output = ::fcntl(output, F_DUPFD, 10);
  if (::dup2(high_input, STDIN_FILENO) >= 0 && ::dup2(high_output, STDOUT_FILENO) >= 0 &&
      ::dup2(high_output, STDERR_FILENO) >= 0 && ::dup2(high_lock, lock_descriptor) >= 0) {
    ::close(high_lock);
    ::close(high_input);
    ::close(high_output);
    ::execv("/proc/self/exe", argv);
  }
  ::_exit(127);
}

Result<void> copy_stdin(int to) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail(system_error("cannot read stdin", errno));
    if (size == 0) return {};
    if (auto written = write_all(to, {buffer.data(), static_cast<std::size_t>(size)}); !written) return written;
  }
}

Result<std::string> start_runner(const LockDirectory& locks, const std::string& uuid,
                                 const std::vector<std::string>& arguments) {
  const auto lock = locks.take(uuid);
  if (!lock) return fail(lock.error());
  auto input = make_pipe();
  if (!input) return fail(input.error());
  const Fd output = open_complaints(locks, uuid);

  std::vector<std::string> words = {"berth-run", "-no-detach"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  block_runner_signals();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(system_error("cannot start the runner", errno));
  if (pid == 0) become_runner(lock->get(), input->read_end.get(), output.get(), argv.data());
  input->read_end = Fd();

  std::string line = lock_line({uuid, pid});
  if (::pwrite(lock->get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size()))
    return fail(system_error(locks.lock_path(uuid), errno));
  if (auto copied = copy_stdin(input->write_end.get()); !copied)
    return fail(ErrorKind::failed, "cannot hand over stdin: " + copied.error().message);
  return line;
}

}  // namespace

int detach(const LockDirectory& locks, const std::string& uuid, const std::vector<std::string>& arguments) {
  ::signal(SIGPIPE, SIG_IGN);
  const auto line = start_runner(locks, uuid, arguments);
  if (line) return write_all(STDOUT_FILENO, *line) ? 0 : 1;
  std::fprintf(stderr, "berth-run: %s\n", line.error().message.c_str());
  return 1;
}

Result<Fd> adopt_lock(const LockDirectory& locks, const std::string& uuid, bool inherited) {
  Fd lock;
  if (inherited) {
    struct stat held {
    }, named{};
    if (::fstat(lock_descriptor, &held) != 0 || ::stat(locks.lock_path(uuid).c_str(), &named) != 0 ||
        held.st_dev != named.st_dev || held.st_ino != named.st_ino)
      return fail(ErrorKind::invalid, "-no-detach without the lock on descriptor 3");
    lock = Fd(lock_descriptor);
    ::fcntl(lock.get(), F_SETFD, FD_CLOEXEC);  // nobody that this runner starts may keep the lock
  } else {
    auto taken = locks.take(uuid);
    if (!taken) return taken;
    lock = std::move(*taken);
  }
  const std::string line = lock_line({uuid, ::getpid()});
  if (::pwrite(lock.get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size()))
    return fail(system_error(locks.lock_path(uuid), errno));
  return lock;
}

}  // namespace berth::runner
