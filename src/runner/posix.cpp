#include "posix.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.hpp"

namespace berth::runner {

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("cannot make a pipe", errno));
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Error system_error(const std::string& what, int error) {
  const bool limit =
      error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM || error == ENOSPC || error == EDQUOT;
  const ErrorKind kind = limit ? ErrorKind::exhausted : error == ENOENT ? ErrorKind::not_found : ErrorKind::failed;
  return Error{kind, what + ": " + std::strerror(error)};
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail(system_error("cannot write", errno));
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return {};
}

Result<std::string> read_all(int fd, std::size_t bound) {
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail(system_error("cannot read", errno));
    if (size == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(size));
    if (text.size() > bound) return fail(ErrorKind::exhausted, "longer than " + std::to_string(bound) + " bytes");
  }
}

Result<std::string> read_file(const std::string& path, std::size_t bound) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return fail(system_error(path, errno));
  auto text = read_all(fd.get(), bound);
  if (!text) text.error().message = path + ": " + text.error().message;
  return text;
}

Fd open_process(int pid) {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

bool send_signal(const Fd& process, int signal) {
  return ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

int poll_timeout(SteadyTime when) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - steady_now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 1 << 30));
}

}  // namespace berth::runner
