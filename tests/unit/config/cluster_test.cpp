// Values of a Cluster.
#include <gtest/gtest.h>

#include "config_fixture.hpp"

namespace berth::config {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

Cluster good(const std::string& lines) {
  const LoadedConfig loaded = load_below_cluster(lines);
  EXPECT_EQ(report(loaded), "") << lines;
  return loaded.cluster;
}

TEST(Cluster, Rich) {
  const Cluster c = load_text(test_data("rich.yml"), "rich.yml", test_host).cluster;
  EXPECT_EQ(c.id, "zrich");
  EXPECT_EQ(c.services.controller_url, "https://zrich.example.com:8443/");
  EXPECT_EQ(c.services.websocket_url, "wss://ws.example.com/websocket");
  EXPECT_EQ(c.services.dispatch_cloud, (InternalUrls{{"http://localhost:9007/", ""},
                                                     {"https://dispatch.example.com:9006/", "https://0.0.0.0:9006/"}}));
  EXPECT_EQ(c.tls.certificate, "/etc/arvados/cert.pem");
  EXPECT_EQ(c.tls.key, "/etc/arvados/key.pem");
  EXPECT_TRUE(c.tls.insecure);
  EXPECT_EQ(c.system_logs.level, LogLevel::debug);
  EXPECT_EQ(c.system_logs.format, LogFormat::text);
  EXPECT_EQ(c.api.request_timeout, 150s);
  EXPECT_EQ(c.api.max_concurrent_requests, 128);
  EXPECT_EQ(c.postgresql_connection.at("password"), "p'w d");
  EXPECT_EQ(c.postgresql_connection.at("sslmode"), "prefer");
  EXPECT_EQ(c.containers.crunch_run_arguments.size(), 2U);
  EXPECT_EQ(c.containers.reserve_extra_ram, 512 << 20);
  EXPECT_EQ(c.containers.stale_lock_timeout, 90s);
  const CloudVmsConfig& vms = c.containers.cloud_vms;
  EXPECT_EQ(vms.poll_interval, 60500ms);
  EXPECT_EQ(vms.timeout_idle, 1min) << "0 falls back";
  EXPECT_EQ(vms.timeout_booting, 3723s);
  EXPECT_EQ(vms.supervisor_fraction, 0.25);
  EXPECT_EQ(vms.initial_quota_estimate, 40);
  EXPECT_EQ(vms.ssh_port, "2222");
  EXPECT_EQ(vms.deploy_runner_binary, "");
  EXPECT_EQ(vms.policy, "cost");
  EXPECT_EQ(vms.resource_tags.at("cost-center"), "42");
  EXPECT_EQ(vms.driver_parameters->at("SubnetID"), json({"subnet-1", "subnet-2"}));
  EXPECT_EQ(vms.driver_parameters->at("EBSPrice"), 0.1);
  EXPECT_EQ(vms.driver_parameters->at("InstanceTypeQuotaGroups").at("x"), "misc");
  EXPECT_EQ(vms.driver_parameters->at("InstanceTypeQuotaGroups").at("vt"), "g");
  EXPECT_EQ(c.instance_types.size(), 5U);
  EXPECT_EQ(c.instance_types.at("gpu1").gpu, (GpuFeatures{"cuda", "11.4", "7.5", 1, std::int64_t{16} << 30}));
  EXPECT_EQ(c.instance_types.at("spot.small").scratch(), 60000000000);
  EXPECT_EQ(c.instance_types.at("m5.xlarge").provider_type, "m5.xlarge");
}

TEST(Cluster, FallbacksForValuesNotAboveZero) {
  const CloudVmsConfig vms = good(R"(
    Containers:
      CloudVMs: {ProbeInterval: 0, SyncInterval: -1s, TimeoutIdle: 0, TimeoutBooting: 0, TimeoutProbe: "0",
                 TimeoutShutdown: 0s, TimeoutSignal: 0, TimeoutStaleRunLock: 0, TimeoutTERM: 0, PollInterval: 0,
                 MaxProbesPerSecond: 0, BootProbeCommand: "", InitialQuotaEstimate: 0, MaxInstances: 7,
                 MaxCloudOpsPerSecond: -5}
)")
                                 .containers.cloud_vms;
  EXPECT_EQ(vms.probe_interval, 10s);
  EXPECT_EQ(vms.sync_interval, 1min);
  EXPECT_EQ(vms.timeout_idle, 1min);
  EXPECT_EQ(vms.timeout_booting, 10min);
  EXPECT_EQ(vms.timeout_probe, 10min);
  EXPECT_EQ(vms.timeout_shutdown, 10s);
  EXPECT_EQ(vms.timeout_signal, 5s);
  EXPECT_EQ(vms.timeout_stale_run_lock, 5s);
  EXPECT_EQ(vms.timeout_term, 2min);
  EXPECT_EQ(vms.poll_interval, 0s) << "back to back";
  EXPECT_EQ(vms.max_probes_per_second, 10);
  EXPECT_EQ(vms.boot_probe_command, "true");
  EXPECT_EQ(vms.initial_quota_estimate, 7);
  EXPECT_EQ(vms.max_cloud_ops_per_second, 0);
}

TEST(Cluster, NullKeepsTheDefaultAndEmptyReplacesIt) {
  const Cluster c =
      good("    API:\n    Containers: {CrunchRunCommand: ~, RuntimeEngine: \"\", CloudVMs: {MaxInstances: 0}}\n");
  EXPECT_EQ(c.api.max_queued_requests, 128);
  EXPECT_EQ(c.containers.crunch_run_command, "crunch-run");
  EXPECT_EQ(c.containers.runtime_engine, "");
  EXPECT_EQ(c.containers.cloud_vms.max_instances, 0);
}

TEST(Cluster, OldScalarRules) {
  const std::pair<const char*, std::int64_t> integers[] = {{"0x10", 16},
                                                           {"0b101", 5},
                                                           {"0o17", 15},
                                                           {"017", 15},
                                                           {"1_000", 1000},
                                                           {"1e3", 1000},
                                                           {"+5", 5},
                                                           {"2.0", 2},
                                                           {"08", 8},
                                                           {"!!int 7", 7},
                                                           {"9007199254740993", 9007199254740992}};
  for (const auto& [text, want] : integers) {
    EXPECT_EQ(good(std::string("    API: {MaxQueuedRequests: ") + text + "}\n").api.max_queued_requests, want) << text;
  }
  for (const char* yes : {"yes", "On", "TRUE", "y"})
    EXPECT_TRUE(good(std::string("    TLS: {Insecure: ") + yes + "}\n").tls.insecure);
  for (const char* no : {"no", "Off", "FALSE", "n"})
    EXPECT_FALSE(good(std::string("    TLS: {Insecure: ") + no + "}\n").tls.insecure);
  for (const char* text : {"\"22\"", "'22'", "!!str 22"}) {
    EXPECT_EQ(good(std::string("    Containers: {CloudVMs: {SSHPort: ") + text + "}}\n").containers.cloud_vms.ssh_port,
              "22");
  }
  for (const char* text : {"a1", "1.2.3", "0x", "1:30", "2001-01-01", ".nan", "-", "infinity", "0b2"}) {
    EXPECT_EQ(good(std::string("    Containers: {RuntimeEngine: ") + text + "}\n").containers.runtime_engine, text);
  }
}

TEST(Cluster, AnchorsAndMergeKeys) {
  const Cluster c = good(R"(
    InstanceTypes:
      a: &a {VCPUs: 1, RAM: 1Gi, Price: 1}
      b: {VCPUs: 2, <<: *a}
      c: {<<: [{Price: 3}, *a], VCPUs: 4}
)");
  EXPECT_EQ(c.instance_types.at("b").vcpus, 2);
  EXPECT_EQ(c.instance_types.at("b").ram, 1 << 30);
  EXPECT_EQ(c.instance_types.at("c").price, 3);
  EXPECT_EQ(c.instance_types.at("c").vcpus, 4);
  EXPECT_EQ(good("    InstanceTypes: {\"<<\": {VCPUs: 1}}\n").instance_types.count("<<"), 1U) << "quoted: a name";
}

TEST(Cluster, NumbersAsKeysAreTheirText) {
  const Cluster c = load_text("Clusters: {12345: {InstanceTypes: {0x10: {}, 1.5: {}}}}", "c.yml", test_host).cluster;
  EXPECT_EQ(c.id, "12345");
  EXPECT_EQ(c.instance_types.count("16"), 1U);
  EXPECT_EQ(c.instance_types.count("1.5"), 1U);
}

TEST(Cluster, LoopbackGetsATypeOfThisMachine) {
  const Cluster c = good("    Containers: {CloudVMs: {Enable: true, Driver: loopback}}\n");
  ASSERT_EQ(c.instance_types.size(), 1U);
  const InstanceType& type = c.instance_types.at("localhost");
  EXPECT_EQ(type.provider_type, "localhost");
  EXPECT_EQ(type.resources(), (Resources{12, 64000000000, 500000000000, 0, 0}));
  EXPECT_EQ(type.price, 1.0);
  EXPECT_TRUE(c.document->at("InstanceTypes").contains("localhost"));
  EXPECT_EQ(*c.containers.cloud_vms.driver_parameters, json::object()) << "the defaults are other drivers'";
  EXPECT_TRUE(good("    Containers: {CloudVMs: {Driver: loopback}}\n").instance_types.empty()) << "not enabled";
  EXPECT_EQ(good("    Containers: {CloudVMs: {Enable: true, Driver: loopback}}\n    InstanceTypes: {a: {}}\n")
                .instance_types.size(),
            1U);
}

TEST(Cluster, LoopbackWithParametersTakesSeveralTypes) {
  const Cluster c = good(
      "    Containers: {CloudVMs: {Enable: true, Driver: loopback, DriverParameters: {MaxVCPUs: 4, StateDirectory: "
      "/x}}}\n"
      "    InstanceTypes: {a: {VCPUs: 1}, b: {VCPUs: 2}}\n");
  EXPECT_EQ(c.instance_types.size(), 2U);
  EXPECT_EQ(*c.containers.cloud_vms.driver_parameters, (json{{"MaxVCPUs", 4}, {"StateDirectory", "/x"}}));
}

TEST(Cluster, ThisMachineHasSize) {
  const HostFacts host = read_host_facts();
  EXPECT_GT(host.vcpus, 0);
  EXPECT_GT(host.ram, 1 << 20);
  EXPECT_GT(host.scratch, 1 << 20);
}

TEST(Cluster, PreemptibleVariants) {
  const LoadedConfig loaded = load_below_cluster(R"(
    Containers: {PreemptiblePriceFactor: 0.5}
    InstanceTypes:
      a: {ProviderType: x, VCPUs: 1, Price: 2}
      b: {VCPUs: 1, Price: 2, Preemptible: true}
      c: {VCPUs: 1, Price: 2}
      c.preemptible: {VCPUs: 1, Price: 9, Preemptible: true}
)");
  EXPECT_EQ(
      report(loaded),
      "c.yml:11:7: warning: InstanceTypes.c.preemptible: differs from what PreemptiblePriceFactor would make of c: "
      "kept as it is\n");
  const auto& types = loaded.cluster.instance_types;
  ASSERT_EQ(types.size(), 5U);
  EXPECT_EQ(types.at("a.preemptible").price, 1.0);
  EXPECT_EQ(types.at("a.preemptible").provider_type, "x");
  EXPECT_TRUE(types.at("a.preemptible").preemptible);
  EXPECT_EQ(types.at("c.preemptible").price, 9.0);
  EXPECT_TRUE(loaded.cluster.document->at("InstanceTypes").contains("a.preemptible"));
}

TEST(Cluster, Policy) {
  const Cluster c = good("    Containers: {CloudVMs: {Policy: reference}}\n");
  EXPECT_EQ(c.containers.cloud_vms.policy, "reference");
  EXPECT_FALSE(good("").document->at("Containers").at("CloudVMs").contains("Policy")) << "unknown to the runner";
}

TEST(Cluster, SetsMayBeLists) {
  const Cluster c = good("    Users: {UserNotifierEmailBcc: [a@example.com, b@example.com]}\n");
  EXPECT_EQ(c.document->at("Users").at("UserNotifierEmailBcc"),
            (json{{"a@example.com", json::object()}, {"b@example.com", json::object()}}));
}

TEST(Cluster, JsonIsYamlToo) {
  const LoadedConfig loaded =
      load_text("{\n\t\"Clusters\": {\n\t\t\"zzzzz\": {\"TLS\": {\"Insecure\": true}, \"SystemRootToken\": \"" +
                    std::string(40, 'a') + "\",\n\t\t\"ManagementToken\": \"" + std::string(40, 'b') + "\"}}}\n",
                "c.json", test_host);
  EXPECT_EQ(report(loaded), "");
  EXPECT_TRUE(loaded.cluster.tls.insecure);
}

TEST(InstanceSetId, UuidOfATokenOrItsMd5) {
  EXPECT_EQ(instance_set_id("exampleSystemRootToken0123456789abcdefghijklmnopqrstuv"),
            "318a26b857364b087af15c2fa457daf5");
  EXPECT_EQ(instance_set_id("v2/zzzzz-gj3su-000000000000000/secret"), "zzzzz-gj3su-000000000000000");
  EXPECT_EQ(instance_set_id(""), "d41d8cd98f00b204e9800998ecf8427e");
}

}  // namespace
}  // namespace berth::config
