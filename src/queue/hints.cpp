#include "hints.hpp"

#include <utility>

namespace berth {

void Hints::add(ApiChange change, SteadyTime now) {
  {
    const std::lock_guard lock(mutex_);
    if (hints_.size() >= bound_ && !hints_.contains(change.uuid)) {
      hints_.clear();
      overflow_ = true;
    }
    if (!overflow_)
      hints_.try_emplace(std::move(change.uuid), Hint{change.state, now}).first->second.state = change.state;
  }
  told_.wake();
}

void Hints::put_back(const Map& hints) {
  const std::lock_guard lock(mutex_);
  for (const auto& [uuid, hint] : hints) {
    const auto [known, fresh] = hints_.try_emplace(uuid, hint);
    if (!fresh) known->second.since = hint.since;
  }
}

Hints::Map Hints::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(hints_, {});
}

bool Hints::take_overflow() {
  const std::lock_guard lock(mutex_);
  return std::exchange(overflow_, false);
}

}  // namespace berth
