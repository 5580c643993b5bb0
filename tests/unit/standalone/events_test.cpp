// The event bus (facts §11), over a websocket in memory.
#include <deque>

#include "api_fixture.hpp"
#include "event_log.hpp"
#include "subscriptions.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

/// The client's side.
class MemorySocket final : public WebSocket {
 public:
  awaitable<Result<std::string>> read() override {
    while (to_server_.empty()) co_await sent_.wait();
    Result<std::string> next = std::move(to_server_.front());
    to_server_.pop_front();
    co_return next;
  }
  awaitable<Result<void>> write(std::string message) override {
    while (!reads) co_await resumed_.wait();
    received.push_back(nlohmann::json::parse(message));
    co_return Result<void>{};
  }
  awaitable<void> close() override { co_return; }
  void send(Result<std::string> message) {
    to_server_.push_back(std::move(message));
    sent_.wake();
  }

  void resume() {
    reads = true;
    resumed_.wake();
  }

  std::vector<nlohmann::json> received;
  bool reads = true;

 private:
  std::deque<Result<std::string>> to_server_;
  Subscription sent_ = Signal().subscribe();
  Subscription resumed_ = Signal().subscribe();
};

class Events : public ApiTest {
 protected:
  ~Events() override {
    if (!session_) return;
    socket_.send(fail(ErrorKind::network, "gone"));
    runtime_.run_for(1s);
    EXPECT_TRUE(session_->done());
  }
  void connect(const std::string& query = "?api_token=" + kToken) {
    ServerRequest request =
        make_request("GET", "/websocket" + query);  // its header has the token, which counts for nothing
    response_ = send(std::move(request));
    ASSERT_TRUE(response_.websocket);
    session_ = std::make_unique<SimTask<void>>(runtime_, runtime_.make_strand(), response_.websocket(socket_));
    runtime_.settle();
  }
  using ApiTest::send;
  void say(const Json& message) { say_text(message.dump()); }
  void say_text(const std::string& text) {
    socket_.send(text);
    runtime_.settle();
  }
  Json submit_request() {
    Json made = submit();
    runtime_.settle();
    return made;
  }
  /// `container Queued>Locked;` for each event since the last call; `200;` for answers.
  std::string heard() {
    std::string out;
    for (const Json& message : std::exchange(socket_.received, {})) {
      if (message.contains("status")) {
        out += std::to_string(message["status"].get<int>()) + ";";
      } else if (message.empty()) {
        out += "{};";
      } else {
        const Json& properties = message["properties"];
        const bool container = message["object_kind"] == "arvados#container";
        out += std::string(container ? "container " : "request ") + message["event_type"].get<std::string>() + " " +
               (properties.contains("old_attributes") ? properties["old_attributes"]["state"].get<std::string>() : "") +
               ">" + properties["new_attributes"]["state"].get<std::string>() + ";";
        last_id_ = message["id"].get<std::int64_t>();
      }
    }
    return out;
  }

  ServerResponse response_;
  MemorySocket socket_;
  std::unique_ptr<SimTask<void>> session_;
  std::int64_t last_id_ = 0;
};

TEST_F(Events, TellWhatHappensToContainersAndRequests) {
  connect();
  say({{"method", "subscribe"}});
  EXPECT_EQ(heard(), "200;");
  const Json made = submit_request();
  const std::string uuid = made["container_uuid"];
  EXPECT_EQ(heard(), "request create >Committed;container create >Queued;");
  post("/arvados/v1/containers/" + uuid + "/lock");
  runtime_.settle();
  EXPECT_EQ(heard(), "container update Queued>Locked;");
  post("/arvados/v1/containers/" + uuid + "/lock");
  runtime_.settle();
  EXPECT_EQ(heard(), "") << "it was refused";
  post("/arvados/v1/container_requests/" + made["uuid"].get<std::string>() + "/cancel");
  runtime_.settle();
  EXPECT_EQ(heard(), "request update Committed>Committed;") << "of the container's priority nothing is told";
}

