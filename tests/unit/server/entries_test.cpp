#include "entries.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace berth {
namespace {

using nlohmann::json;

ScheduledContainer scheduled() {
  QueueEntry entry;
  entry.container.uuid = "zzzzz-dz642-000000000000001";
  entry.container.state = ContainerState::locked;
  entry.container.priority = 562948375092493200;
  entry.spec = std::make_shared<const QueueSpec>(QueueSpec{{}, {2, 3, 4, 0, 0}, {"small", "gone"}});
  ScheduledContainer result;
  result.entry = std::make_shared<const QueueEntry>(entry);
  result.reason = Reason::type_capacity;
  result.position = 3;
  return result;
}

TEST(ContainerEntry, HasEveryKeyOfFacts9_2) {
  InstanceType small;
  small.name = "small";
  small.provider_type = "m1.small";
  small.vcpus = 2;
  const json entry = json::parse(container_entry(scheduled(), {{"small", small}}));
  for (const char* key :
       {"container", "instance_resources", "instance_types", "first_seen_at", "scheduling_status", "reason"})
    EXPECT_TRUE(entry.contains(key)) << key;
  for (const char* key : {"uuid",
                          "etag",
                          "created_at",
                          "modified_by_user_uuid",
                          "modified_at",
                          "command",
                          "container_image",
                          "cwd",
                          "environment",
                          "locked_by_uuid",
                          "lock_count",
                          "mounts",
                          "output",
                          "output_path",
                          "output_glob",
                          "priority",
                          "runtime_constraints",
                          "state",
                          "scheduling_parameters",
                          "exit_code",
                          "runtime_status",
                          "started_at",
                          "finished_at",
                          "gateway_address",
                          "interactive_session_started",
                          "output_storage_classes",
                          "runtime_user_uuid",
                          "runtime_auth_scopes",
                          "runtime_token",
                          "auth_uuid",
                          "log",
                          "cost",
                          "subrequests_cost",
                          "service",
                          "published_ports"})
    EXPECT_TRUE(entry["container"].contains(key)) << key;
  EXPECT_EQ(entry["container"]["priority"].get<std::int64_t>(), 562948375092493200);
  EXPECT_EQ(entry["container"]["state"], "Locked");
  EXPECT_EQ(entry["container"]["created_at"], "0001-01-01T00:00:00Z");
  EXPECT_EQ(entry["instance_resources"], (json{{"VCPUs", 2}, {"RAM", 3}, {"Scratch", 4}, {"GPUs", 0}, {"GPUVRAM", 0}}));
  ASSERT_EQ(entry["instance_types"].size(), 1U);
  EXPECT_EQ(entry["instance_types"][0]["ProviderType"], "m1.small");
  EXPECT_FALSE(entry["instance_types"][0].contains("Name"));
  EXPECT_EQ(entry["reason"], "type-capacity");
}

TEST(InstanceEntry, PendingCreatesHaveNoContainersList) {
  PoolInstance pending;
  pending.type = "small";
  const json entry = json::parse(instance_entry(pending));
  EXPECT_EQ(entry["running_container_uuids"], nullptr);
  EXPECT_EQ(entry["worker_state"], "booting");
  EXPECT_EQ(entry["last_busy"], "0001-01-01T00:00:00Z");

  PoolInstance idle = pending;
  idle.id = "i-1";
  idle.state = WorkerState::idle;
  EXPECT_EQ(json::parse(instance_entry(idle))["running_container_uuids"], json::array());
}

TEST(Quote, ReplacesInvalidUtf8) {
  EXPECT_EQ(json::parse(quote("a\"b\n")), "a\"b\n");
  EXPECT_TRUE(json::accept(quote("a\xff")));
}

}  // namespace
}  // namespace berth
