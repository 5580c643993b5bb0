#include "event_session.hpp"

#include <algorithm>
#include <deque>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "subscriptions.hpp"

namespace berth {
namespace {

constexpr Duration kKeepAlive = std::chrono::seconds(60);  // API.SendTimeout
constexpr std::size_t kMostAnswers = 64;

/// Both loops run on one strand.
class EventSession {
 public:
  EventSession(ApiContextPtr api, bool may_read, WebSocket& socket)
      : api_(std::move(api)), may_read_(may_read), socket_(socket), events_(api_->store->events().follow()) {
    ++api_->event_sessions;
    if (!may_read_) ++api_->tokenless_sessions;
  }
  ~EventSession() {
    --api_->event_sessions;
    if (!may_read_) --api_->tokenless_sessions;
  }
  EventSession(const EventSession&) = delete;
  EventSession& operator=(const EventSession&) = delete;

  awaitable<void> read() {
    for (;;) {
      const auto message = co_await socket_.read();
      if (!message || answers_.size() >= kMostAnswers) co_return;
      const auto answer = subscriptions_.handle(*message);
      answers_.push_back(R"({"status":)" + std::to_string(answer.status) + "}");
      if (answer.last_log_id) replay(*answer.last_log_id);
      events_->arrived().wake();
    }
  }

  awaitable<void> write() {
    for (;;) {
      const bool arrived = co_await events_->arrived().wait_until(api_->runtime, api_->runtime.now() + kKeepAlive);
      if (events_->is_overrun()) co_return;
      if (!arrived && !co_await socket_.write("{}")) co_return;
      while (!answers_.empty()) {
        std::string answer = std::move(answers_.front());
        answers_.pop_front();
        if (!co_await socket_.write(std::move(answer))) co_return;
      }
      std::vector<EventPtr> events = std::exchange(replay_, {});
      for (EventPtr& event : events_->take()) events.push_back(std::move(event));
      for (const EventPtr& event : events)
        if (!co_await send(*event)) co_return;
    }
  }

 private:
  /// Events that an earlier subscription got, or did not want, come again.
  void replay(std::int64_t after) {
    last_sent_ = std::min(last_sent_, after);
    for (EventPtr& event : api_->store->events().after(after)) replay_.push_back(std::move(event));
  }

  awaitable<bool> send(const Event& event) {
    // What was replayed may come once more as news.
    if (event.id <= last_sent_ || !may_read_ || !subscriptions_.want(event)) co_return true;
    last_sent_ = event.id;
    ++messages_;
    const auto sent = co_await socket_.write(event_text(event, messages_));
    co_return sent.has_value();
  }

  const ApiContextPtr api_;
  const bool may_read_;
  WebSocket& socket_;
  const std::shared_ptr<EventLog::Follower> events_;
  Subscriptions subscriptions_;
  std::deque<std::string> answers_;
  std::vector<EventPtr> replay_;
  std::int64_t last_sent_ = 0;
  std::int64_t messages_ = 0;
};

}  // namespace

awaitable<void> serve_events(ApiContextPtr api, bool may_read, WebSocket& socket) {
  EventSession session(std::move(api), may_read, socket);
  const auto executor = co_await asio::this_coro::executor;
  auto both = asio::experimental::make_parallel_group(asio::co_spawn(executor, session.read(), asio::deferred),
                                                      asio::co_spawn(executor, session.write(), asio::deferred));
  co_await both.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
}

}  // namespace berth
