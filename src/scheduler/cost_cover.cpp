#include "cost_cover.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>
#include <tuple>
#include <utility>

#include "cost_forecast.hpp"

namespace berth {
namespace {

/// What would be packed on one instance.
struct Pack {
  struct Share {
    std::uint32_t need;
    std::uint32_t count;
  };
  std::vector<Share> shares;
  double value = 0;            // sum of the containers' own prices, $/hour
  bool above_ceiling = false;  // of one of them
};

constexpr double kNearlyNothing = 1e-12;  // in place of the price of a free type

double value_per_dollar(double value, const PlanType& type) {
  return value / std::max(type.price, kNearlyNothing);
}

/// How many of this need fit.
std::uint32_t count_that_fits(const Capacity& room, const Resources& need, std::uint32_t most) {
  const auto times = [](std::int64_t left, std::int64_t each) {
    return each > 0 ? std::max<std::int64_t>(left, 0) / each : std::numeric_limits<std::int64_t>::max();
  };
  if (!room.accommodates(need)) return 0;
  const Resources& left = room.left;
  const std::int64_t vcpus = left.vcpus - (room.shared ? 1 : 0);
  return static_cast<std::uint32_t>(
      std::min({static_cast<std::int64_t>(most), times(vcpus, need.vcpus), times(left.ram, need.ram),
                times(left.scratch, need.scratch), times(left.gpus, need.gpus)}));
}

class Packer {
 public:
  Packer(const PlanInput& input, const Waiting& waiting, bool any_price)
      : input_(input), waiting_(waiting), any_price_(any_price), needs_(needs_by_type(input, waiting, any_price)) {}

  bool available(std::uint32_t type) const { return !input_.limits.blocked_types[type]; }

  /// One of `first` if given, then the most expensive first.
  Pack pack(std::uint32_t type, std::optional<std::uint32_t> first) {
    Pack made;
    Capacity room{input_.types[type].size, false};
    std::int64_t places =
        input_.limits.max_per_instance > 0 ? input_.limits.max_per_instance : std::numeric_limits<std::uint32_t>::max();
    if (first) add(made, room, places, type, *first, 1);
    std::vector<std::uint32_t>& needs = needs_[type];
    std::size_t at = 0, kept = 0;
    for (; at < needs.size() && room.left.vcpus > 0 && places > 0; ++at) {
      const std::uint32_t left = waiting_.left(needs[at]);
      if (left == 0) continue;
      needs[kept++] = needs[at];
      add(made, room, places, type, needs[at], left - (first == needs[at] ? 1 : 0));
    }
    needs.erase(needs.begin() + static_cast<std::ptrdiff_t>(kept), needs.begin() + static_cast<std::ptrdiff_t>(at));
    return made;
  }

 private:
  void add(Pack& pack, Capacity& room, std::int64_t& places, std::uint32_t type, std::uint32_t need,
           std::uint32_t most) {
    const Resources& each = input_.needs[need].need;
    const auto count = count_that_fits(room, each, static_cast<std::uint32_t>(std::min<std::int64_t>(most, places)));
    if (count == 0) return;
    for (std::uint32_t i = 0; i < count; ++i) room.subtract(each, GpuMemory::per_device);
    places -= count;
    pack.shares.push_back({need, count});
    pack.value += count * own_price(input_, need);
    pack.above_ceiling |= any_price_ && !within_ceiling(type, need);
  }

  bool within_ceiling(std::uint32_t type, std::uint32_t need) {
    const auto& list = types_for(input_, need, false);
    return std::find(list.begin(), list.end(), type) != list.end();
  }

