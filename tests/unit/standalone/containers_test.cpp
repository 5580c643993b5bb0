#include <cstdint>

#include "berth/model/container_rules.hpp"

#include "api_fixture.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
using Containers = ApiTest;

const std::string kHolder = "zzzzz-gj3su-000000000000000";

TEST_F(Containers, LifeOfAContainer) {
  const Json made = submit({{"name", "demo"}, {"priority", 7}});
  const std::string uuid = made["container_uuid"];
  EXPECT_TRUE(is_container_uuid(uuid)) << uuid;
  EXPECT_EQ(made["container_count"], 1);

  Json record = container(uuid);
  EXPECT_EQ(record["state"], "Queued");
  EXPECT_EQ(record["kind"], "arvados#container");
  EXPECT_EQ(record["priority"].get<std::int64_t>(), container_priority(7, runtime_.wall_now()));
  EXPECT_TRUE(record["locked_by_uuid"].is_null());
  EXPECT_EQ(record["runtime_constraints"]["vcpus"], 1);
  EXPECT_EQ(record["runtime_constraints"]["gpu"]["device_count"], 0);
  EXPECT_EQ(record["scheduling_parameters"]["supervisor"], false);

  const Reply locked = lock(uuid);
  EXPECT_EQ(locked.status, 200) << locked.text;
  EXPECT_EQ(locked.body["state"], "Locked");
  EXPECT_EQ(locked.body["locked_by_uuid"], kHolder);

  EXPECT_EQ(update_container(uuid, {{"state", "Running"}, {"gateway_address", "127.0.0.1:1"}}).status, 200);
  EXPECT_FALSE(container(uuid)["started_at"].is_null());
  EXPECT_EQ(update_container(uuid, {{"progress", 0.5}}).body["progress"], 0.5);
  runtime_.run_for(5s);
  EXPECT_EQ(update_container(uuid, {{"state", "Complete"}, {"exit_code", 3}}).status, 200);

  record = container(uuid);
  EXPECT_EQ(record["state"], "Complete");
  EXPECT_EQ(record["exit_code"], 3);
  EXPECT_TRUE(record["locked_by_uuid"].is_null());
  EXPECT_GT(record["finished_at"].get<std::string>(), record["started_at"].get<std::string>());
  EXPECT_EQ(request(made["uuid"])["state"], "Final");
}

struct Step {
  const char* state;   ///< to be in
  const char* wanted;  ///< state asked for
  int status;
};

class Transitions : public ApiTest, public ::testing::WithParamInterface<Step> {};

TEST_P(Transitions, FollowTheTable) {
  const Step& step = GetParam();
  const std::string uuid = submit({{"container_count_max", 1}})["container_uuid"];
  const std::string from = step.state;
  if (from != "Queued") {
    if (from == "Cancelled") {
      ASSERT_EQ(update_container(uuid, {{"state", "Cancelled"}}).status, 200);
    } else {
      ASSERT_EQ(lock(uuid).status, 200);
    }
    if (from == "Running" || from == "Complete") {
      ASSERT_EQ(update_container(uuid, {{"state", "Running"}}).status, 200);
    }
    if (from == "Complete") {
      ASSERT_EQ(update_container(uuid, {{"state", "Complete"}}).status, 200);
    }
  }
  ASSERT_EQ(container(uuid)["state"], from);
  const Reply reply = update_container(uuid, {{"state", step.wanted}});
  EXPECT_EQ(reply.status, step.status) << reply.text;
  EXPECT_EQ(container(uuid)["state"], step.status == 200 ? step.wanted : step.state);
}

INSTANTIATE_TEST_SUITE_P(Facts, Transitions,
                         ::testing::Values(Step{"Queued", "Locked", 200}, Step{"Queued", "Running", 422},
                                           Step{"Queued", "Complete", 422}, Step{"Queued", "Cancelled", 200},
                                           Step{"Locked", "Queued", 200}, Step{"Locked", "Running", 200},
                                           Step{"Locked", "Complete", 422}, Step{"Locked", "Cancelled", 200},
                                           Step{"Running", "Queued", 422}, Step{"Running", "Locked", 422},
                                           Step{"Running", "Complete", 200}, Step{"Running", "Cancelled", 200},
                                           Step{"Complete", "Queued", 422}, Step{"Complete", "Running", 422},
                                           Step{"Complete", "Cancelled", 200}, Step{"Cancelled", "Queued", 422},
                                           Step{"Cancelled", "Running", 422}, Step{"Cancelled", "Complete", 422},
                                           Step{"Queued", "queued", 422}),
                         [](const auto& info) { return std::string(info.param.state) + "To" + info.param.wanted; });

TEST_F(Containers, LockAndUnlockRefuse) {
  const std::string uuid = submit()["container_uuid"];
  EXPECT_EQ(unlock(uuid).status, 422);
  EXPECT_EQ(lock(uuid).status, 200);
  EXPECT_EQ(lock(uuid).status, 422);
  EXPECT_EQ(unlock(uuid).body["state"], "Queued");
  const std::string held = submit({{"priority", 0}})["container_uuid"];
  EXPECT_EQ(lock(held).status, 422) << "priority 0 is on hold";
  EXPECT_EQ(lock("zzzzz-dz642-000000000000000").status, 404);
}

