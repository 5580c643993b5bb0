#include "watch.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <poll.h>
#include <set>
#include <sys/inotify.h>
#include <unistd.h>
#include <utility>

namespace berth::runner {
namespace {

constexpr std::uint32_t gone = IN_DELETE | IN_MOVED_FROM;
/// Who holds a lock has its file open for writing: that it was closed by the last who had it so means that it is free.
constexpr std::uint32_t interesting = IN_MODIFY | IN_CLOSE_WRITE | gone | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

constexpr std::size_t most = 4096;  // anybody may make files in /var/lock

int complain(const std::string& message) {
  std::fprintf(stderr, "berth-run: %s\n", message.c_str());
  return 1;
}

class Watch {
 public:
  explicit Watch(const LockDirectory& locks) : locks_(locks), notices_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

  int run() {
    if (!notices_ || ::inotify_add_watch(notices_.get(), locks_.path().c_str(), interesting) < 0)
      return complain(system_error(locks_.path(), errno).message);
    output_ = "watching\n";
    if (!look_at_all()) return 1;
    for (;;) {
      if (!write_all(STDOUT_FILENO, std::exchange(output_, {}))) return 1;
      std::array<pollfd, 2> items{{{STDIN_FILENO, POLLIN, 0}, {notices_.get(), POLLIN, 0}}};
      if (::poll(items.data(), items.size(), -1) < 0 && errno != EINTR) return 1;
      if (items[0].revents != 0 && !stdin_is_open()) return 0;
      if (items[1].revents != 0 && !take_notices()) return 1;
    }
  }

 private:
  /// What comes there is of no interest.
  static bool stdin_is_open() {
    std::array<char, 4096> buffer;
    const ssize_t size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
  }

  bool look_at_all() {
    const auto paths = locks_.lock_paths();
    if (!paths) return complain(paths.error().message), false;
    const auto known = std::exchange(running_, {});
    for (const std::string& path : *paths)
      if (const auto uuid = LockDirectory::container_of(path.substr(path.rfind('/') + 1))) note_start(*uuid);
    for (const std::string& uuid : known)
      if (!running_.contains(uuid)) output_ += "end " + uuid + '\n';
    return true;
  }

  /// False if there is nothing to watch any more.
  bool take_notices() {
    alignas(inotify_event) std::array<char, 16384> buffer;
    for (;;) {
      const ssize_t size = ::read(notices_.get(), buffer.data(), buffer.size());
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return size < 0 && errno == EAGAIN;
      for (ssize_t at = 0; at < size;) {
        const auto* notice = reinterpret_cast<const inotify_event*>(buffer.data() + at);
        at += static_cast<ssize_t>(sizeof *notice + notice->len);
        if ((notice->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) return false;
        if ((notice->mask & IN_Q_OVERFLOW) != 0 && !look_at_all()) return false;
        if (notice->len > 0) take_notice(notice->mask, notice->name);
      }
    }
  }

  void take_notice(std::uint32_t mask, std::string_view name) {
    if ((mask & IN_CLOSE_WRITE) != 0 && name == LockDirectory::broken_marker) output_ += "broken\n";
    const auto uuid = LockDirectory::container_of(name);
    if (!uuid) return;
    if ((mask & IN_MODIFY) != 0) note_start(*uuid);
    if ((mask & (IN_CLOSE_WRITE | gone)) == 0) return;
    if (running_.erase(*uuid) > 0) output_ += "end " + *uuid + '\n';
  }

  void note_start(const std::string& uuid) {
    if (running_.size() < most && running_.insert(uuid).second) output_ += "start " + uuid + '\n';
  }

  const LockDirectory& locks_;
  const Fd notices_;
  std::set<std::string> running_;  ///< as far as the lines say
  std::string output_;
};

}  // namespace

int watch_containers(const LockDirectory& locks) {
  return Watch(locks).run();
}

}  // namespace berth::runner
