#include "files.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::loopback {
namespace {

constexpr std::size_t max_file = std::size_t{1} << 20;

tl::unexpected<Error> file_failure(const std::string& path) {
  const int error = errno;
  return fail(error == ENOENT ? ErrorKind::not_found : ErrorKind::failed, path + ": " + std::strerror(error));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = ::write(fd, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

void sync_parent(const std::string& path) {
  const int fd = ::open(path.substr(0, path.rfind('/')).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return file_failure(path);
  std::string text;
  std::array<char, 65536> buffer;
  ssize_t size;
  while ((size = ::read(fd, buffer.data(), buffer.size())) > 0 && text.size() <= max_file)
    text.append(buffer.data(), static_cast<std::size_t>(size));
  const int error = errno;
  ::close(fd);
  errno = error;
  if (size < 0) return file_failure(path);
  if (text.size() > max_file) return fail(ErrorKind::exhausted, path + ": longer than 1 MiB");
  return text;
}

Result<void> replace_file(const std::string& path, std::string_view text) {
  const std::string aside = path + "~";
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return file_failure(aside);
  const bool written = write_all(fd, text) && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (!written || ::rename(aside.c_str(), path.c_str()) != 0) {
    auto failure = file_failure(path);
    ::unlink(aside.c_str());
    return failure;
  }
  sync_parent(path);
  return {};
}

Result<void> check_state_directory(const std::string& path) {
  std::filesystem::path there = path;
  struct stat found {};
  while (::stat(there.c_str(), &found) != 0) {
    if (errno != ENOENT || there == there.parent_path()) return file_failure(there);
    there = there.parent_path();
  }
  errno = ENOTDIR;
  if (!S_ISDIR(found.st_mode) || ::faccessat(AT_FDCWD, there.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0)
    return file_failure(there);
  return {};
}

}  // namespace berth::loopback
