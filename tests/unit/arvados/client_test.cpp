#include <deque>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "berth/base/task_group.hpp"

#include "rest_client.hpp"
#include "sim_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

const std::string uuid = "zzzzz-dz642-queuedcontainer";
const std::string locked =
    R"({"uuid":"zzzzz-dz642-queuedcontainer","state":"Locked","priority":7,"locked_by_uuid":"zzzzz-gj3su-000000000000000"})";

class ArvadosClient : public testing::Test {
 protected:
  ArvadosClient() : tasks_(runtime_.make_strand()) { restart(16); }

  void restart(std::int64_t max_concurrency) {
    ArvadosClientOptions options;
    options.base_url = "https://api.example/";
    options.token = "v2/sesame";
    options.max_concurrency = max_concurrency;
    options.call_deadline = 60s;
    options.may_act = [this] { return active_; };
    client_ = make_rest_client(
        runtime_, sink_->log(), [this](HttpRequest request) { return answer(std::move(request)); }, options);
  }

  ~ArvadosClient() override {
    asio::co_spawn(tasks_.executor(), tasks_.stop(), asio::detached);
    runtime_.settle();
    EXPECT_EQ(runtime_.pending_timers(), 0);
  }

  awaitable<Result<HttpResponse>> answer(HttpRequest request) {
    requests_.push_back(std::move(request));
    const auto reply = reply_;
    co_await runtime_.sleep_for(latency_);
    co_return reply;
  }

  void reply(int status, std::string body = {}) { reply_ = HttpResponse{status, {}, std::move(body)}; }

  template <class T>
  static awaitable<void> keep(awaitable<T> call, std::optional<T>& out) {
    out.emplace(co_await std::move(call));
  }

  template <class T>
  T run(awaitable<T> call) {
    std::optional<T> out;
    tasks_.spawn(keep(std::move(call), out));
    runtime_.run_until([&] { return out.has_value(); }, 1h);
    return std::move(*out);
  }

  awaitable<void> count_call() {
    const auto result = co_await client_->lock(uuid);
    ++(result ? succeeded_ : failed_);
  }

  SimRuntime runtime_;
  std::shared_ptr<LineSink> sink_ = make_line_sink();
  TaskGroup tasks_;
  std::unique_ptr<ContainerApi> client_;
  std::vector<HttpRequest> requests_;
  Result<HttpResponse> reply_ = HttpResponse{};
  Duration latency_ = 10ms;
  int succeeded_ = 0;
  int failed_ = 0;
  bool active_ = true;
};

TEST_F(ArvadosClient, CarriesTokenAndRequestId) {
  reply(200, locked);
  const auto update = run(client_->lock(uuid));
  ASSERT_TRUE(update) << update.error().message;
  EXPECT_EQ(update->state, ContainerState::locked);
  EXPECT_EQ(update->priority, 7);
  EXPECT_EQ(update->locked_by_uuid, "zzzzz-gj3su-000000000000000");
  ASSERT_EQ(requests_.size(), 1);
  EXPECT_EQ(requests_[0].method, "POST");
  EXPECT_EQ(requests_[0].url, "https://api.example/arvados/v1/containers/" + uuid + "/lock");
  EXPECT_EQ(requests_[0].body, "");
  EXPECT_EQ(find_header(requests_[0].headers, "Authorization"), "Bearer v2/sesame");
  EXPECT_EQ(find_header(requests_[0].headers, "X-Request-Id").size(), 24);
}

TEST_F(ArvadosClient, ListsWhatIsCompleteAndLeavesOutWhatCannotBeRead) {
  const std::string good = R"({"uuid":"zzzzz-dz642-queuedcontainer","state":"Complete","container_image":"i",)"
                           R"("mounts":{"/a":{"kind":"tmp","capacity":5},"/b":{"kind":"json","content":[]}},)"
                           R"("started_at":"2026-01-02T03:04:05Z","finished_at":"2026-01-02T03:04:15.5Z"})";
  std::string items = good;
  for (const char* bad :
       {R"(null)", R"(7)", R"({})", R"({"uuid":"zzzzz-dz642-queuedcontainer","state":"Complete"})",
        R"({"uuid":"zzzzz-dz642-queuedcontainer","state":"Complete","started_at":5,"finished_at":6})",
        R"({"uuid":"zzzzz-dz642-queuedcontainer","state":"Complete","started_at":"x","finished_at":"y"})"})
    items += "," + std::string(bad);
  reply(200, "{\"items\":[" + items + "]}");
  const auto page = run(client_->list_finished({}));
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->records, 7);
  ASSERT_EQ(page->containers.size(), 1);
  const FinishedContainer& only = page->containers.front();
  EXPECT_EQ(only.finished_at - only.started_at, 10'500ms);
  EXPECT_EQ(only.container.mounts.size(), 1);
  for (const char* body : {"", "[]", "{}", R"({"items":null})", R"({"items":{}})", R"({"items":"x"})"}) {
    reply(200, body);
    EXPECT_FALSE(run(client_->list_finished({}))) << body;
  }
}

