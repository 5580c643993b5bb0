#include <algorithm>

#include "berth/base/deadline.hpp"
#include "berth/base/turns.hpp"

#include "pool.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration first_list_retry = 5s;

/// Instances in one turn of the pool's strand: some 20 us each, if they are new.
constexpr std::size_t instances_per_turn = 25;

}  // namespace

PoolCounts WorkerPool::Impl::counts() const {
  return {static_cast<std::int64_t>(members_.size()), static_cast<std::int64_t>(pending_.size()), creates_in_flight_};
}

bool WorkerPool::Impl::begin_create(const std::string& type_name) {
  const auto type = options_.instance_types.find(type_name);
  if (stopped_ || type == options_.instance_types.end() || unhealthy()) return false;
  if (const auto refusal = quota_.refuse_create(type->second, quota_groups_.at(type_name), counts(), runtime_.now())) {
    log_.debug("create refused", {{"InstanceType", type_name}, {"Reason", to_string(*refusal)}});
    return false;
  }
  std::string secret = make_instance_secret(runtime_);
  const std::uint64_t number = ++last_number_;
  pending_[secret] = PendingCreate{number, type->second, runtime_.now()};
  ++creates_in_flight_;
  PoolInstance shown;
  shown.number = number;
  shown.type = type_name;
  shown.provider_type = type->second.provider_type;
  shown.price = type->second.price;
  shown.created = runtime_.now();
  notify(board_.put(std::move(shown)));
  log_.info("creating instance", {{"InstanceType", type_name}});
  tasks_.spawn(create(std::move(secret), type->second));
  return true;
}

awaitable<void> WorkerPool::Impl::create(std::string secret, InstanceType type) {
  CreateRequest request;
  request.type = type;
  request.image_id = options_.image_id;
  request.tags = {{tag_keys_.instance_set_id, options_.instance_set_id},
                  {tag_keys_.instance_type, type.name},
                  {tag_keys_.idle_behavior, std::string(to_string(IdleBehavior::run))},
                  {tag_keys_.instance_secret, secret}};
  request.init_command = make_init_command(secret, options_.instance_init_command);
  request.public_key = options_.public_key;
  auto created = co_await with_deadline(runtime_, options_.cloud_deadline, instances_.create(std::move(request)));
  if (created && !*created) created = fail(ErrorKind::internal, "the driver returned no instance");
  --creates_in_flight_;
  if (created) {
    quota_.create_succeeded();
    types_without_room_.erase(type.name);
    if (Member* known = find_by_id((*created)->id()))
      refresh(*known, std::move(*created));
    else
      appear(std::move(*created), secret);
  } else {
    create_failed(type, created.error());
  }
  const auto pending = pending_.find(secret);  // gone if a list or the answer turned it into a worker
  if (pending != pending_.end()) {
    notify(board_.erase(pending->second.number));
    pending_.erase(pending);
  }
  publish_room();
}

void WorkerPool::Impl::create_failed(const InstanceType& type, const Error& error) {
  if (error.kind == ErrorKind::quota || error.kind == ErrorKind::capacity) {  // to be expected: said once
    if (types_without_room_.insert(type.name).second)
      log_.info("no room for more instances", {{"InstanceType", type.name}, {"Reason", error.message}});
  } else {
    log_.error("create failed",
               {{"InstanceType", type.name}, {"error", error.message}, {"Kind", to_string(error.kind)}});
  }
  quota_.create_failed(error, type, quota_groups_.at(type.name), counts(), runtime_.now());
}

