#include "log_spool.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "clock.hpp"

namespace berth::runner {
namespace {

constexpr std::size_t piece_size = 64 << 10;
constexpr Duration piece_delay = std::chrono::milliseconds(250);
constexpr Duration first_pause = std::chrono::milliseconds(100);
constexpr Duration longest_pause = std::chrono::seconds(5);
constexpr std::array<const char*, LogSpool::stream_count> stream_names = {"stdout", "stderr", "crunch-run"};

}  // namespace

LogSpool::LogSpool(Api api, const std::string& directory) : api_(std::move(api)) {
  for (std::size_t i = 0; i < stream_count; ++i) {
    const std::string path = directory + '/' + stream_names[i];
    files_[i].fd = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  }
  thread_ = std::thread([this] { run(); });
}

LogSpool::~LogSpool() {
  finish(steady_now());
}

void LogSpool::append(Stream stream, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  append_locked(stream, bytes);
  changed_.notify_one();
}

void LogSpool::append_locked(Stream stream, std::string_view bytes) {
  File& file = files_[stream];
  while (!bytes.empty()) {
    const ssize_t size =
        ::pwrite(file.fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(file.written - file.start));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    file.written += static_cast<std::uint64_t>(size);
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  file.dropped += bytes.size();
}

bool LogSpool::finish(SteadyTime deadline) {
  {
    const std::lock_guard lock(mutex_);
    for (Stream stream : {out, err})
      if (const auto dropped = std::exchange(files_[stream].dropped, 0); dropped > 0)
        append_locked(runner_messages, log_time(wall_now()) + ' ' + std::to_string(dropped) + " bytes of " +
                                           stream_names[stream] + " were lost: no room on the worker's disk\n");
    finishing_ = true;
    give_up_ = deadline;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  return pending() == 0;
}

std::uint64_t LogSpool::pending() const {
  std::uint64_t bytes = 0;
  for (const File& file : files_) bytes += file.written - file.sent;
  return bytes;
}

void LogSpool::run() {
  std::unique_lock lock(mutex_);
  Duration pause = first_pause;
  for (;;) {
    changed_.wait(lock, [&] { return finishing_ || pending() > 0; });
    changed_.wait_for(lock, piece_delay, [&] { return finishing_ || pending() >= piece_size; });
    if (pending() == 0 || refused_ || (finishing_ && steady_now() >= give_up_)) {
      if (finishing_) return;
      if (refused_) changed_.wait(lock, [&] { return finishing_; });
      continue;
    }
    const auto sent = send_piece(lock);
    if (sent) {
      pause = first_pause;
    } else if (!is_retryable(sent.error().kind)) {
      refused_ = true;
    } else {
      const SteadyTime until = std::min(steady_now() + pause + random_below(pause), give_up_);
      const bool was_finishing = finishing_;
      changed_.wait_until(lock, until, [&] { return finishing_ != was_finishing; });
      pause = std::min(pause * 2, longest_pause);
    }
  }
}

Result<void> LogSpool::send_piece(std::unique_lock<std::mutex>& lock) {
  const auto file = std::ranges::find_if(files_, [](const File& f) { return f.written > f.sent; });
  std::string piece(std::min<std::uint64_t>(piece_size, file->written - file->sent), '\0');
  const ssize_t size =
      ::pread(file->fd.get(), piece.data(), piece.size(), static_cast<off_t>(file->sent - file->start));
  if (size <= 0) return fail(ErrorKind::failed, "cannot read the log back");
  piece.resize(static_cast<std::size_t>(size));
  const char* name = stream_names[static_cast<std::size_t>(file - files_.begin())];
  const std::uint64_t offset = file->sent;
  lock.unlock();
  auto result = api_.append_log(name, offset, piece);
  lock.lock();
  if (!result) return result;
  file->sent += piece.size();
  if (file->sent == file->written && ::ftruncate(file->fd.get(), 0) == 0) file->start = file->written;
  return {};
}

}  // namespace berth::runner
