#include "lock_holders.hpp"

#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <string_view>
#include <sys/file.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "files.hpp"

namespace berth::loopback {
namespace {

namespace fs = std::filesystem;

bool is_locked(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return false;
  const bool locked = ::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(fd);
  return locked;
}

/// The `PID` of a lock file; 0 if it has none that makes sense.
pid_t holder_of(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return 0;
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object()) return 0;
  const auto pid = json.find("PID");
  if (pid == json.end() || !pid->is_number_integer()) return 0;
  const auto number = pid->get<std::int64_t>();
  return number > 1 && number <= (1 << 22) ? static_cast<pid_t>(number) : 0;
}

/// Parent of a process, from `/proc/PID/stat`: `PID (name) state parent …`; the name may hold anything.
pid_t parent_of(const fs::path& process) {
  std::ifstream file(process / "stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  if (name_end == line.npos || name_end + 4 > line.size()) return 0;
  pid_t parent = 0;
  std::from_chars(line.data() + name_end + 4, line.data() + line.size(), parent);
  return parent;
}

std::multimap<pid_t, pid_t> children_by_parent() {
  std::multimap<pid_t, pid_t> children;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    if (const pid_t parent = parent_of(entry->path()); parent > 0) children.emplace(parent, pid);
  }
  return children;
}

}  // namespace

LockHolders find_lock_holders(const std::string& lock_directory) {
  LockHolders found;
  std::error_code error;
  for (fs::directory_iterator entry(lock_directory, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (!name.starts_with("crunch-run-") || !name.ends_with(".lock") || name == "crunch-run-all.lock") continue;
    if (!is_locked(entry->path())) continue;
    if (const pid_t pid = holder_of(entry->path()); pid > 0) found.runners.push_back(pid);
  }
  if (found.runners.empty()) return found;
  const auto children = children_by_parent();
  std::vector<pid_t> to_visit = found.runners;
  while (!to_visit.empty()) {
    const pid_t parent = to_visit.back();
    to_visit.pop_back();
    for (auto [child, end] = children.equal_range(parent); child != end; ++child) {
      found.descendants.push_back(child->second);
      to_visit.push_back(child->second);
    }
  }
  return found;
}

}  // namespace berth::loopback
