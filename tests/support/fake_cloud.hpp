#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "berth/base/runtime.hpp"
#include "berth/cloud/driver.hpp"

#include "fake_worker.hpp"

namespace berth {

/// A cloud in simulated time whose instances are FakeMachines. Everything is public: tests steer it and look into it.
/// One thread only. Use it through FakeInstanceSet.
struct FakeCloud {
  struct Vm {
    std::string id;
    std::string provider_type;
    std::string address;
    InstanceTags tags;
    SteadyTime listed_from{};
    std::optional<HostKeyVerdict> host_key_verdict;  ///< of those that are listed from now on; else the cloud's
    std::shared_ptr<FakeMachine> machine;
  };

  explicit FakeCloud(Runtime& r) : runtime(r) {}

  Runtime& runtime;
  Duration boot_delay{};      ///< from the create to the first connection
  Duration create_latency{};  ///< of the driver's call
  Duration list_latency{};
  Duration destroy_latency{};
  Duration list_lag{};  ///< from the create until lists show it
  std::string remote_user = "arvados";
  std::optional<std::size_t> quota;                ///< instances, booting ones included
  std::set<std::string> types_without_room;        ///< provider types with an instance_type capacity error
  std::deque<std::optional<Error>> create_errors;  ///< of the next creates, first comes first; nothing = succeed
  std::deque<Error> list_errors;
  std::deque<Error> destroy_errors;
  std::deque<Error> tag_errors;
  bool lose_create_answers = false;    ///< made, but the call never returns
  bool hang_creates = false;           ///< not made, and the call never returns
  std::function<void(Vm&)> on_create;  ///< sees each new one before anybody else
  std::function<std::string(const InstanceType&)> quota_group_of;
  HostKeyVerdict host_key_verdict = HostKeyVerdict::ok;
  std::optional<Error> host_key_error;  ///< the driver's answer instead
  std::vector<InstancePrice> prices;    ///< history of every instance

  std::map<std::string, Vm> vms;                                 ///< by id
  std::map<std::string, std::shared_ptr<FakeMachine>> machines;  ///< by id, destroyed ones too
  std::vector<CreateRequest> creates;                            ///< all calls, in order
  std::vector<std::string> destroys;                             ///< ids, all calls
  std::vector<std::pair<std::string, InstanceTags>> tag_writes;
  std::int64_t lists = 0;  ///< calls
  std::int64_t last_id = 0;

  /// Makes an instance behind the dispatcher's back, booted.
  Vm& add(const std::string& provider_type, InstanceTags tags) {
    Vm vm;
    vm.id = "i-" + std::to_string(++last_id);
    vm.provider_type = provider_type;
    vm.address = "10.0.0." + std::to_string(last_id);
    vm.tags = std::move(tags);
    vm.listed_from = runtime.now();
    vm.machine = std::make_shared<FakeMachine>(runtime);
    machines[vm.id] = vm.machine;
    const std::string id = vm.id;
    return vms[id] = std::move(vm);
  }
  /// The machine, alive or destroyed.
  FakeMachine& machine(const std::string& id) { return *machines.at(id); }
};

/// An instance as one list or create showed it.
class FakeInstance final : public Instance {
 public:
  FakeInstance(std::shared_ptr<FakeCloud> cloud, FakeCloud::Vm vm) : cloud_(std::move(cloud)), vm_(std::move(vm)) {}

  const std::string& id() const override { return vm_.id; }
  const std::string& provider_type() const override { return vm_.provider_type; }
  const std::string& address() const override { return vm_.address; }
  const std::string& remote_user() const override { return cloud_->remote_user; }
  const InstanceTags& tags() const override { return vm_.tags; }
  std::vector<InstancePrice> price_history(const InstanceType& /*type*/) const override { return cloud_->prices; }
  const std::map<std::string, std::string>* local_environment() const override { return nullptr; }
  const std::shared_ptr<FakeMachine>& machine() const { return vm_.machine; }

