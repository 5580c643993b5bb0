#include "sim_instances.hpp"

#include "call.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration driver_deadline = 60s;
constexpr Duration latest = 40s;

/// One call to the cloud: half of its time before it takes effect.
CallRoute cloud_route(SimCore& core, const DelayModel& time) {
  const Duration whole = core.chance.draw(time);
  CallRoute route;
  route.there = route.back = whole / 2;
  route.give_up = driver_deadline;
  if (core.strikes(&SimFaults::cloud_slow))
    (core.chance.with(0.5) ? route.there : route.back) += core.chance.between(Duration(0s), latest);
  return route;
}

/// The same, of a call that may be lost, or its answer.
CallRoute lossy_route(SimCore& core, const DelayModel& time) {
  CallRoute route = cloud_route(core, time);
  if (core.strikes(&SimFaults::cloud_lost)) (core.chance.with(0.5) ? route.arrives : route.answered) = false;
  return route;
}

/// Lists that show the same tags share them.
std::shared_ptr<const InstanceTags> shown_tags(SimVm& vm) {
  if (!vm.shown_tags) vm.shown_tags = std::make_shared<const InstanceTags>(vm.tags);
  return vm.shown_tags;
}

/// An instance as one create or list showed it.
class SimInstance final : public Instance {
 public:
  SimInstance(SimCore& core, SimCloud& cloud, SimWatcher& watcher, std::shared_ptr<Link> link,
              std::shared_ptr<SimVm> vm)
      : core_(core),
        cloud_(cloud),
        watcher_(watcher),
        link_(std::move(link)),
        vm_(std::move(vm)),
        tags_(shown_tags(*vm_)) {}

  const std::string& id() const override { return vm_->id; }
  const std::string& provider_type() const override { return vm_->type->provider_type; }
  const std::string& address() const override { return vm_->address; }
  const std::string& remote_user() const override { return user_; }
  const InstanceTags& tags() const override { return *tags_; }
  std::vector<InstancePrice> price_history(const InstanceType& type) const override {
    if (!type.preemptible) return {};
    return {InstancePrice{core_.wall_begin, type.price}};
  }
  const std::map<std::string, std::string>* local_environment() const override { return nullptr; }

  awaitable<Result<void>> set_tags(InstanceTags tags) override {
    watcher_.cloud_called(*link_);
    watcher_.acts(*link_, "set_tags", vm_->id);
    watcher_.touches(*link_, *vm_);
    const bool fails = core_.strikes(&SimFaults::tags_failed);
    const CallRoute route = lossy_route(core_, core_.options.cloud.list);
    if (fails || !route.arrives || !route.answered) watcher_.tags_fail(*vm_);
    auto effect = [&core = core_, vm = vm_, tags = std::move(tags), fails]() -> Result<void> {
      if (fails) return fail(ErrorKind::failed, "the cloud has a bad day");
      if (vm->ended) return fail(ErrorKind::not_found, "no such instance");
      vm->tags = tags;
      vm->shown_tags.reset();
      core.note(SimEventKind::tags_written, {}, vm->id);
      return {};
    };
    co_return co_await call(std::move(effect), route);
  }

  awaitable<Result<void>> destroy() override {
    watcher_.cloud_called(*link_);
    watcher_.acts(*link_, "destroy", vm_->id);
    watcher_.touches(*link_, *vm_);
    watcher_.destroy_sent(*link_, *vm_);
    const bool fails = core_.strikes(&SimFaults::destroy_failed);
    const bool lost = core_.strikes(&SimFaults::destroy_lost);
    auto effect = [&cloud = cloud_, vm = vm_, fails, lost]() -> Result<void> {
      if (fails) return fail(ErrorKind::failed, "the cloud has a bad day");
      if (!lost) cloud.destroy(vm);
      return {};
    };
    co_return co_await call(std::move(effect), lossy_route(core_, core_.options.cloud.destroy));
  }

  awaitable<Result<HostKeyVerdict>> verify_host_key(std::string /*key*/) override {
    co_return HostKeyVerdict::not_implemented;
  }

 private:
  awaitable<Result<void>> call(std::function<Result<void>()> effect, const CallRoute& route) {
    return answer_of(link_, send<void>(core_, link_, route, std::move(effect)));
  }

  SimCore& core_;
  SimCloud& cloud_;
  SimWatcher& watcher_;
  const std::shared_ptr<Link> link_;
  const std::shared_ptr<SimVm> vm_;
  const std::shared_ptr<const InstanceTags> tags_;
  const std::string user_ = "admin";
};

class SimInstanceSet final : public InstanceSet {
 public:
  SimInstanceSet(SimCore& core, SimCloud& cloud, SimWatcher& watcher, std::shared_ptr<Link> link)
      : core_(core), cloud_(cloud), watcher_(watcher), link_(std::move(link)) {}

  awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) override {
    watcher_.cloud_called(*link_);
    watcher_.acts(*link_, "create", request.type.name);
    CallRoute route = cloud_route(core_, core_.options.cloud.create);
    if (core_.strikes(&SimFaults::create_lost)) {
      route.answered = false;
      route.loss = Error{ErrorKind::network, "connection reset"};
    }
    auto effect = [&cloud = cloud_, link = link_, request = std::move(request)] {
      return cloud.create(request, *link);
    };
    auto made = co_await answer_of(link_, send<std::shared_ptr<SimVm>>(core_, link_, route, std::move(effect)));
    if (!made) co_return fail(made.error());
    co_return shown(*made);
  }

  awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags filter) override {
    using Page = std::vector<std::shared_ptr<SimVm>>;
    watcher_.cloud_called(*link_);
    core_.note(SimEventKind::api_call, {}, {}, "instances");
    const bool fails = core_.strikes(&SimFaults::list_failed);
    auto effect = [&cloud = cloud_, filter = std::move(filter), fails]() -> Result<Page> {
      if (fails) return fail(ErrorKind::failed, "the cloud has a bad day");
      return cloud.listed(filter);
    };
    const CallRoute route = lossy_route(core_, core_.options.cloud.list);
    const auto page = co_await answer_of(link_, send<Page>(core_, link_, route, std::move(effect)));
    if (!page) co_return fail(page.error());
    std::vector<std::shared_ptr<Instance>> out;
    for (const auto& vm : *page) out.push_back(shown(vm));
    watcher_.list_answered(*link_, *page);
    co_return out;
  }

  std::string quota_group(const InstanceType& type) const override { return type.preemptible ? "spot" : "standard"; }
  awaitable<void> stop() override { co_return; }

 private:
  /// The same object as long as it shows the same.
  std::shared_ptr<Instance> shown(const std::shared_ptr<SimVm>& vm) {
    if (auto known = vm->shown_tags && vm->shown_to == link_->number ? vm->shown.lock() : nullptr) return known;
    auto instance = std::make_shared<SimInstance>(core_, cloud_, watcher_, link_, vm);
    vm->shown = instance;
    vm->shown_to = link_->number;
    return instance;
  }

  SimCore& core_;
  SimCloud& cloud_;
  SimWatcher& watcher_;
  const std::shared_ptr<Link> link_;
};

/// The set as the pool sees it, wrappers and all: tells of its decisions.
class WatchedSet final : public InstanceSet {
 public:
  WatchedSet(SimCloud& cloud, SimWatcher& watcher, std::shared_ptr<Link> link, std::unique_ptr<InstanceSet> inner)
      : cloud_(cloud), watcher_(watcher), link_(std::move(link)), inner_(std::move(inner)) {}

  awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) override {
    struct Ended {
      SimWatcher& watcher;
      const std::shared_ptr<Link> link;
      const std::string secret;
      ~Ended() { watcher.create_ended(*link, secret); }
    } ended{watcher_, link_, secret_of(request.tags)};
    watcher_.create_begun(*link_, request);
    const InstanceType type = request.type;
    auto made = co_await inner_->create(std::move(request));
    const auto vm = made ? cloud_.find((*made)->id()) : nullptr;
    watcher_.create_answered(*link_, type, vm.get(), made ? nullptr : &made.error());
    co_return made;
  }
  awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags filter) override {
    watcher_.list_begun(*link_);
    return inner_->instances(std::move(filter));
  }
  std::string quota_group(const InstanceType& type) const override { return inner_->quota_group(type); }
  awaitable<void> stop() override { return inner_->stop(); }

 private:
  SimCloud& cloud_;
  SimWatcher& watcher_;
  const std::shared_ptr<Link> link_;
  const std::unique_ptr<InstanceSet> inner_;
};

}  // namespace

std::string secret_of(const InstanceTags& tags) {
  const auto found = tags.find("ArvadosInstanceSecret");
  return found == tags.end() ? std::string() : found->second;
}

std::unique_ptr<InstanceSet> watch_decisions(SimCloud& cloud, SimWatcher& watcher, std::shared_ptr<Link> link,
                                             std::unique_ptr<InstanceSet> wrapped) {
  return std::make_unique<WatchedSet>(cloud, watcher, std::move(link), std::move(wrapped));
}

std::unique_ptr<InstanceSet> make_sim_instances(SimCore& core, SimCloud& cloud, SimWatcher& watcher,
                                                std::shared_ptr<Link> link) {
  return std::make_unique<SimInstanceSet>(core, cloud, watcher, std::move(link));
}

}  // namespace berth
