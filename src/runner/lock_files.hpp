#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/result.hpp"

#include "posix.hpp"

namespace berth::runner {

/// What a runner's lock file says (facts §7).
struct LockContent {
  std::string uuid;
  int pid = 0;
  /// Its runner has ended in order and left nothing running: nobody need look for that.
  bool done = false;
};
/// One line of JSON, newline included.
std::string lock_line(const LockContent& content);
/// Errors: undecodable. The uuid is well formed and the PID that of an ordinary process, or it is an error.
Result<LockContent> parse_lock(std::string_view text);

/// The directory of the lock files: `$BERTH_LOCK_DIR`, or `/var/lock` (facts §7). The files are shared with the
/// reference's runner.
class LockDirectory {
 public:
  explicit LockDirectory(std::string path) : path_(std::move(path)) {}
  static LockDirectory from_environment();

  const std::string& path() const { return path_; }
  std::string lock_path(std::string_view uuid) const;
  /// Whose lock a file of this name is, if it is one.
  static std::optional<std::string> container_of(std::string_view file_name);
  /// Where a detached runner complains if there is no journal.
  std::string complaints_path(std::string_view uuid) const;

  /// The lock over the whole directory, held until the descriptor is closed; waits for it, but not for ever.
  Result<Fd> lock_all() const;
  /// Makes the container's lock file if need be, locks it and empties it. What an earlier runner left running is killed
  /// first. Errors: conflict if another process holds it, or if something from earlier cannot be killed.
  Result<Fd> take(std::string_view uuid) const;
  /// Paths of all containers' lock files.
  Result<std::vector<std::string>> lock_paths() const;

  /// Name of the file that says that this machine cannot run containers.
  static constexpr std::string_view broken_marker = "crunch-run-broken";
  bool broken() const;
  /// Says that this machine cannot run containers.
  void mark_broken() const;
  /// Replaces the file of spot prices.
  Result<void> store_prices(std::string_view json) const;

 private:
  std::string path_;
};

/// True if some process holds the lock of this file.
bool is_locked(const Fd& file);

}  // namespace berth::runner
