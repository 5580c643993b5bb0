#include "berth/pool/worker_pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "pool.hpp"

namespace berth {

WorkerPool::WorkerPool(Runtime& runtime, Logger log, Metrics& metrics, InstanceSet& instances,
                       ExecutorFactory executors, RunnerConfig runner_config, PoolOptions options)
    : impl_(std::make_shared<Impl>(runtime, std::move(log), metrics, instances, std::move(executors),
                                   std::move(runner_config), std::move(options))) {}

WorkerPool::~WorkerPool() = default;

void WorkerPool::start() {
  asio::post(impl_->strand(), [impl = impl_] { impl->begin(); });
}

awaitable<void> WorkerPool::stop() {
  co_await asio::co_spawn(impl_->strand(), impl_->stop(), asio::use_awaitable);
}

std::shared_ptr<const PoolSnapshot> WorkerPool::snapshot() const {
  return impl_->snapshot();
}

Subscription WorkerPool::subscribe() {
  return impl_->subscribe();
}

awaitable<PoolReceipt> WorkerPool::apply(PoolCommands commands) {
  co_return co_await asio::co_spawn(impl_->strand(), impl_->apply(std::move(commands)), asio::use_awaitable);
}

awaitable<Result<void>> WorkerPool::set_idle_behavior(std::string id, IdleBehavior behavior) {
  co_return co_await asio::co_spawn(impl_->strand(), impl_->set_idle_behavior(std::move(id), behavior),
                                    asio::use_awaitable);
}

awaitable<Result<void>> WorkerPool::kill_instance(std::string id, std::string reason) {
  co_return co_await asio::co_spawn(impl_->strand(), impl_->kill_instance(std::move(id), std::move(reason)),
                                    asio::use_awaitable);
}

awaitable<Result<void>> WorkerPool::kill_container(std::string uuid, std::string reason) {
  co_return co_await asio::co_spawn(impl_->strand(), impl_->kill_container(std::move(uuid), std::move(reason)),
                                    asio::use_awaitable);
}

std::optional<std::string> WorkerPool::unhealthy() const {
  return impl_->unhealthy();
}

}  // namespace berth
