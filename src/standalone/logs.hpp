#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "berth/base/result.hpp"

namespace berth {

enum class LogStream { out, err, runner };
/// `stdout`, `stderr`, `crunch-run`. Errors: invalid.
Result<LogStream> parse_log_stream(std::string_view name);

/// What containers print, one file `DIR/<uuid>.log` each: the raw bytes of all streams in the order in which they came.
/// Blocks on files; thread-safe. Callers pass valid uuids only.
class LogStore {
 public:
  LogStore(std::string directory, std::int64_t limit_bytes);
  /// Makes the directory. Errors: failed, with path and the system's text.
  Result<void> open();
  bool exists(const std::string& uuid) const;
  /// `offset`: position of the bytes in their stream, so that a piece which is sent again (its answer was lost) is not
  /// written again; nothing: written anyhow.
  /// Errors: exhausted (the log has reached its limit; a line at its end says so), server_error (full disk, …).
  Result<void> append(const std::string& uuid, LogStream stream, std::optional<std::int64_t> offset,
                      std::string_view bytes);
  /// Up to `max` bytes from `offset`; empty at the end and if there is no log.
  Result<std::string> read(const std::string& uuid, std::int64_t offset, std::size_t max) const;
  /// Bytes; 0 if there is no log.
  std::int64_t size(const std::string& uuid) const;

 private:
  Result<void> append_bytes(const std::string& uuid, std::string_view bytes);
  std::string path(const std::string& uuid) const;
  const std::string directory_;
  const std::int64_t limit_bytes_;
  std::mutex mutex_;  ///< one append at a time
};

}  // namespace berth
