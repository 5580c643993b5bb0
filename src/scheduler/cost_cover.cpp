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
  Packer(Waiting& waiting, bool any_price)
      : waiting_(waiting),
        classes_(waiting.classes()),
        input_(classes_.input()),
        any_price_(any_price),
        needs_(input_.types.size()) {}

  bool available(std::uint32_t type) const { return !input_.limits.blocked_types[type]; }

  /// The most expensive first; with `first`, as Waiting::fill_group() fills it.
  Pack pack(std::uint32_t type, std::optional<std::uint32_t> first) {
    Pack made;
    Capacity room{input_.types[type].size, false};
    std::int64_t places =
        input_.limits.max_per_instance > 0 ? input_.limits.max_per_instance : std::numeric_limits<std::uint32_t>::max();
    if (first)
      add_group(made, room, static_cast<std::uint32_t>(places), type, *first);
    else
      add_within(made, room, places, type);
    return made;
  }

 private:
  void add_group(Pack& pack, Capacity& room, std::uint32_t places, std::uint32_t type, std::uint32_t first) {
    for (const std::uint32_t rank : waiting_.fill_group(type, first, any_price_, room, places)) {
      const std::uint32_t need = waiting_.need(rank);
      waiting_.put_back(need);
      const auto same = std::find_if(pack.shares.begin(), pack.shares.end(),
                                     [&](const Pack::Share& share) { return share.need == need; });
      if (same == pack.shares.end())
        pack.shares.push_back({need, 1});
      else
        ++same->count;
    }
    for (const Pack::Share& share : pack.shares) {
      pack.value += share.count * classes_.own_price(share.need);
      pack.above_ceiling |= !classes_.may_use(share.need, type, false);
    }
  }

  void add_within(Pack& pack, Capacity& room, std::int64_t& places, std::uint32_t type) {
    if (!needs_[type]) needs_[type] = {classes_.within_ceiling(type), 0};
    auto& [needs, begin] = *needs_[type];
    std::size_t at = begin, kept = begin;
    for (; at < needs.size() && room.left.vcpus > 0 && places > 0; ++at) {
      const std::uint32_t left = waiting_.left(needs[at]);
      if (left == 0) continue;
      needs[kept++] = needs[at];
      add(pack, room, places, needs[at], left);
    }
    const auto start = needs.begin();
    const auto moved =
        std::move_backward(start + static_cast<std::ptrdiff_t>(begin), start + static_cast<std::ptrdiff_t>(kept),
                           start + static_cast<std::ptrdiff_t>(at));
    begin = static_cast<std::size_t>(moved - start);
  }

  void add(Pack& pack, Capacity& room, std::int64_t& places, std::uint32_t need, std::uint32_t most) {
    const Resources& each = input_.needs[need].need;
    const auto count = count_that_fits(room, each, static_cast<std::uint32_t>(std::min<std::int64_t>(most, places)));
    if (count == 0) return;
    for (std::uint32_t i = 0; i < count; ++i) room.subtract(each, GpuMemory::per_device);
    places -= count;
    pack.shares.push_back({need, count});
    pack.value += count * classes_.own_price(need);
  }

  Waiting& waiting_;
  const CostNeeds& classes_;
  const PlanInput& input_;
  const bool any_price_;
  struct Needs {
    std::vector<std::uint32_t> all;
    std::size_t begin = 0;
  };
  /// By type, within the ceiling; classes of which none is left are dropped on the way, by moving the others up.
  std::vector<std::optional<Needs>> needs_;
};

/// Takes one instance's load.
class Taker {
 public:
  explicit Taker(Waiting& waiting) : waiting_(waiting) {}
  void take(std::uint32_t type, const Pack& pack, Covers& covers) {
    ranks_.clear();
    for (const Pack::Share& share : pack.shares)
      for (std::uint32_t i = 0; i < share.count; ++i) ranks_.push_back(waiting_.take(share.need));
    covers.add(type, ranks_);
  }

 private:
  Waiting& waiting_;
  std::vector<std::uint32_t> ranks_;  // of the last one
};

/// How often the same pack is possible.
std::uint32_t times_possible(const Waiting& waiting, const Pack& pack) {
  std::uint32_t times = std::numeric_limits<std::uint32_t>::max();
  for (const Pack::Share& share : pack.shares) times = std::min(times, waiting.left(share.need) / share.count);
  return times;
}

