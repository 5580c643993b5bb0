#include "cost_waiting.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace berth {

Waiting::Waiting(const PlanInput& input, std::vector<std::uint32_t> containers)
    : containers_(std::move(containers)),
      ranks_(containers_.size()),
      next_(input.needs.size()),
      end_(input.needs.size()),
      all_left_(static_cast<std::uint32_t>(containers_.size())) {
  for (const std::uint32_t c : containers_)
    if (end_[input.containers[c].need]++ == 0) needs_.push_back(input.containers[c].need);
  const auto key = [&](std::uint32_t need) { return std::tuple(-own_price(input, need), need); };
  std::sort(needs_.begin(), needs_.end(), [&](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
  std::uint32_t at = 0;
  for (const std::uint32_t need : needs_) {
    next_[need] = at;
    at += std::exchange(end_[need], at);
  }
  for (std::uint32_t rank = 0; rank < containers_.size(); ++rank)
    ranks_[end_[input.containers[containers_[rank]].need]++] = rank;
}

std::vector<std::uint32_t> Waiting::rest() const {
  std::vector<std::uint32_t> ranks;
  ranks.reserve(all_left_);
  for (const std::uint32_t need : needs_)
    ranks.insert(ranks.end(), ranks_.begin() + next_[need], ranks_.begin() + end_[need]);
  std::sort(ranks.begin(), ranks.end());
  return ranks;
}

std::vector<std::vector<std::uint32_t>> needs_by_type(const PlanInput& input, const Waiting& waiting, bool any_price) {
  std::vector<std::vector<std::uint32_t>> by_type(input.types.size());
  for (const std::uint32_t need : waiting.needs())
    if (waiting.left(need) > 0)
      for (const std::uint32_t type : types_for(input, need, any_price)) by_type[type].push_back(need);
  return by_type;
}

double own_price(const PlanInput& input, std::uint32_t need) {
  constexpr double least = 1e-12;  // of a free type: it has some value, too
  const auto& list = types_for(input, need, false);
  return list.empty() ? least : std::max(input.types[list.front()].price, least);
}

const std::vector<std::uint32_t>& types_for(const PlanInput& input, std::uint32_t need, bool any_price) {
  const NeedClass& wanted = input.needs[need];
  const bool wider = any_price && wanted.any_price_list != kNoType;
  return input.type_lists[wider ? wanted.any_price_list : wanted.type_list];
}

bool any_fits(const PlanInput& input, const Waiting& waiting, const std::vector<std::uint32_t>& needs,
              const Capacity& room) {
  return room.left.vcpus > 0 && std::any_of(needs.begin(), needs.end(), [&](std::uint32_t need) {
           return waiting.left(need) > 0 && room.accommodates(input.needs[need].need);
         });
}

std::vector<std::uint32_t> fill(const PlanInput& input, Waiting& waiting, const std::vector<std::uint32_t>& needs,
                                Capacity& room, std::uint32_t places) {
  const auto fits = [&](std::uint32_t need) {
    return waiting.left(need) > 0 && room.accommodates(input.needs[need].need);
  };
  const auto earlier = [&](std::uint32_t a, std::uint32_t b) { return waiting.first(a) < waiting.first(b); };
  std::vector<std::uint32_t> taken;
  if (room.left.vcpus <= 0) return taken;
  std::vector<std::uint32_t> candidates;
  std::copy_if(needs.begin(), needs.end(), std::back_inserter(candidates), fits);
  while (!candidates.empty() && taken.size() < places) {
    const std::uint32_t need = *std::min_element(candidates.begin(), candidates.end(), earlier);
    taken.push_back(waiting.take(need));
    room.subtract(input.needs[need].need, GpuMemory::per_device);
    std::erase_if(candidates, [&](std::uint32_t n) { return !fits(n); });
  }
  return taken;
}

std::vector<std::uint32_t> fill_by_price(const PlanInput& input, Waiting& waiting,
                                         const std::vector<std::uint32_t>& needs, Capacity& room,
                                         std::uint32_t places) {
  std::vector<std::uint32_t> taken = fill(input, waiting, needs, room, std::min(places, 1U));
  for (const std::uint32_t need : needs)
    while (taken.size() < places && waiting.left(need) > 0 && room.accommodates(input.needs[need].need)) {
      taken.push_back(waiting.take(need));
      room.subtract(input.needs[need].need, GpuMemory::per_device);
    }
  return taken;
}

}  // namespace berth
