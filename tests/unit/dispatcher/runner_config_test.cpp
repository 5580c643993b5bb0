#include "runner_config.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace berth {
namespace {

TEST(GatewaySecret, VectorOfFacts6_10) {
  EXPECT_EQ(gateway_secret("exampleSystemRootToken0123456789abcdefghijklmnopqrstuv", "zzzzz-dz642-000000000000001"),
            "a92b26ef5e46e883982a34dfc1b7bbc098d749ad0b92338de628dc3553d64ae1");
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

  cluster.containers.local_keep_blob_buffers_per_vcpu = 0;
  const auto bare = nlohmann::json::parse(make_runner_config(cluster, {})("zzzzz-dz642-000000000000001", type, "h"));
  EXPECT_EQ(bare["KeepBuffers"], 0);
  EXPECT_EQ(bare["Cluster"], nullptr);
}

}  // namespace
}  // namespace berth
