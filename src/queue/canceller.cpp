#include "canceller.hpp"

#include <utility>

#include "count_guard.hpp"

namespace berth {

namespace {
constexpr std::size_t max_workers = 4;
}

void Canceller::cancel(const std::string& uuid, ContainerState state, std::string reason) {
  if (!listed_.insert(uuid).second) return;
  cases_.push_back({uuid, state, std::move(reason)});
  if (workers_ < max_workers) tasks_.spawn(work());
}

awaitable<void> Canceller::work() {
  const CountGuard working(workers_);
  while (!cases_.empty()) {
    Case next = std::move(cases_.front());
    cases_.pop_front();
    const std::string uuid = next.uuid;
    co_await carry_out(std::move(next));
    listed_.erase(uuid);
  }
}

awaitable<void> Canceller::carry_out(Case it) {
  const auto hold = exclusion_.try_hold(it.uuid);
  if (!hold) co_return;
  if (it.state == ContainerState::queued) {
    auto locked = co_await api_.lock(it.uuid);
    if (!locked) {
      log_.warn("cannot lock a container that no instance type fits",
                {{"ContainerUUID", it.uuid}, {"error", locked.error().message}});
      co_return;
    }
    cache_.apply(it.uuid, *locked);
  }
  const auto ended = co_await end(it);
  if (ended) {
    log_.info("cancelled a container that cannot run here", {{"ContainerUUID", it.uuid}, {"reason", it.reason}});
    co_return;
  }
  const auto state = co_await api_.get_state(it.uuid);
  if (state && *state == ContainerState::cancelled) co_return;
  log_.warn("cannot cancel a container that cannot run here",
            {{"ContainerUUID", it.uuid}, {"reason", it.reason}, {"error", ended.error().message}});
}

awaitable<Result<void>> Canceller::end(const Case& it) {
  auto explained = co_await api_.set_runtime_error(it.uuid, it.reason);
  if (!explained) co_return explained;
  auto cancelled = co_await api_.cancel(it.uuid);
  if (!cancelled) co_return fail(cancelled.error());
  cache_.apply(it.uuid, *cancelled);
  co_return Result<void>{};
}

}  // namespace berth
