#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "berth/pool/worker_pool.hpp"

namespace berth {

/// The part of a snapshot that says how much may be created.
struct CreateRoom {
  bool at_quota = false;
  std::optional<std::int64_t> instances_left;
  std::int64_t create_slots = 0;
  std::optional<SteadyTime> create_blocked_until;
  std::set<std::string> blocked_types;
};

/// Holds the pool's snapshot up to date, entry by entry, and makes an immutable copy only when somebody reads it after
/// a change. The pool writes from its strand; anybody reads. Setters say whether they changed anything.
class SnapshotBoard {
 public:
  /// A mere change of `last_busy`, which every probe of a running worker brings, is kept but does not count.
  bool put(PoolInstance instance);
  bool erase(std::uint64_t number);
  /// A mere change of `pid` does not count, either.
  bool put_process(const std::string& uuid, PoolProcess process);
  bool erase_process(const std::string& uuid);
  bool set_room(CreateRoom room);
  bool set_loaded();

  std::shared_ptr<const PoolSnapshot> read() const;
  std::uint64_t version() const;

 private:
  bool changed();

  mutable std::mutex mutex_;
  PoolSnapshot draft_;
  mutable std::shared_ptr<const PoolSnapshot> published_;  ///< null: the draft is newer
};

}  // namespace berth
