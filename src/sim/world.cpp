#include "berth/sim/world.hpp"

#include <algorithm>
#include <exception>
#include <unordered_map>
#include <utility>

#include "berth/base/task_count.hpp"

#include "announcer.hpp"
#include "event_server.hpp"
#include "invariants.hpp"
#include "people.hpp"
#include "process.hpp"
#include "requests.hpp"
#include "sim_lease.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration full_check = 1min;
constexpr Duration between_looks = 1min;
constexpr Duration longest_overtime = 24h;
constexpr Duration longest_stop = 10s;     // design: shutdown ends within 10 s
constexpr Duration longest_absence = 90s;  // of a dispatcher that was killed
constexpr std::int64_t most_events_before_kill = 200;

}  // namespace

/// A place for a dispatcher: when one ends, the next is started there.
struct SimSlot {
  std::unique_ptr<DispatcherProcess> process;
  bool kill_next = false;  ///< at the event of this number
  std::uint64_t kill_at_step = 0;
};

struct SimWorld::Impl {
  explicit Impl(SimOptions options)
      : core(std::move(options)),
        invariants(core, store, cloud),  // they keep references, and look at nothing yet
        announcer(core, store, [this] { return active() ? active()->dispatcher().queue() : nullptr; }),
        watcher(core.options.check_invariants ? static_cast<SimWatcher&>(invariants) : announcer),
        store(core, watcher),
        requests(core, store),
        shared{core, store, watcher, [this](const SimRecord& record) { return requests.children_done(record); },
               [this](const SimRecord& record, std::function<void()> then) {
                 requests.when_children_done(record, std::move(then));
               }},
        cloud(core, shared),
        lease_server(core),
        event_server(core),
        people(core, store, watcher, [this] { return active(); }),
        slots(static_cast<std::size_t>(std::max(1, core.options.dispatchers))) {
    store.on_change = [this](SimRecord& record) { requests.on_change(record); };
    store.on_saved = [this](const std::string& uuid, std::optional<ContainerState> state) {
      event_server.saved(uuid, state);
      announcer.saved(uuid, state);
    };
  }
  ~Impl() {
    try {
      stop_all();
    } catch (...) {  // said already
    }
  }

  void begin() {
    begun = true;
    for (const auto& [from, to] : core.options.storms) {
      core.after(from, [this] { set_storm(true); });
      core.after(to, [this] { set_storm(false); });
    }
    requests.begin();
    people.begin();
    for (std::size_t i = 0; i < slots.size(); ++i) {
      start(i);
      plan_end(i, &SimFaults::kills_per_hour);
      plan_end(i, &SimFaults::restarts_per_hour);
    }
    plan_lease_loss();
    plan_clock_step();
    if (core.options.check_invariants) core.after(full_check, [this] { check_all(); });
  }

  void set_storm(bool on) {
    core.set_storm(on);
    core.note(SimEventKind::storm, {}, {}, on ? "begins" : "ends");
    invariants.storm_changed();
  }

  void check_all() {
    invariants.check_all(links(), active() ? &active()->link() : nullptr);
    core.after(full_check, [this] { check_all(); });
  }

  void start(std::size_t slot) {
    if (core.strikes(&SimFaults::prices_change)) change_prices();
    ProcessSurroundings around{core, store, cloud, lease_server, event_server, watcher, cluster};
    slots[slot].process = std::make_unique<DispatcherProcess>(around, ++processes);
  }

  /// Who is started from now on reads others.
  void change_prices() {
    auto changed = std::make_shared<Cluster>(core.options.cluster);
    constexpr std::int64_t least = 50, most = 200;  // percent
    for (auto& [name, type] : changed->instance_types)
      type.price *= static_cast<double>(core.chance.between(least, most)) / 100;
    cluster = std::move(changed);
    core.note(SimEventKind::fault, {}, {}, "prices change");
  }

  DispatcherProcess* active() {
    for (const SimSlot& slot : slots)
      if (slot.process && !slot.process->stopping() && slot.process->dispatcher().active()) return slot.process.get();
    return nullptr;
  }

  void plan_end(std::size_t slot, double SimFaults::*per_hour) {
    const double rate = core.options.faults.*per_hour;
    if (rate <= 0) return;
    core.after(core.chance.until_next(rate), [this, slot, per_hour] {
      if (slots[slot].process && core.strikes_now(per_hour)) end(slot, per_hour == &SimFaults::kills_per_hour);
      plan_end(slot, per_hour);
    });
  }

  /// Kills come right before some event, whatever that will be.
  void end(std::size_t slot, bool kill) {
    if (!kill) return slots[slot].process->stop();
    slots[slot].kill_next = true;
    slots[slot].kill_at_step =
        steps + static_cast<std::uint64_t>(core.chance.between(std::int64_t{0}, most_events_before_kill));
  }

