#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "berth/arvados/container_api.hpp"
#include "berth/base/runtime.hpp"
#include "berth/model/container_rules.hpp"

namespace berth {

/// One call that reached the fake.
struct FakeCall {
  std::string
      verb;  ///< `token`, `list`, `modified`, `finished`, `mounts`, `lock`, `unlock`, `cancel`, `error`, `state`
  std::string uuid;  ///< of the container; of `list`: empty
  ContainerQuery query;
  SteadyTime at{};
  ModifiedQuery modified = {};
  FinishedQuery finished = {};

  /// Of a list: which of facts §2.2 it is: `held` (B), `window` (C), `missing` (D), `mounts` (first sight), `fetch` (by
  /// uuid), `tail`; of a list of what was modified: `modified` (containers), `requests`.
  std::string list_kind() const {
    if (verb == "modified") return modified.of == ModifiedQuery::Of::containers ? "modified" : "requests";
    if (query.with_mounts) return "mounts";
    if (query.order == "priority desc") return "window";
    if (query.filters.empty()) return "other";
    if (query.filters.front().field == "locked_by_uuid") return "held";
    if (query.filters.front().op == "in") return query.limit > 0 ? "fetch" : "missing";
    return "tail";
  }
};

/// The container API in memory, by the rules of facts §2.4. For one strand or a SimRuntime. A test plays the users and
/// the runners through the methods that are not of ContainerApi; these take effect at once.
///
/// A call waits half of `latency`, is carried out, and waits the other half. `intercept` may refuse it or make it hang.
class FakeContainerApi : public ContainerApi {
 public:
  struct Record {
    Container container;
    std::int64_t lock_count = 0;
    std::string runtime_error;
    bool malformed_mounts = false;  ///< any answer with its mounts is a type mismatch
    std::string unreadable;         ///< why lists cannot show more than its uuid
    WallTime modified_at{};
    WallTime started_at{};
    WallTime finished_at{};
    std::string request;  ///< uuid; made by user_sets_priority
    WallTime request_modified_at{};
  };

  explicit FakeContainerApi(Runtime& runtime) : runtime_(runtime) {}

  std::string token_uuid = "zzzzz-gj3su-000000000000000";
  Duration latency = std::chrono::milliseconds(10);
  Duration call_deadline = std::chrono::minutes(1);  ///< a call that hangs ends so
  std::int64_t max_page = 1000;                      ///< the server's cap of a page
  std::int64_t max_dispatch_attempts = 10;
  Duration clock_offset{};  ///< of the server's clock
  /// Called as a call is carried out; an error is its answer. An error of kind timeout comes only at the call's
  /// deadline.
  std::function<std::optional<Error>(const FakeCall&)> intercept;
  /// Called when a call has been carried out, before its answer travels back: what happens here the answer does not
  /// show.
  std::function<void(const FakeCall&)> after_call;

  std::map<std::string, Record> records;
  std::vector<FakeCall> calls;

  /// The 15 characters after `zzzzz-dz642-`, from a number.
  static std::string uuid(int number) {
    std::string digits = std::to_string(number);
    return "zzzzz-dz642-" + std::string(15 - digits.size(), '0') + digits;
  }
  /// A Queued container of 1 VCPU and 1 GB.
  Container& add(int number, std::int64_t priority = 1) {
    Record& record = records[uuid(number)];
    record.container.uuid = uuid(number);
    record.container.priority = priority;
    record.container.created_at = record.modified_at = server_now();
    record.container.runtime_constraints.vcpus = 1;
    record.container.runtime_constraints.ram = 1'000'000'000;
    return record.container;
  }
  Container& at(int number) { return records.at(uuid(number)).container; }
  /// A container locked by our token, or by another one.
  Container& add_locked(int number, ContainerState state = ContainerState::locked, std::string holder = {}) {
    Container& container = add(number);
    container.state = state;
    container.locked_by_uuid = holder.empty() ? token_uuid : std::move(holder);
    return container;
  }
  /// What a runner does to the record, by the rules.
  Result<void> runner_sets(const std::string& id, ContainerState state) {
    auto changed = change(id, [&](const RecordState& record) {
      return apply_rules(record, {CallerRole::admin, token_uuid}, state, {}, max_dispatch_attempts);
    });
    if (!changed) return fail(changed.error());
    return {};
  }
  /// As by an update of its request; `modified_at` of the container stays (facts §2.4).
  void user_sets_priority(const std::string& id, std::int64_t priority) {
    changes_silently(id, priority);
    Record& record = records.at(id);
    record.request = id;
    record.request.replace(6, 5, "xvhdp");
    record.request_modified_at = server_now();
  }
  /// As by an update of its parent's request.
  void changes_silently(const std::string& id, std::int64_t priority) { records.at(id).container.priority = priority; }
  WallTime server_now() const { return runtime_.wall_now() + clock_offset; }
  void user_cancels(const std::string& id) { (void)runner_sets(id, ContainerState::cancelled); }

