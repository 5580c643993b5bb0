#include <gtest/gtest.h>
#include <set>

#include <nlohmann/json.hpp>

#include "berth/model/container.hpp"
#include "berth/model/instance.hpp"
#include "berth/model/instance_type.hpp"

namespace berth {
namespace {

TEST(ContainerState, NamesGoBothWays) {
  const std::pair<ContainerState, const char*> cases[] = {{ContainerState::queued, "Queued"},
                                                          {ContainerState::locked, "Locked"},
                                                          {ContainerState::running, "Running"},
                                                          {ContainerState::complete, "Complete"},
                                                          {ContainerState::cancelled, "Cancelled"}};
  for (const auto& [state, name] : cases) {
    EXPECT_EQ(to_string(state), name);
    EXPECT_EQ(*parse_container_state(name), state);
    EXPECT_EQ(is_waiting(state), state == ContainerState::queued || state == ContainerState::locked);
    EXPECT_EQ(is_final(state), state == ContainerState::complete || state == ContainerState::cancelled);
  }
  for (const char* bad : {"", "queued", "Queued ", "Committed"}) EXPECT_FALSE(parse_container_state(bad)) << bad;
}

TEST(Uuid, OnlyTheExactForm) {
  for (const char* good : {"zzzzz-dz642-queuedcontainer", "a1b2c-dz642-000000000000000"}) {
    EXPECT_TRUE(is_uuid(good)) << good;
    EXPECT_TRUE(is_container_uuid(good)) << good;
  }
  EXPECT_TRUE(is_uuid("zzzzz-gj3su-077z32aux8dg2s1"));
  EXPECT_FALSE(is_container_uuid("zzzzz-gj3su-077z32aux8dg2s1"));
  for (const std::string bad :
       {"", "zzzzz-dz642-queuedcontaine", "zzzzz-dz642-queuedcontainerr", "zzzzz-dz642-Queuedcontainer",
        "zzzzz_dz642-queuedcontainer", "zzzzz-dz642_queuedcontainer", "zzzzz-dz642-queuedcontain/r",
        "../zz-dz642-queuedcontainer", "zzzzz-dz642-queuedcontaine\n", "zzzzz-dz642-queued-ontainer"}) {
    EXPECT_FALSE(is_uuid(bad)) << bad;
    EXPECT_FALSE(is_container_uuid(bad)) << bad;
  }
  EXPECT_FALSE(is_uuid(std::string("zzzzz-dz642-queuedcontaine\0", 27)));
}

TEST(Instance, Names) {
  std::set<std::string_view> states;
  for (const WorkerState state :
       {WorkerState::unknown, WorkerState::booting, WorkerState::idle, WorkerState::running, WorkerState::shutdown}) {
    states.insert(to_string(state));
  }
  EXPECT_EQ(states, (std::set<std::string_view>{"unknown", "booting", "idle", "running", "shutdown"}));
  for (const IdleBehavior behavior : {IdleBehavior::run, IdleBehavior::hold, IdleBehavior::drain}) {
    EXPECT_EQ(*parse_idle_behavior(to_string(behavior)), behavior);
  }
  for (const char* bad : {"", "Run", "stop"}) EXPECT_FALSE(parse_idle_behavior(bad)) << bad;
}

TEST(InstanceType, JsonFormOfFacts_1_4) {
  const InstanceType type{.name = "big",
                          .provider_type = "m5.large",
                          .vcpus = 2,
                          .ram = std::int64_t{1} << 62,
                          .included_scratch = 5,
                          .added_scratch = 6,
                          .price = 0.0625,
                          .preemptible = true,
                          .gpu = {"cuda", "11.0", "9.0", 1, 8}};
  EXPECT_EQ(to_json(type).dump(),
            R"({"ProviderType":"m5.large","VCPUs":2,"RAM":4611686018427387904,"IncludedScratch":5,"AddedScratch":6,)"
            R"("Price":0.0625,"Preemptible":true,"GPU":{"Stack":"cuda","DriverVersion":"11.0","HardwareTarget":"9.0",)"
            R"("DeviceCount":1,"VRAM":8}})");
  EXPECT_EQ(type.scratch(), 11);
  EXPECT_EQ(type.resources(), (Resources{2, std::int64_t{1} << 62, 11, 1, 8}));
}

}  // namespace
}  // namespace berth