  awaitable<Result<void>> set_tags(InstanceTags tags) override {
    const auto cloud = cloud_;
    const std::string id = vm_.id;
    cloud->tag_writes.emplace_back(id, tags);
    if (!cloud->tag_errors.empty()) {
      Error error = cloud->tag_errors.front();
      cloud->tag_errors.pop_front();
      co_return fail(std::move(error));
    }
    const auto found = cloud->vms.find(id);
    if (found == cloud->vms.end()) co_return fail(ErrorKind::not_found, "no such instance");
    found->second.tags = std::move(tags);
    co_return Result<void>{};
  }
  awaitable<Result<void>> destroy() override {
    const auto cloud = cloud_;
    const std::string id = vm_.id;
    cloud->destroys.push_back(id);
    co_await cloud->runtime.sleep_for(cloud->destroy_latency);
    if (!cloud->destroy_errors.empty()) {
      Error error = cloud->destroy_errors.front();
      cloud->destroy_errors.pop_front();
      co_return fail(std::move(error));
    }
    const auto found = cloud->vms.find(id);
    if (found != cloud->vms.end()) {
      found->second.machine->unreachable = true;
      cloud->vms.erase(found);
    }
    co_return Result<void>{};
  }
  awaitable<Result<HostKeyVerdict>> verify_host_key(std::string /*key*/) override {
    const auto cloud = cloud_;
    if (cloud->host_key_error) co_return fail(*cloud->host_key_error);
    co_return vm_.host_key_verdict.value_or(cloud->host_key_verdict);
  }

 private:
  std::shared_ptr<FakeCloud> cloud_;
  FakeCloud::Vm vm_;
};

class FakeInstanceSet final : public InstanceSet {
 public:
  explicit FakeInstanceSet(std::shared_ptr<FakeCloud> cloud) : cloud_(std::move(cloud)) {}

  awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) override {
    const auto cloud = cloud_;
    cloud->creates.push_back(request);
    if (cloud->hang_creates) co_await cloud->runtime.sleep_for(std::chrono::hours(24 * 365));
    co_await cloud->runtime.sleep_for(cloud->create_latency);
    if (auto error = create_error(*cloud, request)) co_return fail(std::move(*error));
    FakeCloud::Vm& vm = cloud->add(request.type.provider_type, request.tags);
    vm.listed_from = cloud->runtime.now() + cloud->list_lag;
    vm.machine->boots_at = cloud->runtime.now() + cloud->boot_delay;
    if (cloud->on_create) cloud->on_create(vm);
    std::shared_ptr<Instance> instance = std::make_shared<FakeInstance>(cloud, vm);
    if (cloud->lose_create_answers) co_await cloud->runtime.sleep_for(std::chrono::hours(24 * 365));
    co_return instance;
  }

  awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags filter) override {
    const auto cloud = cloud_;
    ++cloud->lists;
    co_await cloud->runtime.sleep_for(cloud->list_latency);
    if (!cloud->list_errors.empty()) {
      Error error = cloud->list_errors.front();
      cloud->list_errors.pop_front();
      co_return fail(std::move(error));
    }
    std::vector<std::shared_ptr<Instance>> listed;
    for (const auto& [id, vm] : cloud->vms)
      if (vm.listed_from <= cloud->runtime.now() && matches(vm.tags, filter))
        listed.push_back(std::make_shared<FakeInstance>(cloud, vm));
    co_return listed;
  }

  std::string quota_group(const InstanceType& type) const override {
    return cloud_->quota_group_of ? cloud_->quota_group_of(type) : "";
  }
  awaitable<void> stop() override { co_return; }

  FakeCloud& cloud() { return *cloud_; }

 private:
  static bool matches(const InstanceTags& tags, const InstanceTags& filter) {
    for (const auto& [key, value] : filter) {
      const auto found = tags.find(key);
      if (found == tags.end() || found->second != value) return false;
    }
    return true;
  }
  static std::optional<Error> create_error(FakeCloud& cloud, const CreateRequest& request) {
    if (!cloud.create_errors.empty()) {
      auto error = cloud.create_errors.front();
      cloud.create_errors.pop_front();
      if (error) return error;
    }
    if (cloud.quota && cloud.vms.size() >= *cloud.quota) return Error{ErrorKind::quota, "no more instances allowed"};
    if (cloud.types_without_room.contains(request.type.provider_type)) {
      Error error{ErrorKind::capacity, "no room for " + request.type.provider_type};
      error.scope = CapacityScope::instance_type;
      return error;
    }
    return std::nullopt;
  }

  std::shared_ptr<FakeCloud> cloud_;
};

/// Executors for instances of a FakeCloud.
inline std::unique_ptr<Executor> make_fake_executor(const Instance& instance, HostCheck check) {
  return std::make_unique<FakeExecutor>(dynamic_cast<const FakeInstance&>(instance).machine(), std::move(check));
}

}  // namespace berth
