#include "berth/queue/container_queue.hpp"

#include <set>
#include <utility>

#include <boost/asio/post.hpp>

#include "berth/base/beat.hpp"
#include "berth/base/call_on.hpp"
#include "berth/base/task_group.hpp"

#include "poller.hpp"

namespace berth {

namespace {
constexpr Duration quick_answer = std::chrono::seconds(1);
constexpr int most_reads = 4;  // of a state, in search of a quick answer
}  // namespace

class ContainerQueue::Impl : public std::enable_shared_from_this<Impl> {
 public:
  using Call = awaitable<Result<ContainerUpdate>> (ContainerApi::*)(std::string);

  Impl(Runtime& runtime, const Logger& log, Metrics& metrics, ContainerApi& container_api, QueueOptions queue_options)
      : clock(runtime),
        api(container_api),
        options(std::move(queue_options)),
        tasks(runtime.make_strand()),
        cache(metrics),
        canceller(log, api, cache, exclusion, tasks),
        news_seconds(
            metrics.plain_summary("berth_queue_news_seconds", "From being told of a change to having fetched it.")),
        first_sight(runtime, log, api, options, cache, canceller, tasks, news_seconds),
        changes(runtime, log, metrics, api, cache, first_sight, canceller, exclusion, news_seconds,
                [this] { poller.doubt(); }),
        poller(runtime, log, metrics, api, options, cache, first_sight, changes, exclusion) {}

  void begin() {
    tasks.spawn(poller.poll_loop());
    tasks.spawn(poller.sweep_loop());
    tasks.spawn(poller.doubt_loop());
    tasks.spawn(changes.look_loop());
  }

  static awaitable<Result<void>> change(std::shared_ptr<Impl> self, std::string uuid, Call call);
  static awaitable<Result<void>> lock(std::shared_ptr<Impl> self, std::string uuid);
  static awaitable<Result<void>> still_unfinished(std::shared_ptr<Impl> self, std::string uuid, std::string reason);
  static awaitable<Result<void>> cancel(std::shared_ptr<Impl> self, std::string uuid, std::string reason,
                                        std::function<bool()> is_lost);
  static awaitable<Result<void>> explain(std::shared_ptr<Impl> self, std::string uuid, std::string reason);
  bool is_held(const std::string& uuid) const;
  void forget(const std::string& uuid);