/// `secret` tells whether one of our creates made it.
WorkerPool::Impl::Member& WorkerPool::Impl::appear(std::shared_ptr<Instance> instance, const std::string& secret) {
  auto made = std::make_unique<Member>();
  Member& member = *made;
  const auto pending = pending_.find(secret);
  const bool ours = pending != pending_.end();
  member.number = ours ? pending->second.number : ++last_number_;
  member.created = ours ? pending->second.created : runtime_.now();
  member.tags = instance->tags();
  const std::string& type_name = ours ? pending->second.type.name : tag_value(member.tags, tag_keys_.instance_type);
  const auto type = options_.instance_types.find(type_name);
  IdleBehavior behavior = ours ? IdleBehavior::run : tagged_idle_behavior(member.tags, tag_keys_);
  if (type != options_.instance_types.end()) {
    member.type = type->second;
  } else {
    member.type.name = type_name;
    member.type.provider_type = instance->provider_type();
    if (behavior != IdleBehavior::hold) behavior = IdleBehavior::drain;
  }
  if (ours) pending_.erase(pending);
  member.worker = make_worker(ours ? WorkerStage::booting : WorkerStage::unknown, behavior, runtime_.now());
  member.address = instance->address();
  const Logger host_log = log_.with({{"Instance", instance->id()}, {"Address", member.address}});
  member.identity = std::make_shared<HostIdentity>(host_log, host_checks_, instance, secret);
  member.executor = executors_(*instance, make_host_check(member.identity));
  member.instance = std::move(instance);
  members_by_id_[member.instance->id()] = &member;
  members_[member.number] = std::move(made);
  log_for(member).info("instance appeared", {{"WorkerState", to_string(worker_state(member.worker))},
                                             {"IdleBehavior", to_string(behavior)},
                                             {"Address", member.address}});
  write_tags_if_changed(member);
  set_deadline(member);
  publish(member);
  publish_room();
  request_probe(member.number);
  return member;
}

awaitable<void> WorkerPool::Impl::sync_loop() {
  for (;;) {
    co_await sync();
    co_await runtime_.sleep_for(loaded_ ? options_.sync_interval : std::min(options_.sync_interval, first_list_retry));
  }
}

awaitable<void> WorkerPool::Impl::sync() {
  const SteadyTime begun = runtime_.now();
  if (quota_.list_blocked_until(begun)) {
    log_.warn("instance list skipped: the cloud asked to wait");
    co_return;
  }
  InstanceTags filter{{tag_keys_.instance_set_id, options_.instance_set_id}};
  auto listed = co_await with_deadline(runtime_, options_.cloud_deadline, instances_.instances(std::move(filter)));
  if (!listed) {
    log_.error("instance list failed", {{"error", listed.error().message}});
    quota_.list_failed(listed.error(), runtime_.now());
    publish_room();
    co_return;
  }
  co_await show_listed(std::move(*listed));
  vanish_if_older(begun);
  quota_.synced(counts());
  loaded_ = true;
  notify(board_.set_loaded());
  publish_room();
}

/// Many a list shows what the one before showed, in the same order. Between turns more members may come, none goes.
awaitable<void> WorkerPool::Impl::show_listed(std::vector<std::shared_ptr<Instance>> instances) {
  Turns turns(instances_per_turn);
  constexpr std::ptrdiff_t most_gone = 16;  // in a row
  std::vector<Member*> listed;
  listed.reserve(instances.size());
  auto next = listed_.begin();
  for (auto& instance : instances) {
    const auto end = next + std::min(listed_.end() - next, most_gone);
    const auto same = std::find_if(next, end, [&](const Member* member) { return member->instance == instance; });
    if (!instance || instance->id().empty()) continue;
    Member* member = same == end ? find_by_id(instance->id()) : *same;
    if (same != end) next = same + 1;
    if (member) {
      refresh(*member, std::move(instance));
    } else {
      const std::string secret = tag_value(instance->tags(), tag_keys_.instance_secret);
      member = &appear(std::move(instance), secret);
    }
    listed.push_back(member);
    co_await turns.next();
  }
  listed_ = std::move(listed);
}

