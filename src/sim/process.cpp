#include "process.hpp"

#include <exception>
#include <functional>

#include <boost/asio/co_spawn.hpp>

#include "sim_api.hpp"
#include "sim_instances.hpp"

namespace berth {
namespace {

std::shared_ptr<Link> make_link(const ProcessSurroundings& around, std::uint64_t number) {
  auto link = std::make_shared<Link>();
  link->number = number;
  link->began = around.core.now();
  link->cluster = around.cluster;
  return link;
}

std::unique_ptr<InstanceSet> wrapped_instances(const ProcessSurroundings& around, Metrics& metrics,
                                               const std::shared_ptr<Link>& link) {
  const Cluster& cluster = *around.cluster;
  const CloudVmsConfig& vms = cluster.containers.cloud_vms;
  WrapperOptions options;
  options.max_ops_per_second = vms.max_cloud_ops_per_second;
  options.default_tags = vms.resource_tags;
  options.filter = {{vms.tag_key_prefix + "InstanceSetID", instance_set_id(cluster.system_root_token)}};
  options.may_act = [link] { return link->lease && link->lease->held(); };
  auto driver = make_sim_instances(around.core, around.cloud, around.watcher, link);
  // Where nothing goes wrong and nobody reads metrics there is nothing to guard, to filter or to count.
  if (!around.core.options.check_invariants && options.max_ops_per_second <= 0) return driver;
  auto wrapped = wrap_instance_set(around.core.runtime, metrics, std::move(driver), std::move(options));
  return watch_decisions(around.cloud, around.watcher, link, std::move(wrapped));
}

Logger logger_of(const SimOptions& options, std::uint64_t number) {
  if (!options.log) return {};
  return Logger(options.log, options.log_level, LogFormat::text).with({{"Dispatcher", number}});
}

/// Of the options of queue, pool and scheduler; and one pass in five is decided once more, from nothing.
std::function<void(QueueOptions&, PoolOptions&, SchedulerOptions&)> adjustments(SimCore& core) {
  return [&core](QueueOptions& queue, PoolOptions& pool, SchedulerOptions& scheduler) {
    if (core.options.adjust) core.options.adjust(queue, pool, scheduler);
    if (!core.options.check_invariants) return;
    constexpr double enough = 0.2;
    scheduler.verify_share = enough;
    scheduler.on_difference = [&core](const std::string& difference) { core.violate("plan-from-nothing", difference); };
  };
}

}  // namespace

DispatcherProcess::DispatcherProcess(ProcessSurroundings around, std::uint64_t number)
    : around_(around),
      link_(make_link(around, number)),
      lease_(around.lease_server.connect(link_)),
      api_(make_sim_api(around.core, around.store, around.watcher, link_)),
      instances_(wrapped_instances(around, metrics_, link_)),
      tasks_(around.core.runtime.executor()) {
  DispatcherEdges edges{around.core.runtime,
                        logger_of(around.core.options, number),
                        metrics_,
                        *api_,
                        *instances_,
                        make_sim_executors(around.core, around.cloud, around.watcher, link_),
                        *lease_,
                        {},
                        adjustments(around.core)};
  if (around.core.options.api.event_bus) {
    edges.event_bus.url = "wss://zzzzz.example/websocket";
    edges.open_event_bus = around.event_server.opener(link_);
  }
  dispatcher_ = std::make_unique<Dispatcher>(std::move(edges), *around.cluster);
  link_->lease = lease_.get();
  link_->dispatcher = dispatcher_.get();
  around.core.note(SimEventKind::dispatcher_started, {}, {}, std::to_string(number));
  tasks_.spawn(begin(this));
}

DispatcherProcess::~DispatcherProcess() {
  link_->lease = nullptr;
  link_->dispatcher = nullptr;
}

awaitable<void> DispatcherProcess::begin(DispatcherProcess* self) {
  const auto started = co_await self->dispatcher_->start();
  if (!started) self->around_.core.violate("starts", started.error().message);
}

void DispatcherProcess::kill() {
  if (link_->dead) return;
  around_.core.note(SimEventKind::dispatcher_ended, {}, {}, std::to_string(link_->number) + " killed");
  link_->dead = true;
  lease_->drop();
  if (!stopping_) stop();
}

void DispatcherProcess::stop() {
  if (stopping_) return;
  stopping_ = true;
  stopped_at_ = around_.core.now();
  if (!link_->dead)
    around_.core.note(SimEventKind::dispatcher_ended, {}, {}, std::to_string(link_->number) + " stopped");
  asio::co_spawn(around_.core.runtime.executor(), end(this), [](const std::exception_ptr& exception) {
    if (exception) std::rethrow_exception(exception);
  });
}

awaitable<void> DispatcherProcess::end(DispatcherProcess* self) {
  co_await self->tasks_.stop();
  co_await self->dispatcher_->stop();
  self->ended_ = true;
}

}  // namespace berth