TEST_F(ArvadosClient, MakesTheCallsOfTheFacts) {
  reply(200, locked);
  EXPECT_TRUE(run(client_->unlock(uuid)));
  EXPECT_EQ(requests_.back().url, "https://api.example/arvados/v1/containers/" + uuid + "/unlock");
  EXPECT_TRUE(run(client_->cancel(uuid)));
  EXPECT_EQ(requests_.back().method, "PUT");
  EXPECT_EQ(requests_.back().body, "container=%7B%22state%22%3A%22Cancelled%22%7D");
  EXPECT_TRUE(run(client_->set_runtime_error(uuid, "no")));
  EXPECT_EQ(requests_.back().body,
            "container=%7B%22runtime_status%22%3A%7B%22error%22%3A%22no%22%7D%7D&select=%5B%22uuid%22%5D");
  EXPECT_EQ(run(client_->get_state(uuid)).value(), ContainerState::locked);
  EXPECT_EQ(requests_.back().url, "https://api.example/arvados/v1/containers/" + uuid + "?select=%5B%22state%22%5D");
  reply(204);
  EXPECT_TRUE(run(client_->set_runtime_error(uuid, "no")));
  reply(200, R"({"uuid":"zzzzz-gj3su-000000000000000"})");
  EXPECT_EQ(run(client_->current_token_uuid()).value(), "zzzzz-gj3su-000000000000000");
  EXPECT_EQ(requests_.back().url, "https://api.example/arvados/v1/api_client_authorizations/current");
}

TEST_F(ArvadosClient, DropsMountsThatAreNotTmp) {
  reply(200, R"({"mounts":{"/tmp":{"kind":"tmp","capacity":5},"/in":{"kind":"collection"}}})");
  const auto mounts = run(client_->get_mounts(uuid));
  ASSERT_TRUE(mounts);
  EXPECT_EQ(mounts->size(), 1);
  reply(200, R"({"items":[{"uuid":"zzzzz-dz642-queuedcontainer","state":"Queued","mounts":{"/in":{"kind":"text"}}}]})");
  const auto list = run(client_->list_containers(ContainerQuery{}));
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->at(0).mounts.empty());
}

TEST_F(ArvadosClient, ComplainsOnceOfARecordThatCannotBeRead) {
  const auto list_with = [&](const std::string& ram) {
    reply(200, R"({"items":[{"uuid":"zzzzz-dz642-queuedcontainer","state":"Queued","runtime_constraints":{"ram":)" +
                   ram + R"(}},{"uuid":"zzzzz-dz642-xxxxxxxxxxxxxxx","state":"Queued"}]})");
    const auto list = run(client_->list_containers(ContainerQuery{}));
    ASSERT_TRUE(list);
    ASSERT_EQ(list->size(), 2);
    EXPECT_NE(list->at(0).unreadable.find("ram"), std::string::npos);
    EXPECT_EQ(list->at(1).unreadable, "");
  };
  const auto complaints = [&] {
    const auto lines = sink_->lines();
    return std::count_if(lines.begin(), lines.end(), [](const auto& l) { return l.find("cannot be read") != l.npos; });
  };
  for (int i = 0; i < 3; ++i) list_with("10000000000000000000");
  EXPECT_EQ(complaints(), 1);
  EXPECT_TRUE(sink_->contains(
      "container zzzzz-dz642-queuedcontainer: runtime_constraints.ram: want an integer of 64 bits, got the number 1"));
  list_with(R"("v2/sesame")");
  EXPECT_EQ(complaints(), 2) << "something else is wrong with it";
}

TEST_F(ArvadosClient, RefusesWhatIsNoUuid) {
  const auto update = run(client_->lock("../secrets"));
  ASSERT_FALSE(update);
  EXPECT_EQ(update.error().kind, ErrorKind::invalid);
  EXPECT_TRUE(requests_.empty());
}

struct Failure {
  int status;
  const char* body;
  ErrorKind kind;
  const char* message;
};

TEST_F(ArvadosClient, TypesErrors) {
  const Failure cases[] = {
      {401, R"({"errors":["Not logged in"],"error_token":"1+abc"})", ErrorKind::denied,
       "HTTP status 401: Not logged in"},
      {403, "", ErrorKind::denied, "HTTP status 403"},
      {404, R"({"errors":["a","b"]})", ErrorKind::not_found, "HTTP status 404: a; b"},
      {409, "x", ErrorKind::conflict, "HTTP status 409: x"},
      {422, R"({"errors":["cannot lock\nwhen v2/sesame"]})", ErrorKind::conflict,
       "HTTP status 422: cannot lock when (token)"},
      {418, R"({"errors":7})", ErrorKind::failed, R"(HTTP status 418: {"errors":7})"},
      {302, "", ErrorKind::failed, "HTTP status 302"},
      {500, "<html>\n<b>", ErrorKind::server_error, "HTTP status 500: <html> <b>"},
      {200, "<html>Welcome", ErrorKind::undecodable, "not JSON at byte 1 of 13, the text begins: <html>Welcome"},
      {200, R"({"state":"Lo)", ErrorKind::undecodable,
       R"(not JSON: it ends too early, after 12 bytes, the text begins: {"state":"Lo)"},
      {204, "", ErrorKind::undecodable, "not JSON: it ends too early, after 0 bytes, the text begins: "},
      {200, R"({"state":"Locked","priority":"7"})", ErrorKind::type_mismatch,
       "priority: want an integer of 64 bits, got string"},
      {200, "{}", ErrorKind::type_mismatch, "state: want Queued, Locked, Running, Complete or Cancelled"},
      {503, "", ErrorKind::unavailable, "HTTP status 503"},
  };
  for (const Failure& c : cases) {
    reply(c.status, c.body);
    const auto update = run(client_->lock(uuid));
    ASSERT_FALSE(update) << c.message;
    EXPECT_EQ(update.error().kind, c.kind) << c.message;
    EXPECT_EQ(update.error().message, "POST arvados/v1/containers/" + uuid + "/lock: " + c.message);
    EXPECT_EQ(client_->last_503().has_value(), c.status == 503);
  }
}

