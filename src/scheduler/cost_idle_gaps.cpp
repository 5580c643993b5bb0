#include "cost_idle_gaps.hpp"

#include <algorithm>

#include "seconds.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t kFewest = 8;  // gaps that tell something
constexpr std::size_t kLatestOfType = 64;
constexpr std::size_t kLatestOfAll = 256;
constexpr Duration kFar = 10min;  // a longer gap: nobody waited for that instance
/// What a boot costs, its price and the wait, in boot times of an idle instance: so much that of all that wait the 95th
/// percentile does no longer than with fixed time-outs (docs/policies.md).
constexpr double kBootWeight = 6;
constexpr Duration kTimeouts[] = {5s, 10s, 20s, 30s, 45s, 1min};

void keep_latest(std::deque<double>& gaps, double gap, std::size_t most) {
  gaps.push_back(gap);
  if (gaps.size() > most) gaps.pop_front();
}

/// What the gaps would have cost, in seconds of an idle instance.
double cost(const std::deque<double>& gaps, double timeout, double boot) {
  double sum = 0;
  for (const double gap : gaps) sum += gap <= timeout ? gap : timeout + (gap < seconds(kFar) ? kBootWeight * boot : 0);
  return sum;
}

/// Of these time-outs.
Duration cheapest(const std::deque<double>& gaps, Duration most, double boot) {
  std::vector<Duration> candidates;
  for (const Duration timeout : kTimeouts)
    if (timeout < most) candidates.push_back(timeout);
  candidates.push_back(most);
  std::vector<double> costs;
  for (const Duration timeout : candidates) costs.push_back(cost(gaps, seconds(timeout), boot));
  return candidates[static_cast<std::size_t>(std::min_element(costs.begin(), costs.end()) - costs.begin())];
}

}  // namespace

IdleGaps::OfType& IdleGaps::of(std::uint32_t type) {
  if (type >= by_type_.size()) by_type_.resize(type + 1);
  return by_type_[type];
}

void IdleGaps::add(OfType& of, double gap) {
  of.version = ++version_;
  keep_latest(of.gaps, gap, kLatestOfType);
  keep_latest(all_, gap, kLatestOfAll);
}

void IdleGaps::reused(std::uint32_t type, SteadyTime since, SteadyTime now) {
  add(of(type), seconds(now - since));
}

void IdleGaps::ended(std::uint32_t type, SteadyTime since) {
  std::deque<SteadyTime>& idle_ends = of(type).idle_ends;
  idle_ends.insert(std::upper_bound(idle_ends.begin(), idle_ends.end(), since), since);
}

void IdleGaps::created(std::uint32_t type, SteadyTime now) {
  OfType& known = of(type);
  for (; !known.idle_ends.empty() && now - known.idle_ends.front() > kFar; known.idle_ends.pop_front())
    add(known, 2 * seconds(kFar));
  if (known.idle_ends.empty()) return;
  add(known, seconds(now - known.idle_ends.back()));
  known.idle_ends.pop_back();
}

Duration IdleGaps::timeout(std::uint32_t type, Duration most, double boot) const {
  const std::deque<double>* gaps = type < by_type_.size() ? &by_type_[type].gaps : nullptr;
  const bool own = gaps && gaps->size() >= kFewest;
  if (!own) gaps = &all_;
  if (gaps->size() < kFewest) return most;
  if (own && type >= answers_.size()) answers_.resize(type + 1);
  Answer& answer = own ? answers_[type] : answer_of_all_;
  const std::uint64_t version = own ? by_type_[type].version : version_;
  if (answer.version != version || answer.most != most || answer.boot != boot)
    answer = {version, most, boot, cheapest(*gaps, most, boot)};
  return answer.timeout;
}

}  // namespace berth
