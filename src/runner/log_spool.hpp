#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "api.hpp"
#include "posix.hpp"

namespace berth::runner {

/// The container's log on its way to the API. What is appended goes to a file first and from there, in pieces, by a
/// thread of its own, to the API: a slow or absent API holds nobody up and costs no memory. Pieces are sent after 250
/// ms or 64 KiB.
class LogSpool {
 public:
  enum Stream { out, err, runner_messages, stream_count };

  /// Keeps its files in `directory`. `api` is this thread's own.
  LogSpool(Api api, const std::string& directory);
  ~LogSpool();
  LogSpool(const LogSpool&) = delete;
  LogSpool& operator=(const LogSpool&) = delete;

  /// Never fails: what does not fit on the disk is dropped and counted. The runner's own few messages need no disk.
  void append(Stream stream, std::string_view bytes);
  /// Output that was dropped.
  std::uint64_t lost_bytes();
  /// Sends what is left and ends the thread; gives up at `deadline`. False if something could not be sent.
  bool finish(SteadyTime deadline);

 private:
  struct File {
    Fd fd;
    std::uint64_t written = 0;  ///< bytes of the stream in all
    std::uint64_t sent = 0;
    std::uint64_t start = 0;  ///< the file's first byte in the stream
  };
  void run();
  void append_to_file(File& file, std::string_view bytes);
  /// The next piece of the stream from `from` on.
  Result<std::string> read_back(const File& file, std::uint64_t from) const;
  std::uint64_t pending() const;
  /// Sends one piece of the first stream that has some; `lock` is released meanwhile.
  Result<void> send_piece(std::unique_lock<std::mutex>& lock);

  Api api_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<File, stream_count> files_;
  std::string messages_;  ///< runner_messages, whole
  std::uint64_t lost_ = 0;
  bool finishing_ = false;
  bool refused_ = false;  ///< the API takes no logs: there is no point in going on
  SteadyTime give_up_ = SteadyTime::max();
  std::thread thread_;
};

}  // namespace berth::runner