  void plan_lease_loss() {
    const double rate = core.options.faults.lease_losses_per_hour;
    if (rate <= 0) return;
    core.after(core.chance.until_next(rate), [this] {
      if (core.strikes_now(&SimFaults::lease_losses_per_hour)) lease_server.take_away();
      plan_lease_loss();
    });
  }

  void plan_clock_step() {
    const double rate = core.options.faults.clock_steps_per_hour;
    if (rate <= 0) return;
    core.after(core.chance.until_next(rate), [this] {
      if (core.strikes_now(&SimFaults::clock_steps_per_hour)) {
        const Duration by = core.chance.between(Duration(-2h), Duration(2h));
        core.note(SimEventKind::fault, {}, {}, "clock step of " + std::to_string(by / 1s) + " s");
        core.runtime.step_wall_clock(by);
      }
      plan_clock_step();
    });
  }

  bool stands_still(Duration patience) {
    if (given_up) return true;
    if (core.now() - requests.moves_until() <= patience || core.now() < next_look) return false;
    next_look = core.now() + between_looks;  // at all that is open, not after each event
    given_up = std::any_of(store.open().begin(), store.open().end(), [&](const std::string& uuid) {
      const SimRecord& record = store.all().at(uuid);
      return is_waiting(record.container.state) && !record.settled() && core.now() - record.submitted > patience;
    });
    return given_up;
  }

  /// For people: why containers wait, by uuid.
  class Reasons {
   public:
    explicit Reasons(DispatcherProcess* process)
        : queue_(process ? process->dispatcher().scheduler()->queue() : nullptr) {
      if (!queue_) return;
      for (const ScheduledContainer& c : queue_->containers) reasons_[c.entry->container.uuid] = to_string(c.reason);
    }
    std::string of(const std::string& uuid) const {
      if (!queue_) return "no dispatcher is active";
      const auto found = reasons_.find(uuid);
      return std::string(found == reasons_.end() ? "not in the queue" : found->second);
    }

   private:
    const std::shared_ptr<const ScheduledQueue> queue_;
    std::unordered_map<std::string_view, std::string_view> reasons_;
  };

  void note_stuck() {
    const Reasons reasons(active());
    for (const std::string& uuid : store.open()) {
      const SimRecord& record = store.all().at(uuid);
      if (is_waiting(record.container.state) && !record.settled())
        stuck.push_back({record.workload_index, reasons.of(uuid)});
    }
  }

  std::string what_is_left() {
    const Reasons reasons(active());
    for (const std::string& uuid : store.open()) {
      const SimRecord& record = store.all().at(uuid);
      if (!record.settled())
        return uuid + " is still " + std::string(to_string(record.container.state)) + ", locked " +
               std::to_string(record.lock_count) + " times: " + reasons.of(uuid);
    }
    return std::to_string(cloud.all().size()) + " instances are left";
  }

  std::vector<const Link*> links() const {
    std::vector<const Link*> out;
    for (const SimSlot& slot : slots)
      if (slot.process && !slot.process->stopping()) out.push_back(&slot.process->link());
    return out;
  }

