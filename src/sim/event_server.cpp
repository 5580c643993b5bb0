#include "event_server.hpp"

#include <utility>

#include "call.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration very_late = 25s;
constexpr Duration longest_good_time = 10min;  ///< of a connection that will break
constexpr Duration silence = 60s;              ///< after which the client gives a connection up
constexpr Duration deadline = 15s;             ///< of dialling

tl::unexpected<Error> broken() {
  return fail(ErrorKind::network, "the event bus has closed the connection");
}

class SimWebSocket final : public WebSocket {
 public:
  SimWebSocket(SimCore& core, EventServer& server, std::shared_ptr<Link> link)
      : core_(core), server_(server), link_(std::move(link)) {}

  awaitable<Result<std::string>> read() override {
    const WaitingFor waiting(*link_);
    for (;;) {
      if (!stream_->lines.empty()) {
        std::string line = std::move(stream_->lines.front());
        stream_->lines.pop_front();
        co_return line;
      }
      if (stream_->ended) co_return fail(stream_->ended->error());
      co_await stream_->wake.wait();
    }
  }
  /// What a client says first, and only, is that it subscribes.
  awaitable<Result<void>> write(std::string /*message*/) override {
    const Duration travel = core_.chance.draw(core_.options.api.latency) / 2;
    core_.after(travel, [&server = server_, link = link_, weak = std::weak_ptr(stream_)] {
      if (const auto stream = weak.lock(); stream && !link->dead) server.subscribe(stream);
    });
    co_return Result<void>{};
  }
  awaitable<void> close() override { co_return; }

 private:
  SimCore& core_;
  EventServer& server_;
  const std::shared_ptr<Link> link_;
  const std::shared_ptr<LineStream> stream_ = std::make_shared<LineStream>();
};

std::string message(std::int64_t log_id, const std::string& uuid, std::optional<ContainerState> state) {
  std::string text = R"({"id":)" + std::to_string(log_id) + R"(,"object_uuid":")" + uuid + R"(","event_type":"update")";
  if (state) text += R"(,"properties":{"new_attributes":{"state":")" + std::string(to_string(*state)) + R"("}})";
  return text + '}';
}

ContainerState any_state(Chance& chance) {
  return static_cast<ContainerState>(chance.between(std::int64_t{0}, std::int64_t{4}));
}

}  // namespace

WebSocketOpener EventServer::opener(std::shared_ptr<Link> link) {
  return [this, link = std::move(link)](const std::string& /*url*/) { return open(link); };
}

awaitable<Result<std::unique_ptr<WebSocket>>> EventServer::open(std::shared_ptr<Link> link) {
  core_.note(SimEventKind::api_call, {}, {}, "event bus");
  CallRoute route;
  route.there = route.back = core_.chance.draw(core_.options.api.latency) / 2;
  route.give_up = deadline;
  const bool refused = core_.strikes(&SimFaults::bus_refuses);
  if (refused && core_.chance.with(0.5)) route.arrives = false;
  auto effect = [refused]() -> Result<void> {
    if (refused) return fail(ErrorKind::unavailable, "the event bus has a bad day");
    return {};
  };
  const auto opened = co_await answer_of(link, send<void>(core_, link, route, std::move(effect)));
  if (!opened) co_return fail(opened.error());
  co_return std::make_unique<SimWebSocket>(core_, *this, std::move(link));
}

void EventServer::subscribe(const std::shared_ptr<LineStream>& stream) {
  std::erase_if(subscribers_, [](const Subscriber& s) { return s.stream.expired() || s.stream.lock()->ended; });
  deliver(stream, R"({"status":200})", core_.chance.draw(core_.options.api.latency) / 2);
  subscribers_.push_back({stream, SteadyTime::max()});
  if (core_.strikes(&SimFaults::bus_breaks)) plan_break(stream);
}

/// Closed in order, or by a network that is gone: the client finds that out by itself.
void EventServer::plan_break(const std::weak_ptr<LineStream>& stream) {
  Duration until = core_.chance.between(1s, longest_good_time);
  if (core_.chance.with(0.5)) {
    subscribers_.back().silent_from = core_.now() + until;
    until += silence;
  }
  core_.after(until, [stream] {
    if (const auto open = stream.lock()) open->end(broken());
  });
}

void EventServer::deliver(const std::weak_ptr<LineStream>& stream, const std::string& text, Duration delay) {
  core_.after(delay, [stream, text] {
    if (const auto open = stream.lock()) open->put(text);
  });
}

void EventServer::saved(const std::string& uuid, std::optional<ContainerState> state) {
  ++last_log_id_;
  if (subscribers_.empty()) return;
  if (state && core_.strikes(&SimFaults::news_outdated)) state = any_state(core_.chance);
  const std::string text = message(last_log_id_, uuid, state);
  for (const Subscriber& subscriber : subscribers_)
    if (!subscriber.stream.expired()) tell(subscriber, text);
}

void EventServer::tell(const Subscriber& subscriber, const std::string& text) {
  const SimEventBusModel& model = *core_.options.api.event_bus;
  if (core_.chance.with(model.loss) || core_.strikes(&SimFaults::news_lost))
    return core_.note(SimEventKind::fault, {}, {}, "news lost");
  Duration delay = core_.chance.draw(model.latency);
  if (core_.strikes(&SimFaults::news_late)) delay += core_.chance.between(Duration{}, very_late);
  if (core_.now() + delay >= subscriber.silent_from) return;
  if (core_.strikes(&SimFaults::news_garbled))
    return deliver(subscriber.stream, text.substr(0, text.size() / 2), delay);
  deliver(subscriber.stream, text, delay);
  if (core_.strikes(&SimFaults::news_doubled))
    deliver(subscriber.stream, text, delay + core_.chance.between(Duration{}, very_late));
}

}  // namespace berth