  Runtime& clock;
  ContainerApi& api;
  const QueueOptions options;
  TaskGroup tasks;
  Cache cache;
  Exclusion exclusion;
  Canceller canceller;
  prometheus::Summary& news_seconds;
  FirstSight first_sight;
  Changes changes;
  Poller poller;
  std::set<std::string> explained;  ///< whose runtime_status.error says already why they end
};

namespace {
tl::unexpected<Error> busy(const std::string& uuid) {
  return fail(ErrorKind::conflict, "another change of container " + uuid + " is under way");
}
}  // namespace

awaitable<Result<void>> ContainerQueue::Impl::change(std::shared_ptr<Impl> self, std::string uuid, Call call) {
  const auto hold = self->exclusion.try_hold(uuid);
  if (!hold) co_return busy(uuid);
  auto update = co_await (self->api.*call)(uuid);
  if (!update) co_return fail(update.error());
  self->cache.apply(uuid, *update);
  self->cache.publish();
  co_return Result<void>{};
}

/// What is refused is not Queued any more: what we know of it is old.
awaitable<Result<void>> ContainerQueue::Impl::lock(std::shared_ptr<Impl> self, std::string uuid) {
  auto locked = co_await change(self, std::move(uuid), &ContainerApi::lock);
  if (!locked && locked.error().kind == ErrorKind::conflict) self->poller.poll_soon();
  co_return locked;
}

/// The API lets even a Complete container be Cancelled, and what we know may be some seconds old: whether it has ended
/// meanwhile is asked right before, by writing the reason, which the API refuses then, or else by reading the state. A
/// slow answer tells of the past: the state is read again then, a few times.
awaitable<Result<void>> ContainerQueue::Impl::still_unfinished(std::shared_ptr<Impl> self, std::string uuid,
                                                               std::string reason) {
  if (!self->explained.contains(uuid) && self->is_held(uuid)) {
    const SteadyTime asked = self->clock.now();
    auto said = co_await self->api.set_runtime_error(uuid, std::move(reason));
    const bool fresh = self->clock.now() - asked <= quick_answer;
    if ((said && fresh) || (!said && said.error().kind == ErrorKind::conflict)) co_return said;
    // Without a reason the container ends all the same.
  }
  for (int reads = 0; reads < most_reads; ++reads) {
    const SteadyTime asked = self->clock.now();
    const auto state = co_await self->api.get_state(uuid);
    if (!state) co_return fail(state.error());
    if (is_final(*state)) co_return fail(ErrorKind::conflict, "container " + uuid + " has ended already");
    if (self->clock.now() - asked <= quick_answer) break;
  }
  co_return Result<void>{};
}

awaitable<Result<void>> ContainerQueue::Impl::cancel(std::shared_ptr<Impl> self, std::string uuid, std::string reason,
                                                     std::function<bool()> is_lost) {
  {
    const auto hold = self->exclusion.try_hold(uuid);
    if (!hold) co_return busy(uuid);
    auto unfinished = co_await still_unfinished(self, uuid, std::move(reason));
    if (!unfinished) co_return unfinished;
    if (!is_lost()) co_return fail(ErrorKind::conflict, "container " + uuid + " is not lost any more");
  }
  co_return co_await change(self, std::move(uuid), &ContainerApi::cancel);
}

awaitable<Result<void>> ContainerQueue::Impl::explain(std::shared_ptr<Impl> self, std::string uuid,
                                                      std::string reason) {
  const auto hold = self->exclusion.try_hold(uuid);
  if (!hold) co_return busy(uuid);
  if (!self->is_held(uuid)) co_return fail(ErrorKind::conflict, "container " + uuid + " is neither Locked nor Running");
  auto said = co_await self->api.set_runtime_error(uuid, std::move(reason));
  std::erase_if(self->explained, [&](const std::string& known) { return !self->cache.entries().find(known); });
  if (said) self->explained.insert(std::move(uuid));
  co_return said;
}

bool ContainerQueue::Impl::is_held(const std::string& uuid) const {
  const QueueEntry* entry = cache.entries().find(uuid);
  return entry &&
         (entry->container.state == ContainerState::locked || entry->container.state == ContainerState::running);
}

void ContainerQueue::Impl::forget(const std::string& uuid) {
  const QueueEntry* entry = cache.entries().find(uuid);
  if (!entry) return;
  const QueuedContainer& container = entry->container;
  const bool on_hold = container.state == ContainerState::queued && container.priority == 0;
  if (!on_hold && !is_final(container.state)) return;
  cache.drop(uuid);
  cache.publish();
}

ContainerQueue::ContainerQueue(Runtime& runtime, Logger log, Metrics& metrics, ContainerApi& api, QueueOptions options)
    : impl_(std::make_shared<Impl>(runtime, log, metrics, api, std::move(options))) {}
ContainerQueue::~ContainerQueue() = default;

void ContainerQueue::start() {
  asio::post(impl_->tasks.executor(), [impl = impl_] { impl->begin(); });
}

awaitable<void> ContainerQueue::stop() {
  co_await impl_->tasks.stop();
}

awaitable<void> ContainerQueue::beat() {
  return beat_on(impl_->tasks.executor());
}

std::shared_ptr<const QueueSnapshot> ContainerQueue::snapshot() const {
  return impl_->cache.snapshot();
}

Subscription ContainerQueue::subscribe() {
  return impl_->cache.subscribe();
}

awaitable<Result<void>> ContainerQueue::lock(std::string uuid) {
  return call_on(impl_->tasks.executor(), Impl::lock(impl_, std::move(uuid)));
}

awaitable<Result<void>> ContainerQueue::unlock(std::string uuid) {
  return call_on(impl_->tasks.executor(), Impl::change(impl_, std::move(uuid), &ContainerApi::unlock));
}

awaitable<Result<void>> ContainerQueue::cancel(std::string uuid, std::string reason, std::function<bool()> is_lost) {
  return call_on(impl_->tasks.executor(), Impl::cancel(impl_, std::move(uuid), std::move(reason), std::move(is_lost)));
}

awaitable<Result<void>> ContainerQueue::explain(std::string uuid, std::string reason) {
  return call_on(impl_->tasks.executor(), Impl::explain(impl_, std::move(uuid), std::move(reason)));
}

void ContainerQueue::forget(std::string uuid) {
  asio::post(impl_->tasks.executor(), [impl = impl_, uuid = std::move(uuid)] { impl->forget(uuid); });
}

void ContainerQueue::tell(ApiChange change) {
  impl_->changes.tell(std::move(change));
}

void ContainerQueue::tell_end(std::string uuid) {
  impl_->changes.tell_end(std::move(uuid));
}

void ContainerQueue::poll_soon() {
  impl_->poller.poll_soon();
}

}  // namespace berth
