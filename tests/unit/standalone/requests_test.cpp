#include <cstdint>
#include <string>
#include <utility>

#include "api_fixture.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
using Requests = ApiTest;

TEST_F(Requests, CreateInEveryForm) {
  const std::string attributes = R"({"command":["echo","ä"],"state":"Committed"})";
  const std::string path = "/arvados/v1/container_requests";
  EXPECT_EQ(post(path, "container_request=" + form_encode(attributes)).status, 200);
  for (const std::string& body : {attributes, R"({"container_request":)" + attributes + '}'}) {
    ServerRequest request = make_request("POST", path + "?alt=json", body);
    request.headers.back().second = "application/json";
    const Reply reply = reply_to(std::move(request));
    EXPECT_EQ(reply.status, 200) << reply.text;
    EXPECT_EQ(reply.body["command"], Json({"echo", "ä"}));
    EXPECT_EQ(reply.body["kind"], "arvados#containerRequest");
    EXPECT_FALSE(reply.body["container_uuid"].is_null());
  }
  EXPECT_EQ(list("containers", "[]").body["items_available"], 3);
}

TEST_F(Requests, CommitByUpdate) {
  const Reply made = create({{"name", "later"}});
  ASSERT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(made.body["state"], "Uncommitted");
  EXPECT_TRUE(made.body["container_uuid"].is_null());
  const std::string uuid = made.body["uuid"];
  const Reply early = update_request(uuid, {{"state", "Committed"}});
  EXPECT_EQ(early.status, 422);
  EXPECT_EQ(early.error(), "command: missing");
  EXPECT_EQ(request(uuid)["state"], "Uncommitted") << "the whole change is undone";
  EXPECT_EQ(update_request(uuid, {{"command", {"true"}}, {"state", "Committed"}}).status, 200);
  EXPECT_EQ(container(request(uuid)["container_uuid"])["state"], "Queued");
  const Reply late = update_request(uuid, {{"command", {"false"}}});
  EXPECT_EQ(late.status, 422);
  EXPECT_EQ(late.error().find("command: "), 0u);
  EXPECT_EQ(update_request(uuid, {{"state", "Uncommitted"}}).status, 422);
}

TEST_F(Requests, PriorityGoesOnToTheContainer) {
  const Json first = submit({{"priority", 10}});
  runtime_.run_for(1s);
  const Json second = submit({{"priority", 10}});
  const auto priority = [&](const Json& made) {
    return container(made["container_uuid"])["priority"].get<std::int64_t>();
  };
  EXPECT_GT(priority(first), priority(second)) << "older first";
  EXPECT_EQ(update_request(second["uuid"], {{"priority", 11}}).status, 200);
  EXPECT_LT(priority(first), priority(second));
  EXPECT_EQ(update_request(second["uuid"], {{"priority", 0}}).status, 200);
  EXPECT_EQ(priority(second), 0);
}

TEST_F(Requests, RetryAfterCancelled) {
  const Json made = submit({{"container_count_max", 2}});
  const std::string first = made["container_uuid"];
  ASSERT_EQ(update_container(first, {{"state", "Cancelled"}}).status, 200);
  Json now = request(made["uuid"]);
  EXPECT_EQ(now["state"], "Committed");
  EXPECT_EQ(now["container_count"], 2);
  const std::string second = now["container_uuid"];
  EXPECT_NE(second, first);
  EXPECT_EQ(container(second)["state"], "Queued");
  ASSERT_EQ(update_container(second, {{"state", "Cancelled"}}).status, 200);
  now = request(made["uuid"]);
  EXPECT_EQ(now["state"], "Final");
  EXPECT_EQ(now["container_uuid"], second);
}

TEST_F(Requests, NoRetryOfWhatCannotGoBetter) {
  for (const auto& [permanent, state] : {std::pair<Json, const char*>{true, "Final"},
                                         {false, "Committed"},
                                         {1, "Committed"},
                                         {nullptr, "Committed"},
                                         {"true", "Committed"}}) {
    const Json made = submit();
    const std::string uuid = made["container_uuid"];
    ASSERT_EQ(lock(uuid).status, 200);
    const Json status = {{"error", "no container engine"}, {"permanent", permanent}};
    ASSERT_EQ(update_container(uuid, {{"state", "Cancelled"}, {"runtime_status", status}}).status, 200);
    const Json now = request(made["uuid"]);
    EXPECT_EQ(now["state"], state) << permanent;
    EXPECT_EQ(now["container_uuid"] == uuid, now["state"] == "Final") << permanent;
  }
}

