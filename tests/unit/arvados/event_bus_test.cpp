#include "berth/arvados/event_bus.hpp"

#include <deque>
#include <gtest/gtest.h>

#include "berth/base/signal.hpp"

#include "sim_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

/// The server's side of one connection.
struct Peer {
  std::deque<Result<std::string>> sends;
  std::vector<std::string> received;
  bool answers = true;
  Signal changed;
  void send(Result<std::string> message) {
    sends.push_back(std::move(message));
    changed.notify();
  }
};

class FakeWebSocket final : public WebSocket {
 public:
  explicit FakeWebSocket(std::shared_ptr<Peer> peer) : peer_(std::move(peer)) {}
  awaitable<Result<std::string>> read() override {
    while (peer_->sends.empty()) co_await sent_.wait();
    auto next = std::move(peer_->sends.front());
    peer_->sends.pop_front();
    co_return next;
  }
  awaitable<Result<void>> write(std::string message) override {
    peer_->received.push_back(std::move(message));
    if (peer_->answers) peer_->send(std::string(R"({"status":200})"));
    co_return Result<void>{};
  }
  awaitable<void> close() override { co_return; }

 private:
  const std::shared_ptr<Peer> peer_;
  Subscription sent_ = peer_->changed.subscribe();
};

class EventBusTest : public testing::Test {
 protected:
  ~EventBusTest() override {
    run_on(runtime_, bus_->stop());
    runtime_.settle();
    EXPECT_EQ(runtime_.pending_timers(), 0);
  }
  awaitable<Result<std::unique_ptr<WebSocket>>> open(std::string url) {
    urls_.push_back(std::move(url));
    dials_.push_back(runtime_.now());
    if (refuses_) co_return fail(ErrorKind::network, "connection refused");
    peer_ = std::make_shared<Peer>();
    peer_->answers = answers_;
    co_return std::make_unique<FakeWebSocket>(peer_);
  }
  void start() {
    EventBusOptions options;
    options.url = url_;
    options.token = "v2/secret+token";
    EventBus::Listener listener;
    listener.on_change = [this](ApiChange change) { changes_.push_back(std::move(change)); };
    listener.on_connected = [this] { ++connected_; };
    bus_ = std::make_unique<EventBus>(runtime_, sink_->log(), metrics_, std::move(options), std::move(listener),
                                      [this](std::string url) { return open(std::move(url)); });
    bus_->start();
    runtime_.settle();
  }
  void send(std::string message) {
    peer_->send(std::move(message));
    runtime_.settle();
  }
  bool metric_is(const std::string& line) const {
    return metrics_.text().find('\n' + line + '\n') != std::string::npos;
  }

  SimRuntime runtime_;
  std::shared_ptr<LineSink> sink_ = make_line_sink();
  Metrics metrics_;
  std::string url_ = "wss://bus.example/websocket";
  bool refuses_ = false;
  bool answers_ = true;
  std::vector<std::string> urls_;
  std::vector<SteadyTime> dials_;
  std::shared_ptr<Peer> peer_;
  std::vector<ApiChange> changes_;
  int connected_ = 0;
  std::unique_ptr<EventBus> bus_;
};

constexpr const char* kEvent =
    R"({"object_uuid":"zzzzz-dz642-000000000000001","properties":{"new_attributes":{"state":"Queued"}}})";

TEST_F(EventBusTest, SubscribesAndTellsChanges) {
  start();
  ASSERT_EQ(urls_, std::vector<std::string>{"wss://bus.example/websocket?api_token=v2%2Fsecret%2Btoken"});
  ASSERT_EQ(peer_->received.size(), 1);
  EXPECT_EQ(peer_->received[0],
            R"({"method":"subscribe","filters":[["event_type","in",["create","update","delete"]]]})");
  EXPECT_EQ(connected_, 1);
  EXPECT_TRUE(metric_is("berth_event_bus_connected 1"));
  send(kEvent);
  send("{}");
  ASSERT_EQ(changes_.size(), 1);
  EXPECT_EQ(changes_[0].uuid, "zzzzz-dz642-000000000000001");
  EXPECT_EQ(changes_[0].state, ContainerState::queued);
  EXPECT_TRUE(metric_is(R"(berth_event_bus_messages_total{kind="change"} 1)"));
  EXPECT_TRUE(metric_is(R"(berth_event_bus_messages_total{kind="other"} 2)")) << "the answer is one, too";
}

TEST_F(EventBusTest, AnHttpUrlIsAWebSocketsToo) {
  url_ = "https://bus.example/websocket?x=y";
  start();
  EXPECT_EQ(urls_[0], "wss://bus.example/websocket?x=y&api_token=v2%2Fsecret%2Btoken");
}

