#include "log_spool.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "clock.hpp"

namespace berth::runner {
namespace {

constexpr std::size_t piece_size = 64 << 10;
constexpr std::size_t max_messages = 64 << 10;
constexpr Duration piece_delay = std::chrono::milliseconds(250);
constexpr Duration first_pause = std::chrono::milliseconds(100);
constexpr Duration longest_pause = std::chrono::seconds(5);
constexpr std::array<const char*, LogSpool::stream_count> stream_names = {"stdout", "stderr", "crunch-run"};

}  // namespace

LogSpool::LogSpool(Api api, const std::string& directory) : api_(std::move(api)) {
  for (const Stream i : {out, err}) {
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
  if (stream == runner_messages) {
    messages_ += bytes.substr(0, max_messages - std::min(max_messages, messages_.size()));
    files_[stream].written = messages_.size();
  } else {
    append_to_file(files_[stream], bytes);
  }
  changed_.notify_one();
}

void LogSpool::append_to_file(File& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size =
        ::pwrite(file.fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(file.written - file.start));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    file.written += static_cast<std::uint64_t>(size);
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  lost_ += bytes.size();
}

std::uint64_t LogSpool::lost_bytes() {
  const std::lock_guard lock(mutex_);
  return lost_;
}

bool LogSpool::finish(SteadyTime deadline) {
  {
    const std::lock_guard lock(mutex_);
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

Result<std::string> LogSpool::read_back(const File& file, std::uint64_t from) const {
  if (&file == &files_[runner_messages]) return messages_.substr(from, piece_size);
  std::string piece(std::min<std::uint64_t>(piece_size, file.written - from), '\0');
  const ssize_t size = ::pread(file.fd.get(), piece.data(), piece.size(), static_cast<off_t>(from - file.start));
  if (size <= 0) return fail(ErrorKind::failed, "cannot read the log back");
  piece.resize(static_cast<std::size_t>(size));
  return piece;
}

Result<void> LogSpool::send_piece(std::unique_lock<std::mutex>& lock) {
  const auto file = std::ranges::find_if(files_, [](const File& f) { return f.written > f.sent; });
  const auto piece = read_back(*file, file->sent);
  if (!piece) return fail(piece.error());
  const char* name = stream_names[static_cast<std::size_t>(file - files_.begin())];
  const std::uint64_t offset = file->sent;
  lock.unlock();
  auto result = api_.append_log(name, offset, *piece);
  lock.lock();
  if (!result) return result;
  file->sent += piece->size();
  if (file->fd && file->sent == file->written && ::ftruncate(file->fd.get(), 0) == 0) file->start = file->written;
  return {};
}

}  // namespace berth::runner
