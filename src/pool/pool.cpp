#include "pool.hpp"

#include <algorithm>

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr Duration gauges_interval = 10s;  // ages grow without events
constexpr Duration longest_answer = 10s;

WorkerTimeouts worker_timeouts(const PoolOptions& options) {
  WorkerTimeouts timeouts;
  timeouts.idle = options.timeout_idle;
  timeouts.booting = options.timeout_booting;
  timeouts.probe = options.timeout_probe;
  timeouts.answer = std::min(options.command_deadline, longest_answer);
  timeouts.shutdown = options.timeout_shutdown;
  timeouts.stale_run_lock = options.timeout_stale_run_lock;
  timeouts.signal = options.timeout_signal;
  timeouts.term = options.timeout_term;
  return timeouts;
}

CreateLimits create_limits(const PoolOptions& options) {
  return {options.max_instances, options.max_concurrent_creates, options.create_hold_off};
}

}  // namespace

WorkerPool::Impl::Impl(Runtime& runtime, Logger log, Metrics& metrics, InstanceSet& instances,
                       ExecutorFactory executors, RunnerConfig runner_config, PoolOptions options)
    : runtime_(runtime),
      log_(std::move(log)),
      metrics_(metrics, options.instance_types),
      host_checks_(metrics),
      instances_(instances),
      executors_(std::move(executors)),
      runner_config_(std::move(runner_config)),
      options_(std::move(options)),
      tag_keys_(options_.tag_key_prefix),
      timeouts_(worker_timeouts(options_)),
      quota_(create_limits(options_)),
      pace_(options_.probe_interval, options_.max_probes_per_second),
      timer_wakeup_(wakeups_.subscribe()),
      probe_wakeup_(wakeups_.subscribe()),
      tasks_(runtime.make_strand()) {
  for (const auto& [name, type] : options_.instance_types) quota_groups_[name] = instances_.quota_group(type);
}

void WorkerPool::Impl::begin() {
  if (stopped_) return;
  publish_room();
  tasks_.spawn(timer_loop());
  tasks_.spawn(sync_loop());
  tasks_.spawn(probe_loop());
}

awaitable<void> WorkerPool::Impl::stop() {
  stopped_ = true;
  co_await tasks_.stop();
  for (auto& [number, member] : members_) member->executor->close();
  metrics_.set_gauges({}, runtime_.now());
  metrics_.set_watches(0);
}

std::optional<std::string> WorkerPool::Impl::unhealthy() const {
  const std::lock_guard lock(health_mutex_);
  return unhealthy_;
}

WorkerPool::Impl::Member* WorkerPool::Impl::find(std::uint64_t number) {
  const auto found = members_.find(number);
  return found == members_.end() ? nullptr : found->second.get();
}

WorkerPool::Impl::Member* WorkerPool::Impl::find_by_id(const std::string& id) {
  const auto found = members_by_id_.find(id);
  return found == members_by_id_.end() ? nullptr : found->second;
}

void WorkerPool::Impl::step(Member& member, const WorkerEvent& event) {
  const IdleBehavior before = member.worker.idle_behavior;
  const auto actions = next(member.worker, event, runtime_.now(), timeouts_of(member));
  for (const auto& action : actions) perform(member, action);
  if (actions.empty() && std::holds_alternative<event::Listed>(event)) return;  // it shows nothing of that
  if (member.worker.idle_behavior != before) write_tags_if_changed(member);
  keep_watch(member);
  set_deadline(member);
  publish(member);
}

void WorkerPool::Impl::step_number(std::uint64_t number, const WorkerEvent& event) {
  if (Member* member = find(number)) step(*member, event);
}

