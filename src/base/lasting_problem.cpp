#include "berth/base/lasting_problem.hpp"

#include <algorithm>
#include <utility>

namespace berth {

namespace {
using namespace std::chrono_literals;
constexpr Duration kFirstInterval = 1min;
constexpr Duration kLongestInterval = 1h;
}  // namespace

LastingProblem::LastingProblem(Runtime& runtime, Logger log, std::string event, std::string over)
    : runtime_(runtime), log_(std::move(log)), event_(std::move(event)), over_(std::move(over)) {}

void LastingProblem::failed(const Error& error) {
  const SteadyTime now = runtime_.now();
  const bool begins = failures_++ == 0;
  const bool is_new = said_.insert(error.kind).second;
  if (!is_new && now < next_) return;
  if (begins)
    interval_ = kFirstInterval;
  else if (now >= next_)
    interval_ = std::min(interval_ * 2, kLongestInterval);
  next_ = now + interval_;
  log_.warn(event_, {{"error", error.message}, {"Failures", failures_}});
}

void LastingProblem::worked() {
  if (failures_ == 0) return;
  log_.info(over_, {{"Failures", failures_}});
  failures_ = 0;
  said_.clear();
}

}  // namespace berth
