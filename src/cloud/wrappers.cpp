#include <algorithm>
#include <array>
#include <mutex>
#include <prometheus/counter.h>
#include <utility>

#include "berth/cloud/driver.hpp"

namespace berth {
namespace {

/// Passes everything on to another instance.
class ForwardingInstance : public Instance {
 public:
  explicit ForwardingInstance(std::shared_ptr<Instance> inner) : inner_(std::move(inner)) {}
  const std::string& id() const override { return inner_->id(); }
  const std::string& provider_type() const override { return inner_->provider_type(); }
  const std::string& address() const override { return inner_->address(); }
  const std::string& remote_user() const override { return inner_->remote_user(); }
  const InstanceTags& tags() const override { return inner_->tags(); }
  std::vector<InstancePrice> price_history(const InstanceType& type) const override {
    return inner_->price_history(type);
  }
  awaitable<Result<void>> set_tags(InstanceTags tags) override { return inner_->set_tags(std::move(tags)); }
  awaitable<Result<void>> destroy() override { return inner_->destroy(); }
  awaitable<Result<HostKeyVerdict>> verify_host_key(std::string key) override {
    return inner_->verify_host_key(std::move(key));
  }
  const std::map<std::string, std::string>* local_environment() const override { return inner_->local_environment(); }

 protected:
  std::shared_ptr<Instance> inner_;
};

/// Passes everything on to another set.
class ForwardingSet : public InstanceSet {
 public:
  explicit ForwardingSet(std::unique_ptr<InstanceSet> inner) : inner_(std::move(inner)) {}
  awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) override {
    return inner_->create(std::move(request));
  }
  awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags filter) override {
    return inner_->instances(std::move(filter));
  }
  std::string quota_group(const InstanceType& type) const override { return inner_->quota_group(type); }
  awaitable<void> stop() override { return inner_->stop(); }

 protected:
  std::unique_ptr<InstanceSet> inner_;
};

/// `driver_operations` (facts §10); all eight series exist from the start.
class OperationCounters {
 public:
  enum Operation { create_op, list_op, destroy_op, set_tags_op };

  explicit OperationCounters(Metrics& metrics) {
    constexpr std::array operations = {"Create", "List", "Destroy", "SetTags"};
    for (std::size_t i = 0; i < operations.size(); ++i)
      for (std::size_t error = 0; error < 2; ++error)
        counters_[i][error] = &metrics.counter("arvados_dispatchcloud_driver_operations",
                                               "Number of instance-create/destroy/list/set-tags operations.",
                                               {{"operation", operations[i]}, {"error", error == 0 ? "0" : "1"}});
  }
  template <class T>
  Result<T> count(Operation operation, Result<T> result) {
    counters_[operation][result ? 0 : 1]->Increment();
    return result;
  }

 private:
  std::array<std::array<prometheus::Counter*, 2>, 4> counters_{};
};

class CountedInstance final : public ForwardingInstance {
 public:
  CountedInstance(std::shared_ptr<Instance> inner, std::shared_ptr<OperationCounters> counters)
      : ForwardingInstance(std::move(inner)), counters_(std::move(counters)) {}
  awaitable<Result<void>> set_tags(InstanceTags tags) override {
    co_return counters_->count(OperationCounters::set_tags_op, co_await inner_->set_tags(std::move(tags)));
  }
  awaitable<Result<void>> destroy() override {
    co_return counters_->count(OperationCounters::destroy_op, co_await inner_->destroy());
  }

 private:
  std::shared_ptr<OperationCounters> counters_;
};

class CountedSet final : public ForwardingSet {
 public:
  CountedSet(std::unique_ptr<InstanceSet> inner, Metrics& metrics)
      : ForwardingSet(std::move(inner)), counters_(std::make_shared<OperationCounters>(metrics)) {}
  awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) override {
    auto created = counters_->count(OperationCounters::create_op, co_await inner_->create(std::move(request)));
    if (created) *created = std::make_shared<CountedInstance>(std::move(*created), counters_);
    co_return created;
  }
  awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags filter) override {
    auto listed = counters_->count(OperationCounters::list_op, co_await inner_->instances(std::move(filter)));
    if (!listed) co_return listed;
    for (auto& instance : *listed) instance = std::make_shared<CountedInstance>(std::move(instance), counters_);
    co_return listed;
  }

 private:
  std::shared_ptr<OperationCounters> counters_;
};

/// Refuses what changes the cloud while it may not be changed, whatever waited before (WrapperOptions::may_act).
using MayAct = std::function<bool()>;

tl::unexpected<Error> not_active() {
  return fail(ErrorKind::unavailable, "this dispatcher is not the active one");
}

class GuardedInstance final : public ForwardingInstance {
 public:
  GuardedInstance(std::shared_ptr<Instance> inner, MayAct may_act)
      : ForwardingInstance(std::move(inner)), may_act_(std::move(may_act)) {}
  awaitable<Result<void>> set_tags(InstanceTags tags) override {
    if (!may_act_()) co_return not_active();
    co_return co_await inner_->set_tags(std::move(tags));
  }
  awaitable<Result<void>> destroy() override {
    if (!may_act_()) co_return not_active();
    co_return co_await inner_->destroy();
  }