  std::size_t count(std::string_view verb) const {
    return static_cast<std::size_t>(
        std::count_if(calls.begin(), calls.end(), [&](const FakeCall& call) { return call.verb == verb; }));
  }
  std::size_t count_lists(std::string_view kind) const {
    return static_cast<std::size_t>(std::count_if(calls.begin(), calls.end(), [&](const FakeCall& call) {
      return (call.verb == "list" || call.verb == "modified") && call.list_kind() == kind;
    }));
  }

  awaitable<Result<std::string>> current_token_uuid() override {
    auto call = co_await begin("token", "");
    Result<std::string> answer = token_uuid;
    if (!call) answer = fail(call.error());
    co_return co_await finish(std::move(call), std::move(answer));
  }
  awaitable<Result<std::vector<Container>>> list_containers(ContainerQuery query) override {
    auto call = co_await begin("list", "", query);
    Result<std::vector<Container>> answer = call ? list(query) : fail(call.error());
    co_return co_await finish(std::move(call), std::move(answer));
  }
  awaitable<Result<std::vector<ModifiedRecord>>> list_modified(ModifiedQuery query) override {
    auto call = co_await begin("modified", "", {}, query);
    Result<std::vector<ModifiedRecord>> answer = modified(query);
    if (!call) answer = fail(call.error());
    co_return co_await finish(std::move(call), std::move(answer));
  }
  awaitable<Result<FinishedPage>> list_finished(FinishedQuery query) override {
    auto call = co_await begin("finished", "", {}, {}, query);
    Result<FinishedPage> answer = call ? Result<FinishedPage>(finished(query)) : fail(call.error());
    co_return co_await finish(std::move(call), std::move(answer));
  }
  awaitable<Result<std::map<std::string, Mount>>> get_mounts(std::string id) override {
    auto call = co_await begin("mounts", id);
    Result<std::map<std::string, Mount>> answer = call ? mounts(id) : fail(call.error());
    co_return co_await finish(std::move(call), std::move(answer));
  }
  awaitable<Result<ContainerUpdate>> lock(std::string id) override {
    auto call = co_await begin("lock", id);
    Result<ContainerUpdate> answer = fail(Error{});
    if (call)
      answer = change(id, [&](const RecordState& record) { return lock_rules(record, caller()); });
    else
      answer = fail(call.error());
    co_return co_await finish(std::move(call), std::move(answer));
  }
  awaitable<Result<ContainerUpdate>> unlock(std::string id) override {
    auto call = co_await begin("unlock", id);
    Result<ContainerUpdate> answer = fail(Error{});
    if (call)
      answer = change(id, [&](const RecordState& r) { return unlock_rules(r, caller(), max_dispatch_attempts); });
    else
      answer = fail(call.error());
    co_return co_await finish(std::move(call), std::move(answer));
  }
  awaitable<Result<ContainerUpdate>> cancel(std::string id) override {
    auto call = co_await begin("cancel", id);
    Result<ContainerUpdate> answer = fail(Error{});
    if (call)
      answer = change(id, [&](const RecordState& r) {
        return apply_rules(r, caller(), ContainerState::cancelled, {}, max_dispatch_attempts);
      });
    else
      answer = fail(call.error());
    co_return co_await finish(std::move(call), std::move(answer));
  }
  awaitable<Result<void>> set_runtime_error(std::string id, std::string text) override {
    auto call = co_await begin("error", id);
    Result<void> answer;
    if (call)
      answer = set_error(id, std::move(text));
    else
      answer = fail(call.error());
    co_return co_await finish(std::move(call), std::move(answer));
  }
  awaitable<Result<ContainerState>> get_state(std::string id) override {
    auto call = co_await begin("state", id);
    Result<ContainerState> answer = call ? state(id) : fail(call.error());
    co_return co_await finish(std::move(call), std::move(answer));
  }
  std::optional<SteadyTime> last_503() const override { return last_503_; }

