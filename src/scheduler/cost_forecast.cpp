#include "cost_forecast.hpp"

#include <algorithm>
#include <limits>
#include <queue>

#include "cost_learned.hpp"
#include "seconds.hpp"

namespace berth {
namespace {

constexpr double kLeastBootLeft = 1;  // s: one that is overdue comes up any time
constexpr double kEndQuantile = 0.7;  // of the remaining time of what runs
constexpr double kPatience = 0.5;     // boot times: who has waited longer is not put off
constexpr double kLook = 1;           // s after the expected time, to see whether it came true

const LearnedTimes& nothing_learned() {
  static const LearnedTimes none;
  return none;
}

class Forecaster {
 public:
  Forecaster(const PlanInput& input, const CostFleet& fleet, Waiting& waiting, bool share)
      : input_(input),
        fleet_(fleet),
        waiting_(waiting),
        share_(share),
        learned_(input.cost.learned ? *input.cost.learned : nothing_learned()),
        boot_time_(learned_.boot_time()),
        horizon_(input.cost.rules.spare * boot_time_),
        within_(needs_by_type(input, waiting, false)),
        rooms_(fleet.size()),
        places_(fleet.size()) {
    if (share) any_price_ = needs_by_type(input, waiting, true);
  }

  Forecast run() && {
    if (waiting_.all_left() == 0) return {};
    expect_boots();
    if (horizon_ > 0) expect_ends();
    for (; !events_.empty() && waiting_.all_left() > 0; events_.pop()) happen(Event(events_.top()));
    return std::move(result_);
  }

 private:
  /// An instance comes up, or a container on it ends.
  struct Event {
    double when = 0;  // seconds from now
    std::uint32_t instance = 0;
    std::optional<std::uint32_t> ended;  // its need class
    bool operator>(const Event& other) const {
      return when != other.when ? when > other.when : instance > other.instance;
    }
  };

  void expect_boots() {
    for (std::uint32_t i = 0; i < fleet_.size(); ++i) {
      if (!fleet_[i].usable || fleet_[i].ready) continue;
      rooms_[i] = fleet_[i].capacity;
      places_[i] = places_left(input_, fleet_, i);
      events_.push({std::max(kLeastBootLeft, boot_time_ - seconds(input_.instances[i].age)), i, std::nullopt});
    }
  }

  void expect_ends() {
    for (std::uint32_t i = 0; i < fleet_.size(); ++i) {
      if (!fleet_[i].usable || !fleet_[i].ready || fleet_.set_aside_is(i)) continue;
      if (within_[fleet_[i].type].empty() || input_.instances[i].unknown_containers > 0) continue;
      rooms_[i] = fleet_[i].capacity;
      places_[i] = places_left(input_, fleet_, i);
      for (const std::uint32_t c : input_.instances[i].containers)
        expect_end(i, input_.containers[c], 0, seconds(input_.containers[c].ran));
    }
  }

  void expect_end(std::uint32_t instance, const PlanContainer& container, double start, double age) {
    const auto remaining = learned_.run_times.remaining(container.run_time_key, age, kEndQuantile, horizon_);
    if (remaining && start + *remaining <= horizon_) events_.push({start + *remaining, instance, container.need});
  }

  void happen(const Event& event) {
    if (!event.ended) return come_up(event.instance, event.when);
    Capacity& room = rooms_[event.instance];
    const Resources& freed = input_.needs[*event.ended].need;
    room.left.vcpus += freed.vcpus;
    room.left.ram += freed.ram;
    room.left.scratch += freed.scratch;
    room.left.gpus += freed.gpus;
    ++places_[event.instance];
    patient_.clear();
    for (const std::uint32_t need : within_[fleet_[event.instance].type])
      if (waiting_.left(need) > 0 && may_wait(waiting_.first(need))) patient_.push_back(need);
    const auto ranks = fill(input_, waiting_, patient_, room, places_[event.instance]);
    for (const std::uint32_t rank : ranks) result_.soon.push_back({rank, event.instance});
    if (ranks.empty()) return;
    const Duration look = from_seconds(event.when + kLook);
    result_.due = result_.due ? std::min(*result_.due, look) : look;
    started(ranks, event);
  }

