#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "berth/arvados/container_api.hpp"
#include "berth/model/container_rules.hpp"
#include "berth/sim/workload.hpp"

#include "core.hpp"
#include "record_past.hpp"
#include "watcher.hpp"

namespace berth {

/// Uuids by the time of a change.
using ByTime = std::set<std::pair<SteadyTime, std::string_view>>;

/// A container record on the API server.
struct SimRecord {
  Container container;
  std::int64_t lock_count = 0;
  std::string runtime_error;
  std::string gateway_address;
  std::uint32_t workload_index = 0;
  int attempt = 1;
  bool too_many_attempts = false;  ///< Cancelled by the rule of MaxDispatchAttempts
  SteadyTime submitted{};
  SteadyTime changed{};          ///< of the state
  SteadyTime prioritized{};      ///< last change of the priority by one of its request
  SteadyTime inherited{};        ///< … by one of its parent's
  ByTime::iterator by_change;    ///< where the store keeps the one
  ByTime::iterator by_priority;  ///< … and the other
  std::optional<SteadyTime> started;
  std::optional<SteadyTime> ended;

  const std::string& uuid() const { return container.uuid; }
  /// Nothing more will come of it.
  bool settled() const {
    return is_final(container.state) || (container.state == ContainerState::queued && container.priority == 0);
  }
};

constexpr Duration longest_stale = std::chrono::seconds(10);

/// The API server: records, the rules of `model`, and lists.
class RecordStore {
 public:
  RecordStore(SimCore& core, SimWatcher& watcher);

  const std::string token_uuid = "zzzzz-gj3su-000000000000000";

  SimRecord& add(const WorkloadContainer& what, std::uint32_t index, int attempt);
  SimRecord* find(std::string_view uuid);
  const SimRecord* find(std::string_view uuid) const;
  const std::map<std::string, SimRecord>& all() const { return records_; }
  /// Which one has asked for it; nothing if none has, or that is final.
  std::optional<std::string> parent_of(const std::string& uuid) const;
  /// Uuids of those that are not final.
  const std::set<std::string>& open() const { return open_; }

  // Calls of dispatchers (facts §2.2).
  Result<ContainerUpdate> lock(const std::string& uuid);
  Result<ContainerUpdate> unlock(const std::string& uuid);
  Result<ContainerUpdate> cancel(const std::string& uuid);
  Result<void> set_error(const std::string& uuid, const std::string& text);
  Result<ContainerState> state(const std::string& uuid) const;
  Result<std::map<std::string, Mount>> mounts(const std::string& uuid) const;
  Result<std::vector<Container>> list(const ContainerQuery& query) const;
  /// As of then, at most `longest_stale` ago.
  Result<std::vector<Container>> list_as_of(const ContainerQuery& query, SteadyTime when) const;
  Result<std::vector<ModifiedRecord>> list_modified(const ModifiedQuery& query) const;
  Result<FinishedPage> list_finished(const FinishedQuery& query) const;

  // Calls of runners. `gateway` tells runners apart.
  Result<void> claim(const std::string& uuid, const std::string& gateway);
  Result<void> finish(const std::string& uuid, ContainerState state);
  /// Back to Queued.
  Result<void> give_back(const std::string& uuid);

  // What users do.
  void cancel_by_user(const std::string& uuid);
  /// Priority of the request.
  void set_priority(const std::string& uuid, std::int64_t request_priority);
  /// What it has asked for ranks as it does. Of that the server tells nobody, by no event and no time of modification
  /// (facts §2.4).
  void pass_on_priority(const std::string& uuid);

  /// Told after each change of a state, or of a priority to 0.
  std::function<void(SimRecord&)> on_change;
  /// What the event bus tells (facts §11): saved changes of containers, with the state after it, and of requests. The
  /// priority of a container changes without an event of its own; that of its request does not.
  std::function<void(const std::string& uuid, std::optional<ContainerState>)> on_saved;

 private:
  using Rules = std::function<Result<Transition>(const RecordState&, const Caller&)>;
  Result<ContainerUpdate> change(const std::string& uuid, const Rules& rules, ChangedBy by,
                                 const std::string& gateway = {});
  Result<void> runner_update(const std::string& uuid, ContainerState state, const std::string& gateway);
  std::int64_t max_attempts() const { return core_.options.cluster.containers.max_dispatch_attempts; }
  std::int64_t page_limit(std::int64_t asked) const;
  /// As the server's clock tells: it goes as the world does.
  WallTime server_time_at(SteadyTime when) const { return core_.server_time() - (core_.now() - when); }
  void reprioritize(SimRecord& record, std::int64_t priority);
  void saved(const SimRecord& record);
  /// Of all that changed at that time or later, in the order of their uuids.
  static std::vector<std::string_view> since(const ByTime& index, SteadyTime when);
  std::vector<std::string_view> candidates(const ModifiedQuery& query) const;
  void index(const SimRecord& record);
  void unindex(const SimRecord& record);
  std::string make_uuid();

  SimCore& core_;
  SimWatcher& watcher_;
  std::map<std::string, SimRecord> records_;
  std::unordered_map<std::string_view, SimRecord*> by_uuid_;  // the same
  std::set<std::string> open_;
  using Index = std::map<std::string_view, const SimRecord*>;  // by uuid
  Index held_;
  Index waiting_;                                                                          // Queued, priority above 0
  std::map<std::pair<std::int64_t, std::string_view>, const SimRecord*> waiting_by_rank_;  // negative priority first
  ByTime by_change_;                                                                       // SimRecord::changed
  ByTime by_priority_;                                                                     // SimRecord::prioritized
  RecordPast past_;
  std::uint64_t made_ = 0;
};

std::string_view to_string(ChangedBy by);

}  // namespace berth
