#include "cost_forecast.hpp"

#include <algorithm>
#include <limits>
#include <queue>
#include <tuple>
#include <unordered_map>

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
  Forecaster(const CostFleet& fleet, RunningByKey& running, Waiting& waiting, bool share)
      : classes_(waiting.classes()),
        input_(classes_.input()),
        fleet_(fleet),
        running_(running),
        waiting_(waiting),
        share_(share),
        learned_(input_.cost.learned ? *input_.cost.learned : nothing_learned()),
        boot_time_(learned_.boot_time()),
        horizon_(input_.cost.rules.spare * boot_time_),
        wanted_(input_.types.size()) {}

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
    double when = 0;             // seconds from now
    std::uint64_t key = 0;       // of the instance, as it sorts
    std::uint32_t sequence = 0;  // of those on the instance
    std::uint32_t instance = 0;
    std::optional<std::uint32_t> ended;  // its need class
    bool operator>(const Event& other) const {
      return std::tuple(when, key, sequence) > std::tuple(other.when, other.key, other.sequence);
    }
  };
  struct Room {
    Capacity capacity;
    std::uint32_t places = 0;
  };
  void push(double when, std::uint32_t instance, std::optional<std::uint32_t> ended) {
    events_.push({when, fleet_.list_key(instance), sequence_++, instance, ended});
  }

  void expect_boots() {
    fleet_.for_each_booting([&](std::uint32_t i) {
      rooms_[i] = {fleet_[i].capacity, places_left(input_, fleet_, i)};
      const double age = seconds(input_.cost.steady_now - input_.instances[i].created);
      push(std::max(kLeastBootLeft, boot_time_ - age), i, std::nullopt);
    });
  }

  void expect_ends() {
    if (!input_.cost.learned || !find_patient()) return;
    for (const std::uint32_t i : running_.may_end(kEndQuantile, horizon_)) {
      if (!fleet_[i].usable || !fleet_[i].ready || fleet_.set_aside_is(i)) continue;
      if (input_.instances[i].unknown_containers > 0 || !wanted(fleet_[i].type)) continue;
      rooms_[i] = {fleet_[i].capacity, places_left(input_, fleet_, i)};
      for (const std::uint32_t c : input_.instances[i].containers)
        expect_end(i, input_.containers[c], 0, time_run(input_, input_.containers[c]));
    }
  }

  void expect_end(std::uint32_t instance, const PlanContainer& container, double start, double age) {
    const auto remaining = learned_.run_times.remaining(container.run_time_key, age, kEndQuantile, horizon_);
    if (remaining && start + *remaining <= horizon_) push(start + *remaining, instance, container.need);
  }

  void happen(const Event& event) {
    if (!event.ended) return come_up(event.instance, event.when);
    auto& [room, places] = rooms_[event.instance];
    const Resources& freed = input_.needs[*event.ended].need;
    room.left.vcpus += freed.vcpus;
    room.left.ram += freed.ram;
    room.left.scratch += freed.scratch;
    room.left.gpus += freed.gpus;
    ++places;
    patient_.clear();
    for (const std::uint32_t need : classes_.within_ceiling(fleet_[event.instance].type))
      if (waiting_.left(need) > 0 && may_wait(waiting_.first(need))) patient_.push_back(need);
    const auto ranks = waiting_.fill(patient_, room, places);
    for (const std::uint32_t rank : ranks) result_.soon.push_back({rank, event.instance});
    if (ranks.empty()) return;
    const Duration look = from_seconds(event.when + kLook);
    result_.due = result_.due ? std::min(*result_.due, look) : look;
    started(ranks, event.instance, event.when);
  }

  void come_up(std::uint32_t instance, double when) {
    auto& [room, all_places] = rooms_[instance];
    const std::uint32_t type = fleet_[instance].type;
    std::vector<std::uint32_t> ranks = waiting_.fill(classes_.within_ceiling(type), room, all_places);
    if (share_) {
      double worth = 0;
      for (const std::uint32_t rank : ranks) worth += classes_.own_price(waiting_.need(rank));
      const auto places = all_places - static_cast<std::uint32_t>(ranks.size());
      const auto more = fill_if_worth(waiting_, type, room, places, worth);
      for (const std::uint32_t rank : more)
        room.subtract(input_.needs[waiting_.need(rank)].need, GpuMemory::per_device);
      ranks.insert(ranks.end(), more.begin(), more.end());
    }
    for (const std::uint32_t rank : ranks) result_.booting.push_back({rank, instance});
    started(ranks, instance, when);
  }

  /// What starts in the forecast may also end in it.
  void started(const std::vector<std::uint32_t>& ranks, std::uint32_t instance, double when) {
    rooms_[instance].places -= static_cast<std::uint32_t>(ranks.size());
    if (horizon_ <= 0) return;
    for (const std::uint32_t rank : ranks) expect_end(instance, input_.containers[waiting_.container(rank)], when, 0);
  }

  /// Classes of which any may be put off. False: none.
  bool find_patient() {
    may_wait_.assign(input_.needs.size(), 0);
    bool any = false;
    for (const std::uint32_t need : waiting_.classes_waiting())
      for (std::uint32_t place = 0; place < waiting_.left(need) && !may_wait_[need]; ++place)
        if (may_wait(waiting_.at(need, place))) any = may_wait_[need] = 1;
    return any;
  }
  /// Whether anything that such an instance is for may be put off.
  bool wanted(std::uint32_t type) {
    if (!wanted_[type]) {
      const auto& needs = classes_.within_ceiling(type);
      wanted_[type] = std::any_of(needs.begin(), needs.end(), [&](auto need) { return may_wait_[need] != 0; });
    }
    return *wanted_[type];
  }
  bool may_wait(std::uint32_t rank) const {
    const PlanContainer& container = input_.containers[waiting_.container(rank)];
    return seconds(input_.cost.now - container.first_seen) < kPatience * boot_time_;
  }

  const CostNeeds& classes_;
  const PlanInput& input_;
  const CostFleet& fleet_;
  RunningByKey& running_;
  Waiting& waiting_;
  const bool share_;
  const LearnedTimes& learned_;
  const double boot_time_;
  const double horizon_;
  std::vector<std::optional<bool>> wanted_;        // by type
  std::unordered_map<std::uint32_t, Room> rooms_;  // by instance, of those that have events
  std::vector<std::uint32_t> patient_;             // need classes
  std::vector<char> may_wait_;                     // by need class: any container
  std::uint32_t sequence_ = 0;                     // of events
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  Forecast result_;
};

}  // namespace

