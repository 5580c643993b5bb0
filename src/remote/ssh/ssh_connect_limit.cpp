#include <algorithm>

#include "berth/base/signal.hpp"
#include "berth/remote/ssh.hpp"

namespace berth {
namespace {

constexpr Duration longest_hold = std::chrono::seconds(1);

}  // namespace

struct SshConnectLimit::Holder {
  SteadyTime since;
  Signal turn;
};

/// True once `wanting` is first in line and there is a place; otherwise `retry` is when the oldest place falls free.
bool SshConnectLimit::take(const std::shared_ptr<Holder>& wanting, SteadyTime now, SteadyTime& retry) {
  const std::lock_guard lock(mutex_);
  while (!holding_.empty() && now - holding_.front()->since >= longest_hold) holding_.pop_front();
  retry = holding_.empty() ? now + longest_hold : holding_.front()->since + longest_hold;
  if (waiting_.front() != wanting || holding_.size() >= most_) return false;
  waiting_.pop_front();
  wanting->since = now;
  holding_.push_back(wanting);
  if (!waiting_.empty()) waiting_.front()->turn.notify();
  return true;
}

void SshConnectLimit::leave(const std::shared_ptr<Holder>& holder) {
  const std::lock_guard lock(mutex_);
  std::erase(waiting_, holder);
  std::erase(holding_, holder);
  if (!waiting_.empty()) waiting_.front()->turn.notify();
}

awaitable<SshConnectLimit::Place> SshConnectLimit::enter(std::shared_ptr<SshConnectLimit> self, Runtime& runtime) {
  const auto holder = std::make_shared<Holder>();
  auto turn = holder->turn.subscribe();
  {
    const std::lock_guard lock(self->mutex_);
    self->waiting_.push_back(holder);
  }
  Place place(holder.get(), [self, holder](void*) { self->leave(holder); });
  SteadyTime retry;
  while (!self->take(holder, runtime.now(), retry)) co_await turn.wait_until(runtime, retry);
  co_return place;
}

}  // namespace berth
