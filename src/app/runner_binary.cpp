#include "runner_binary.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth {
namespace {

constexpr std::array<std::string_view, 3> kPackaged = {"/usr/bin/arvados-dispatch-cloud", "/usr/bin/arvados-server",
                                                       "/usr/bin/crunch-run"};

Result<std::string> readable(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || ::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0)
    return fail(ErrorKind::failed, path + ": " + std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return fail(ErrorKind::failed, path + ": not a file");
  if (info.st_size == 0) return fail(ErrorKind::failed, path + ": empty");
  return path;
}

}  // namespace

std::span<const std::string_view> packaged_runners() {
  return kPackaged;
}

Result<std::string> find_runner_binary(const std::string& configured, std::span<const std::string_view> packaged) {
  if (configured.empty()) return configured;
  if (configured != "/proc/self/exe") return readable(configured);
  std::string tried;
  for (const std::string_view path : packaged) {
    if (::faccessat(AT_FDCWD, std::string(path).c_str(), F_OK, AT_EACCESS) == 0) return readable(std::string(path));
    tried.append(tried.empty() ? "" : ", ").append(path);
  }
  return fail(ErrorKind::failed, "/proc/self/exe stands for the runner of an installed package, and there is none of " +
                                     tried + ": name the runner's file, or \"\" if the workers' image has one");
}

}  // namespace berth
