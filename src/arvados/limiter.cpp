#include "limiter.hpp"

#include <algorithm>

namespace berth {

namespace {
constexpr std::int64_t start_limit = 8;
constexpr Duration quiet_time = std::chrono::seconds(1);
}  // namespace

Limiter::Limiter(std::int64_t cap) : cap_(cap), limit_(cap > 0 ? std::min(start_limit, cap) : start_limit) {}

bool Limiter::try_start(SteadyTime now) {
  if (in_flight_ >= limit_ || (quiet_until_ && now < *quiet_until_)) return false;
  ++in_flight_;
  return true;
}

void Limiter::finish(CallOutcome outcome, SteadyTime now) {
  if (outcome == CallOutcome::overloaded && (!quiet_until_ || now >= *quiet_until_)) {
    limit_ = (limit_ + 1) / 2;
    quiet_until_ = now + quiet_time;
  } else if (outcome == CallOutcome::success) {
    limit_ += std::max<std::int64_t>(1, limit_ / 10);
    limit_ = std::min(limit_, 2 * in_flight_);  // this call still counts
    if (cap_ > 0) limit_ = std::min(limit_, cap_);
  }
  --in_flight_;
}

}  // namespace berth