 private:
  const MayAct may_act_;
};

class GuardedSet final : public ForwardingSet {
 public:
  GuardedSet(std::unique_ptr<InstanceSet> inner, MayAct may_act)
      : ForwardingSet(std::move(inner)), may_act_(std::move(may_act)) {}
  awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) override {
    if (!may_act_()) co_return not_active();
    auto created = co_await inner_->create(std::move(request));
    if (created) *created = std::make_shared<GuardedInstance>(std::move(*created), may_act_);
    co_return created;
  }
  awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags filter) override {
    auto listed = co_await inner_->instances(std::move(filter));
    if (!listed) co_return listed;
    for (auto& instance : *listed) instance = std::make_shared<GuardedInstance>(std::move(instance), may_act_);
    co_return listed;
  }

 private:
  const MayAct may_act_;
};

/// Lets one caller through every 1/n s, in the order in which they came. Thread-safe.
class Ticker {
 public:
  Ticker(Runtime& runtime, std::int64_t per_second)
      : runtime_(runtime), interval_(Duration(std::chrono::seconds(1)) / per_second) {}
  awaitable<void> wait() { co_await runtime_.sleep_until(take_slot()); }

 private:
  SteadyTime take_slot() {
    const std::lock_guard lock(mutex_);
    const SteadyTime slot = std::max(next_, runtime_.now());
    next_ = slot + interval_;
    return slot;
  }

  Runtime& runtime_;
  const Duration interval_;
  std::mutex mutex_;
  SteadyTime next_{};
};

class LimitedInstance final : public ForwardingInstance {
 public:
  LimitedInstance(std::shared_ptr<Instance> inner, std::shared_ptr<Ticker> ticker)
      : ForwardingInstance(std::move(inner)), ticker_(std::move(ticker)) {}
  awaitable<Result<void>> set_tags(InstanceTags tags) override {
    co_await ticker_->wait();
    co_return co_await inner_->set_tags(std::move(tags));
  }
  awaitable<Result<void>> destroy() override {
    co_await ticker_->wait();
    co_return co_await inner_->destroy();
  }

 private:
  std::shared_ptr<Ticker> ticker_;
};

class LimitedSet final : public ForwardingSet {
 public:
  LimitedSet(std::unique_ptr<InstanceSet> inner, Runtime& runtime, std::int64_t per_second)
      : ForwardingSet(std::move(inner)), ticker_(std::make_shared<Ticker>(runtime, per_second)) {}
  awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) override {
    co_await ticker_->wait();
    auto created = co_await inner_->create(std::move(request));
    if (created) *created = std::make_shared<LimitedInstance>(std::move(*created), ticker_);
    co_return created;
  }
  awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags filter) override {
    co_await ticker_->wait();
    auto listed = co_await inner_->instances(std::move(filter));
    if (!listed) co_return listed;
    for (auto& instance : *listed) instance = std::make_shared<LimitedInstance>(std::move(instance), ticker_);
    co_return listed;
  }

 private:
  std::shared_ptr<Ticker> ticker_;
};

class DefaultTagsSet final : public ForwardingSet {
 public:
  DefaultTagsSet(std::unique_ptr<InstanceSet> inner, InstanceTags defaults)
      : ForwardingSet(std::move(inner)), defaults_(std::move(defaults)) {}
  awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) override {
    request.tags.insert(defaults_.begin(), defaults_.end());
    return inner_->create(std::move(request));
  }

 private:
  InstanceTags defaults_;
};

class FilteredSet final : public ForwardingSet {
 public:
  FilteredSet(std::unique_ptr<InstanceSet> inner, InstanceTags filter)
      : ForwardingSet(std::move(inner)), filter_(std::move(filter)) {}
  awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags filter) override {
    filter.insert(filter_.begin(), filter_.end());
    InstanceTags asked = filter;
    auto listed = co_await inner_->instances(std::move(asked));
    if (listed) std::erase_if(*listed, [&](const auto& instance) { return !matches(instance->tags(), filter); });
    co_return listed;
  }

 private:
  static bool matches(const InstanceTags& tags, const InstanceTags& filter) {
    return std::ranges::all_of(filter, [&](const auto& wanted) {
      const auto found = tags.find(wanted.first);
      return found != tags.end() && found->second == wanted.second;
    });
  }

  InstanceTags filter_;
};

}  // namespace

std::unique_ptr<InstanceSet> wrap_instance_set(Runtime& runtime, Metrics& metrics, std::unique_ptr<InstanceSet> inner,
                                               WrapperOptions options) {
  std::unique_ptr<InstanceSet> set = std::make_unique<CountedSet>(std::move(inner), metrics);
  if (options.may_act) set = std::make_unique<GuardedSet>(std::move(set), std::move(options.may_act));
  if (options.max_ops_per_second > 0)
    set = std::make_unique<LimitedSet>(std::move(set), runtime, options.max_ops_per_second);
  set = std::make_unique<DefaultTagsSet>(std::move(set), std::move(options.default_tags));
  return std::make_unique<FilteredSet>(std::move(set), std::move(options.filter));
}

}  // namespace berth
