#include "berth/dispatcher/dispatcher.hpp"

#include <atomic>
#include <mutex>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include "berth/base/call_on.hpp"
#include "berth/base/task_group.hpp"

#include "lease_gate.hpp"
#include "options.hpp"
#include "runner_config.hpp"

namespace berth {
namespace {

/// What works for one term of the lease: made, started and stopped as one.
struct Parts {
  Parts(const DispatcherEdges& edges, const Cluster& cluster)
      : term(edges.lease), api(gate(edges.api, term)), instances(gate(edges.instances, term)) {
    QueueOptions queue_opts = queue_options(cluster);
    PoolOptions pool_opts = pool_options(cluster);
    SchedulerOptions scheduler_opts = scheduler_options(cluster);
    if (edges.adjust) edges.adjust(queue_opts, pool_opts, scheduler_opts);
    pool_opts.on_process_end = [this](const std::string& uuid) { queue->tell_end(uuid); };
    queue = std::make_unique<ContainerQueue>(edges.runtime, edges.log, edges.metrics, *api, std::move(queue_opts));
    pool =
        std::make_unique<WorkerPool>(edges.runtime, edges.log, edges.metrics, *instances, gate(edges.executors, term),
                                     make_runner_config(cluster, edges.runner_environment), std::move(pool_opts));
    scheduler = std::make_unique<Scheduler>(
        edges.runtime, edges.log, edges.metrics, *queue, *pool, *api, [this] { return term.lasts(); },
        std::move(scheduler_opts));
    if (edges.event_bus.url.empty()) return;
    EventBus::Listener listener;
    listener.on_change = [this](ApiChange change) { queue->tell(std::move(change)); };
    listener.on_connected = [this] { queue->poll_soon(); };
    bus = std::make_unique<EventBus>(edges.runtime, edges.log, edges.metrics, edges.event_bus, std::move(listener),
                                     edges.open_event_bus);
  }
  void start(std::uint64_t term_number) {
    term.begin(term_number);
    pool->start();
    queue->start();
    scheduler->start();
    if (bus) bus->start();
  }
  /// May be called again if it was cut short.
  awaitable<void> stop() const {
    if (bus) co_await bus->stop();
    co_await scheduler->stop();
    co_await queue->stop();
    co_await pool->stop();
  }

  LeaseTerm term;
  const std::unique_ptr<ContainerApi> api;
  const std::unique_ptr<InstanceSet> instances;
  std::unique_ptr<ContainerQueue> queue;
  std::unique_ptr<WorkerPool> pool;
  std::unique_ptr<Scheduler> scheduler;
  std::unique_ptr<EventBus> bus;
};

}  // namespace

struct Dispatcher::Impl {
  Impl(DispatcherEdges e, const Cluster& c)
      : edges(std::move(e)),
        cluster(c),
        active(edges.metrics.gauge("berth_active", "1 while this dispatcher holds the lock and acts, 0 on standby.")),
        losses(edges.metrics.counter("berth_lock_losses_total", "Times the lock was lost while this process ran.")),
        tasks(edges.runtime.make_strand()),
        parts(std::make_shared<Parts>(edges, cluster)) {}

  std::shared_ptr<Parts> current() const {
    const std::lock_guard lock(mutex);
    return parts;
  }

  static awaitable<void> begin(std::shared_ptr<Impl> self) {
    auto changed = self->edges.lease.changed().subscribe();
    self->go_if_held();
    self->tasks.spawn(follow(self, std::move(changed)));
    co_return;
  }

  static awaitable<void> follow(std::shared_ptr<Impl> self, Subscription changed) {
    for (;;) {
      if (self->running && !self->parts->term.lasts()) co_await self->stand_by();
      self->go_if_held();
      co_await changed.wait();
    }
  }

  void go_if_held() {
    const std::uint64_t term = edges.lease.term();
    if (running || term == 0) return;
    parts->start(term);
    running = true;
    active.Set(1);
  }

  awaitable<void> stand_by() {
    active.Set(0);
    losses.Increment();
    co_await parts->stop();
    auto fresh = std::make_shared<Parts>(edges, cluster);
    running = false;
    const std::lock_guard lock(mutex);
    parts.swap(fresh);
  }

  static awaitable<void> end(std::shared_ptr<Impl> self) {
    co_await self->tasks.stop();
    if (self->running.exchange(false)) co_await self->parts->stop();
    self->active.Set(0);
    co_await self->edges.lease.release();
  }

  const DispatcherEdges edges;
  const Cluster cluster;
  prometheus::Gauge& active;
  prometheus::Counter& losses;
  TaskGroup tasks;
  std::atomic<bool> running = false;
  mutable std::mutex mutex;  // guards the pointer; only the strand changes it
  std::shared_ptr<Parts> parts;
};

Dispatcher::Dispatcher(DispatcherEdges edges, const Cluster& cluster)
    : impl_(std::make_shared<Impl>(std::move(edges), cluster)) {}
Dispatcher::~Dispatcher() = default;

awaitable<Result<void>> Dispatcher::start() {
  auto acquired = co_await impl_->edges.lease.acquire();
  if (!acquired) co_return acquired;
  co_await call_on(impl_->tasks.executor(), Impl::begin(impl_));
  co_return Result<void>{};
}

awaitable<void> Dispatcher::stop() {
  return call_on(impl_->tasks.executor(), Impl::end(impl_));
}

awaitable<void> Dispatcher::beat() {
  const auto parts = impl_->current();
  co_await parts->queue->beat();
  co_await parts->pool->beat();
  co_await parts->scheduler->beat();
}

bool Dispatcher::active() const {
  return impl_->running && impl_->current()->term.lasts();
}
std::string Dispatcher::standing() const {
  return impl_->edges.lease.detail();
}
std::shared_ptr<ContainerQueue> Dispatcher::queue() const {
  const auto parts = impl_->current();
  return {parts, parts->queue.get()};
}
std::shared_ptr<WorkerPool> Dispatcher::pool() const {
  const auto parts = impl_->current();
  return {parts, parts->pool.get()};
}
std::shared_ptr<Scheduler> Dispatcher::scheduler() const {
  const auto parts = impl_->current();
  return {parts, parts->scheduler.get()};
}

}  // namespace berth
