#include "strays.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <signal.h>
#include <unistd.h>
#include <vector>

#include "clock.hpp"
#include "posix.hpp"

namespace berth::runner {
namespace {

constexpr std::size_t max_environment = 16 << 20;
constexpr std::size_t max_stat = 4096;
constexpr Duration longest_pause = std::chrono::milliseconds(100);

bool bears(const std::string& process, const std::string& entry) {
  const auto environment = read_file(process + "/environ", max_environment);
  if (!environment) return false;
  const std::string text = '\0' + *environment;
  return text.find('\0' + entry + '\0') != text.npos;
}

/// From `/proc/PID/stat`: `PID (name) state parent group session …`; the name may hold anything.
bool is_of_session(const std::string& process, pid_t session) {
  const auto stat = read_file(process + "/stat", max_stat);
  const auto name_end = stat ? stat->rfind(')') : std::string::npos;
  char state = 0;
  int parent = 0, group = 0, found = 0;
  if (name_end == std::string::npos ||
      std::sscanf(stat->c_str() + name_end + 1, " %c %d %d %d", &state, &parent, &group, &found) != 4)
    return false;
  return found == session && state != 'Z';
}

/// By descriptor, so that none is mistaken for a later process of the same number.
std::vector<Fd> find_strays(const std::string& entry, pid_t session) {
  std::vector<Fd> found;
  std::error_code error;
  for (std::filesystem::directory_iterator item("/proc", error), end; !error && item != end; item.increment(error)) {
    const std::string name = item->path().filename();
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    const pid_t pid = static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10));
    if (pid == ::getpid()) continue;
    Fd process = open_process(pid);
    if (!process) continue;
    if ((session != 0 && is_of_session(item->path(), session)) || bears(item->path(), entry))
      found.push_back(std::move(process));
  }
  return found;
}

}  // namespace

std::string mark_of(const std::string& lock_path) {
  const std::filesystem::path path(lock_path);
  std::error_code error;
  const auto directory = std::filesystem::canonical(path.parent_path(), error);
  return error ? lock_path : (directory / path.filename()).string();
}

bool end_strays(const std::string& mark, pid_t session, Duration limit) {
  const std::string entry = std::string(mark_variable) + '=' + mark;
  const SteadyTime deadline = steady_now() + limit;
  for (Duration pause = std::chrono::milliseconds(1);; pause = std::min(pause * 2, longest_pause)) {
    const auto strays = find_strays(entry, session);
    if (strays.empty()) return true;
    for (const Fd& process : strays) send_signal(process, SIGKILL);
    if (steady_now() >= deadline) return false;
    sleep_briefly(pause);
  }
}

}  // namespace berth::runner