  void come_up(std::uint32_t instance, double when) {
    Capacity& room = rooms_[instance];
    const std::uint32_t type = fleet_[instance].type;
    std::vector<std::uint32_t> ranks = fill(input_, waiting_, within_[type], room, places_[instance]);
    if (share_) {
      double worth = 0;
      for (const std::uint32_t rank : ranks) worth += own_price(input_, need_of(rank));
      const auto places = places_[instance] - static_cast<std::uint32_t>(ranks.size());
      const auto more = fill_if_worth(input_, waiting_, any_price_[type], room, places, type, worth);
      for (const std::uint32_t rank : more) room.subtract(input_.needs[need_of(rank)].need, GpuMemory::per_device);
      ranks.insert(ranks.end(), more.begin(), more.end());
    }
    for (const std::uint32_t rank : ranks) result_.booting.push_back({rank, instance});
    started(ranks, {when, instance, std::nullopt});
  }

  /// What starts in the forecast may also end in it.
  void started(const std::vector<std::uint32_t>& ranks, const Event& event) {
    places_[event.instance] -= static_cast<std::uint32_t>(ranks.size());
    if (horizon_ <= 0) return;
    for (const std::uint32_t rank : ranks)
      expect_end(event.instance, input_.containers[waiting_.container(rank)], event.when, 0);
  }

  bool may_wait(std::uint32_t rank) const {
    const PlanContainer& container = input_.containers[waiting_.container(rank)];
    return seconds(input_.cost.now - container.first_seen) < kPatience * boot_time_;
  }
  std::uint32_t need_of(std::uint32_t rank) const { return input_.containers[waiting_.container(rank)].need; }

  const PlanInput& input_;
  const CostFleet& fleet_;
  Waiting& waiting_;
  const bool share_;
  const LearnedTimes& learned_;
  const double boot_time_;
  const double horizon_;
  const std::vector<std::vector<std::uint32_t>> within_;  // need classes by type
  std::vector<std::vector<std::uint32_t>> any_price_;
  std::vector<Capacity> rooms_;         // by instance
  std::vector<std::uint32_t> places_;   // by instance
  std::vector<std::uint32_t> patient_;  // need classes
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  Forecast result_;
};

}  // namespace

Forecast forecast(const PlanInput& input, const CostFleet& fleet, Waiting& waiting, bool share) {
  return Forecaster(input, fleet, waiting, share).run();
}

std::vector<std::uint32_t> fill_if_worth(const PlanInput& input, Waiting& waiting,
                                         const std::vector<std::uint32_t>& needs, Capacity room, std::uint32_t places,
                                         std::uint32_t type, double worth) {
  constexpr double rounding = 1e-9;
  const double missing = input.types[type].price * least_worth(input.cost.rules) * (1 - rounding) - worth;
  for (const auto& choose : {fill, fill_by_price}) {
    Capacity left = room;
    std::vector<std::uint32_t> ranks = choose(input, waiting, needs, left, places);
    double more = 0;
    for (const std::uint32_t rank : ranks) more += own_price(input, input.containers[waiting.container(rank)].need);
    if (more >= missing) return ranks;
    for (const std::uint32_t rank : ranks) waiting.put_back(input.containers[waiting.container(rank)].need);
  }
  return {};
}

std::uint32_t places_left(const PlanInput& input, const CostFleet& fleet, std::uint32_t instance) {
  const std::int64_t most = input.limits.max_per_instance;
  const std::int64_t listed = fleet[instance].containers;
  if (most <= 0) return std::numeric_limits<std::uint32_t>::max() / 2;
  return static_cast<std::uint32_t>(std::max<std::int64_t>(0, most - listed));
}

}  // namespace berth
