#include "berth/scheduler/scheduler.hpp"

#include <algorithm>
#include <mutex>
#include <prometheus/gauge.h>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include <boost/asio/post.hpp>

#include "berth/base/beat.hpp"
#include "berth/base/call_on.hpp"
#include "berth/base/signal.hpp"
#include "berth/base/task_group.hpp"
#include "berth/base/turns.hpp"

#include "commands.hpp"
#include "limits.hpp"
#include "matched_queue.hpp"
#include "pass_metrics.hpp"
#include "pass_pace.hpp"
#include "pass_planner.hpp"
#include "past_runs.hpp"
#include "reconcile_pass.hpp"
#include "recount.hpp"
#include "scheduled_queue.hpp"
#include "scheduler_metrics.hpp"
#include "seconds.hpp"
#include "stale_locks.hpp"
#include "starts_ahead.hpp"

namespace berth {
namespace {

constexpr std::size_t kCallsPerTurn = 50;                        // of the scheduler's strand: some 20 us each
constexpr Duration kBusyRetry = std::chrono::milliseconds(250);  // facts §5.9
constexpr Duration kInactiveRetry = std::chrono::seconds(1);     // nothing tells that the lease has come back

/// API calls about one container, at most one at a time per uuid (facts §5.9). Kills are commands to the pool, which
/// takes each process only once.
enum class Operation { lock, unlock, cancel };

std::string_view to_string(Operation operation) {
  switch (operation) {
    case Operation::lock:
      return "lock";
    case Operation::unlock:
      return "unlock";
    case Operation::cancel:
      return "cancel";
  }
  return "";
}

/// The state a container must still be in when its call is made.
ContainerState expected_state(Operation operation) {
  switch (operation) {
    case Operation::lock:
      return ContainerState::queued;
    case Operation::unlock:
      return ContainerState::locked;
    case Operation::cancel:
      return ContainerState::running;
  }
  return ContainerState::queued;
}

Policy policy_of(const std::string& name) {
  const auto policy = parse_policy(name);
  if (!policy) throw std::invalid_argument(policy.error().message);
  return *policy;
}

}  // namespace

class Scheduler::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Runtime& runtime, Logger log, Metrics& metrics, ContainerQueue& queue, WorkerPool& pool, ContainerApi& api,
       std::function<bool()> active, SchedulerOptions options)
      : runtime_(runtime),
        log_(std::move(log)),
        metrics_(metrics),
        pass_metrics_(metrics),
        queue_(queue),
        pool_(pool),
        api_(api),
        active_(std::move(active)),
        options_(std::make_shared<const SchedulerOptions>(std::move(options))),
        policy_(policy_of(options_->policy)),
        planner_(*options_, policy_),
        limit_(initial_limit(options_->initial_quota_estimate, options_->max_instances)),
        supervised_limit_(limit_),
        strand_(runtime.make_strand()),
        tasks_(strand_),
        ahead_(queue, pool, tasks_, active_, [this](const PoolReceipt& receipt) { started_ahead(receipt); }) {}

  const asio::any_io_executor& strand() const { return strand_; }

  void begin() {
    changed_ = change_.subscribe();
    tasks_.spawn(forward(shared_from_this(), queue_.subscribe()));
    tasks_.spawn(forward(shared_from_this(), pool_.subscribe()));
    tasks_.spawn(run(shared_from_this()));
  }
  static awaitable<void> end(std::shared_ptr<Impl> self) {
    co_await self->tasks_.stop();
    self->report({}, 0, Duration::zero());
  }

  std::shared_ptr<const ScheduledQueue> published() const {
    std::shared_ptr<PublishedQueue> latest;
    {
      const std::lock_guard lock(published_mutex_);
      latest = published_;
    }
    return latest ? latest->read() : nullptr;
  }

 private:
  /// What one pass looks at. The queue's snapshot is taken first, the pool's after it, without a wait between: whatever
  /// the pool had learned when the records were read (an instance listed late, a process found on a recovering worker)
  /// is in view. All starts are ours, and an accepted one is in `running` of the receipt's snapshot and of every later
  /// one until we clear its exit placeholder, or its instance is gone from the cloud. Hence a record that says Locked
  /// and has no process in view was not started and may be; one that says Running and has none, or one that ended,
  /// while no worker is unknown has lost its process and may be cancelled. A placeholder stays until the record was
  /// read after the exit, since the API would cancel even what is Complete (facts §2.4). A Locked record that is older
  /// than it seems does no harm: a second runner finds it not Locked.
  struct View {
    std::shared_ptr<const QueueSnapshot> queue;
    std::shared_ptr<const PoolSnapshot> pool;
  };
  View look() const {
    View view;
    view.queue = queue_.snapshot();
    view.pool = pool_.snapshot();
    if (receipt_ && receipt_->version > view.pool->version) view.pool = receipt_;
    return view;
  }

  static awaitable<void> forward(std::shared_ptr<Impl> self, Subscription from) {
    for (;;) {
      co_await from.wait();
      if (!self->news_) self->news_ = self->runtime_.now();
      self->change_.notify();
    }
  }

  static awaitable<void> learn_from_past(std::shared_ptr<Impl> self) {
    std::function<void(const std::vector<PastRun>&)> learn = [self](const auto& runs) { self->planner_.learn(runs); };
    co_await read_past_runs(self->runtime_, self->log_, self->api_, self->options_->choose, std::move(learn));
  }

  static awaitable<void> run(std::shared_ptr<Impl> self) {
    co_await self->wait_until_loaded();
    if (self->policy_ == Policy::cost) self->tasks_.spawn(learn_from_past(self));
    co_await self->release_stale_locks();
    for (;;) {
      const SteadyTime began = self->runtime_.now();
      self->seen_.reset();
      co_await self->ahead_.let_starts_end();
      if (self->active_()) co_await self->pass();
      self->ahead_.pass_ended();
      co_await self->runtime_.sleep_until(
          next_pass_at(began, self->runtime_.now() - began, self->options_->least_interval));
      do {
        co_await self->wait_for_change();
      } while (self->has_seen_all());
    }
  }

  /// Whether what woke us is no more than what the last pass itself did, and nothing is due.
  bool has_seen_all() {
    const bool all = seen_ && seen_ == SeenVersions{queue_.snapshot()->version, pool_.snapshot()->version} &&
                     (!due_ || runtime_.now() < *due_);
    if (all) news_.reset();
    return all;
  }

  awaitable<void> wait_until_loaded() {
    for (;;) {
      const View view = look();
      if (view.queue->updated && view.pool->loaded) co_return;
      co_await changed_.wait();
    }
  }

  awaitable<void> release_stale_locks() {
    const SteadyTime deadline = runtime_.now() + options_->stale_lock_timeout;
    earliest_cancel_ = deadline;
    for (bool first = true;; first = false) {
      const View view = look();
      const StaleLockDecision decision =
          stale_lock_step(*view.queue, *view.pool, first, !first && runtime_.now() >= deadline);
      for (const std::string& uuid : decision.unlock) {
        log_.info("unlocking container that no worker runs", {{"ContainerUUID", uuid}});
        attempt(Operation::unlock, uuid);
      }
      if (decision.finished) co_return;
      co_await changed_.wait_until(runtime_, deadline);
    }
  }

  /// Until queue or pool change, or something is due (facts §5.1).
  awaitable<void> wait_for_change() {
    std::optional<SteadyTime> due = retry_at_;
    const auto or_at = [&](SteadyTime when) { due = due ? std::min(*due, when) : when; };
    if (!active_()) or_at(runtime_.now() + kInactiveRetry);
    if (wake_at_ && active_()) or_at(*wake_at_);
    if (create_blocked_until_ && *create_blocked_until_ > runtime_.now()) or_at(*create_blocked_until_);
    due_ = due;
    if (due)
      co_await changed_.wait_until(runtime_, *due);
    else
      co_await changed_.wait();
  }

  /// One pass: look, decide, carry out (facts §5.4, §5.5, §5.8). Mapping and reconciliation decide from the same view,
  /// so one turn of the pool carries out both.
  awaitable<void> pass() {
    retry_at_.reset();
    wake_at_.reset();
    const View view = look();
    const SteadyTime began = runtime_.now();
    SeenVersions seen{view.queue->version, view.pool->version};
    pass_metrics_.began(began, std::exchange(news_, std::nullopt), seen);
    const MatchedQueue::Changes changes = catch_up(view);
    adapt_limit(*view.pool);
    PassRecord record = record_of(view);
    const Decisions made = planner_.decide(matched_, changes, record, runtime_.now(), runtime_.wall_now());
    keep_slots(made);
    Reconciliation reconciliation = reconcile_.decide(matched_, view.queue->updated);
    verify(made, reconciliation, record);
    spare(reconciliation, view.queue->to_come);
    // What the queue shows of these is as old as the call: until it has ended no poll touches them.
    std::erase_if(reconciliation.kills,
                  [&](const KillRequest& kill) { return is_under_way(kill.uuid, Operation::lock); });

    PoolCommands commands = pool_commands(made, reconciliation, matched_, planner_.names());
    commands.idle_timeouts = planner_.remember(made, matched_);
    if (!empty(commands)) {
      const PoolReceipt receipt = co_await pool_.apply(commands);
      keep(receipt);
      seen = seen_after(seen, commands, receipt);
      if (!commands.starts.empty()) pass_metrics_.started(began, runtime_.now());
      for (std::size_t i = 0; i < made.starts.size(); ++i)
        if (i >= receipt.starts.size() || !receipt.starts[i])
          record.refused.insert(*matched_.rows()[made.starts[i].container].uuid);
    }
    if (made.wake_after) wake_at_ = began + *made.wake_after;
    create_blocked_until_ = (receipt_ ? *receipt_ : *view.pool).create_blocked_until;
    co_await call_api(made, reconciliation);
    report(made, static_cast<std::int64_t>(record.refused.size()), waiting_.longest(runtime_.wall_now()));
    publish(made, std::move(record));
    // Where a limit was met, our own starts may have raised it.
    if (!made.at_quota && made.not_allocated_over_quota == 0) seen_ = seen;
    pass_metrics_.ended(runtime_.now() - began);
  }

  /// Brings what is kept from pass to pass up to what `view` shows.
  MatchedQueue::Changes catch_up(const View& view) {
    MatchedQueue::Changes changes = matched_.update(*view.queue, *view.pool);
    reconcile_.update(matched_, changes.containers);
    waiting_.update(matched_, changes.containers);
    for (const std::string& uuid : std::exchange(unlocks_changed_, {}))
      if (const auto container = matched_.find(uuid)) changes.containers.push_back(*container);
    return changes;
  }

  PassRecord record_of(const View& view) const {
    PassRecord record{view.queue, view.pool, {}, {}, {}, options_, policy_};
    record.limits = {(policy_ == Policy::cost ? load_limit_ : limit_).max_containers,
                     supervisor_limit(supervised_limit_.max_containers, options_->supervisor_fraction)};
    for (const auto& [uuid, operation] : under_way_)
      if (operation == Operation::unlock) record.unlocking.insert(uuid);
    return record;
  }

  /// Decides a share of the passes once more, from nothing (SchedulerOptions::verify_share).
  void verify(const Decisions& made, const Reconciliation& reconciliation, const PassRecord& record) {
    const double share = options_->verify_share;
    if (share <= 0) return;
    if (share < 1 && static_cast<double>(runtime_.random() >> 11) * 0x1p-53 >= share) return;
    const auto found = planner_.difference_from_nothing(made, reconciliation, matched_, record);
    if (!found) return;
    log_.error("what the scheduler keeps between passes has led it astray", {{"Difference", *found}});
    if (options_->on_difference) options_->on_difference(*found);
  }

  void keep(const PoolReceipt& receipt) {
    if (!receipt_ || receipt_->version < receipt.snapshot->version) receipt_ = receipt.snapshot;
  }

  /// The slots that this pass keeps for what it locks, and for what is being locked.
  void keep_slots(const Decisions& made) {
    std::vector<StartRequest> slots;
    slots.reserve(made.ahead.size());
    for (const PlanStart& kept : made.ahead) {
      const QueuedContainer& container = matched_.rows()[kept.container].container();
      slots.push_back({matched_.instances()[kept.instance]->number, container.uuid, container.created_at});
    }
    planned_ = runtime_.now();
    ahead_.keep(std::move(slots));
  }

  void started_ahead(const PoolReceipt& receipt) {
    keep(receipt);
    pass_metrics_.started(planned_, runtime_.now());
  }

  void adapt_limit(const PoolSnapshot& pool) {
    LimitInputs in;
    in.now = runtime_.now();
    in.last_503 = api_.last_503();
    // One that is being created is for a container that would else have to make way for it.
    in.total_instances = policy_ == Policy::reference ? matched_.counts().instances : std::ssize(pool.instances);
    in.at_quota = options_->quota_limits_containers && (pool.at_quota || pool.instances_left == 0);
    in.running = static_cast<std::int64_t>(pool.running.size());
    if (policy_ != Policy::reference) in.running -= matched_.counts().exited;
    in.one_more = policy_ != Policy::reference;
    limit_ = next_limit(limit_, in);
    LimitInputs supervised = in;
    if (policy_ != Policy::reference) {  // by instances alone: several to an instance, supervisors would fill them all
      supervised.one_more = false;
      supervised.beyond_quota = 0;
      supervised.ceiling = options_->max_instances;
    }
    supervised_limit_ = next_limit(supervised_limit_, supervised);
    in.at_quota = false;
    load_limit_ = next_limit(load_limit_, in);
  }

  awaitable<void> call_api(const Decisions& made, const Reconciliation& reconciliation) {
    const auto uuid = [&](std::uint32_t container) -> const std::string& { return *matched_.rows()[container].uuid; };
    Turns turns(kCallsPerTurn);
    for (std::uint32_t container : made.locks) {
      attempt(Operation::lock, uuid(container));
      co_await turns.next();
    }
    for (std::uint32_t container : made.unlocks) {
      attempt(Operation::unlock, uuid(container));
      co_await turns.next();
    }
    cancel_lost(reconciliation.cancels);
    for (const std::string& unwanted : reconciliation.requeues) {
      attempt(Operation::unlock, unwanted);
      co_await turns.next();
    }
    for (const std::string& done : reconciliation.forgets) queue_.forget(done);
  }

  /// An earlier dispatcher, ended while it started a container, may have got through after our first probe of the
  /// worker: for a while after the start a Running container that is not in view counts as such.
  void cancel_lost(const std::vector<std::string>& lost) {
    if (lost.empty()) return;
    if (runtime_.now() < earliest_cancel_) {
      retry_at_ = retry_at_ ? std::min(*retry_at_, earliest_cancel_) : earliest_cancel_;
      return;
    }
    for (const std::string& uuid : lost) attempt(Operation::cancel, uuid);
  }

  bool is_under_way(const std::string& uuid, Operation operation) const {
    const auto found = under_way_.find(uuid);
    return found != under_way_.end() && found->second == operation;
  }

  void attempt(Operation operation, const std::string& uuid) {
    if (!under_way_.emplace(uuid, operation).second) {
      retry_at_ = runtime_.now() + kBusyRetry;
      return;
    }
    if (operation == Operation::unlock) unlocks_changed_.push_back(uuid);
    tasks_.spawn(operate(shared_from_this(), operation, uuid));
  }

  static awaitable<void> operate(std::shared_ptr<Impl> self, Operation operation, std::string uuid) {
    struct Release {
      Impl& impl;
      const std::string& uuid;
      ~Release() {
        if (impl.is_under_way(uuid, Operation::unlock)) impl.unlocks_changed_.push_back(uuid);
        impl.under_way_.erase(uuid);
      }
    } release{*self, uuid};
    const auto snapshot = self->queue_.snapshot();
    const auto entry = snapshot->entries.find(uuid);
    if (!entry || entry->container.state != expected_state(operation) || !self->active_()) co_return;
    if (operation == Operation::cancel)
      self->log_.warn("cancelling container: it is Running but no worker runs it", {{"ContainerUUID", uuid}});
    const Result<void> done = co_await self->call(operation, uuid);
    if (done && operation == Operation::lock) self->ahead_.locked(uuid);
    if (!done)
      self->log_.warn("container update failed",
                      {{"ContainerUUID", uuid}, {"Operation", to_string(operation)}, {"error", done.error().message}});
  }

  awaitable<Result<void>> call(Operation operation, std::string uuid) {
    switch (operation) {
      case Operation::lock:
        return queue_.lock(std::move(uuid));
      case Operation::unlock:
        return queue_.unlock(std::move(uuid));
      case Operation::cancel:
        return cancel(std::move(uuid));
    }
    throw std::logic_error("unknown operation");
  }

  /// A start that an earlier process had sent may have reached its worker after the latest probe; a runner of ours may
  /// have ended because that one had claimed the container. And until the API has answered that it has not ended, its
  /// worker may be in view again, and with it its process.
  awaitable<Result<void>> cancel(std::string uuid) {
    co_await pool_.probe_all();
    auto is_still_lost = [self = shared_from_this(), uuid] { return is_lost(*self->pool_.snapshot(), uuid); };
    co_return co_await queue_.cancel(std::move(uuid), "the runner ended without giving the container a final state",
                                     std::move(is_still_lost));
  }

  void publish(const Decisions& made, PassRecord record) {
    planner_.explain(made, matched_, record);
    auto queue = std::make_shared<PublishedQueue>([record = std::move(record)] { return scheduled_queue(record); });
    const std::lock_guard lock(published_mutex_);
    published_ = std::move(queue);
  }

  void report(const Decisions& made, std::int64_t refused_starts, Duration longest) {
    metrics_.allocated_not_started.Set(static_cast<double>(made.allocated_not_started + refused_starts));
    metrics_.not_allocated_over_quota.Set(static_cast<double>(made.not_allocated_over_quota));
    metrics_.longest_wait.Set(seconds(longest));
    metrics_.max_concurrent_containers.Set(static_cast<double>(limit_.max_containers));
    metrics_.at_quota.Set(made.at_quota ? 1 : 0);
    if (limit_.last_503) {
      const WallTime when = runtime_.wall_now() - (runtime_.now() - *limit_.last_503);
      metrics_.last_503_time.Set(seconds(when.time_since_epoch()));
    }
  }

  Runtime& runtime_;
  Logger log_;
  SchedulerMetrics metrics_;
  PassMetrics pass_metrics_;
  ContainerQueue& queue_;
  WorkerPool& pool_;
  ContainerApi& api_;
  const std::function<bool()> active_;
  const std::shared_ptr<const SchedulerOptions> options_;
  const Policy policy_;
  // Kept from pass to pass, so that one costs what has changed.
  MatchedQueue matched_;
  ReconcilePass reconcile_;
  WaitingSince waiting_;
  PassPlanner planner_;
  std::vector<std::string> unlocks_changed_;  // begun or ended since the last pass, perhaps
  ContainerLimit limit_;
  ContainerLimit supervised_limit_;  // of which supervisors may be a part
  ContainerLimit load_limit_;        // by 503s alone: `cost` puts many containers on few instances
  asio::any_io_executor strand_;
  TaskGroup tasks_;
  StartsAhead ahead_;
  Signal change_;  // queue, pool, or ourselves
  Subscription changed_;
  std::unordered_map<std::string, Operation> under_way_;
  std::optional<SteadyTime> news_;      // when the first of the changes was raised that the next pass answers to
  std::optional<SeenVersions> seen_;    // by the last pass; nothing: any change is news
  std::optional<SteadyTime> due_;       // what wait_for_change() waits for at most
  SteadyTime planned_{};                // when the last pass was
  std::optional<SteadyTime> retry_at_;  // of what was refused because another operation was under way
  std::optional<SteadyTime> create_blocked_until_;
  std::optional<SteadyTime> wake_at_;  // for what the last plan expects by then
  SteadyTime earliest_cancel_ = SteadyTime::min();
  std::shared_ptr<const PoolSnapshot> receipt_;  // of the last commands
  mutable std::mutex published_mutex_;
  std::shared_ptr<PublishedQueue> published_;
};

Scheduler::Scheduler(Runtime& runtime, Logger log, Metrics& metrics, ContainerQueue& queue, WorkerPool& pool,
                     ContainerApi& api, std::function<bool()> active, SchedulerOptions options)
    : impl_(std::make_shared<Impl>(runtime, std::move(log), metrics, queue, pool, api, std::move(active),
                                   std::move(options))) {}

Scheduler::~Scheduler() = default;

void Scheduler::start() {
  asio::post(impl_->strand(), [impl = impl_] { impl->begin(); });
}

awaitable<void> Scheduler::stop() {
  co_await call_on(impl_->strand(), Impl::end(impl_));
}

awaitable<void> Scheduler::beat() {
  return beat_on(impl_->strand());
}

std::shared_ptr<const ScheduledQueue> Scheduler::queue() const {
  return impl_->published();
}

}  // namespace berth
