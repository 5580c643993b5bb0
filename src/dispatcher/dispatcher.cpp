#include "berth/dispatcher/dispatcher.hpp"

#include <atomic>

#include "options.hpp"
#include "runner_config.hpp"

namespace berth {

struct Dispatcher::Impl {
  explicit Impl(DispatcherEdges e) : edges(std::move(e)) {}

  void build(const Cluster& cluster) {
    QueueOptions queue_opts = queue_options(cluster);
    PoolOptions pool_opts = pool_options(cluster);
    SchedulerOptions scheduler_opts = scheduler_options(cluster);
    if (edges.adjust) edges.adjust(queue_opts, pool_opts, scheduler_opts);
    queue = std::make_unique<ContainerQueue>(edges.runtime, edges.log, edges.metrics, edges.api, std::move(queue_opts));
    pool = std::make_unique<WorkerPool>(edges.runtime, edges.log, edges.metrics, edges.instances, edges.executors,
                                        make_runner_config(cluster, edges.runner_environment), std::move(pool_opts));
    scheduler = std::make_unique<Scheduler>(
        edges.runtime, edges.log, edges.metrics, *queue, *pool, edges.api, [this] { return edges.lease.held(); },
        std::move(scheduler_opts));
  }

  DispatcherEdges edges;
  std::atomic<bool> running = false;
  std::unique_ptr<ContainerQueue> queue;
  std::unique_ptr<WorkerPool> pool;
  std::unique_ptr<Scheduler> scheduler;
};

Dispatcher::Dispatcher(DispatcherEdges edges, const Cluster& cluster)
    : impl_(std::make_unique<Impl>(std::move(edges))) {
  impl_->build(cluster);
}
Dispatcher::~Dispatcher() = default;

awaitable<Result<void>> Dispatcher::start() {
  auto acquired = co_await impl_->edges.lease.acquire();
  if (!acquired) co_return acquired;
  impl_->pool->start();
  impl_->queue->start();
  impl_->scheduler->start();
  impl_->running = true;
  co_return Result<void>{};
}

awaitable<void> Dispatcher::stop() {
  if (impl_->running.exchange(false)) {
    co_await impl_->scheduler->stop();
    co_await impl_->queue->stop();
    co_await impl_->pool->stop();
  }
  co_await impl_->edges.lease.release();
}

bool Dispatcher::active() const {
  return impl_->running && impl_->edges.lease.held();
}
ContainerQueue& Dispatcher::queue() {
  return *impl_->queue;
}
WorkerPool& Dispatcher::pool() {
  return *impl_->pool;
}
Scheduler& Dispatcher::scheduler() {
  return *impl_->scheduler;
}

}  // namespace berth
