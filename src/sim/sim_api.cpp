#include "sim_api.hpp"

#include "call.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration very_slow = 25s;
constexpr std::string_view extra = "finished";  ///< nothing depends on it: a 503 to it slows nothing down

class SimApi final : public ContainerApi {
 public:
  SimApi(SimCore& core, RecordStore& store, SimWatcher& watcher, std::shared_ptr<Link> link)
      : core_(core), store_(store), watcher_(watcher), link_(std::move(link)) {}

  awaitable<Result<std::string>> current_token_uuid() override {
    return call<std::string>("token", {}, [&store = store_]() -> Result<std::string> { return store.token_uuid; });
  }
  awaitable<Result<std::vector<Container>>> list_containers(ContainerQuery query) override {
    std::optional<Duration> stale;
    if (core_.strikes(&SimFaults::list_stale)) stale = core_.chance.between(Duration{}, longest_stale);
    auto effect = [&store = store_, query = std::move(query), stale, asked = core_.now()] {
      return stale ? store.list_as_of(query, asked - *stale) : store.list(query);
    };
    return call<std::vector<Container>>("list", {}, std::move(effect));
  }
  awaitable<Result<std::vector<ModifiedRecord>>> list_modified(ModifiedQuery query) override {
    return call<std::vector<ModifiedRecord>>(
        "modified", {}, [&store = store_, query = std::move(query)] { return store.list_modified(query); });
  }
  awaitable<Result<FinishedPage>> list_finished(FinishedQuery query) override {
    return call<FinishedPage>(extra, {}, [&store = store_, query] { return store.list_finished(query); });
  }
  awaitable<Result<std::map<std::string, Mount>>> get_mounts(std::string uuid) override {
    return call<std::map<std::string, Mount>>("mounts", uuid, [&store = store_, uuid] { return store.mounts(uuid); });
  }
  awaitable<Result<ContainerUpdate>> lock(std::string uuid) override {
    return call<ContainerUpdate>("lock", uuid, [&store = store_, uuid] { return store.lock(uuid); });
  }
  awaitable<Result<ContainerUpdate>> unlock(std::string uuid) override {
    return call<ContainerUpdate>("unlock", uuid, [&store = store_, uuid] { return store.unlock(uuid); });
  }
  awaitable<Result<ContainerUpdate>> cancel(std::string uuid) override {
    return call<ContainerUpdate>("cancel", uuid, [&store = store_, uuid] { return store.cancel(uuid); });
  }
  awaitable<Result<void>> set_runtime_error(std::string uuid, std::string text) override {
    return call<void>("error", uuid,
                      [&store = store_, uuid, text = std::move(text)] { return store.set_error(uuid, text); });
  }
  awaitable<Result<ContainerState>> get_state(std::string uuid) override {
    return call<ContainerState>("state", uuid, [&store = store_, uuid] { return store.state(uuid); });
  }
  std::optional<SteadyTime> last_503() const override { return link_->last_503; }

 private:
  struct Ended {
    SimWatcher& watcher;
    const Link& link;
    const std::string_view verb;
    const std::string& uuid;
    ~Ended() { watcher.call_ended(link, verb, uuid); }
  };
  /// `verb` is a literal. Nothing is sent before the caller waits.
  template <class T>
  awaitable<Result<T>> call(std::string_view verb, std::string uuid, std::function<Result<T>()> effect) {
    const Ended ended{watcher_, *link_, verb, uuid};
    if (changes_something(verb)) watcher_.acts(*link_, verb, uuid);
    core_.note(SimEventKind::api_call, uuid, {}, verb);
    auto result = co_await answer_of(link_, send<T>(core_, link_, route(), with_failures<T>(std::move(effect))));
    if (!result && result.error().kind == ErrorKind::unavailable && verb != extra) link_->last_503 = core_.now();
    co_return result;
  }
  static bool changes_something(std::string_view verb) {
    return verb == "lock" || verb == "unlock" || verb == "cancel" || verb == "error";
  }

  CallRoute route() {
    CallRoute route;
    route.there = core_.chance.draw(core_.options.api.latency) / 2;
    route.back = route.there;
    route.give_up = core_.options.api.deadline;
    if (core_.strikes(&SimFaults::api_slow))
      (core_.chance.with(0.5) ? route.there : route.back) += core_.chance.between(Duration{}, very_slow);
    if (core_.strikes(&SimFaults::api_timeout)) route.arrives = false;
    if (core_.strikes(&SimFaults::api_lost_answer)) {
      route.answered = false;
      if (core_.chance.with(0.5)) {  // the connection breaks
        route.give_up = route.there + route.back;
        route.loss = Error{ErrorKind::network, "connection reset"};
      }
    }
    return route;
  }

  /// What the server says instead.
  template <class T>
  std::function<Result<T>()> with_failures(std::function<Result<T>()> effect) {
    if (core_.strikes(&SimFaults::api_error)) return refusal<T>(ErrorKind::server_error, 500);
    if (core_.strikes(&SimFaults::api_unavailable)) return refusal<T>(ErrorKind::unavailable, 503);
    if (core_.strikes(&SimFaults::api_garbled))
      return [effect = std::move(effect)]() -> Result<T> {
        (void)effect();
        return fail(ErrorKind::undecodable, "the answer is no JSON");
      };
    return effect;
  }
  template <class T>
  static std::function<Result<T>()> refusal(ErrorKind kind, int status) {
    Error error{kind, "the server has a bad day"};
    error.http_status = status;
    return [error]() -> Result<T> { return fail(error); };
  }

  SimCore& core_;
  RecordStore& store_;
  SimWatcher& watcher_;
  const std::shared_ptr<Link> link_;
};

}  // namespace

std::unique_ptr<ContainerApi> make_sim_api(SimCore& core, RecordStore& store, SimWatcher& watcher,
                                           std::shared_ptr<Link> link) {
  return std::make_unique<SimApi>(core, store, watcher, std::move(link));
}

}  // namespace berth