TEST_F(Requests, NoRetryOnceCancelledByTheUser) {
  const Json made = submit();
  const std::string uuid = made["container_uuid"];
  ASSERT_EQ(lock(uuid).status, 200);
  ASSERT_EQ(update_request(made["uuid"], {{"priority", 0}}).status, 200);
  ASSERT_EQ(update_container(uuid, {{"state", "Cancelled"}}).status, 200);
  EXPECT_EQ(request(made["uuid"])["state"], "Final");
  EXPECT_EQ(list("containers", "[]").body["items_available"], 1);
}

TEST_F(Requests, Cancel) {
  const auto cancel = [&](const Json& made) {
    return post("/arvados/v1/container_requests/" + made["uuid"].get<std::string>() + "/cancel");
  };
  const Json queued = submit(), running = submit();
  EXPECT_EQ(cancel(queued).body["state"], "Final");
  EXPECT_EQ(container(queued["container_uuid"])["state"], "Cancelled");
  ASSERT_EQ(lock(running["container_uuid"]).status, 200);
  const Reply reply = cancel(running);
  EXPECT_EQ(reply.body["state"], "Committed");
  EXPECT_EQ(reply.body["priority"], 0);
  EXPECT_EQ(container(running["container_uuid"])["state"], "Locked") << "the dispatcher stops it";
  EXPECT_EQ(cancel(queued).status, 200) << "again";
}

TEST_F(Requests, SupervisorsAreMarked) {
  const Reply made = create({{"state", "Committed"}, {"command", {"arvados-cwl-runner", "x"}}});
  EXPECT_EQ(container(made.body["container_uuid"])["scheduling_parameters"]["supervisor"], true);
}

TEST_F(Requests, BadAttributesAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"command":"true"})", "command"},
      {R"({"command":[]})", "command"},
      {R"({"command":["a",1]})", "command[1]"},
      {R"({"command":["a\u0000b"]})", "command[0]"},
      {R"({"command":[""]})", "command"},
      {R"({"priority":-1})", "priority"},
      {R"({"priority":1001})", "priority"},
      {R"({"priority":"5"})", "priority"},
      {R"({"priority":18446744073709551615})", "priority"},
      {R"({"container_count_max":0})", "container_count_max"},
      {R"({"environment":[]})", "environment"},
      {R"({"environment":{"A=B":"c"}})", "environment"},
      {R"({"environment":{"A":1}})", "environment.A"},
      {R"({"runtime_constraints":{"ram":1e300}})", "runtime_constraints.ram"},
      {R"({"runtime_constraints":{"ram":-1}})", "runtime_constraints.ram"},
      {R"({"runtime_constraints":{"ram":9223372036854775807}})", "runtime_constraints.ram"},
      {R"({"runtime_constraints":{"vcpus":"many"}})", "runtime_constraints.vcpus"},
      {R"({"runtime_constraints":{"vcpus":0}})", "runtime_constraints.vcpus"},
      {R"({"runtime_constraints":{"cpus":1}})", "runtime_constraints.cpus"},
      {R"({"runtime_constraints":{"gpu":{"device_count":1.5}}})", "runtime_constraints.gpu.device_count"},
      {R"({"scheduling_parameters":{"preemptible":1}})", "scheduling_parameters.preemptible"},
      {R"({"scheduling_parameters":{"partitions":[1]}})", "scheduling_parameters.partitions"},
      {R"({"mounts":{"tmp":{"kind":"tmp"}}})", "mounts['tmp']"},
      {R"({"mounts":{"/tmp":{"kind":"tmp","capacity":-5}}})", "mounts['/tmp'].capacity"},
      {R"({"mounts":{"/tmp":{}}})", "mounts['/tmp'].kind"},
      {R"({"output_path":"here"})", "output_path"},
      {R"({"state":"Final"})", "state"},
      {R"({"secret_mounts":{"/x":{}}})", "secret_mounts"},
      {R"({"pirority":1})", "pirority"},
      {R"({"uuid":"zzzzz-xvhdp-000000000000000"})", "uuid"},
  };
  for (const auto& [attributes, field] : cases) {
    const Reply reply = post("/arvados/v1/container_requests", "container_request=" + form_encode(attributes));
    EXPECT_EQ(reply.status, 422) << attributes;
    EXPECT_EQ(reply.error().find(std::string(field) + ": "), 0u) << attributes << " -> " << reply.error();
    EXPECT_TRUE(reply.body["error_token"].is_string());
  }
  EXPECT_EQ(list("container_requests", "[]").body["items_available"], 0);
}

TEST_F(Requests, TooLongStringsAreRefused) {
  EXPECT_EQ(create({{"command", {std::string(200'000, 'x')}}}).status, 422);
  EXPECT_EQ(create({{"name", std::string(100'000, 'x')}}).status, 422);
  EXPECT_EQ(create({{"command", Json(std::vector<std::string>(20'000, std::string(100, 'x')))}}).status, 413);
}

}  // namespace
}  // namespace berth
