#include "cloud_model.hpp"

#include <algorithm>
#include <array>

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration latest = 90s;  ///< lists and tags that lag behind
constexpr Duration longest_partition = 5min;
constexpr int slow_boot_factor = 10;

Error capacity_error(CapacityScope scope) {
  Error error{ErrorKind::capacity, "no room for this instance"};
  error.scope = scope;
  return error;
}

Error throttled(SteadyTime until) {
  Error error{ErrorKind::rate_limited, "too many requests"};
  error.retry_at = until;
  return error;
}

/// The init command writes it: `umask 0177 && echo -n "SECRET" >…`.
std::string secret_in(const std::string& init_command) {
  const auto begin = init_command.find('"') + 1;
  return init_command.substr(begin, init_command.find('"', begin) - begin);
}

bool has_all(const InstanceTags& tags, const InstanceTags& filter) {
  return std::ranges::all_of(filter, [&](const auto& wanted) {
    const auto found = tags.find(wanted.first);
    return found != tags.end() && found->second == wanted.second;
  });
}

}  // namespace

SimCloud::SimCloud(SimCore& core, SimMachine::Shared& machines) : core_(core), machines_(machines) {
  const auto& types = core_.options.cluster.instance_types;
  if (!core_.options.check_invariants || types.empty()) return;
  add_foreign("another-cluster", {{"ArvadosInstanceSetID", "another"},
                                  {"ArvadosInstanceType", types.begin()->first},
                                  {"ArvadosIdleBehavior", "run"},
                                  {"ArvadosInstanceSecret", "another"}});
  add_foreign("by-hand", {});
}

/// It has booted, and obeys whoever comes.
void SimCloud::add_foreign(const std::string& id, InstanceTags tags) {
  auto vm = std::make_shared<SimVm>();
  vm->id = id;
  vm->type = &core_.options.cluster.instance_types.begin()->second;
  vm->address = "10.255.0." + std::to_string(1 + foreign_.size());
  vm->tags = std::move(tags);
  vm->created = vm->listed_from = vm->tagged_from = vm->busy_until = core_.now();
  vm->booted = core_.now();
  vm->foreign = true;
  vm->machine = std::make_shared<SimMachine>(machines_, *vm);
  vm->machine->booted = true;
  vm->machine->secret = "another";
  known_[id] = vm;
  foreign_.push_back(std::move(vm));
}

std::optional<Error> SimCloud::fault(const CreateRequest& /*request*/) {
  if (core_.strikes(&SimFaults::create_refused)) return Error{ErrorKind::failed, "the cloud has a bad day"};
  if (core_.strikes(&SimFaults::create_throttled)) return throttled(core_.now() + core_.chance.between(1s, 120s));
  if (core_.strikes(&SimFaults::create_over_quota)) return Error{ErrorKind::quota, "no more instances allowed"};
  if (core_.strikes(&SimFaults::create_no_room)) {
    constexpr std::array scopes = {CapacityScope::everything, CapacityScope::instance_type, CapacityScope::quota_group};
    return capacity_error(scopes[static_cast<std::size_t>(core_.chance.between(std::int64_t{0}, 2))]);
  }
  return std::nullopt;
}

std::optional<Error> SimCloud::refusal(const CreateRequest& request) {
  const SimCloudModel& model = core_.options.cloud;
  if (auto error = fault(request)) return error;
  while (!recent_creates_.empty() && recent_creates_.front() <= core_.now() - 1min) recent_creates_.pop_front();
  if (model.creates_per_minute > 0 && std::ssize(recent_creates_) >= model.creates_per_minute)
    return throttled(recent_creates_.front() + 1min);
  recent_creates_.push_back(core_.now());
  if (model.quota && std::ssize(vms_) >= *model.quota) return Error{ErrorKind::quota, "no more instances allowed"};
  const auto capacity = model.capacity.find(request.type.name);
  if (capacity == model.capacity.end()) return std::nullopt;
  const auto of_type = std::count_if(vms_.begin(), vms_.end(),
                                     [&](const auto& entry) { return entry.second->type->name == request.type.name; });
  if (of_type >= capacity->second) return capacity_error(CapacityScope::instance_type);
  return std::nullopt;
}

Result<std::shared_ptr<SimVm>> SimCloud::create(const CreateRequest& request, const Link& link) {
  if (auto error = refusal(request)) {
    core_.note(SimEventKind::create_refused, {}, {}, error->message);
    return fail(std::move(*error));
  }
  if (core_.strikes(&SimFaults::create_doubled)) (void)make(request, link);
  return make(request, link);
}

