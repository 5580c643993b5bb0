#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

#include "berth/lease/lease.hpp"

namespace berth {
namespace {

class FileLease final : public Lease {
 public:
  explicit FileLease(std::string path) : path_(std::move(path)) {}
  ~FileLease() override { close(); }

  awaitable<Result<void>> acquire() override { co_return lock(); }
  std::uint64_t term() const override { return held_ ? terms_.load() : 0; }
  Signal& changed() override { return changed_; }
  awaitable<void> release() override {
    close();
    co_return;
  }
  std::string detail() const override { return path_ + (held_ ? " is locked by this process" : " is not locked"); }

 private:
  Result<void> lock() {
    if (held_) return {};
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) return fail(ErrorKind::failed, path_ + ": " + std::strerror(errno));
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      const int reason = errno;
      const std::string holder = reason == EWOULDBLOCK ? "locked by process " + read_holder() : std::strerror(reason);
      ::close(std::exchange(fd_, -1));
      return fail(ErrorKind::conflict, path_ + ": " + holder);
    }
    write_holder();
    ++terms_;
    held_ = true;
    changed_.notify();
    return {};
  }

  std::string read_holder() const {
    char text[32] = {};
    const ssize_t size = ::pread(fd_, text, sizeof text - 1, 0);
    const std::string pid(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    const auto digits = pid.find_first_not_of("0123456789");
    return pid.empty() || digits == 0 ? "(unknown)" : pid.substr(0, digits);
  }

  /// The PID is a help for humans; the lock itself is the flock.
  void write_holder() const {
    const std::string pid = std::to_string(::getpid()) + '\n';
    if (::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, pid.data(), pid.size(), 0) < 0) return;
  }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    if (held_.exchange(false)) changed_.notify();
  }

  const std::string path_;
  int fd_ = -1;
  std::atomic<bool> held_ = false;
  std::atomic<std::uint64_t> terms_ = 0;  // so far
  Signal changed_;
};

class NoLease final : public Lease {
 public:
  awaitable<Result<void>> acquire() override { co_return Result<void>{}; }
  std::uint64_t term() const override { return 1; }
  Signal& changed() override { return changed_; }
  awaitable<void> release() override { co_return; }
  std::string detail() const override { return "no lock is taken"; }

 private:
  Signal changed_;
};

}  // namespace

std::unique_ptr<Lease> make_file_lease(const std::string& path) {
  return std::make_unique<FileLease>(path);
}
std::unique_ptr<Lease> make_no_lease() {
  return std::make_unique<NoLease>();
}

}  // namespace berth