TEST_F(Events, MessagesLookLikeThoseOfTheServer) {
  connect();
  say({{"method", "subscribe"}, {"filters", Json::array()}});
  const Json made = submit_request();
  ASSERT_EQ(socket_.received.size(), 3);
  const Json& event = socket_.received[2];
  EXPECT_EQ(event["msgID"], 2);
  EXPECT_EQ(event["object_uuid"], made["container_uuid"]);
  EXPECT_EQ(event["object_kind"], "arvados#container");
  EXPECT_TRUE(is_uuid(event["uuid"].get<std::string>()));
  EXPECT_GT(event["id"], socket_.received[1]["id"]);
  for (const char* key : {"object_owner_uuid", "event_at"}) EXPECT_TRUE(event[key].is_string()) << key;
  EXPECT_TRUE(parse_bus_message(event.dump()));
}

TEST_F(Events, WithoutTheTokenNothingIsTold) {
  for (const char* query : {"", "?api_token=wrong"}) {
    connect(query);
    say({{"method", "subscribe"}});
    submit_request();
    EXPECT_EQ(heard(), "200;") << "the connection works";
    socket_.send(fail(ErrorKind::network, "gone"));
    runtime_.run_for(1s);
    EXPECT_TRUE(session_->done());
    session_.reset();
  }
}

TEST_F(Events, SilenceIsFilled) {
  connect();
  runtime_.run_for(125s);
  EXPECT_EQ(heard(), "{};{};");
}

TEST_F(Events, WhatWasMissedIsToldAgain) {
  connect();
  say({{"method", "subscribe"}});
  submit_request();
  heard();
  const std::int64_t seen = last_id_;
  say({{"method", "unsubscribe"}, {"filters", Json::array()}});
  submit_request();
  EXPECT_EQ(heard(), "200;");
  say({{"method", "subscribe"}, {"last_log_id", seen}});
  EXPECT_EQ(heard(), "200;request create >Committed;container create >Queued;");
}

TEST_F(Events, ASecondSubscriptionGetsWhatTheFirstDidNotWant) {
  connect();
  say({{"method", "subscribe"},
       {"filters", Json::array({Json::array({"event_type", "in", Json::array({"create"})})})}});
  const std::string uuid = submit_request()["container_uuid"];
  post("/arvados/v1/containers/" + uuid + "/lock");
  submit_request();
  const std::string created = "request create >Committed;container create >Queued;";
  EXPECT_EQ(heard(), "200;" + created + created);
  say({{"method", "subscribe"}, {"last_log_id", last_id_ - 3}});
  EXPECT_EQ(heard(), "200;container update Queued>Locked;" + created);
  submit_request();
  EXPECT_EQ(heard(), created) << "each event once, though both want it";
}

TEST_F(Events, AClientThatDoesNotReadIsDropped) {
  connect();
  say({{"method", "subscribe"}});
  socket_.reads = false;
  for (int i = 0; i < 40; ++i) submit_request();
  EXPECT_FALSE(session_->done());
  socket_.resume();
  runtime_.settle();
  EXPECT_TRUE(session_->done());
  EXPECT_LE(socket_.received.size(), 5);
}

TEST_F(Events, ThoseWithoutTokenKeepNobodyOut) {
  std::deque<MemorySocket> sockets(10);
  std::deque<SimTask<void>> sessions;
  const auto status_of = [&](const std::string& query) {
    const ServerResponse response = send(make_request("GET", "/websocket" + query));
    if (!response.websocket) return response.status;
    sessions.emplace_back(runtime_, runtime_.make_strand(), response.websocket(sockets.at(sessions.size())));
    runtime_.settle();
    return 101;
  };
  for (int i = 0; i < 8; ++i) EXPECT_EQ(status_of(""), 101);
  EXPECT_EQ(status_of("?api_token=wrong"), 503);
  EXPECT_EQ(status_of("?api_token=" + kToken), 101);
  sockets[0].send(fail(ErrorKind::network, "gone"));
  runtime_.run_for(1s);
  EXPECT_EQ(status_of(""), 101);
  for (MemorySocket& socket : sockets) socket.send(fail(ErrorKind::network, "gone"));
  runtime_.run_for(1s);
  for (const auto& session : sessions) EXPECT_TRUE(session.done());
}