/// The type whose pack has most value per $, again and again. Less and less waits, so that a pack can hardly be worth
/// more than it was; and as long as what is in it waits, it would be made the same again: only when its type comes up
/// and that is no more so, it is made anew.
Covers most_valuable(Waiting& waiting, std::int64_t most) {
  const PlanInput& input = waiting.classes().input();
  Packer packer(waiting, false);
  Taker taker(waiting);
  std::vector<Pack> packs(input.types.size());
  using Candidate = std::tuple<double, double, std::uint32_t>;  // value per $, -price, type
  std::priority_queue<Candidate> candidates;
  const auto consider = [&](std::uint32_t type) {
    packs[type] = packer.pack(type, std::nullopt);
    if (packs[type].shares.empty()) return;
    candidates.emplace(value_per_dollar(packs[type].value, input.types[type]), -input.types[type].price, type);
  };
  for (std::uint32_t type = 0; type < input.types.size(); ++type)
    if (packer.available(type)) consider(type);
  Covers covers;
  while (!candidates.empty() && waiting.all_left() > 0 && covers.size() <= most) {
    const std::uint32_t type = std::get<2>(candidates.top());
    candidates.pop();
    for (std::uint32_t times = times_possible(waiting, packs[type]); times > 0; --times)
      taker.take(type, packs[type], covers);
    consider(type);
  }
  return covers;
}

/// The cheapest available type for the first in order, filled up in order, again and again.
Covers cheapest_for_each(Waiting& waiting, std::int64_t most_covers) {
  const PlanInput& input = waiting.classes().input();
  const auto most = input.limits.max_per_instance;
  const auto places = static_cast<std::uint32_t>(most > 0 ? most : std::numeric_limits<std::uint32_t>::max());
  Covers covers;
  for (const std::uint32_t rank : waiting.rest()) {
    if (covers.size() > most_covers) break;
    const std::uint32_t need = waiting.need(rank);
    if (waiting.left(need) == 0 || waiting.first(need) > rank) continue;
    const auto& types = types_for(input, need, false);
    const auto type = std::find_if(types.begin(), types.end(), [&](std::uint32_t t) {
      return !input.limits.blocked_types[t] &&
             Capacity{input.types[t].size, false}.accommodates(input.needs[need].need);
    });
    if (type == types.end()) continue;
    Capacity room{input.types[*type].size, false};
    covers.add(*type, waiting.fill(waiting.classes().within_ceiling(*type), room, places));
  }
  return covers;
}

double value_left(Waiting& waiting) {
  double value = 0;
  for (const std::uint32_t need : waiting.needs()) value += waiting.left(need) * waiting.classes().own_price(need);
  return value;
}

/// Instances being what is short: of the packs that take their share the one with most value per $, else the largest.
class ScarceChooser {
 public:
  ScarceChooser(Waiting& waiting, Rides& rides)
      : classes_(waiting.classes()),
        input_(classes_.input()),
        waiting_(waiting),
        rides_(rides),
        any_price_(waiting, true),
        within_ceiling_(waiting, false),
        last_(input_.types.size(), kUnknown),
        too_large_(input_.types.size()) {}

  struct Choice {
    std::uint32_t type = kNoType;
    Pack pack;
  };
  /// For one of `first` and others, each instance to take `share` ($/hour); kNoType if there is none.
  Choice choose(std::uint32_t first, double share) {
    Choice group = choose_group(first, share);
    return group.type != kNoType ? std::move(group) : choose_within_ceiling(first);
  }

 private:
  Choice choose_group(std::uint32_t first, double share) {
    candidates_.clear();
    for (const std::uint32_t type : types_for(input_, first, true))
      if (any_price_.available(type) && !too_large_[type])
        candidates_.emplace_back(key(type, last_[type] + classes_.own_price(first), share), type);
    std::sort(candidates_.begin(), candidates_.end(), std::greater<>());
    Choice best;
    Key best_key;
    for (const auto& [most, type] : candidates_) {
      if (best.type != kNoType && most <= best_key) break;
      Pack pack = any_price_.pack(type, first);
      last_[type] = pack.value;
      if (pack.shares.empty() || pack.shares.front().need != first) continue;
      const Key its = key(type, pack.value, share);
      if (best.type != kNoType && its <= best_key) continue;
      if (pack.above_ceiling && !pays(type, pack)) {
        too_large_[type] = 1;
        continue;
      }
      best = {type, std::move(pack)};
      best_key = its;
    }
    return best;
  }

