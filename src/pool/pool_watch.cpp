#include <boost/asio/experimental/awaitable_operators.hpp>

#include "pool.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr Duration proven_after = 30s;  // a watch that held so long starts afresh when it breaks
constexpr Duration least_between_checks = 5ms;
constexpr Duration long_overdue = 5s;  // for a watch to tell of an end that a probe has shown

}  // namespace

/// One watch for each worker in service, from then until it is gone.
void WorkerPool::Impl::keep_watch(Member& member) {
  if (!options_.exit_watch || member.worker.stage != WorkerStage::in_service || std::exchange(member.watch.kept, true))
    return;
  tasks_.spawn(watch(member.number));
}

awaitable<void> WorkerPool::Impl::watch(std::uint64_t number) {
  using namespace boost::asio::experimental::awaitable_operators;
  for (int failures = 0;;) {
    Member* member = find(number);
    if (!member || member->worker.stage == WorkerStage::shutdown) co_return;
    Command command;
    command.text = watch_command(member->instance->remote_user(), runner_->command);
    command.max_output = longest_watch_line;
    command.input = std::make_shared<StreamInput>();
    member->watch.input = command.input;
    const SteadyTime begun = runtime_.now();
    const auto executor = member->executor;
    auto stop = member->watch.stop->subscribe();
    auto on_line = [this, number](std::string_view line) { hear(number, line); };
    const auto ended = co_await (executor->stream(std::move(command), std::move(on_line)) || stop.wait());
    member = find(number);
    if (!member) co_return;
    std::string why = "it was not to be relied on";
    if (const auto* result = std::get_if<Result<int>>(&ended))
      why = *result ? "exit status " + std::to_string(**result) : result->error().message;
    watch_broke(*member, why);
    failures = runtime_.now() - begun >= proven_after ? 1 : failures + 1;
    co_await runtime_.sleep_for(watch_pause(failures, runtime_.random()));
  }
}

void WorkerPool::Impl::watch_broke(Member& member, const std::string& why) {
  set_watching(member, false);
  member.watch.input.reset();
  member.watch.unreported.clear();
  if (member.worker.stage == WorkerStage::shutdown) return;
  metrics_.count_watch_broken();
  log_for(member).debug("exit watch broke; it is started again", {{"error", why}});
}

void WorkerPool::Impl::set_watching(Member& member, bool watching) {
  if (member.watch.watching == watching) return;
  member.watch.watching = watching;
  watches_ += watching ? 1 : -1;
  metrics_.set_watches(watches_);
}

/// A line of the worker's watch.
void WorkerPool::Impl::hear(std::uint64_t number, std::string_view text) {
  Member* member = find(number);
  if (!member || !member->watch.input) return;
  if (!member->watch.budget.take(runtime_.now())) {
    log_for(*member).warn("the worker's exit watch floods; it is started again");
    set_watching(*member, false);
    member->watch.input.reset();
    return member->watch.stop->notify();
  }
  const auto line = parse_watch_line(text);
  if (!line) return;
  struct Hearer {
    Impl& pool;
    Member& member;
    void operator()(const watch_line::Watching&) const {
      pool.set_watching(member, true);
      for (const auto& [uuid, pid] : member.pids) pool.watch_pid(member, pid);
      if (!member.worker.processes.empty()) pool.request_probe(member.number);  // what ended unwatched
    }
    void operator()(const watch_line::Ended& ended) const { pool.note_end(member, ended.uuid); }
    void operator()(const watch_line::EndedProcess& ended) const {
      for (const auto& [uuid, pid] : member.pids)
        if (pid == ended.pid) return pool.note_end(member, uuid);
    }
    void operator()(const watch_line::Broken&) const {
      if (member.worker.idle_behavior == IdleBehavior::run) pool.check_soon(member);
    }
  };
  std::visit(Hearer{*this, *member}, *line);
}

void WorkerPool::Impl::watch_pid(Member& member, std::int64_t pid) {
  if (member.watch.watching) member.watch.input->write(std::to_string(pid) + '\n');
}

void WorkerPool::Impl::note_end(Member& member, const std::string& uuid) {
  member.watch.unreported.erase(uuid);
  if (!member.worker.processes.contains(uuid)) return;
  member.watch.ended.try_emplace(uuid, Watch::End{runtime_.now(), false});
  check_ends(member);
}

/// Has the worker probed if some process is said to have ended: only a probe says that it has.
void WorkerPool::Impl::check_ends(Member& member) {
  for (const auto& [uuid, end] : member.watch.ended) {
    const auto process = member.worker.processes.find(uuid);
    if (end.refuted || process == member.worker.processes.end() || process->second.starting) continue;
    return check_soon(member);
  }
}

/// Not at the pace of the rounds; one at a time for each worker, and more slowly after each that did not show what the
/// watch told.
void WorkerPool::Impl::check_soon(Member& member) {
  if (member.worker.probe) {
    member.watch.check_again = true;
    return;
  }
  if (std::exchange(member.watch.checking, true)) return;
  tasks_.spawn(check(member.number, member.watch.next_check));
}

awaitable<void> WorkerPool::Impl::check(std::uint64_t number, SteadyTime when) {
  if (when > runtime_.now()) co_await runtime_.sleep_until(when);
  Member* member = find(number);
  if (!member) co_return;
  member->watch.checking = false;
  if (member->worker.probe) member->watch.check_again = true;
  begin_probe(number);
}

/// A probe that began at `begun` has been applied.
void WorkerPool::Impl::compare_watch(Member& member, SteadyTime begun, bool succeeded) {
  Watch& watch = member.watch;
  const SteadyTime now = runtime_.now();
  bool refuted = !succeeded && !watch.ended.empty();
  for (auto it = watch.ended.begin(); it != watch.ended.end();) {
    const auto process = member.worker.processes.find(it->first);
    if (process == member.worker.processes.end()) {
      it = watch.ended.erase(it);
      continue;
    }
    if (succeeded && it->second.told <= begun && !process->second.starting && !it->second.refuted)
      refuted = it->second.refuted = true;
    ++it;
  }
  watch.refutations = refuted ? watch.refutations + 1 : 0;
  watch.next_check = now + std::max(least_between_checks, check_pause(watch.refutations));
  for (const auto& [uuid, since] : watch.unreported) {
    if (now - since < long_overdue) continue;
    log_for(member).info("the exit watch told nothing of an end; it is started again", {{"ContainerUUID", uuid}});
    watch.stop->notify();
    break;
  }
  if (std::exchange(watch.check_again, false)) return check_soon(member);
  check_ends(member);
}

/// How the end of a process became known.
void WorkerPool::Impl::count_end(Member& member, const std::string& uuid, bool probed) {
  Watch& watch = member.watch;
  const bool told = watch.ended.erase(uuid) > 0;
  if (probed && !told && watch.watching) watch.unreported.emplace(uuid, runtime_.now());
  metrics_.count_end(told ? EndSeenBy::watch : probed ? EndSeenBy::probe : EndSeenBy::kill);
}

/// While the watch tells what ends, rounds of probes may pass the worker over.
bool WorkerPool::Impl::may_skip_probe(const Member& member) const {
  const Worker& worker = member.worker;
  return member.watch.watching && member.watch.ended.empty() && member.watch.unreported.empty() &&
         worker.stage == WorkerStage::in_service && !worker.probe_failed && worker.stale_since.empty() &&
         runtime_.now() - worker.probed < options_.watched_probe_interval - options_.probe_interval;
}

}  // namespace berth
