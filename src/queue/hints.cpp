#include "hints.hpp"

#include <utility>

namespace berth {

/// Null: there is no room for it. Under the lock.
Hints::Hint* Hints::find_or_make(std::string uuid, SteadyTime now) {
  if (hints_.size() >= bound_ && !hints_.contains(uuid)) {
    hints_.clear();
    overflow_ = true;
  }
  if (overflow_) return nullptr;
  Hint fresh;
  fresh.since = now;
  return &hints_.try_emplace(std::move(uuid), fresh).first->second;
}

void Hints::add(ApiChange change, SteadyTime now) {
  {
    const std::lock_guard lock(mutex_);
    if (Hint* hint = find_or_make(std::move(change.uuid), now)) {
      hint->changed = true;
      hint->state = change.state;
    }
  }
  told_.wake();
}

void Hints::add_end(std::string uuid, SteadyTime now) {
  {
    const std::lock_guard lock(mutex_);
    if (Hint* hint = find_or_make(std::move(uuid), now)) hint->ended = true;
  }
  told_.wake();
}

void Hints::put_back(const Map& hints) {
  const std::lock_guard lock(mutex_);
  for (const auto& [uuid, hint] : hints) {
    const auto [known, fresh] = hints_.try_emplace(uuid, hint);
    if (fresh) continue;
    Hint& newer = known->second;
    if (!newer.changed) newer.state = hint.state;
    newer.changed = newer.changed || hint.changed;
    newer.ended = newer.ended || hint.ended;
    newer.since = hint.since;
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