  /// What was stopped is looked at when it has ended, and replaced.
  void tend_slots() {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      SimSlot& slot = slots[i];
      if (!slot.process) continue;
      if (slot.kill_next && steps >= slot.kill_at_step) {
        slot.kill_next = false;
        slot.process->kill();
        core.runtime.settle();
      }
      if (!slot.process->stopping()) continue;
      if (slot.process->ended()) {
        bury(slot);
        if (!closing) core.after(core.chance.between(1s, longest_absence), [this, i] { start(i); });
      } else if (core.now() - slot.process->stopped_at() > longest_stop) {
        core.violate("shutdown", "a dispatcher has not stopped within 10 s");
      }
    }
  }

  void bury(SimSlot& slot) {
    const Link& link = slot.process->link();
    if (link.waiting > 0)
      core.violate("shutdown", std::to_string(link.waiting) + " tasks are left of a dispatcher that has stopped");
    const bool alone =
        std::count_if(slots.begin(), slots.end(), [](const SimSlot& s) { return s.process != nullptr; }) == 1;
    if (const auto left = live_tasks(core.runtime.executor()); alone && left > 0) {
      core.violate("shutdown", std::to_string(left) + " tasks of a dispatcher go on after it has stopped");
      (void)slot.process.release();  // they refer to it
      return;
    }
    slot.process.reset();
    core.runtime.settle();
    if (alone && core.runtime.pending_timers() > 0)
      core.violate("shutdown", std::to_string(core.runtime.pending_timers()) + " timers are left");
  }

  bool run_until(const std::function<bool()>& done, SteadyTime end) {
    if (!begun) begin();
    try {
      while (!core.violation && !done() && core.now() < end) step(end);
    } catch (const std::exception& e) {
      core.violate("no-exception", e.what());
    }
    return !core.violation;
  }

  /// To the next event, and that event.
  void step(SteadyTime end) {
    const SteadyTime next = std::min(core.plan.next(), end);
    core.runtime.run_until([&] { return core.plan.next() < next; }, next - core.now());
    tend_slots();
    if (core.options.check_invariants) invariants.after_turn(links());
    if (core.plan.next() > core.now()) return;
    ++steps;
    core.plan.pop()();
  }

  void stop_all() {
    closing = true;
    for (SimSlot& slot : slots)
      if (slot.process) slot.process->stop();
    const auto none_left = [this] {
      for (const SimSlot& slot : slots)
        if (slot.process) return false;
      return true;
    };
    const SteadyTime end = core.now() + longest_stop + 1s;
    while (!none_left() && core.now() < end) step(end);
    if (none_left()) return;
    core.violate("shutdown", "a dispatcher has not stopped within 10 s");
    for (SimSlot& slot : slots) (void)slot.process.release();  // what still runs refers to it
  }

  /// The end of a history: without faults everything comes to its end.
  void finish() {
    try {
      const auto all_done = [this] { return requests.all_ended() && cloud.all().empty(); };
      if (core.options.check_invariants) {
        core.set_storm(false);
        invariants.storm_changed();
        if (run_until(all_done, core.now() + longest_overtime) && !all_done()) core.violate("ends", what_is_left());
        invariants.check_ends();
      }
      stop_all();
    } catch (const std::exception& e) {
      core.violate("no-exception", e.what());
    }
  }

  SimCore core;
  Invariants invariants;
  Announcer announcer;
  SimWatcher& watcher;
  RecordStore store;
  Requests requests;
  SimMachine::Shared shared;
  SimCloud cloud;
  LeaseServer lease_server;
  EventServer event_server;
  People people;
  std::shared_ptr<const Cluster> cluster = std::make_shared<Cluster>(core.options.cluster);  // as configured now
  std::vector<SimSlot> slots;
  std::vector<SimStuck> stuck;
  std::uint64_t processes = 0;
  std::uint64_t steps = 0;
  SteadyTime next_look{};  // whether nothing moves any more
  bool given_up = false;
  bool begun = false;
  bool closing = false;
};

SimWorld::SimWorld(SimOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
SimWorld::~SimWorld() = default;

void SimWorld::observe(SimObserver& observer) {
  impl_->core.observers.push_back(&observer);
}

bool SimWorld::run_for(Duration duration) {
  const SteadyTime last = impl_->core.begin + impl_->core.options.duration;
  return impl_->run_until([] { return false; }, std::min(last, impl_->core.now() + duration));
}

bool SimWorld::run() {
  if (run_for(impl_->core.options.duration)) impl_->finish();
  return !violation();
}

bool SimWorld::run_until_done(Duration patience) {
  const SteadyTime last = impl_->core.begin + impl_->core.options.duration;
  const auto done = [&] { return all_done() || impl_->stands_still(patience); };
  if (impl_->run_until(done, last)) {
    if (impl_->given_up) impl_->note_stuck();
    impl_->finish();
  }
  return !violation();
}

Duration SimWorld::elapsed() const {
  return impl_->core.elapsed();
}
bool SimWorld::all_done() const {
  return impl_->requests.all_ended() && impl_->cloud.all().empty();
}
std::uint64_t SimWorld::events() const {
  return impl_->core.events;
}
std::uint64_t SimWorld::event_hash() const {
  return impl_->core.hash;
}
const std::optional<SimViolation>& SimWorld::violation() const {
  return impl_->core.violation;
}

std::map<std::string_view, std::uint64_t> SimWorld::strikes() const {
  std::map<std::string_view, std::uint64_t> out;
  for (std::size_t i = 0; i < fault_count; ++i)
    if (const std::uint64_t count = impl_->core.strike_counts[i]) out[named_faults()[i].name] = count;
  return out;
}
std::uint64_t SimWorld::excused() const {
  return impl_->invariants.excused();
}

std::vector<SimOutcome> SimWorld::outcomes() const {
  return impl_->requests.outcomes();
}

const std::vector<SimStuck>& SimWorld::stuck() const {
  return impl_->stuck;
}

std::vector<SimContainerRecord> SimWorld::containers() const {
  std::vector<SimContainerRecord> out;
  const SteadyTime begin = impl_->core.begin;
  for (const std::string& uuid : impl_->requests.submitted()) {
    const SimRecord& record = *impl_->store.find(uuid);
    SimContainerRecord line;
    line.uuid = uuid;
    line.workload_index = record.workload_index;
    line.attempt = record.attempt;
    line.state = record.container.state;
    line.submitted = record.submitted - begin;
    if (record.started) line.started = *record.started - begin;
    if (record.ended) line.ended = *record.ended - begin;
    line.lock_count = record.lock_count;
    if (record.too_many_attempts)
      line.error = "locked and unlocked too often (MaxDispatchAttempts)";
    else if (record.container.state == ContainerState::cancelled)
      line.error = record.runtime_error;
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace berth
