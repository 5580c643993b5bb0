// What each part takes from the configuration: each key that is passed on, by a value that is no default of anything.
#include "options.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {
using namespace std::chrono_literals;

Cluster odd_cluster() {
  Cluster cluster;
  cluster.id = "zodd1";
  cluster.system_root_token = "v2/zodd1-gj3su-000000000000000/secret";
  cluster.instance_types["odd"].name = "odd";
  ContainersConfig& containers = cluster.containers;
  containers.stale_lock_timeout = 101s;
  containers.crunch_run_command = "odd-run";
  containers.crunch_run_arguments = {"--odd", "--odder"};
  containers.reserve_extra_ram = 102;
  containers.runtime_engine = "singularity";
  containers.local_keep_blob_buffers_per_vcpu = 103;
  containers.maximum_price_factor = 10.4;
  CloudVmsConfig& vms = containers.cloud_vms;
  vms.tag_key_prefix = "Odd";
  vms.image_id = "odd-image";
  vms.instance_init_command = "odd-init";
  vms.boot_probe_command = "odd-probe";
  vms.deploy_runner_binary = "/odd/runner";
  vms.deploy_runner_directory = "/odd/deploy";
  vms.max_instances = 105;
  vms.max_concurrent_instance_create_ops = 106;
  vms.initial_quota_estimate = 107;
  vms.max_running_containers_per_instance = 108;
  vms.max_probes_per_second = 109;
  vms.supervisor_fraction = 0.11;
  vms.poll_interval = 111s;
  vms.probe_interval = 112s;
  vms.sync_interval = 113s;
  vms.timeout_idle = 114s;
  vms.timeout_booting = 115s;
  vms.timeout_probe = 116s;
  vms.timeout_shutdown = 117s;
  vms.timeout_signal = 118s;
  vms.timeout_stale_run_lock = 119s;
  vms.timeout_term = 120s;
  vms.policy = "odd-policy";
  vms.exit_watch = false;
  vms.watched_probe_interval = 121s;
  vms.cost_policy = {false, false, false, 0.122, false, 123s};
  return cluster;
}

TEST(Options, OfTheQueue) {
  const QueueOptions options = queue_options(odd_cluster());
  EXPECT_EQ(options.poll_interval, 111s);
  EXPECT_EQ(options.choose.reserve_extra_ram, 102);
  EXPECT_EQ(options.choose.local_keep_blob_buffers_per_vcpu, 103);
  EXPECT_EQ(options.choose.maximum_price_factor, 10.4);
  EXPECT_TRUE(options.instance_types.contains("odd"));
}

TEST(Options, OfThePoolTexts) {
  const PoolOptions options = pool_options(odd_cluster());
  const std::pair<std::string, std::string> cases[] = {
      {options.instance_set_id, "zodd1-gj3su-000000000000000"},
      {options.cluster_id, "zodd1"},
      {options.tag_key_prefix, "Odd"},
      {options.image_id, "odd-image"},
      {options.instance_init_command, "odd-init"},
      {options.boot_probe_command, "odd-probe"},
      {options.runner_command, "odd-run"},
      {options.runner_binary_path, "/odd/runner"},
      {options.deploy_directory, "/odd/deploy"},
  };
  for (const auto& [got, want] : cases) EXPECT_EQ(got, want);
  EXPECT_EQ(options.runner_arguments, (std::vector<std::string>{"--runtime-engine=singularity", "--odd", "--odder"}));
  EXPECT_TRUE(options.instance_types.contains("odd"));
}

TEST(Options, OfThePoolNumbersAndTimes) {
  const PoolOptions options = pool_options(odd_cluster());
  EXPECT_EQ(options.max_instances, 105);
  EXPECT_EQ(options.max_concurrent_creates, 106);
  EXPECT_EQ(options.max_probes_per_second, 109);
  EXPECT_FALSE(options.exit_watch);
  const std::pair<Duration, Duration> cases[] = {
      {options.probe_interval, 112s},         {options.sync_interval, 113s},          {options.timeout_idle, 114s},
      {options.timeout_booting, 115s},        {options.timeout_probe, 116s},          {options.timeout_shutdown, 117s},
      {options.timeout_signal, 118s},         {options.timeout_stale_run_lock, 119s}, {options.timeout_term, 120s},
      {options.watched_probe_interval, 121s},
  };
  for (const auto& [got, want] : cases) EXPECT_EQ(got, want);
}

TEST(Options, OfTheScheduler) {
  const SchedulerOptions options = scheduler_options(odd_cluster());
  EXPECT_EQ(options.stale_lock_timeout, 101s);
  EXPECT_EQ(options.initial_quota_estimate, 107);
  EXPECT_EQ(options.max_instances, 105);
  EXPECT_EQ(options.supervisor_fraction, 0.11);
  EXPECT_EQ(options.max_containers_per_instance, 108);
  EXPECT_EQ(options.policy, "odd-policy");
  EXPECT_TRUE(options.instance_types.contains("odd"));
  const CostRules& rules = options.cost_rules;
  EXPECT_FALSE(rules.ride || rules.cover || rules.group || rules.learn_idle_timeout);
  EXPECT_EQ(rules.spare, 0.122);
  EXPECT_EQ(rules.guard, 123s);
  EXPECT_EQ(rules.timeout_idle, 114s);
  EXPECT_EQ(rules.maximum_price_factor, 10.4);
}

}  // namespace
}  // namespace berth