 private:
  awaitable<Result<FakeCall>> begin(std::string verb, std::string id, ContainerQuery query = {},
                                    ModifiedQuery modified = {}, FinishedQuery finished = {}) {
    co_await runtime_.sleep_for(latency / 2);
    FakeCall call{std::move(verb), std::move(id), std::move(query), runtime_.now(), std::move(modified), finished};
    calls.push_back(call);
    if (intercept)
      if (auto error = intercept(call)) {
        if (error->kind == ErrorKind::unavailable) last_503_ = runtime_.now();
        if (error->kind == ErrorKind::timeout) co_await runtime_.sleep_for(call_deadline);
        co_return fail(std::move(*error));
      }
    co_return call;
  }
  template <class T>
  awaitable<Result<T>> finish(Result<FakeCall> call, Result<T> answer) {
    if (call && after_call) after_call(*call);
    co_await runtime_.sleep_for(latency - latency / 2);
    co_return answer;
  }

  Caller caller() const { return {CallerRole::admin, token_uuid}; }
  static tl::unexpected<Error> not_found(const std::string& id) {
    return fail(ErrorKind::not_found, "no container " + id);
  }

  template <class Rules>
  Result<ContainerUpdate> change(const std::string& id, Rules rules) {
    const auto found = records.find(id);
    if (found == records.end()) return not_found(id);
    Record& record = found->second;
    Container& c = record.container;
    auto next = rules(RecordState{c.state, c.priority, c.locked_by_uuid, record.lock_count});
    if (!next) return fail(next.error());
    c.state = next->state;
    record.modified_at = server_now();
    if (next->set_started_at) record.started_at = server_now();
    if (next->set_finished_at) record.finished_at = server_now();
    c.locked_by_uuid = next->locked_by_uuid;
    record.lock_count = next->lock_count;
    if (next->clear_runtime_status) record.runtime_error.clear();
    return ContainerUpdate{c.state, c.priority, c.locked_by_uuid};
  }

  Result<void> set_error(const std::string& id, std::string text) {
    FieldChanges fields;
    fields.runtime_status = true;
    auto changed = change(id, [&](const RecordState& r) {
      return apply_rules(r, caller(), std::nullopt, fields, max_dispatch_attempts);
    });
    if (!changed) return fail(changed.error());
    records.at(id).runtime_error = std::move(text);
    return {};
  }

  Result<ContainerState> state(const std::string& id) const {
    const auto found = records.find(id);
    if (found == records.end()) return not_found(id);
    return found->second.container.state;
  }

  static tl::unexpected<Error> malformed() {
    return fail(ErrorKind::type_mismatch, "mounts.stdin: want an object, got array");
  }

  Result<std::map<std::string, Mount>> mounts(const std::string& id) const {
    const auto found = records.find(id);
    if (found == records.end()) return not_found(id);
    if (found->second.malformed_mounts) return malformed();
    return found->second.container.mounts;
  }

  static bool matches(const Container& c, const ContainerQuery::Filter& filter) {
    if (filter.op == "in") return std::count(filter.uuids.begin(), filter.uuids.end(), c.uuid) > 0;
    if (filter.field == "uuid") return c.uuid > filter.operand;
    if (filter.field == "priority") return c.priority > std::stoll(filter.operand);
    if (filter.field == "state") return to_string(c.state) == filter.operand;
    return filter.field == "locked_by_uuid" && c.locked_by_uuid == filter.operand;
  }