  const PlanInput& input_;
  const Waiting& waiting_;
  const bool any_price_;
  std::vector<std::vector<std::uint32_t>> needs_;  // by type; classes of which none is left are dropped on the way
};

/// Takes one instance's load.
Cover take(Waiting& waiting, std::uint32_t type, const Pack& pack) {
  Cover made{type, {}};
  for (const Pack::Share& share : pack.shares)
    for (std::uint32_t i = 0; i < share.count; ++i) made.ranks.push_back(waiting.take(share.need));
  std::sort(made.ranks.begin(), made.ranks.end());
  return made;
}

/// How often the same pack is possible.
std::uint32_t times_possible(const Waiting& waiting, const Pack& pack) {
  std::uint32_t times = std::numeric_limits<std::uint32_t>::max();
  for (const Pack::Share& share : pack.shares) times = std::min(times, waiting.left(share.need) / share.count);
  return times;
}

/// The type whose pack has most value per $, again and again. A pack is made anew only when its type comes up and a
/// class in it has changed: less waits, so that it can hardly be worth more than it was.
std::vector<Cover> most_valuable(const PlanInput& input, Waiting& waiting) {
  Packer packer(input, waiting, false);
  std::vector<Pack> packs(input.types.size());
  std::vector<char> changed(input.types.size());
  using Candidate = std::tuple<double, double, std::uint32_t>;  // value per $, -price, type
  std::priority_queue<Candidate> candidates;
  const auto consider = [&](std::uint32_t type) {
    packs[type] = packer.pack(type, std::nullopt);
    changed[type] = 0;
    if (packs[type].shares.empty()) return;
    candidates.emplace(value_per_dollar(packs[type].value, input.types[type]), -input.types[type].price, type);
  };
  for (std::uint32_t type = 0; type < input.types.size(); ++type)
    if (packer.available(type)) consider(type);
  std::vector<Cover> covers;
  while (!candidates.empty() && waiting.all_left() > 0) {
    const std::uint32_t type = std::get<2>(candidates.top());
    candidates.pop();
    if (!changed[type]) {
      for (std::uint32_t times = times_possible(waiting, packs[type]); times > 0; --times)
        covers.push_back(take(waiting, type, packs[type]));
      for (const Pack::Share& share : packs[type].shares)
        for (const std::uint32_t other : types_for(input, share.need, false)) changed[other] = 1;
    }
    consider(type);
  }
  return covers;
}

/// The cheapest available type for the first in order, filled up in order, again and again.
std::vector<Cover> cheapest_for_each(const PlanInput& input, Waiting& waiting) {
  const auto needs = needs_by_type(input, waiting, false);
  const auto most = input.limits.max_per_instance;
  const auto places = static_cast<std::uint32_t>(most > 0 ? most : std::numeric_limits<std::uint32_t>::max());
  std::vector<Cover> covers;
  for (const std::uint32_t rank : waiting.rest()) {
    const std::uint32_t need = input.containers[waiting.container(rank)].need;
    if (waiting.left(need) == 0 || waiting.first(need) > rank) continue;
    const auto& types = types_for(input, need, false);
    const auto type = std::find_if(types.begin(), types.end(), [&](std::uint32_t t) {
      return !input.limits.blocked_types[t] &&
             Capacity{input.types[t].size, false}.accommodates(input.needs[need].need);
    });
    if (type == types.end()) continue;
    Capacity room{input.types[*type].size, false};
    covers.push_back({*type, fill(input, waiting, needs[*type], room, places)});
  }
  return covers;
}

double value_left(const PlanInput& input, const Waiting& waiting) {
  double value = 0;
  for (const std::uint32_t need : waiting.needs()) value += waiting.left(need) * own_price(input, need);
  return value;
}

/// Instances being what is short: of the packs that take their share the one with most value per $, else the largest.
class ScarceChooser {
 public:
  ScarceChooser(const PlanInput& input, const Waiting& waiting)
      : input_(input), packer_(input, waiting, true), last_(input.types.size(), kUnknown) {}

  struct Choice {
    std::uint32_t type = kNoType;
    Pack pack;
  };
  /// For one of `first` and others, each instance to take `share` ($/hour); kNoType if none is worth its price.
  Choice choose(std::uint32_t first, double share) {
    candidates_.clear();
    for (const std::uint32_t type : types_for(input_, first, true))
      if (packer_.available(type))
        candidates_.emplace_back(key(type, last_[type] + own_price(input_, first), share), type);
    std::sort(candidates_.begin(), candidates_.end(), std::greater<>());
    Choice best;
    Key best_key;
    for (const auto& [most, type] : candidates_) {
      if (best.type != kNoType && most <= best_key) break;
      Pack pack = packer_.pack(type, first);
      last_[type] = pack.value;
      if (pack.shares.empty() || pack.shares.front().need != first) continue;
      if (pack.above_ceiling && value_per_dollar(pack.value, input_.types[type]) < least_worth(input_.cost.rules))
        continue;
      const Key its = key(type, pack.value, share);
      if (best.type != kNoType && its <= best_key) continue;
      best = {type, std::move(pack)};
      best_key = its;
    }
    return best;
  }

 private:
  static constexpr double kUnknown = 1e300;  // more than any pack is worth
  using Key = std::tuple<bool, double, double>;
  Key key(std::uint32_t type, double value, double share) const {
    const bool enough = value >= share * (1 - 1e-9);
    return {enough, enough ? value_per_dollar(value, input_.types[type]) : value, -input_.types[type].price};
  }

  const PlanInput& input_;
  Packer packer_;
  /// By type, the value of the last pack. Less waits since: the next is hardly worth more, but for another first.
  std::vector<double> last_;
  std::vector<std::pair<Key, std::uint32_t>> candidates_;
};

}  // namespace

std::vector<Cover> cover(const PlanInput& input, Waiting& waiting) {
  std::vector<Cover> covers =
      input.cost.rules.cover ? most_valuable(input, waiting) : cheapest_for_each(input, waiting);
  std::sort(covers.begin(), covers.end(),
            [](const Cover& a, const Cover& b) { return a.ranks.front() < b.ranks.front(); });
  return covers;
}

std::vector<Cover> cover_scarce(const PlanInput& input, Waiting& waiting, std::int64_t slots) {
  std::vector<Cover> covers;
  ScarceChooser chooser(input, waiting);
  std::vector<std::uint32_t> needs = waiting.needs();
  double value = value_left(input, waiting);
  for (std::int64_t left = slots; left > 0 && slots - left < kMostScarceCovers;) {
    std::erase_if(needs, [&](std::uint32_t need) { return waiting.left(need) == 0; });
    if (needs.empty()) break;
    const auto first = std::min_element(needs.begin(), needs.end(), [&](std::uint32_t a, std::uint32_t b) {
      return waiting.first(a) < waiting.first(b);
    });
    const ScarceChooser::Choice choice = chooser.choose(*first, value / static_cast<double>(left));
    if (choice.type != kNoType) {
      covers.push_back(take(waiting, choice.type, choice.pack));
      value -= choice.pack.value;
      --left;
    } else {
      needs.erase(first);
    }
  }
  return covers;
}

}  // namespace berth
