#include "logs.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system_error.hpp"

namespace berth {
namespace {

constexpr std::string_view kTruncated = "\n[log truncated: it has reached its limit]\n";

class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// All of it, or nothing: what was written of a piece that did not fit is taken back.
bool write_all(int fd, std::int64_t end, std::string_view bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t written = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (written > 0) {
      done += static_cast<std::size_t>(written);
    } else if (written == 0 || errno != EINTR) {
      const int error = written == 0 ? ENOSPC : errno;
      (void)!::ftruncate(fd, end);
      errno = error;
      return false;
    }
  }
  return true;
}

}  // namespace

Result<LogStream> parse_log_stream(std::string_view name) {
  if (name == "stdout") return LogStream::out;
  if (name == "stderr") return LogStream::err;
  if (name == "crunch-run") return LogStream::runner;
  return fail(ErrorKind::invalid, "stream: want stdout, stderr or crunch-run");
}

LogStore::LogStore(std::string directory, std::int64_t limit_bytes)
    : directory_(std::move(directory)), limit_bytes_(limit_bytes) {}

Result<void> LogStore::open() {
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(ErrorKind::failed, directory_ + ": " + std::strerror(errno));
  return {};
}

std::string LogStore::path(const std::string& uuid) const {
  return directory_ + '/' + uuid + ".log";
}

bool LogStore::exists(const std::string& uuid) const {
  return ::access(path(uuid).c_str(), F_OK) == 0;
}

std::int64_t LogStore::size(const std::string& uuid) const {
  struct stat info {};
  return ::stat(path(uuid).c_str(), &info) == 0 ? info.st_size : 0;
}

Result<void> LogStore::append(const std::string& uuid, LogStream stream, std::optional<std::int64_t> offset,
                              std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (!offset) return append_bytes(uuid, bytes);
  // Beside the log: how much of each stream has come, three integers. Written after the log, so that a crash between
  // the two may repeat a piece but never lose one.
  const std::string name = directory_ + '/' + uuid + ".received";
  const File file(name, O_RDWR | O_CREAT);
  if (file.fd() < 0) return system_error(ErrorKind::server_error, name);
  const off_t place = static_cast<off_t>(stream) * static_cast<off_t>(sizeof(std::int64_t));
  std::int64_t received = 0;
  if (::pread(file.fd(), &received, sizeof received, place) != sizeof received) received = 0;
  const std::int64_t end = *offset + static_cast<std::int64_t>(bytes.size());
  if (received > *offset) bytes.remove_prefix(static_cast<std::size_t>(std::min(received, end) - *offset));
  if (bytes.empty()) return {};
  if (auto appended = append_bytes(uuid, bytes); !appended) return appended;
  if (::pwrite(file.fd(), &end, sizeof end, place) != sizeof end) return system_error(ErrorKind::server_error, name);
  return {};
}

Result<void> LogStore::append_bytes(const std::string& uuid, std::string_view bytes) {
  const std::string name = path(uuid);
  const File file(name, O_WRONLY | O_CREAT | O_APPEND);
  if (file.fd() < 0) return system_error(ErrorKind::server_error, name);
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) return system_error(ErrorKind::server_error, name);
  const std::int64_t room = limit_bytes_ - info.st_size;
  if (static_cast<std::int64_t>(bytes.size()) <= room) {
    if (!write_all(file.fd(), info.st_size, bytes)) return system_error(ErrorKind::server_error, name);
    return {};
  }
  if (room >= 0) {
    const std::string last = std::string(bytes.substr(0, static_cast<std::size_t>(room))) + std::string(kTruncated);
    if (!write_all(file.fd(), info.st_size, last)) return system_error(ErrorKind::server_error, name);
  }
  return fail(ErrorKind::exhausted, "the log of " + uuid + " has reached its limit of " + std::to_string(limit_bytes_) +
                                        " bytes; the rest is dropped");
}

Result<std::string> LogStore::read(const std::string& uuid, std::int64_t offset, std::size_t max) const {
  const std::string name = path(uuid);
  const File file(name, O_RDONLY);
  if (file.fd() < 0) {
    if (errno == ENOENT) return std::string();
    return system_error(ErrorKind::server_error, name);
  }
  const std::int64_t left = size(uuid) - offset;
  if (left <= 0) return std::string();
  std::string bytes(std::min(max, static_cast<std::size_t>(left)), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        ::pread(file.fd(), bytes.data() + done, bytes.size() - done, offset + static_cast<std::int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(ErrorKind::server_error, name);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace berth