TEST_F(EventBusTest, GarbageIsCountedAndTheConnectionStays) {
  start();
  for (const char* garbage : {"", "nonsense", "[1,2]", R"({"object_uuid":[]})"}) send(garbage);
  send(kEvent);
  EXPECT_EQ(changes_.size(), 1);
  EXPECT_EQ(dials_.size(), 1);
  EXPECT_TRUE(metric_is(R"(berth_event_bus_messages_total{kind="malformed"} 4)"));
}

TEST_F(EventBusTest, ConnectsAnewAndSaysSo) {
  start();
  for (const ErrorKind kind : {ErrorKind::network, ErrorKind::timeout, ErrorKind::exhausted, ErrorKind::undecodable}) {
    const int before = connected_;
    peer_->send(fail(kind, "the end"));
    runtime_.settle();
    EXPECT_TRUE(metric_is("berth_event_bus_connected 0"));
    runtime_.run_for(1min);
    EXPECT_EQ(connected_, before + 1) << "so that the queue polls once";
    send(kEvent);
  }
  EXPECT_EQ(changes_.size(), 4);
  EXPECT_TRUE(metric_is("berth_event_bus_connections_total 5"));
  EXPECT_TRUE(sink_->contains("the event bus is back"));
}

TEST_F(EventBusTest, PausesGrowAndDiffer) {
  refuses_ = true;
  start();
  runtime_.run_for(10min);
  ASSERT_GE(dials_.size(), 8);
  for (std::size_t i = 1; i < dials_.size(); ++i) {
    const Duration full = std::min<Duration>(1s * (std::int64_t{1} << std::min<std::size_t>(i - 1, 10)), 1min);
    EXPECT_LE(dials_[i] - dials_[i - 1], full) << i;
    EXPECT_GE(dials_[i] - dials_[i - 1], full / 2) << i;
  }
  EXPECT_LE(dials_.size(), 30);
  int warnings = 0;
  for (const auto& line : sink_->lines()) warnings += line.find("no events") != std::string::npos;
  EXPECT_EQ(warnings, 1) << "it is told once";
  refuses_ = false;
  runtime_.run_for(1min);
  EXPECT_EQ(connected_, 1);
}

TEST_F(EventBusTest, AConnectionThatLastedMakesTheNextPauseShort) {
  refuses_ = true;
  start();
  runtime_.run_for(5min);
  refuses_ = false;
  runtime_.run_for(2min);
  ASSERT_EQ(connected_, 1);
  const std::size_t dials = dials_.size();
  const SteadyTime lost = runtime_.now();
  peer_->send(fail(ErrorKind::network, "reset"));
  runtime_.run_for(5s);
  ASSERT_EQ(dials_.size(), dials + 1);
  EXPECT_LE(dials_.back() - lost, 1s);
}

TEST_F(EventBusTest, AServerThatDoesNotAnswerTheSubscriptionIsLeft) {
  answers_ = false;
  start();
  for (int i = 0; i < 14; ++i) {
    runtime_.run_for(1s);
    send(kEvent);
  }
  EXPECT_EQ(connected_, 0);
  EXPECT_EQ(changes_.size(), 14) << "events may come before the answer";
  runtime_.run_for(3s);
  EXPECT_EQ(dials_.size(), 2);
}

TEST_F(EventBusTest, ARefusedSubscriptionIsTriedAgain) {
  answers_ = false;
  start();
  send(R"({"status":400})");
  runtime_.run_for(2s);
  EXPECT_EQ(dials_.size(), 2);
  EXPECT_EQ(connected_, 0);
}

TEST_F(EventBusTest, TheTokenIsNeverLogged) {
  refuses_ = true;
  start();
  runtime_.run_for(1min);
  EXPECT_FALSE(sink_->contains("secret"));
}

TEST_F(EventBusTest, EndlessGarbageEndsTheConnection) {
  start();
  for (int i = 0; i < 999; ++i) send("{");
  send(kEvent);
  for (int i = 0; i < 999; ++i) send("{");
  EXPECT_TRUE(metric_is("berth_event_bus_connected 1")) << "not without end";
  send("{");
  EXPECT_TRUE(metric_is("berth_event_bus_connected 0"));
  EXPECT_TRUE(sink_->contains("the event bus sends what cannot be read"));
  runtime_.run_for(2s);
  EXPECT_EQ(urls_.size(), 2);
  EXPECT_TRUE(metric_is("berth_event_bus_connected 1"));
}

}  // namespace
}  // namespace berth