TEST_F(ArvadosClient, ARequestIsNamedOnce) {
  reply_ = fail(ErrorKind::network, "POST https://api.example/arvados/v1/containers: connection refused");
  EXPECT_EQ(run(client_->lock(uuid)).error().message,
            "POST https://api.example/arvados/v1/containers: connection refused");
}

TEST_F(ArvadosClient, AProxyThatIsBusyCountsAs503) {
  reply_ = fail(ErrorKind::unavailable, "the proxy answered 503 Service Unavailable");
  EXPECT_EQ(run(client_->lock(uuid)).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(client_->last_503(), runtime_.now());
}

TEST_F(ArvadosClient, A503ToWhatNothingDependsOnHoldsNothingBack) {
  reply(503);
  EXPECT_EQ(run(client_->list_finished({})).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(client_->last_503(), std::nullopt);
  reply(200, locked);
  for (int i = 0; i < 8; ++i) tasks_.spawn(count_call());
  runtime_.run_for(10ms);
  EXPECT_EQ(succeeded_, 8) << "at once, and as many at a time as at first";
}

TEST_F(ArvadosClient, AHungCallEndsAtItsDeadline) {
  reply(200, locked);
  latency_ = 2h;
  const SteadyTime start = runtime_.now();
  const auto update = run(client_->lock(uuid));
  ASSERT_FALSE(update);
  EXPECT_EQ(update.error().kind, ErrorKind::timeout);
  EXPECT_EQ(runtime_.now() - start, 60s);
}

TEST_F(ArvadosClient, LimitsWhatIsInFlight) {
  restart(3);
  reply(200, locked);
  latency_ = 1s;
  for (int i = 0; i < 7; ++i) tasks_.spawn(count_call());
  runtime_.settle();
  EXPECT_EQ(requests_.size(), 3);
  runtime_.run_for(1s);
  EXPECT_EQ(requests_.size(), 6);
  runtime_.run_for(3s);
  EXPECT_EQ(succeeded_, 7);
}

TEST_F(ArvadosClient, A503HoldsNewCallsForASecond) {
  reply(503);
  tasks_.spawn(count_call());
  runtime_.run_for(10ms);
  EXPECT_EQ(failed_, 1);
  reply(200, locked);
  for (int i = 0; i < 9; ++i) tasks_.spawn(count_call());
  runtime_.run_for(999ms);
  EXPECT_EQ(requests_.size(), 1);
  runtime_.run_for(1ms);
  EXPECT_EQ(requests_.size(), 5) << "half of eight at once";
  runtime_.run_for(1s);
  EXPECT_EQ(succeeded_, 9);
}

TEST_F(ArvadosClient, TimeInTheRowCountsForTheDeadlineAndAGivenUpPlaceIsFree) {
  restart(1);
  reply(200, locked);
  latency_ = 59s;
  for (int i = 0; i < 3; ++i) tasks_.spawn(count_call());
  runtime_.run_for(60s);
  EXPECT_EQ(succeeded_, 1);
  EXPECT_EQ(failed_, 2);
  latency_ = 10ms;
  EXPECT_TRUE(run(client_->lock(uuid)));
}

TEST_F(ArvadosClient, AChangeThatWaitedIsNotSentWhenItMayNoLongerAct) {
  restart(1);
  reply(200, R"({"state":"Locked"})");
  latency_ = 10s;
  tasks_.spawn(count_call());
  tasks_.spawn(count_call());
  runtime_.run_for(5s);
  active_ = false;
  runtime_.run_for(1min);
  EXPECT_EQ(requests_.size(), 1U);
  EXPECT_EQ(succeeded_, 1);
  EXPECT_EQ(failed_, 1);
  EXPECT_TRUE(run(client_->get_state(uuid))) << "reading changes nothing";
}

TEST_F(ArvadosClient, CancellingCallsFreesTheirSlots) {
  restart(1);
  latency_ = 30s;
  for (int i = 0; i < 3; ++i) tasks_.spawn(count_call());
  runtime_.run_for(1s);
  EXPECT_EQ(requests_.size(), 1);
  // The fixture stops the tasks and checks that no timer is left.
}

}  // namespace
}  // namespace berth
