#include "berth/model/container_rules.hpp"

#include <algorithm>
#include <limits>

namespace berth {
namespace {

using State = ContainerState;

/// Who may make a transition.
enum class Who { admin, lock_holder };

struct Rule {
  State from;
  State to;
  Who who;
};

/// Facts §2.4, every allowed change of state; all others are refused with 422.
constexpr Rule kRules[] = {
    {State::queued, State::locked, Who::admin},       {State::queued, State::cancelled, Who::admin},
    {State::locked, State::queued, Who::lock_holder}, {State::locked, State::running, Who::admin},
    {State::locked, State::cancelled, Who::admin},    {State::running, State::complete, Who::admin},
    {State::running, State::cancelled, Who::admin},   {State::complete, State::cancelled, Who::admin},
};

const Rule* find_rule(State from, State to) {
  const auto* at = std::find_if(std::begin(kRules), std::end(kRules),
                                [&](const Rule& rule) { return rule.from == from && rule.to == to; });
  return at == std::end(kRules) ? nullptr : at;
}

bool is_locked(State state) {
  return state == State::locked || state == State::running;
}

tl::unexpected<Error> refuse(std::string message) {
  return fail(ErrorKind::conflict, std::move(message));
}
tl::unexpected<Error> forbid(std::string message) {
  return fail(ErrorKind::denied, std::move(message));
}

std::string change_name(State from, State to) {
  return std::string(to_string(from)) + " to " + std::string(to_string(to));
}

/// What the container's own token may do: output and progress while Running, never state, priority or log.
Result<void> check_container_token(const RecordState& record, std::optional<State> wanted, const FieldChanges& fields) {
  if (wanted && *wanted != record.state) return forbid("a container's own token may not change its state");
  if (fields.priority || fields.log) return forbid("a container's own token may not change priority or log");
  if (record.state != State::running) return forbid("a container's own token may write only while it is Running");
  return {};
}

Result<void> check_fields(const RecordState& record, const Caller& caller, State to, const FieldChanges& fields) {
  const bool holder = caller.role == CallerRole::container || caller.token_uuid == record.locked_by_uuid;
  if (is_locked(record.state) && !holder && (fields.progress || fields.log || fields.runtime_status))
    return forbid("only the token that holds the lock may change progress fields");
  if (fields.runtime_status) {
    const bool while_locked = is_locked(record.state);
    const bool with_cancel = to == State::cancelled && !is_final(record.state);
    if (!while_locked && !with_cancel)
      return refuse("runtime_status cannot be changed while " + std::string(to_string(record.state)));
  }
  return {};
}

/// The record after an allowed change of state.
Transition enter(const RecordState& record, const Caller& caller, State to, std::int64_t max_dispatch_attempts) {
  Transition next{to, record.locked_by_uuid, record.lock_count};
  if (to == record.state) return next;
  next.clear_gateway_address = to == State::locked || to == State::queued;
  switch (to) {
    case State::locked:
      next.locked_by_uuid = caller.token_uuid;
      ++next.lock_count;
      break;
    case State::queued:
      next.locked_by_uuid.clear();
      next.clear_runtime_status = true;
      if (record.lock_count >= max_dispatch_attempts) {
        next.state = State::cancelled;
        next.too_many_attempts = true;
        next.clear_runtime_status = false;
        next.set_finished_at = true;
      }
      break;
    case State::running:
      next.set_started_at = true;
      break;
    case State::complete:
    case State::cancelled:
      next.locked_by_uuid.clear();
      next.set_finished_at = record.state != State::complete;
      break;
  }
  return next;
}

}  // namespace

Result<Transition> apply_rules(const RecordState& record, const Caller& caller, std::optional<ContainerState> wanted,
                               const FieldChanges& fields, std::int64_t max_dispatch_attempts) {
  const State to = wanted.value_or(record.state);
  if (caller.role == CallerRole::other) return forbid("only an admin may change a container");
  if (caller.role == CallerRole::container)
    if (auto allowed = check_container_token(record, wanted, fields); !allowed) return fail(allowed.error());
  if (to != record.state) {
    const Rule* rule = find_rule(record.state, to);
    if (!rule) return refuse("state cannot change from " + change_name(record.state, to));
    if (rule->who == Who::lock_holder && caller.token_uuid != record.locked_by_uuid)
      return forbid("only the token that holds the lock may change the state from " + change_name(record.state, to));
    if (to == State::locked && record.priority <= 0) return refuse("cannot lock: priority is not above 0");
  }
  if (wanted == State::running && record.state == State::running && fields.gateway_address != record.gateway_address)
    return refuse("the container is Running already, by another runner");
  if (auto allowed = check_fields(record, caller, to, fields); !allowed) return fail(allowed.error());
  return enter(record, caller, to, max_dispatch_attempts);
}

Result<Transition> lock_rules(const RecordState& record, const Caller& caller) {
  if (caller.role != CallerRole::admin) return forbid("only an admin may lock a container");
  if (record.state != State::queued) return refuse("cannot lock when " + std::string(to_string(record.state)));
  return apply_rules(record, caller, State::locked, {}, 0);
}

Result<Transition> unlock_rules(const RecordState& record, const Caller& caller, std::int64_t max_dispatch_attempts) {
  if (caller.role != CallerRole::admin) return forbid("only an admin may unlock a container");
  if (record.state != State::locked) return refuse("cannot unlock when " + std::string(to_string(record.state)));
  return apply_rules(record, caller, State::queued, {}, max_dispatch_attempts);
}

std::int64_t container_priority(std::int64_t request_priority, WallTime request_created_at) {
  if (request_priority <= 0) return 0;
  constexpr std::int64_t scale = std::int64_t{1} << 50;
  const std::int64_t most = std::numeric_limits<std::int64_t>::max() / scale;
  const auto created_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(request_created_at.time_since_epoch()).count();
  return std::min(request_priority, most) * scale - created_ms;
}

}  // namespace berth
