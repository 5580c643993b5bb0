#include "lease_gate.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace berth {
namespace {

tl::unexpected<Error> refusal() {
  return fail(ErrorKind::unavailable, "this dispatcher is not the active one");
}

/// A coroutine, so that the question is asked when the operation begins, not when it is made.
template <class T>
awaitable<Result<T>> in_term(const LeaseTerm& term, awaitable<Result<T>> operation) {
  if (!term.lasts()) co_return refusal();
  co_return co_await std::move(operation);
}

class GatedApi final : public ContainerApi {
 public:
  GatedApi(ContainerApi& api, const LeaseTerm& term) : api_(api), term_(term) {}
  awaitable<Result<std::string>> current_token_uuid() override { return api_.current_token_uuid(); }
  awaitable<Result<std::vector<Container>>> list_containers(ContainerQuery query) override {
    return api_.list_containers(std::move(query));
  }
  awaitable<Result<std::vector<ModifiedRecord>>> list_modified(ModifiedQuery query) override {
    return api_.list_modified(std::move(query));
  }
  awaitable<Result<FinishedPage>> list_finished(FinishedQuery query) override { return api_.list_finished(query); }
  awaitable<Result<std::map<std::string, Mount>>> get_mounts(std::string uuid) override {
    return api_.get_mounts(std::move(uuid));
  }
  awaitable<Result<ContainerUpdate>> lock(std::string uuid) override {
    return in_term(term_, api_.lock(std::move(uuid)));
  }
  awaitable<Result<ContainerUpdate>> unlock(std::string uuid) override {
    return in_term(term_, api_.unlock(std::move(uuid)));
  }
  awaitable<Result<ContainerUpdate>> cancel(std::string uuid) override {
    return in_term(term_, api_.cancel(std::move(uuid)));
  }
  awaitable<Result<void>> set_runtime_error(std::string uuid, std::string text) override {
    return in_term(term_, api_.set_runtime_error(std::move(uuid), std::move(text)));
  }
  awaitable<Result<ContainerState>> get_state(std::string uuid) override { return api_.get_state(std::move(uuid)); }
  std::optional<SteadyTime> last_503() const override { return api_.last_503(); }

 private:
  ContainerApi& api_;
  const LeaseTerm& term_;
};

class GatedInstance final : public Instance {
 public:
  GatedInstance(std::shared_ptr<Instance> instance, const LeaseTerm& term)
      : instance_(std::move(instance)), term_(term) {}
  const std::string& id() const override { return instance_->id(); }
  const std::string& provider_type() const override { return instance_->provider_type(); }
  const std::string& address() const override { return instance_->address(); }
  const std::string& remote_user() const override { return instance_->remote_user(); }
  const InstanceTags& tags() const override { return instance_->tags(); }
  std::vector<InstancePrice> price_history(const InstanceType& type) const override {
    return instance_->price_history(type);
  }
  awaitable<Result<void>> set_tags(InstanceTags tags) override {
    return in_term(term_, instance_->set_tags(std::move(tags)));
  }
  awaitable<Result<void>> destroy() override { return in_term(term_, instance_->destroy()); }
  awaitable<Result<HostKeyVerdict>> verify_host_key(std::string key) override {
    return instance_->verify_host_key(std::move(key));
  }
  const std::map<std::string, std::string>* local_environment() const override {
    return instance_->local_environment();
  }
  const Instance& inner() const { return *instance_; }

 private:
  const std::shared_ptr<Instance> instance_;
  const LeaseTerm& term_;
};

class GatedInstanceSet final : public InstanceSet {
 public:
  GatedInstanceSet(InstanceSet& set, const LeaseTerm& term) : set_(set), term_(term) {}
  awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) override {
    auto created = co_await in_term(term_, set_.create(std::move(request)));
    if (created && *created) *created = std::make_shared<GatedInstance>(std::move(*created), term_);
    co_return created;
  }
  awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags filter) override {
    auto listed = co_await set_.instances(std::move(filter));
    if (listed) gate_all(*listed);
    co_return listed;
  }
  std::string quota_group(const InstanceType& type) const override { return set_.quota_group(type); }
  awaitable<void> stop() override { return set_.stop(); }

 private:
  /// What the driver lists once more, as the same object and in the same order, stays the same object here.
  void gate_all(std::vector<std::shared_ptr<Instance>>& instances) {
    constexpr std::ptrdiff_t most_gone = 16;  // in a row
    std::vector<std::shared_ptr<GatedInstance>> shown;
    shown.reserve(instances.size());
    auto next = shown_.begin();
    for (auto& instance : instances) {
      const auto end = next + std::min(shown_.end() - next, most_gone);
      const auto same = std::find_if(next, end, [&](const auto& known) { return &known->inner() == instance.get(); });
      shown.push_back(same == end ? std::make_shared<GatedInstance>(std::move(instance), term_) : *same);
      if (same != end) next = same + 1;
      instance = shown.back();
    }
    shown_ = std::move(shown);
  }

  InstanceSet& set_;
  const LeaseTerm& term_;
  std::vector<std::shared_ptr<GatedInstance>> shown_;  // by the last list
};

class GatedExecutor final : public Executor {
 public:
  GatedExecutor(std::unique_ptr<Executor> executor, const LeaseTerm& term)
      : executor_(std::move(executor)), term_(term) {}
  awaitable<Result<CommandOutput>> execute(Command command) override {
    return in_term(term_, executor_->execute(std::move(command)));
  }
  awaitable<Result<int>> stream(Command command, std::function<void(std::string_view)> on_line) override {
    return in_term(term_, executor_->stream(std::move(command), std::move(on_line)));
  }
  void set_address(std::string address) override { executor_->set_address(std::move(address)); }
  void close() override { executor_->close(); }

 private:
  const std::unique_ptr<Executor> executor_;
  const LeaseTerm& term_;
};

}  // namespace

std::unique_ptr<ContainerApi> gate(ContainerApi& api, const LeaseTerm& term) {
  return std::make_unique<GatedApi>(api, term);
}
std::unique_ptr<InstanceSet> gate(InstanceSet& instances, const LeaseTerm& term) {
  return std::make_unique<GatedInstanceSet>(instances, term);
}
ExecutorFactory gate(ExecutorFactory executors, const LeaseTerm& term) {
  return [executors = std::move(executors), &term](const Instance& instance,
                                                   HostCheck check) -> std::unique_ptr<Executor> {
    const auto* gated = dynamic_cast<const GatedInstance*>(&instance);  // the factory gets what the driver made
    return std::make_unique<GatedExecutor>(executors(gated ? gated->inner() : instance, std::move(check)), term);
  };
}

}  // namespace berth