void WorkerPool::Impl::refresh(Member& member, std::shared_ptr<Instance> instance) {
  if (instance == member.instance && member.tags_listed && member.worker.stage != WorkerStage::shutdown)
    return step(member, event::Listed{});
  if (instance->address() != member.address) {
    member.address = instance->address();
    member.executor->set_address(member.address);
    publish(member);
  }
  const bool same_tags = member.tags_listed && &instance->tags() == &member.instance->tags();  // drivers may share them
  if (!member.writing_tags && !same_tags) {
    member.tags = instance->tags();
    member.tags_listed = true;
  }
  member.identity->refresh(instance);
  member.instance = std::move(instance);
  step(member, event::Listed{});
  if (!same_tags || member.worker.stage == WorkerStage::shutdown) write_tags_if_changed(member);
}

/// What the list has shown (`listed_`) is not older.
void WorkerPool::Impl::vanish_if_older(SteadyTime list_begun) {
  for (auto it = members_.begin(); it != members_.end();) {
    Member& member = *it->second;
    if (member.worker.updated >= list_begun) {
      ++it;
      continue;
    }
    step(member, event::Vanished{});
    member.executor->close();
    set_watching(member, false);
    for (const auto& [uuid, process] : member.worker.processes) remove_process(uuid, member.number);
    if (member.deadline) deadlines_.erase({*member.deadline, member.number});
    members_by_id_.erase(member.instance->id());
    notify(board_.erase(member.number));
    it = members_.erase(it);
  }
}

awaitable<void> WorkerPool::Impl::destroy(std::uint64_t number) {
  Member* member = find(number);
  if (!member) co_return;
  const auto instance = member->instance;
  const Logger log = log_for(*member);
  const auto destroyed = co_await with_deadline(runtime_, options_.cloud_deadline, instance->destroy());
  if (!destroyed) log.error("destroy failed; tried again after a list", {{"error", destroyed.error().message}});
}

/// The full set, if the pool's idea differs from what the instance carries (facts §6.1).
std::optional<InstanceTags> WorkerPool::Impl::tags_to_write(const Member& member) const {
  const auto carries = [&](const std::string& key, std::string_view value) {
    const auto tag = member.tags.find(key);
    return tag != member.tags.end() && tag->second == value;
  };
  const std::string& type = member.type.name;
  const std::string_view behavior = to_string(member.worker.idle_behavior);
  if ((type.empty() || carries(tag_keys_.instance_type, type)) && carries(tag_keys_.idle_behavior, behavior))
    return std::nullopt;
  InstanceTags wanted = member.tags;
  if (!type.empty()) wanted[tag_keys_.instance_type] = type;
  wanted[tag_keys_.idle_behavior] = std::string(behavior);
  return wanted;
}

/// Of an instance that goes only a hold that was taken off: the next dispatcher, if the destroy comes to nothing, would
/// keep it for ever.
void WorkerPool::Impl::write_tags_if_changed(Member& member) {
  if (member.writing_tags) return;
  const auto tagged_hold = [&] { return tagged_idle_behavior(member.tags, tag_keys_) == IdleBehavior::hold; };
  if (member.worker.stage == WorkerStage::shutdown && !tagged_hold()) return;
  auto wanted = tags_to_write(member);
  if (!wanted) return;
  member.writing_tags = true;
  member.tags_listed = false;
  tasks_.spawn(write_tags(member.number, std::move(*wanted)));
}

awaitable<void> WorkerPool::Impl::write_tags(std::uint64_t number, InstanceTags tags) {
  for (std::optional<InstanceTags> wanted = std::move(tags); wanted;) {
    Member* member = find(number);
    if (!member) co_return;
    const auto instance = member->instance;
    const auto written = co_await with_deadline(runtime_, options_.cloud_deadline, instance->set_tags(*wanted));
    member = find(number);
    if (!member) co_return;
    if (!written) {
      log_for(*member).error("tags not written", {{"error", written.error().message}});
      break;
    }
    member->tags = std::move(*wanted);
    wanted = tags_to_write(*member);
  }
  if (Member* member = find(number)) member->writing_tags = false;
}

}  // namespace berth
