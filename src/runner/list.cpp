#include "list.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.hpp"
#include "strays.hpp"

namespace berth::runner {
namespace {

constexpr std::size_t max_lock_file = 4096;
/// For all locks together: how long killed processes may take to be gone, and a guard to say that it has taken over.
constexpr Duration patience = std::chrono::seconds(1);

void complain(const std::string& message) {
  std::fprintf(stderr, "berth-run: %s\n", message.c_str());
}

Result<LockContent> read_lock(const std::string& path) {
  const auto text = read_file(path, max_lock_file);
  return text ? parse_lock(*text) : Result<LockContent>(fail(text.error()));
}

/// USR2 has the reference's runner compute its cost anew; here it only asks whether the process exists.
bool exists(const LockContent& content) {
  return ::kill(content.pid, SIGUSR2) == 0 || errno != ESRCH;
}

/// What to print about one lock file; nothing if it is deleted, empty or cannot be read. The directory is locked.
std::optional<std::string> examine(const std::string& path, SteadyTime deadline) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) {
    if (errno != ENOENT) complain(system_error(path, errno).message);
    return std::nullopt;
  }
  if (status.st_size == 0) return std::nullopt;  // its runner is just starting
  auto content = read_lock(path);
  while (is_locked(file) && content && !exists(*content)) {
    if (steady_now() >= deadline) return content->uuid + " stale";
    sleep_briefly(std::chrono::milliseconds(5));
    content = read_lock(path);
  }
  if (!is_locked(file)) {
    const bool done = content && content->done;
    if (!done && !end_strays(mark_of(path), 0, deadline - steady_now()) && content) return content->uuid;
    if (::unlink(path.c_str()) != 0) complain(system_error(path, errno).message);
    return std::nullopt;
  }
  if (content) return content->uuid;
  complain(path + ": " + content.error().message);
  return std::nullopt;
}

bool wait_for_end(const Fd& process, int milliseconds) {
  pollfd item{process.get(), POLLIN, 0};
  return ::poll(&item, 1, milliseconds) > 0;
}

}  // namespace

int list_containers(const LockDirectory& locks) {
  std::string output;
  {
    const auto all = locks.lock_all();
    const auto paths = all ? locks.lock_paths() : Result<std::vector<std::string>>(fail(all.error()));
    if (!paths) {
      complain(paths.error().message);
      return 1;
    }
    const SteadyTime deadline = steady_now() + patience;
    for (const std::string& path : *paths)
      if (const auto line = examine(path, deadline)) output += *line + '\n';
  }
  if (locks.broken()) output += "broken\n";
  return write_all(STDOUT_FILENO, output) ? 0 : 1;
}

int kill_container(const LockDirectory& locks, const std::string& uuid, int signal) {
  const std::string path = locks.lock_path(uuid);
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file && errno == ENOENT) return 0;
  if (!file) {
    complain(system_error(path, errno).message);
    return 1;
  }
  {
    const auto all = locks.lock_all();      // looking takes the lock for a moment: nobody else may try meanwhile
    if (all && !is_locked(file)) return 0;  // its runner has ended; the number may mean another process by now
  }
  const auto text = read_all(file.get(), max_lock_file);
  auto content = text ? parse_lock(*text) : Result<LockContent>(fail(text.error()));
  if (content && content->uuid != uuid) content = fail(ErrorKind::failed, "it is the lock of " + content->uuid);
  if (!content) {
    complain(path + ": " + content.error().message);
    return 1;
  }
  const Fd process = open_process(content->pid);
  if (!process && errno == ESRCH) return 0;
  if (!process || !send_signal(process, signal)) {
    if (errno == ESRCH) return 0;
    complain(system_error("process " + std::to_string(content->pid), errno).message);
    return 1;
  }
  if (wait_for_end(process, 1000)) return 0;
  complain("process " + std::to_string(content->pid) + " is still alive");
  return 1;
}

}  // namespace berth::runner
