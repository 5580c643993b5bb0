#include "berth/pool/worker_pool.hpp"

#include <boost/asio/post.hpp>

#include "berth/base/beat.hpp"
#include "berth/base/call_on.hpp"

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
  return call_on(impl_->strand(), impl_->stop());
}

awaitable<void> WorkerPool::beat() {
  return beat_on(impl_->strand());
}

std::shared_ptr<const PoolSnapshot> WorkerPool::snapshot() const {
  return impl_->snapshot();
}

Subscription WorkerPool::subscribe() {
  return impl_->subscribe();
}

awaitable<PoolReceipt> WorkerPool::apply(PoolCommands commands) {
  return call_on(impl_->strand(), impl_->apply(std::move(commands)));
}

awaitable<void> WorkerPool::probe_all() {
  return call_on(impl_->strand(), impl_->probe_all());
}

awaitable<Result<void>> WorkerPool::set_idle_behavior(std::string id, IdleBehavior behavior) {
  return call_on(impl_->strand(), impl_->set_idle_behavior(std::move(id), behavior));
}

awaitable<Result<void>> WorkerPool::kill_instance(std::string id, std::string reason) {
  return call_on(impl_->strand(), impl_->kill_instance(std::move(id), std::move(reason)));
}

awaitable<Result<void>> WorkerPool::kill_container(std::string uuid, std::string reason) {
  return call_on(impl_->strand(), impl_->kill_container(std::move(uuid), std::move(reason)));
}

std::optional<std::string> WorkerPool::unhealthy() const {
  return impl_->unhealthy();
}

}  // namespace berth
