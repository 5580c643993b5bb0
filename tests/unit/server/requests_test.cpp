#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "request_limit.hpp"
#include "request_record.hpp"
#include "requests_in_flight.hpp"
#include "sim_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

ServerRequest request_for(const std::string& method, const std::string& path, const std::string& query = "") {
  ServerRequest request;
  request.method = method;
  request.path = path;
  request.query = query;
  request.remote_address = "10.0.0.1:99";
  request.host = "berth";
  return request;
}

TEST(MaskedQuery, TakesTheTokenOut) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"a=1&b=2", "a=1&b=2"},
      {"api_token=secret", "api_token=…"},
      {"a=1&api_token=secret&b=2", "a=1&api_token=…&b=2"},
      {"api%5Ftoken=secret", "api_token=…"},
      {"%61pi_token=secret", "api_token=…"},
      {"api_token=%zz", "api_token=…"},
      {"api_tokens=public", "api_tokens=public"},
      {"a=1;api_token=secret", "a=1;api_token=…"},
      {"api_token=sec;ret&b=2", "api_token=…&b=2"},
      {"a=1&&b=2&", "a=1&&b=2&"},
  };
  for (const auto& [query, masked] : cases) EXPECT_EQ(masked_query(query), masked);
}

TEST(RequestRecord, TwoLinesWithTheFieldsOfFacts1_6) {
  SimRuntime runtime;
  Metrics metrics;
  RequestsInFlight in_flight(runtime, metrics);
  const auto sink = std::make_shared<LineSink>();
  {
    RequestRecord record(runtime, sink->log(), in_flight, request_for("GET", "/a/b", "api_token=secret"), "req-1");
    EXPECT_EQ(json::parse(in_flight.json()).size(), 1u);
    runtime.run_for(2s);
    in_flight.show_ages();
    EXPECT_NE(metrics.text().find("arvados_max_active_request_age_seconds 2\n"), std::string::npos);
    ServerResponse response;
    response.status = 404;
    response.body = "nothing here";
    record.answered(response);
  }
  EXPECT_EQ(json::parse(in_flight.json()).size(), 0u);
  ASSERT_EQ(sink->lines().size(), 2u);
  const json request = json::parse(sink->lines()[0]);
  EXPECT_EQ(request["msg"], "request");
  EXPECT_EQ(request["RequestID"], "req-1");
  EXPECT_EQ(request["remoteAddr"], "10.0.0.1:99");
  EXPECT_EQ(request["reqMethod"], "GET");
  EXPECT_EQ(request["reqHost"], "berth");
  EXPECT_EQ(request["reqPath"], "a/b");
  EXPECT_EQ(request["reqQuery"], "api_token=…");
  EXPECT_EQ(request["reqBytes"], 0);
  EXPECT_TRUE(request.contains("reqForwardedFor"));
  const json response = json::parse(sink->lines()[1]);
  EXPECT_EQ(response["msg"], "response");
  EXPECT_EQ(response["respStatusCode"], 404);
  EXPECT_EQ(response["respStatus"], "Not Found");
  EXPECT_EQ(response["respBytes"], 12);
  EXPECT_EQ(response["respBody"], "nothing here");
  EXPECT_EQ(response["timeTotal"], 2.0);
  EXPECT_EQ(response["timeToStatus"], 2.0);
  EXPECT_EQ(response["timeWriteBody"], 0.0);
  EXPECT_NE(metrics.text().find("request_duration_seconds_sum{code=\"404\",method=\"get\"} 2\n"), std::string::npos);
}

TEST(RequestRecord, UnknownMethodsShareALabel) {
  SimRuntime runtime;
  Metrics metrics;
  const RequestsInFlight in_flight(runtime, metrics);
  in_flight.observe("BREW", 405, 1s, 1s);
  EXPECT_NE(metrics.text().find("method=\"other\""), std::string::npos);
  EXPECT_EQ(metrics.text().find("brew"), std::string::npos);
}

/// Holds a slot until told to let go.
class Client {
 public:
  Client(SimRuntime& runtime, RequestLimit& limit) : task_(runtime, run(limit, go_.subscribe(), *this)) {}
  enum class Fate { waits, answered, refused };
  Fate fate() const { return fate_; }
  void finish() { go_.notify(); }
  void hang_up() { task_.cancel(); }

 private:
  static awaitable<void> run(RequestLimit& limit, Subscription go, Client& client) {
    const RequestLimit::Slot slot = co_await limit.enter();
    client.fate_ = slot ? Fate::answered : Fate::refused;
    if (slot) co_await go.wait();
  }
  Fate fate_ = Fate::waits;
  Signal go_;
  SimTask<void> task_;
};

TEST(RequestLimit, AnswersSomeQueuesSomeRefusesTheRest) {
  SimRuntime runtime;
  Metrics metrics;
  RequestLimit limit(runtime, metrics, 1, 2);
  Client first(runtime, limit);
  runtime.settle();
  Client second(runtime, limit);
  runtime.settle();
  Client third(runtime, limit);
  runtime.settle();
  Client fourth(runtime, limit);
  runtime.settle();
  EXPECT_EQ(first.fate(), Client::Fate::answered);
  EXPECT_EQ(second.fate(), Client::Fate::waits);
  EXPECT_EQ(third.fate(), Client::Fate::waits);
  EXPECT_EQ(fourth.fate(), Client::Fate::refused);
  EXPECT_NE(metrics.text().find("arvados_queued_requests{priority=\"normal\",queue=\"api\"} 2\n"), std::string::npos);

  second.hang_up();  // gives its place in the queue back
  runtime.settle();
  first.finish();
  runtime.settle();
  EXPECT_EQ(third.fate(), Client::Fate::answered);
  third.finish();
  runtime.settle();
  EXPECT_NE(metrics.text().find("arvados_concurrent_requests{queue=\"api\"} 0\n"), std::string::npos);
  EXPECT_NE(metrics.text().find("arvados_queue_timeout_seconds_count{priority=\"normal\",queue=\"api\"} 1\n"),
            std::string::npos);
}

TEST(RequestLimit, ASlotHandedToAClientThatHungUpGoesOn) {
  SimRuntime runtime;
  Metrics metrics;
  RequestLimit limit(runtime, metrics, 1, 9);
  Client first(runtime, limit);
  Client second(runtime, limit);
  Client third(runtime, limit);
  runtime.settle();
  first.finish();
  second.hang_up();
  runtime.settle();
  EXPECT_EQ(third.fate(), Client::Fate::answered);
}

}  // namespace
}  // namespace berth
