#include "store.hpp"

#include <cerrno>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/blocking.hpp"

#include "tables.hpp"

namespace berth {
namespace {

constexpr std::size_t kMaxBatch = 256;
constexpr std::size_t kMaxWaiting = 10'000;
/// A larger file is not read through at start.
constexpr std::int64_t kMaxCheckedBytes = std::int64_t{256} << 20;

/// So that SQLite, which gives its other files the same mode, makes none that others can read.
Result<void> make_private_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(ErrorKind::failed, path + ": " + std::strerror(errno));
  ::close(fd);
  return {};
}

Result<void> check_integrity(Database& database, const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && info.st_size > kMaxCheckedBytes) return {};
  std::string verdict;
  auto checked = database.query("PRAGMA quick_check(1)", {}, [&](const SqlRow& row) {
    verdict = row.text(0);
    return false;
  });
  if (!checked) return checked;
  if (verdict != "ok") return fail(ErrorKind::failed, "the database is damaged: " + verdict);
  return {};
}

Result<std::string> closed_error() {
  return fail(ErrorKind::unavailable, "the server is stopping");
}

}  // namespace

Store::Store(Runtime& runtime, Logger log, StandaloneOptions options)
    : runtime_(runtime),
      log_(std::move(log)),
      options_(std::move(options)),
      path_(options_.data_dir + "/queue.db"),
      // Ids of an earlier run are smaller.
      events_(std::chrono::duration_cast<std::chrono::microseconds>(runtime.wall_now().time_since_epoch()).count()) {}

Result<void> Store::open() {
  if (auto made = make_private_file(path_); !made) return made;
  auto writer = Database::open(path_, Database::Mode::read_write);
  if (!writer) return fail(writer.error());
  const auto refuse = [&](const Error& error) { return fail(ErrorKind::failed, path_ + ": " + error.message); };
  if (auto checked = check_integrity(**writer, path_); !checked) return refuse(checked.error());
  if (auto made = make_tables(**writer); !made) return refuse(made.error());
  writer_ = std::move(*writer);
  return {};
}

awaitable<Result<std::string>> Store::write(Edit edit) {
  // Not cancellable: what is in the queue is carried out, and the caller hears of it.
  auto self = shared_from_this();
  auto initiate = [self](auto handler, Edit queued) {
    using Handler = decltype(handler);
    const auto executor = asio::get_associated_executor(handler);
    auto guard = asio::make_work_guard(executor);
    auto shared = std::make_shared<Handler>(std::move(handler));
    auto done = [shared, guard](Result<std::string> outcome) {
      asio::post(guard.get_executor(),
                 [shared, outcome = std::move(outcome)]() mutable { (*shared)(std::move(outcome)); });
    };
    Pending pending{std::move(queued), std::move(done)};
    if (!self->enqueue(pending))
      pending.done(fail(ErrorKind::unavailable, "too many changes wait to be written, or the server is stopping"));
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<std::string>)>(
      std::move(initiate), asio::use_awaitable, std::move(edit));
}

bool Store::enqueue(Pending pending) {
  const std::lock_guard lock(mutex_);
  if (closed_ || waiting_.size() >= kMaxWaiting) return false;
  waiting_.push_back(std::move(pending));
  if (draining_) return true;
  draining_ = true;
  asio::post(runtime_.blocking_executor(), [self = shared_from_this()] { self->drain(); });
  return true;
}