TEST(EventLog, AFullQueueGetsNothingMore) {
  EventLog log(0);
  const auto follower = log.follow();
  log.publish(std::vector<Event>(64));
  EXPECT_FALSE(follower->is_overrun());
  EXPECT_EQ(follower->take().size(), 64);
  log.publish(std::vector<Event>(65));
  EXPECT_TRUE(follower->is_overrun());
  EXPECT_EQ(log.after(100).size(), 29);
}

TEST(EventLog, KeepsTenMinutes) {
  EventLog log(0);
  std::vector<Event> events(3);
  for (int i = 0; i < 3; ++i) events[static_cast<std::size_t>(i)].event_at = WallTime(std::chrono::minutes(6 * i));
  log.publish(events);
  EXPECT_EQ(log.after(0).size(), 2);
}

struct Case {
  const char* message;
  int status;
};

TEST(Subscriptions, AnswerAsTheServerDoes) {
  const Case table[] = {
      {R"({"method":"subscribe"})", 200},
      {R"({"method":"subscribe","filters":null})", 200},
      {R"({"method":"subscribe","filters":[["object_uuid","=","x"]]})", 200},
      {R"({"method":"unsubscribe","filters":[["object_uuid","=","x"]]})", 200},
      {R"({"method":"unsubscribe","filters":[["object_uuid","=","x"]]})", 400},
      {R"({"method":"dance"})", 400},
      {R"({"method":"subscribe","filters":7})", 400},
      {R"([])", 400},
      {R"({)", 400},
      {"", 400},
      {"\xff", 400},
  };
  Subscriptions subscriptions;
  for (const Case& c : table) EXPECT_EQ(subscriptions.handle(c.message).status, c.status) << c.message;
  for (int i = 0; i < 200; ++i) (void)subscriptions.handle(R"({"method":"subscribe"})");
  EXPECT_EQ(subscriptions.handle(R"({"method":"subscribe"})").status, 400) << "bounded";
}

TEST(Subscriptions, OneThatWantsItIsEnough) {
  Event event;
  event.event_type = "update";
  Subscriptions subscriptions;
  const auto say = [&](const char* method, const char* type) {
    return subscriptions
        .handle(std::string(R"({"method":")") + method + R"(","filters":[["event_type","in",[")" + type + R"("]]]})")
        .status;
  };
  EXPECT_EQ(say("subscribe", "create"), 200);
  EXPECT_FALSE(subscriptions.want(event));
  EXPECT_EQ(say("subscribe", "update"), 200);
  EXPECT_EQ(say("subscribe", "update"), 200);
  EXPECT_TRUE(subscriptions.want(event));
  EXPECT_EQ(say("unsubscribe", "update"), 200);
  EXPECT_TRUE(subscriptions.want(event)) << "one of two that are the same was taken back";
  EXPECT_EQ(say("unsubscribe", "update"), 200);
  EXPECT_FALSE(subscriptions.want(event));
}

TEST(Subscriptions, Filters) {
  Event event;
  event.event_type = "update";
  event.event_at = WallTime(std::chrono::hours(400'000));
  const std::pair<const char*, bool> table[] = {
      {R"([])", true},
      {R"([["event_type","in",["create","update"]]])", true},
      {R"([["event_type","in",["create"]]])", false},
      {R"([["object_uuid","=","nothing"]])", true},
      {R"([["created_at",">=","2000-01-01T00:00:00Z"]])", true},
      {R"([["created_at","<","2000-01-01T00:00:00Z"]])", false},
      {R"([["created_at",">","2000-01-01T00:00:00Z"],["event_type","in",["create"]]])", false},
      {R"([["created_at",">","no time"]])", true},
      {R"([["created_at","like","2000%"]])", true},
      {R"([["event_type","=","create"]])", true},
      {R"([["event_type","in",["create"]],["object_uuid","=","x"]])", false},
      {R"([7])", true},
  };
  EXPECT_FALSE(Subscriptions().want(event));
  for (const auto& [filters, wanted] : table) {
    Subscriptions subscriptions;
    EXPECT_EQ(subscriptions.handle(R"({"method":"subscribe","filters":)" + std::string(filters) + "}").status, 200);
    EXPECT_EQ(subscriptions.want(event), wanted) << filters;
  }
}

}  // namespace
}  // namespace berth