TEST_F(Containers, OneRunnerClaims) {
  const std::string uuid = submit()["container_uuid"];
  const auto claim = [&](const char* name) {
    return update_container(uuid, {{"state", "Running"}, {"gateway_address", name}});
  };
  ASSERT_EQ(lock(uuid).status, 200);
  ASSERT_EQ(update_container(uuid, {{"gateway_address", "early:1"}}).status, 200);
  ASSERT_EQ(unlock(uuid).status, 200);
  EXPECT_TRUE(container(uuid)["gateway_address"].is_null());
  ASSERT_EQ(lock(uuid).status, 200);
  EXPECT_EQ(claim("one:0").status, 200);
  EXPECT_EQ(claim("one:0").status, 200) << "its first answer may have been lost";
  const Reply second = claim("two:0");
  EXPECT_EQ(second.status, 422);
  EXPECT_NE(second.text.find("by another runner"), std::string::npos) << second.text;
  EXPECT_EQ(update_container(uuid, {{"state", "Running"}}).status, 422);
  EXPECT_EQ(container(uuid)["gateway_address"], "one:0");
  EXPECT_EQ(update_container(uuid, {{"gateway_address", "tunnel:0"}}).status, 200) << "as crunch-run does";
  EXPECT_EQ(update_container(uuid, {{"state", "Complete"}}).status, 200);
}

TEST_F(Containers, TooManyAttemptsEndCancelled) {
  const std::string uuid = submit({{"container_count_max", 1}})["container_uuid"];
  for (int attempt = 1; attempt <= 3; ++attempt) {
    ASSERT_EQ(lock(uuid).status, 200);
    const Reply reply = unlock(uuid);
    ASSERT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body["state"], attempt < 3 ? "Queued" : "Cancelled");
  }
  EXPECT_NE(container(uuid)["runtime_status"]["error"].get<std::string>().find("3 times"), std::string::npos);
}

TEST_F(Containers, RuntimeStatus) {
  const std::string uuid = submit()["container_uuid"];
  EXPECT_EQ(update_container(uuid, {{"runtime_status", {{"error", "x"}}}}).status, 422) << "not while Queued";
  ASSERT_EQ(lock(uuid).status, 200);
  EXPECT_EQ(update_container(uuid, {{"runtime_status", {{"error", "x"}}}}).status, 200);
  EXPECT_EQ(update_container(uuid, {{"runtime_status", {{"warning", "y"}}}}).body["runtime_status"],
            Json({{"warning", "y"}}))
      << "the whole object is replaced";
  EXPECT_EQ(update_container(uuid, {{"runtime_status", {{"error", 1}}}}).status, 422);
  EXPECT_EQ(unlock(uuid).body["runtime_status"], Json::object());
}

TEST_F(Containers, FieldsHaveTheirMoment) {
  const std::string uuid = submit()["container_uuid"];
  EXPECT_EQ(update_container(uuid, {{"progress", 0.1}}).status, 422) << "Queued";
  EXPECT_EQ(update_container(uuid, {{"locked_by_uuid", kHolder}}).status, 422);
  EXPECT_EQ(update_container(uuid, {{"state", "Locked"}, {"locked_by_uuid", kHolder}}).status, 200);
  EXPECT_EQ(update_container(uuid, {{"finished_at", "2030-01-01T00:00:00Z"}}).status, 422);
  EXPECT_EQ(update_container(uuid, {{"state", "Cancelled"}, {"log", "x"}, {"cost", 1.5}}).status, 200);
  EXPECT_EQ(update_container(uuid, {{"exit_code", 0}}).status, 422) << "final";
  EXPECT_EQ(update_container(uuid, {{"priority", 5}}).status, 422) << "final";
}

TEST_F(Containers, ChangesAreAnnounced) {
  std::vector<ApiChange> told;
  api_->set_listener([&](ApiChange change) { told.push_back(std::move(change)); });
  const auto announced = [&] { return std::exchange(told, {}).size() == 1; };
  const Json made = submit();
  EXPECT_TRUE(announced());
  EXPECT_FALSE(announced());
  const std::string uuid = made["container_uuid"];
  ASSERT_EQ(lock(uuid).status, 200);
  EXPECT_FALSE(announced()) << "the dispatcher's own doing";
  ASSERT_EQ(lock(uuid).status, 422);
  EXPECT_FALSE(announced()) << "nothing changed";
  ASSERT_EQ(unlock(uuid).status, 200);
  EXPECT_TRUE(announced());
  ASSERT_EQ(lock(uuid).status, 200);
  ASSERT_EQ(update_container(uuid, {{"state", "Running"}, {"gateway_address", "r:0"}}).status, 200);
  ASSERT_EQ(update_container(uuid, {{"progress", 0.5}}).status, 200);
  EXPECT_FALSE(announced()) << "nothing to do about it";
  ASSERT_EQ(update_request(made["uuid"], {{"priority", 9}}).status, 200);
  ASSERT_EQ(told.size(), 1);
  EXPECT_EQ(told[0].uuid, uuid);
  EXPECT_EQ(told[0].state, std::nullopt) << "a priority is not a state";
  EXPECT_TRUE(announced());
  ASSERT_EQ(update_request(made["uuid"], {{"name", "x"}}).status, 200);
  EXPECT_FALSE(announced());
  ASSERT_EQ(update_container(uuid, {{"state", "Complete"}}).status, 200);
  EXPECT_TRUE(announced());
}

}  // namespace
}  // namespace berth