  Choice choose_within_ceiling(std::uint32_t first) {
    Choice best;
    double most = 0;
    for (const std::uint32_t type : types_for(input_, first, false)) {
      if (!within_ceiling_.available(type)) continue;
      Pack pack = within_ceiling_.pack(type, first);
      if (pack.shares.empty() || pack.shares.front().need != first) continue;
      const double value = value_per_dollar(pack.value, input_.types[type]);
      if (best.type != kNoType && value <= most) continue;
      best = {type, std::move(pack)};
      most = value;
    }
    return best;
  }

  bool pays(std::uint32_t type, const Pack& pack) {
    if (value_per_dollar(pack.value, input_.types[type]) < least_worth(input_.cost.rules)) return false;
    group_.clear();
    for (const Pack::Share& share : pack.shares)
      for (std::uint32_t i = 0; i < share.count; ++i) group_.push_back(waiting_.container(waiting_.at(share.need, i)));
    return rides_.allows_group(type, group_);
  }

  static constexpr double kUnknown = 1e300;  // more than any pack is worth
  using Key = std::tuple<bool, double, double>;
  Key key(std::uint32_t type, double value, double share) const {
    const bool enough = value >= share * (1 - 1e-9);
    return {enough, enough ? value_per_dollar(value, input_.types[type]) : value, -input_.types[type].price};
  }

  const CostNeeds& classes_;
  const PlanInput& input_;
  const Waiting& waiting_;
  Rides& rides_;
  Packer any_price_;
  Packer within_ceiling_;
  /// By type, the value of the last pack. Less waits since: the next is hardly worth more, but for another first.
  std::vector<double> last_;
  std::vector<char> too_large_;  // by type: a group did not pay; a smaller one hardly does
  std::vector<std::pair<Key, std::uint32_t>> candidates_;
  std::vector<std::uint32_t> group_;  // containers
};

}  // namespace

void Covers::add(std::uint32_t type, std::span<const std::uint32_t> ranks) {
  const auto begin = static_cast<std::uint32_t>(ranks_.size());
  ranks_.insert(ranks_.end(), ranks.begin(), ranks.end());
  std::sort(ranks_.begin() + begin, ranks_.end());
  covers_.push_back({type, begin, static_cast<std::uint32_t>(ranks_.size())});
}

void Covers::sort(std::uint32_t ranks) {
  std::vector<Cover> by_first(ranks);  // nobody's where it is empty
  for (const Cover& cover : covers_) by_first[ranks_[cover.begin]] = cover;
  std::erase_if(by_first, [](const Cover& cover) { return cover.begin == cover.end; });
  covers_ = std::move(by_first);
}

Covers cover(Waiting& waiting, std::int64_t most) {
  Covers covers =
      waiting.classes().input().cost.rules.cover ? most_valuable(waiting, most) : cheapest_for_each(waiting, most);
  covers.sort(waiting.size());
  return covers;
}

bool coverable(const PlanInput& input, std::uint32_t need) {
  const auto& types = types_for(input, need, false);
  return std::any_of(types.begin(), types.end(), [&](std::uint32_t t) {
    return !input.limits.blocked_types[t] && Capacity{input.types[t].size, false}.accommodates(input.needs[need].need);
  });
}

bool any_coverable(const Waiting& waiting) {
  const PlanInput& input = waiting.classes().input();
  return std::any_of(waiting.classes_waiting().begin(), waiting.classes_waiting().end(),
                     [&](std::uint32_t need) { return waiting.left(need) > 0 && coverable(input, need); });
}

Covers cover_scarce(Waiting& waiting, std::int64_t slots, Rides& rides) {
  Covers covers;
  if (slots <= 0) return covers;
  ScarceChooser chooser(waiting, rides);
  Taker taker(waiting);
  std::vector<char> given_up(waiting.classes().input().needs.size());  // by class
  double value = value_left(waiting);
  std::int64_t left = slots;
  for (const std::uint32_t rank : waiting.rest()) {
    if (left <= 0 || slots - left >= kMostScarceCovers) break;
    const std::uint32_t need = waiting.need(rank);
    if (given_up[need] || waiting.left(need) == 0 || waiting.first(need) > rank) continue;
    const ScarceChooser::Choice choice = chooser.choose(need, value / static_cast<double>(left));
    if (choice.type != kNoType) {
      taker.take(choice.type, choice.pack, covers);
      value -= choice.pack.value;
      --left;
    } else {
      given_up[need] = 1;
    }
  }
  return covers;
}

}  // namespace berth