std::shared_ptr<SimVm> SimCloud::make(const CreateRequest& request, const Link& link) {
  auto vm = std::make_shared<SimVm>();
  vm->id = "i-" + std::to_string(++made_);
  vm->type = &core_.options.cluster.instance_types.at(request.type.name);
  vm->address = "10.0." + std::to_string(made_ / 250) + '.' + std::to_string(1 + made_ % 250);
  vm->tags = request.tags;
  vm->created = vm->listed_from = vm->tagged_from = vm->busy_until = core_.now();
  vm->created_by = link.number;
  if (core_.strikes(&SimFaults::listed_late)) vm->listed_from += core_.chance.between(1s, latest);
  if (core_.strikes(&SimFaults::tags_late)) vm->tagged_from += core_.chance.between(1s, latest);
  vm->machine = std::make_shared<SimMachine>(machines_, *vm);
  vm->machine->secret = secret_in(request.init_command);
  vms_[vm->id] = vm;
  known_[vm->id] = vm;
  core_.note(SimEventKind::instance_created, {}, vm->id, vm->type->name);
  Duration boot = core_.chance.draw(boot_model(vm->type->name));
  if (core_.strikes(&SimFaults::slow_boot)) boot *= slow_boot_factor;
  if (!core_.strikes(&SimFaults::never_boots)) core_.after(boot, [this, vm] { this->boot(vm); });
  plan_misfortune(vm, &SimFaults::deaths_per_hour, &SimCloud::die);
  if (vm->type->preemptible) plan_misfortune(vm, &SimFaults::interruptions_per_hour, &SimCloud::die);
  plan_misfortune(vm, &SimFaults::hangs_per_hour, &SimCloud::hang);
  plan_misfortune(vm, &SimFaults::breakdowns_per_hour, &SimCloud::break_down);
  plan_misfortune(vm, &SimFaults::partitions_per_hour, &SimCloud::partition);
  return vm;
}

const DelayModel& SimCloud::boot_model(const std::string& type) const {
  const SimCloudModel& model = core_.options.cloud;
  const auto found = model.boot_of_type.find(type);
  return found == model.boot_of_type.end() ? model.boot : found->second;
}

void SimCloud::boot(const std::shared_ptr<SimVm>& vm) {
  if (vm->ended) return;
  vm->booted = vm->busy_until = core_.now();
  vm->machine->booted = true;
  core_.note(SimEventKind::instance_booted, {}, vm->id);
}

/// Again and again while the instance lives; outside storms it is spared.
void SimCloud::plan_misfortune(const std::shared_ptr<SimVm>& vm, double SimFaults::*per_hour,
                               void (SimCloud::*misfortune)(const std::shared_ptr<SimVm>&)) {
  const double rate = core_.options.faults.*per_hour;
  if (rate <= 0) return;
  core_.after(core_.chance.until_next(rate), [this, vm, per_hour, misfortune] {
    if (vm->ended) return;
    if (core_.strikes_now(per_hour)) (this->*misfortune)(vm);
    plan_misfortune(vm, per_hour, misfortune);
  });
}

void SimCloud::die(const std::shared_ptr<SimVm>& vm) {
  core_.note(SimEventKind::instance_died, {}, vm->id);
  end(vm);
}

void SimCloud::hang(const std::shared_ptr<SimVm>& vm) {
  core_.note(SimEventKind::fault, {}, vm->id, "hangs");
  vm->machine->hangs = true;
}

void SimCloud::break_down(const std::shared_ptr<SimVm>& vm) {
  core_.note(SimEventKind::fault, {}, vm->id, "broken");
  vm->machine->broken = true;
}

void SimCloud::partition(const std::shared_ptr<SimVm>& vm) {
  core_.note(SimEventKind::fault, {}, vm->id, "offline");
  vm->machine->offline = true;
  core_.after(core_.chance.between(5s, longest_partition), [this, vm] {
    vm->machine->offline = false;
    core_.note(SimEventKind::fault, {}, vm->id, "online");
  });
}

std::vector<std::shared_ptr<SimVm>> SimCloud::listed(const InstanceTags& filter) {
  std::vector<std::shared_ptr<SimVm>> out;
  for (const auto& [id, vm] : vms_)
    if (vm->listed_from <= core_.now() && vm->tagged_from <= core_.now()) out.push_back(vm);
  if (!out.empty() && core_.strikes(&SimFaults::list_omission))
    out.erase(out.begin() + core_.chance.between(std::int64_t{0}, std::ssize(out) - 1));
  out.insert(out.end(), foreign_.begin(), foreign_.end());
  if (core_.options.cloud.filters && !foreign_.empty())
    std::erase_if(out, [&](const auto& vm) { return !has_all(vm->tags, filter); });
  return out;
}

std::shared_ptr<SimVm> SimCloud::find(const std::string& id) const {
  const auto found = known_.find(id);
  return found == known_.end() ? nullptr : found->second.lock();
}

void SimCloud::destroy(const std::shared_ptr<SimVm>& vm) {
  if (vm->ended) return;
  core_.note(SimEventKind::instance_destroyed, {}, vm->id);
  end(vm);
}

void SimCloud::end(const std::shared_ptr<SimVm>& vm) {
  vm->ended = core_.now();
  vm->machine->switch_off();
  core_.after(core_.chance.draw(core_.options.cloud.gone), [this, vm] {
    vms_.erase(vm->id);
    core_.note(SimEventKind::instance_gone, {}, vm->id);
  });
}

}  // namespace berth