  Result<std::vector<Container>> list(const ContainerQuery& query) const {
    std::vector<const Record*> found;
    const auto look_at = [&](const Record& record) {
      const auto match = [&](const auto& filter) { return matches(record.container, filter); };
      if (std::all_of(query.filters.begin(), query.filters.end(), match)) found.push_back(&record);
    };
    const bool by_uuid = !query.filters.empty() && query.filters.front().op == "in";
    if (by_uuid) {
      for (const std::string& id :
           std::set<std::string>(query.filters.front().uuids.begin(), query.filters.front().uuids.end()))
        if (const auto record = records.find(id); record != records.end()) look_at(record->second);
    } else {
      for (const auto& [id, record] : records) look_at(record);
    }
    if (query.order == "priority desc")
      std::stable_sort(found.begin(), found.end(),
                       [](const Record* a, const Record* b) { return a->container.priority > b->container.priority; });
    const std::int64_t limit = std::min(query.limit > 0 ? query.limit : 100, max_page);
    std::vector<Container> page;
    for (auto i = query.offset; i < std::ssize(found) && std::ssize(page) < limit; ++i) {
      const Record& record = *found[static_cast<std::size_t>(i)];
      std::string unreadable = record.unreadable;
      if (query.with_mounts && record.malformed_mounts) unreadable = malformed().value().message;
      if (!unreadable.empty()) {
        page.emplace_back().uuid = record.container.uuid;
        page.back().unreadable = std::move(unreadable);
        continue;
      }
      page.push_back(record.container);
      page.back().locked_by_uuid.clear();  // not in the select list S
      if (!query.with_mounts) page.back().mounts.clear();
      if (query.brief) {
        Container brief;
        brief.uuid = record.container.uuid;
        brief.state = record.container.state;
        brief.priority = record.container.priority;
        page.back() = brief;
      }
    }
    return page;
  }

  std::vector<ModifiedRecord> modified(const ModifiedQuery& query) const {
    std::map<std::string, ModifiedRecord> found;
    for (const auto& [id, record] : records) {
      const ContainerState state = record.container.state;
      ModifiedRecord out{id, record.modified_at, {}, state == ContainerState::queued && record.container.priority > 0};
      if (query.of == ModifiedQuery::Of::requests) out = {record.request, record.request_modified_at, id, false};
      if (query.of == ModifiedQuery::Of::containers && state != ContainerState::queued &&
          state != ContainerState::cancelled)
        continue;
      const bool asked = query.uuids.empty() ? out.modified_at >= query.since
                                             : std::count(query.uuids.begin(), query.uuids.end(), out.uuid) > 0;
      if (asked && !out.uuid.empty() && out.uuid > query.after) found.emplace(out.uuid, out);
    }
    std::vector<ModifiedRecord> page;
    for (const auto& [id, record] : found)
      if (std::ssize(page) < std::min(query.limit > 0 ? query.limit : 100, max_page)) page.push_back(record);
    return page;
  }

  FinishedPage finished(const FinishedQuery& query) const {
    std::vector<const Record*> found;
    for (const auto& [id, record] : records)
      if (record.container.state == ContainerState::complete && record.modified_at >= query.since &&
          record.modified_at <= query.until)
        found.push_back(&record);
    std::stable_sort(found.begin(), found.end(),
                     [](const Record* a, const Record* b) { return a->modified_at > b->modified_at; });
    FinishedPage page;
    const std::int64_t limit = std::min(query.limit > 0 ? query.limit : 100, max_page);
    for (auto i = query.offset; i < std::ssize(found) && page.records < limit; ++i, ++page.records) {
      const Record& record = *found[static_cast<std::size_t>(i)];
      page.containers.push_back({record.container, record.started_at, record.finished_at});
    }
    return page;
  }

  Runtime& runtime_;
  std::optional<SteadyTime> last_503_;
};

}  // namespace berth
