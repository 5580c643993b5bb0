#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "berth/base/asio.hpp"
#include "berth/base/log.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"

#include "database.hpp"
#include "edit.hpp"
#include "event_log.hpp"

namespace berth {

/// The database and who may use it when: one writer, which commits whatever waits for it as one transaction (a sync of
/// the disk costs milliseconds, whether for one change or for a hundred), and a few readers. Thread-safe.
class Store : public std::enable_shared_from_this<Store> {
 public:
  using Read = std::function<Result<std::string>(Database&)>;

  Store(Runtime& runtime, Logger log, StandaloneOptions options);
  /// Opens or makes `DIR/queue.db`. Blocks. Errors: failed, with path and SQLite's text.
  Result<void> open();

  /// Returns when the change is on disk, or undone. Errors: those of the edit; server_error; unavailable (too many
  /// wait).
  awaitable<Result<std::string>> write(Edit edit);
  awaitable<Result<std::string>> read(Read read);
  EventLog& events() { return events_; }
  /// Called after each commit with what concerns a dispatcher, on any thread; it must not block. Set it before the
  /// first change.
  void set_listener(ChangeListener listener) { listener_ = std::move(listener); }
  /// Waits for the changes under way and refuses everything later. The files are closed with the last user's reference.
  awaitable<void> close();

  const StandaloneOptions& options() const { return options_; }

  /// For tests: no growth beyond so many pages, as on a full disk.
  void limit_pages(std::int64_t pages);

 private:
  struct Pending {
    Edit edit;
    std::function<void(Result<std::string>)> done;
  };
  using Batch = std::vector<Pending>;

  bool enqueue(Pending pending);
  void drain();
  Batch next_batch();
  void run(Batch& batch);
  /// Runs all edits in one transaction. False, and nothing changed, if that could not be committed.
  Result<void> try_commit(Batch& batch, std::vector<Result<std::string>>& outcomes);
  Result<std::string> run_edit(EditContext& context, const Edit& edit);

  std::unique_ptr<Database> borrow_reader(Result<void>& opened);
  void give_back(std::unique_ptr<Database> reader);

  Runtime& runtime_;
  const Logger log_;
  const StandaloneOptions options_;
  const std::string path_;
  EventLog events_;
  ChangeListener listener_;
  std::unique_ptr<Database> writer_;  ///< used by the one drain() at a time

  std::mutex mutex_;
  std::deque<Pending> waiting_;                     // guarded by mutex_, as the rest
  std::vector<std::unique_ptr<Database>> readers_;  // idle ones
  bool draining_ = false;
  bool closed_ = false;
};

}  // namespace berth
