#include "probe_pace.hpp"

#include <algorithm>
#include <chrono>

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration shortest_interval = 1ms;
constexpr int jitter_divisor = 23;  // facts §6.8
constexpr Duration made_up_for = 10ms;

}  // namespace

ProbePace::ProbePace(Duration interval, std::int64_t max_per_second)
    : interval_(std::max(interval, shortest_interval)),
      max_per_second_(max_per_second),
      spacing_(max_per_second > 0 ? Duration(1s) / max_per_second : Duration::zero()) {}

Duration ProbePace::jitter() const {
  return interval_ / jitter_divisor;
}

void ProbePace::begin_round(SteadyTime now, Duration jitter) {
  late_ = begun_ ? std::max(now - next_round_, Duration::zero()) : Duration::zero();
  begun_ = true;
  next_round_ = now + interval_ + jitter;
}

Duration ProbePace::lateness(SteadyTime now) const {
  return begun_ ? std::max(late_, now - next_round_) : Duration::zero();
}

bool ProbePace::fits(std::size_t workers) const {
  return spacing_ * static_cast<std::int64_t>(workers) <= interval_;
}

SteadyTime ProbePace::next_probe(SteadyTime now) {
  if (spacing_ == Duration::zero()) return now;
  next_probe_ = std::max(next_probe_, now - made_up_for) + spacing_;
  while (!last_second_.empty() && last_second_.front() <= now - 1s) last_second_.pop_front();
  last_second_.push_back(now);
  if (std::ssize(last_second_) >= max_per_second_) next_probe_ = std::max(next_probe_, last_second_.front() + 1s);
  return next_probe_;
}

}  // namespace berth