void WorkerPool::Impl::perform(Member& member, const WorkerAction& action) {
  struct Performer {
    Impl& pool;
    Member& member;
    void operator()(const action::Destroy& a) const {
      std::string trouble = member.trouble;
      if (trouble.empty() && member.worker.probe) trouble = "the probe under way is not answered";
      if (a.reason.ends_with(" timeout") && !trouble.empty())
        pool.log_for(member).warn("shutting down instance", {{"Reason", a.reason}, {"error", trouble}});
      else
        pool.log_for(member).info("shutting down instance", {{"Reason", a.reason}});
      pool.tasks_.spawn(pool.destroy(member.number));
    }
    void operator()(const action::SendSignal& a) const { pool.tasks_.spawn(pool.send_signal(member.number, a.uuid)); }
    void operator()(const action::ProbeNow&) const { pool.request_probe(member.number); }
    void operator()(const action::Adopted& a) const {
      pool.log_for(member).info("found a running container", {{"ContainerUUID", a.uuid}});
      pool.add_process(a.uuid, member.number);
    }
    void operator()(const action::Exited& a) const {
      pool.log_for(member).info("container process ended", {{"ContainerUUID", a.uuid}});
      pool.exits_[a.uuid] = pool.runtime_.now();
      pool.count_end(member, a.uuid, a.probed);
      pool.remove_process(a.uuid, member.number);
      if (pool.options_.on_process_end) pool.options_.on_process_end(a.uuid);
    }
    void operator()(const action::GaveUp& a) const {
      pool.log_for(member).warn("container does not end, giving up on it", {{"ContainerUUID", a.uuid}});
    }
    void operator()(const action::Broken& a) const {
      pool.log_for(member).warn("instance is broken, draining it", {{"Reason", a.reason}});
    }
    void operator()(const action::CountBoot& a) const { pool.metrics_.count_boot(a.outcome); }
    void operator()(const action::CountDisappeared& a) const {
      pool.log_for(member).info("instance disappeared from the cloud", {{"WorkerState", to_string(a.state)}});
      pool.metrics_.count_disappeared(a.state);
    }
    void operator()(const action::ObserveTimeToSsh& a) const { pool.metrics_.observe_time_to_ssh(a.time); }
    void operator()(const action::ObserveTimeToReady& a) const { pool.metrics_.observe_time_to_ready(a.time); }
    void operator()(const action::ObserveShutdown& a) const { pool.metrics_.observe_shutdown(a.time); }
  };
  std::visit(Performer{*this, member}, action);
}

void WorkerPool::Impl::add_process(const std::string& uuid, std::uint64_t number) {
  auto& workers = processes_[uuid];
  workers.push_back(number);
  if (workers.size() > 1) log_.error("a container runs on two instances", {{"ContainerUUID", uuid}});
  publish_process(uuid);
}

void WorkerPool::Impl::remove_process(const std::string& uuid, std::uint64_t number) {
  const auto found = processes_.find(uuid);
  if (found != processes_.end()) {
    std::erase(found->second, number);
    if (Member* member = find(number)) {
      member->pids.erase(uuid);
      member->started.erase(uuid);
    }
    if (found->second.empty()) processes_.erase(found);
  }
  publish_process(uuid);
}

void WorkerPool::Impl::publish(Member& member) {
  const Worker& worker = member.worker;
  if (member.busy_seen != worker.busy) {
    member.busy_seen = worker.busy;
    member.last_busy = runtime_.wall_now() - (runtime_.now() - worker.busy);
  }
  PoolInstance shown;
  shown.id = member.instance->id();
  shown.number = member.number;
  shown.type = member.type.name;
  shown.provider_type = member.type.provider_type;
  shown.address = member.address;
  shown.price = member.type.price;
  shown.state = worker_state(worker);
  shown.idle_behavior = worker.idle_behavior;
  for (const auto& [uuid, process] : worker.processes) shown.containers.push_back(uuid);
  shown.last_container = worker.last_container;
  shown.last_busy = member.last_busy;
  shown.created = member.created;
  notify(board_.put(std::move(shown)));
}

void WorkerPool::Impl::publish_process(const std::string& uuid) {
  const auto alive = processes_.find(uuid);
  const auto exited = exits_.find(uuid);
  if (alive != processes_.end()) {
    PoolProcess shown;
    shown.instance = alive->second.front();
    if (const Member* member = find(shown.instance)) {
      if (member->pids.contains(uuid)) shown.pid = member->pids.at(uuid);
      if (member->started.contains(uuid)) shown.started = member->started.at(uuid);
    }
    notify(board_.put_process(uuid, shown));
  } else if (exited != exits_.end())
    notify(board_.put_process(uuid, PoolProcess{0, exited->second, 0, std::nullopt}));
  else
    notify(board_.erase_process(uuid));
}