bool anything_expected(const CostNeeds& classes, const CostFleet& fleet, RunningByKey& running) {
  const PlanInput& input = classes.input();
  bool any = false;
  fleet.for_each_booting([&](std::uint32_t) { any = true; });
  const LearnedTimes* learned = input.cost.learned;
  if (any || !learned || input.cost.rules.spare <= 0) return any;
  return running.any_ends(kEndQuantile, input.cost.rules.spare * learned->boot_time());
}

Forecast forecast(const CostFleet& fleet, RunningByKey& running, Waiting& waiting, bool share) {
  return Forecaster(fleet, running, waiting, share).run();
}

std::vector<std::uint32_t> fill_if_worth(Waiting& waiting, std::uint32_t type, Capacity room, std::uint32_t places,
                                         double worth) {
  constexpr double rounding = 1e-9;
  const CostNeeds& classes = waiting.classes();
  const PlanInput& input = classes.input();
  const double missing = input.types[type].price * least_worth(input.cost.rules) * (1 - rounding) - worth;
  for (const auto choose : {&Waiting::fill_any, &Waiting::fill_any_by_price}) {
    Capacity left = room;
    std::vector<std::uint32_t> ranks = (waiting.*choose)(type, left, places);
    double more = 0;
    for (const std::uint32_t rank : ranks) more += classes.own_price(waiting.need(rank));
    if (more >= missing) return ranks;
    for (const std::uint32_t rank : ranks) waiting.put_back(waiting.need(rank));
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
