#include <algorithm>

#include "berth/base/turns.hpp"

#include "pool.hpp"

namespace berth {
namespace {

/// Commands in one turn of the pool's strand, which probes and operators wait for: some 20 us each.
constexpr std::size_t commands_per_turn = 25;

constexpr Duration time_to_end = std::chrono::seconds(2);  // for a runner that has reported its container's end

}  // namespace

awaitable<PoolReceipt> WorkerPool::Impl::apply(PoolCommands commands) {
  Turns turns(commands_per_turn);
  PoolReceipt receipt;
  receipt.version_before = board_.version();
  set_idle_timeouts(commands.idle_timeouts);
  for (const auto& type : commands.creates) receipt.creates.push_back(begin_create(type));
  for (const auto& request : commands.starts) {
    receipt.starts.push_back(begin_start(request));
    co_await turns.next();
  }
  for (const auto& request : commands.kills) {
    request_kill(request);
    co_await turns.next();
  }
  for (const auto& uuid : commands.forgets)
    if (exits_.erase(uuid) > 0) publish_process(uuid);
  for (const std::uint64_t number : commands.shutdowns) step_number(number, event::ShutdownRequested{});
  publish_room();
  receipt.snapshot = board_.read();
  co_return receipt;
}

/// Never two processes for one container: a uuid that the pool knows in any way is refused.
bool WorkerPool::Impl::begin_start(const StartRequest& request) {
  Member* member = find(request.instance);
  if (stopped_ || !member || !accepts_start(member->worker)) return false;
  if (processes_.contains(request.uuid) || exits_.contains(request.uuid)) return false;
  if (member->worker.stale_since.contains(request.uuid)) return false;  // its runner would find the lock held
  member->started[request.uuid] = runtime_.now();
  add_process(request.uuid, request.instance);
  step(*member, event::StartAccepted{request.uuid});
  tasks_.spawn(start_process(request.instance, request.uuid, request.created_at));
  return true;
}

/// Whether there is such a process.
bool WorkerPool::Impl::request_kill(const KillRequest& request) {
  const std::string& uuid = request.uuid;
  const auto found = processes_.find(uuid);
  if (found == processes_.end()) return false;
  if (stopped_) return true;
  const auto workers = found->second;  // a step may change it
  const auto is_being_killed = [&](std::uint64_t number) {
    const Member* member = find(number);
    return member && member->worker.processes.contains(uuid) && member->worker.processes.at(uuid).kill;
  };
  if (!request.complete && std::none_of(workers.begin(), workers.end(), is_being_killed))  // each pass asks anew
    log_.info("stopping container", {{"ContainerUUID", uuid}, {"Reason", request.reason}});
  for (const std::uint64_t number : workers) {
    const Member* member = find(number);
    const bool waits = request.complete && member && member->watch.watching;
    step_number(number, event::KillRequested{uuid, waits ? time_to_end : Duration::zero()});
  }
  return true;
}

awaitable<Result<void>> WorkerPool::Impl::set_idle_behavior(std::string id, IdleBehavior behavior) {
  Member* member = find_by_id(id);
  if (!member) co_return fail(ErrorKind::not_found, "no such instance");
  if (behavior == IdleBehavior::hold && !accepts_hold(member->worker))
    co_return fail(ErrorKind::conflict, "the instance is being shut down");
  log_for(*member).info("idle behavior set", {{"IdleBehavior", to_string(behavior)}});
  step(*member, event::BehaviorSet{behavior});
  co_return Result<void>{};
}

awaitable<Result<void>> WorkerPool::Impl::kill_instance(std::string id, std::string reason) {
  Member* member = find_by_id(id);
  if (!member) co_return fail(ErrorKind::not_found, "no such instance");
  step(*member, event::KillInstance{std::move(reason)});
  co_return Result<void>{};
}

awaitable<Result<void>> WorkerPool::Impl::kill_container(std::string uuid, std::string reason) {
  const KillRequest request{std::move(uuid), std::move(reason)};
  if (!request_kill(request)) co_return fail(ErrorKind::not_found, "no such container on any instance");
  co_return Result<void>{};
}

}  // namespace berth