void WorkerPool::Impl::publish_room() {
  const SteadyTime now = runtime_.now();
  const PoolCounts have = counts();
  CreateRoom room;
  room.at_quota = quota_.at_quota(have, now);
  room.instances_left = quota_.instances_left(have, now);
  room.create_slots = unhealthy() ? 0 : quota_.create_slots(have, now);
  room.create_blocked_until = quota_.create_blocked_until(now);
  if (quota_.any_at_capacity(now))
    for (const auto& [name, type] : options_.instance_types)
      if (quota_.at_capacity(type, quota_groups_.at(name), now)) room.blocked_types.insert(name);
  notify(board_.set_room(std::move(room)));
  if (const auto expiry = quota_.next_expiry(now)) wake_timer_by(*expiry);
}

void WorkerPool::Impl::notify(bool changed) {
  if (!changed) return;
  changed_.notify();
  gauges_due_ = std::min(gauges_due_, gauges_set_ + options_.gauge_pause);
  wake_timer_by(gauges_due_);
}

Logger WorkerPool::Impl::log_for(const Member& member) const {
  return log_.with({{"Instance", member.instance->id()}, {"InstanceType", member.type.name}});
}

WorkerTimeouts WorkerPool::Impl::timeouts_of(const Member& member) const {
  WorkerTimeouts timeouts = timeouts_;
  if (const auto learned = idle_timeouts_.find(member.type.name); learned != idle_timeouts_.end())
    timeouts.idle = std::min(timeouts.idle, learned->second);
  return timeouts;
}

void WorkerPool::Impl::set_idle_timeouts(const std::map<std::string, Duration>& by_type) {
  std::set<std::string_view> changed;
  for (const auto& [type, timeout] : by_type)
    if (const auto known = idle_timeouts_.find(type); known == idle_timeouts_.end() || known->second != timeout) {
      idle_timeouts_[type] = timeout;
      changed.insert(type);
    }
  if (changed.empty()) return;
  for (auto& [number, member] : members_)
    if (changed.contains(member->type.name)) set_deadline(*member);
}

void WorkerPool::Impl::set_deadline(Member& member) {
  const auto deadline = next_deadline(member.worker, timeouts_of(member));
  if (deadline == member.deadline) return;
  if (member.deadline) deadlines_.erase({*member.deadline, member.number});
  member.deadline = deadline;
  if (!deadline) return;
  deadlines_.emplace(*deadline, member.number);
  wake_timer_by(*deadline);
}

awaitable<void> WorkerPool::Impl::timer_loop() {
  for (;;) {
    fire_deadlines();
    publish_room();
    if (gauges_due_ <= runtime_.now()) refresh_gauges();
    timer_at_ = next_timer();
    co_await timer_wakeup_.wait_until(runtime_, timer_at_);
  }
}

/// Each worker at most once a turn, whatever its deadline is afterwards.
void WorkerPool::Impl::fire_deadlines() {
  std::vector<std::uint64_t> due;
  const SteadyTime now = runtime_.now();
  for (auto it = deadlines_.begin(); it != deadlines_.end() && it->first <= now; ++it) due.push_back(it->second);
  for (const std::uint64_t number : due) step_number(number, event::TimerFired{});
}

SteadyTime WorkerPool::Impl::next_timer() const {
  SteadyTime earliest = gauges_due_;
  if (!deadlines_.empty()) earliest = std::min(earliest, deadlines_.begin()->first);
  if (const auto expiry = quota_.next_expiry(runtime_.now())) earliest = std::min(earliest, *expiry);
  return earliest;
}

void WorkerPool::Impl::wake_timer_by(SteadyTime when) {
  if (when >= timer_at_) return;
  timer_at_ = when;
  timer_wakeup_.wake();
}

void WorkerPool::Impl::refresh_gauges() {
  const SteadyTime now = runtime_.now();
  std::vector<PoolMetrics::Sample> samples;
  samples.reserve(members_.size());
  for (const auto& [number, member] : members_) samples.push_back({&member->worker, &member->type});
  metrics_.set_gauges(samples, now);
  metrics_.set_probe_lag(pace_.lateness(now));
  gauges_set_ = now;
  gauges_due_ = members_.empty() ? SteadyTime::max() : now + std::max(gauges_interval, options_.gauge_pause);
}

}  // namespace berth
