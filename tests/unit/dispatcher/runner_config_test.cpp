#include "runner_config.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace berth {
namespace {

TEST(GatewaySecret, VectorOfFacts6_10) {
  const GatewaySecrets secrets("exampleSystemRootToken0123456789abcdefghijklmnopqrstuv");
  for (int time = 0; time < 2; ++time)
    EXPECT_EQ(secrets.of("zzzzz-dz642-000000000000001"),
              "a92b26ef5e46e883982a34dfc1b7bbc098d749ad0b92338de628dc3553d64ae1");
  EXPECT_EQ(GatewaySecrets("").of("uuid"), "8122a338bccc8b57220be3de190f0f705be8c8150fdb6f4ab1cd0a6b1c4b984b");
}

TEST(GatewayHost, TakesThePortOffAndBracketsIpv6) {
  EXPECT_EQ(gateway_host("10.0.0.5"), "10.0.0.5");
  EXPECT_EQ(gateway_host("10.0.0.5:2222"), "10.0.0.5");
  EXPECT_EQ(gateway_host("[fd00::1]:22"), "[fd00::1]");
  EXPECT_EQ(gateway_host("fd00::1"), "[fd00::1]");
  EXPECT_EQ(gateway_host(""), "");
}

TEST(RunnerConfig, HasTheFieldsOfFacts6_10) {
  Cluster cluster;
  cluster.id = "zzzzz";
  cluster.system_root_token = "root";
  cluster.services.controller_url = "https://api.example:443/";
  cluster.tls.insecure = true;
  cluster.containers.cloud_vms.driver = "ec2";
  cluster.containers.local_keep_blob_buffers_per_vcpu = 2;
  cluster.document = std::make_shared<const nlohmann::json>(nlohmann::json{{"Unknown", {{"Kept", 1}}}});
  InstanceType type;
  type.vcpus = 4;
  type.preemptible = true;

  const auto make = make_runner_config(cluster, {{"EXTRA", "1"}});
  const auto config = nlohmann::json::parse(make("zzzzz-dz642-000000000000001", type, "10.0.0.5:22"));
  EXPECT_EQ(config["KeepBuffers"], 8);
  EXPECT_EQ(config["EC2SpotCheck"], true);
  EXPECT_EQ(config["Cluster"]["Unknown"]["Kept"], 1);
  const auto& env = config["Env"];
  EXPECT_EQ(env["ARVADOS_API_HOST"], "api.example:443");
  EXPECT_EQ(env["ARVADOS_API_TOKEN"], "root");
  EXPECT_EQ(env["ARVADOS_API_HOST_INSECURE"], "1");
  EXPECT_EQ(env["GatewayAddress"], "10.0.0.5:0");
  EXPECT_EQ(env["EXTRA"], "1");
  EXPECT_TRUE(env["InstanceType"].get<std::string>().ends_with("}\n"));
  EXPECT_EQ(nlohmann::json::parse(env["InstanceType"].get<std::string>())["VCPUs"], 4);

  // A type of the cluster, an address that needs quotes, and an environment that would replace what is the start's own.
  type.name = "known";
  cluster.instance_types["known"] = type;
  const auto known = make_runner_config(cluster, {{"GatewayAddress", "evil"}, {"QUOTED", "a\"b\n"}});
  for (const char* uuid : {"zzzzz-dz642-000000000000002", "zzzzz-dz642-000000000000003"}) {
    const auto own = nlohmann::json::parse(known(uuid, type, "h\"x"));
    EXPECT_EQ(own["KeepBuffers"], 8);
    EXPECT_EQ(own["Env"]["GatewayAddress"], "h\"x:0");
    EXPECT_EQ(own["Env"]["GatewayAuthSecret"], GatewaySecrets("root").of(uuid));
    EXPECT_EQ(own["Env"]["QUOTED"], "a\"b\n");
    EXPECT_EQ(own["Env"].size(), 7);
    EXPECT_EQ(own["Cluster"]["Unknown"]["Kept"], 1);
  }

  cluster.containers.local_keep_blob_buffers_per_vcpu = 0;
  const auto bare = nlohmann::json::parse(make_runner_config(cluster, {})("zzzzz-dz642-000000000000001", type, "h"));
  EXPECT_EQ(bare["KeepBuffers"], 0);
  EXPECT_EQ(bare["Cluster"], nullptr);
}

}  // namespace
}  // namespace berth
