#include "berth/arvados/event_bus.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <utility>

#include <boost/asio/post.hpp>

#include "berth/base/back_off.hpp"
#include "berth/base/deadline.hpp"
#include "berth/base/task_group.hpp"
#include "berth/net/http_client.hpp"

namespace berth {
namespace {

/// The server knows few filters (facts §11); what concerns no container is left out here.
constexpr const char* kSubscribe =
    R"({"method":"subscribe","filters":[["event_type","in",["create","update","delete"]]]})";
/// A connection that lasted for so long was a good one: the next pause is a short one again.
constexpr Duration kGoodTime = std::chrono::seconds(30);
/// So many messages in a row that cannot be read end the connection.
constexpr int kMostMalformed = 1000;

std::string dialled(const EventBusOptions& options) {
  std::string url = options.url;
  if (url.starts_with("http")) url.replace(0, 4, "ws");
  url += url.find('?') == std::string::npos ? '?' : '&';
  return url + "api_token=" + form_encode(options.token);
}

}  // namespace

class EventBus::Impl {
 public:
  Impl(Runtime& runtime, Logger log, Metrics& metrics, EventBusOptions options, Listener listener, WebSocketOpener open)
      : tasks(runtime.make_strand()),
        runtime_(runtime),
        log_(std::move(log)),
        options_(std::move(options)),
        listener_(std::move(listener)),
        open_(std::move(open)),
        pause_(options_.first_retry, options_.longest_retry),
        connected_(metrics.gauge("berth_event_bus_connected", "1 while changes are told by the event bus, else 0.")),
        connections_(metrics.counter("berth_event_bus_connections_total", "Subscriptions that the event bus granted.")),
        changes_(counter(metrics, "change")),
        others_(counter(metrics, "other")),
        malformed_(counter(metrics, "malformed")) {}

  TaskGroup tasks;

  static awaitable<void> end(std::shared_ptr<Impl> self) {
    co_await self->tasks.stop();
    self->connected_.Set(0);
  }

  awaitable<void> run() {
    for (;;) {
      const SteadyTime began = runtime_.now();
      const Error error = co_await talk();
      connected_.Set(0);
      if (runtime_.now() - began >= kGoodTime) pause_.reset();
      const Duration pause = pause_.after_failure(runtime_.random());
      if (!std::exchange(complained_, true))
        log_.warn("no events: containers are found by polling until the event bus is back", {{"error", error.message}});
      co_await runtime_.sleep_for(pause);
    }
  }

 private:
  static prometheus::Counter& counter(Metrics& metrics, const char* kind) {
    return metrics.counter(
        "berth_event_bus_messages_total",
        "Messages of the event bus: changes of containers and container requests, others, malformed.",
        {{"kind", kind}});
  }

  /// One connection, to its end.
  awaitable<Error> talk() {
    auto socket = co_await open_(dialled(options_));
    if (!socket) co_return socket.error();
    auto subscribed = co_await with_deadline(runtime_, options_.answer_deadline, subscribe(**socket));
    if (!subscribed) co_return subscribed.error();
    malformed_in_a_row_ = 0;
    connections_.Increment();
    connected_.Set(1);
    if (std::exchange(complained_, false)) log_.info("the event bus is back");
    listener_.on_connected();
    for (;;) {
      auto message = co_await (*socket)->read();
      if (!message) co_return message.error();
      (void)take(*message);
      if (malformed_in_a_row_ >= kMostMalformed)
        co_return Error{ErrorKind::undecodable, "the event bus sends what cannot be read"};
    }
  }

  /// Events may come before the answer.
  awaitable<Result<void>> subscribe(WebSocket& socket) {
    if (auto sent = co_await socket.write(kSubscribe); !sent) co_return sent;
    for (;;) {
      auto message = co_await socket.read();
      if (!message) co_return fail(message.error());
      const auto status = take(*message);
      if (status == 200) co_return Result<void>{};
      if (status != 0)
        co_return fail(ErrorKind::failed,
                       "the event bus refuses to be subscribed to: status " + std::to_string(status));
    }
  }

  /// The status of an answer, else 0. What cannot be read is counted: a poll will find what it meant to say.
  std::int64_t take(const std::string& text) {
    auto message = parse_bus_message(text);
    if (!message) {
      malformed_.Increment();
      ++malformed_in_a_row_;
      log_.debug("malformed message of the event bus", {{"error", message.error().message}});
      return 0;
    }
    malformed_in_a_row_ = 0;
    const bool changed = message->kind == BusMessage::Kind::change;
    (changed ? changes_ : others_).Increment();
    if (changed) listener_.on_change(std::move(message->change));
    return message->kind == BusMessage::Kind::answer ? message->status : 0;
  }

  Runtime& runtime_;
  const Logger log_;
  const EventBusOptions options_;
  const Listener listener_;
  const WebSocketOpener open_;
  BackOff pause_;
  bool complained_ = false;
  int malformed_in_a_row_ = 0;
  prometheus::Gauge& connected_;
  prometheus::Counter& connections_;
  prometheus::Counter& changes_;
  prometheus::Counter& others_;
  prometheus::Counter& malformed_;
};

EventBus::EventBus(Runtime& runtime, Logger log, Metrics& metrics, EventBusOptions options, Listener listener,
                   WebSocketOpener open) {
  if (!open)
    open = [&runtime, socket = options.socket](std::string url) {
      return open_websocket(runtime, std::move(url), socket);
    };
  impl_ = std::make_shared<Impl>(runtime, std::move(log), metrics, std::move(options), std::move(listener),
                                 std::move(open));
}
EventBus::~EventBus() = default;

void EventBus::start() {
  asio::post(impl_->tasks.executor(), [impl = impl_] { impl->tasks.spawn(impl->run()); });
}

awaitable<void> EventBus::stop() {
  return call_on(impl_->tasks.executor(), Impl::end(impl_));
}

}  // namespace berth