Store::Batch Store::next_batch() {
  const std::lock_guard lock(mutex_);
  Batch batch;
  while (!waiting_.empty() && batch.size() < kMaxBatch) {
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (batch.empty()) draining_ = false;
  return batch;
}

void Store::drain() {
  for (Batch batch = next_batch(); !batch.empty(); batch = next_batch()) run(batch);
}

void Store::run(Batch& batch) {
  std::vector<Result<std::string>> outcomes;
  auto committed = try_commit(batch, outcomes);
  if (!committed && batch.size() > 1) {
    // One of them may be at fault: each on its own.
    for (Pending& pending : batch) {
      Batch alone;
      alone.push_back(std::move(pending));
      run(alone);
    }
    return;
  }
  if (!committed) log_.error("a change could not be written", {{"error", committed.error().message}});
  for (std::size_t i = 0; i < batch.size(); ++i)
    batch[i].done(committed ? std::move(outcomes[i]) : Result<std::string>(fail(committed.error())));
}

Result<void> Store::try_commit(Batch& batch, std::vector<Result<std::string>>& outcomes) {
  EditContext context{*writer_, runtime_, options_};
  if (auto begun = writer_->execute("BEGIN IMMEDIATE"); !begun) return begun;
  const auto undo = [&](Result<void> why) {
    if (writer_->in_transaction()) (void)writer_->execute("ROLLBACK");
    return why;
  };
  for (const Pending& pending : batch) {
    if (auto saved = writer_->execute("SAVEPOINT edit"); !saved) return undo(saved);
    const std::size_t events = context.events.size(), news = context.news.size();
    outcomes.push_back(run_edit(context, pending.edit));
    if (!outcomes.back()) {
      context.events.resize(events);
      context.news.resize(news);
    }
    // A full disk or an I/O error ends the whole transaction.
    if (!writer_->in_transaction())
      return fail(outcomes.back() ? Error{ErrorKind::server_error, "the transaction was lost"}
                                  : outcomes.back().error());
    if (!outcomes.back())
      if (auto undone = writer_->execute("ROLLBACK TO edit"); !undone) return undo(undone);
    if (auto released = writer_->execute("RELEASE edit"); !released) return undo(released);
  }
  if (auto committed = writer_->execute("COMMIT"); !committed) return undo(committed);
  events_.publish(std::move(context.events));
  if (listener_)
    for (ApiChange& change : context.news) listener_(std::move(change));
  return {};
}

Result<std::string> Store::run_edit(EditContext& context, const Edit& edit) {
  try {
    return edit(context);
  } catch (const std::exception& error) {
    log_.error("a change failed", {{"error", error.what()}});
    return fail(ErrorKind::internal, "internal error");
  }
}

awaitable<Result<std::string>> Store::read(Read read) {
  auto work = [self = shared_from_this(), read = std::move(read)]() -> Result<std::string> {
    Result<void> opened;
    auto reader = self->borrow_reader(opened);
    if (!opened) return fail(opened.error());
    if (!reader) return closed_error();
    Result<std::string> outcome;
    try {
      outcome = read(*reader);
    } catch (const std::exception& error) {
      self->log_.error("a read failed", {{"error", error.what()}});
      outcome = fail(ErrorKind::internal, "internal error");
    }
    self->give_back(std::move(reader));
    return outcome;
  };
  co_return co_await run_blocking(runtime_, std::move(work));
}

std::unique_ptr<Database> Store::borrow_reader(Result<void>& opened) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return nullptr;
    if (!readers_.empty()) {
      auto reader = std::move(readers_.back());
      readers_.pop_back();
      return reader;
    }
  }
  auto reader = Database::open(path_, Database::Mode::read_only);
  if (reader) return std::move(*reader);
  opened = fail(ErrorKind::server_error, reader.error().message);
  return nullptr;
}

void Store::give_back(std::unique_ptr<Database> reader) {
  const std::lock_guard lock(mutex_);
  if (!closed_) readers_.push_back(std::move(reader));
}

awaitable<void> Store::close() {
  Edit nothing = [](EditContext&) -> Result<std::string> { return std::string(); };
  (void)co_await write(std::move(nothing));  // behind everything that waits
  auto shut = [self = shared_from_this()] {
    const std::lock_guard lock(self->mutex_);
    self->closed_ = true;
    self->readers_.clear();
  };
  co_await run_blocking(runtime_, std::move(shut));
}

void Store::limit_pages(std::int64_t pages) {
  (void)writer_->execute_script(("PRAGMA max_page_count = " + std::to_string(pages)).c_str());
}

}  // namespace berth
