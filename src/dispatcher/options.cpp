#include "options.hpp"

namespace berth {

QueueOptions queue_options(const Cluster& cluster) {
  QueueOptions options;
  options.poll_interval = cluster.containers.cloud_vms.poll_interval;
  options.choose.reserve_extra_ram = cluster.containers.reserve_extra_ram;
  options.choose.local_keep_blob_buffers_per_vcpu = cluster.containers.local_keep_blob_buffers_per_vcpu;
  options.choose.maximum_price_factor = cluster.containers.maximum_price_factor;
  options.instance_types = cluster.instance_types;
  return options;
}

PoolOptions pool_options(const Cluster& cluster) {
  const CloudVmsConfig& vms = cluster.containers.cloud_vms;
  PoolOptions options;
  options.instance_set_id = instance_set_id(cluster.system_root_token);
  options.cluster_id = cluster.id;
  options.instance_types = cluster.instance_types;
  options.tag_key_prefix = vms.tag_key_prefix;
  options.image_id = vms.image_id;
  options.instance_init_command = vms.instance_init_command;
  options.boot_probe_command = vms.boot_probe_command;
  options.max_instances = vms.max_instances;
  options.max_concurrent_creates = vms.max_concurrent_instance_create_ops;
  options.sync_interval = vms.sync_interval;
  options.probe_interval = vms.probe_interval;
  options.exit_watch = vms.exit_watch;
  options.watched_probe_interval = vms.watched_probe_interval;
  options.max_probes_per_second = vms.max_probes_per_second;
  options.timeout_idle = vms.timeout_idle;
  options.timeout_booting = vms.timeout_booting;
  options.timeout_probe = vms.timeout_probe;
  options.timeout_shutdown = vms.timeout_shutdown;
  options.timeout_signal = vms.timeout_signal;
  options.timeout_stale_run_lock = vms.timeout_stale_run_lock;
  options.timeout_term = vms.timeout_term;
  options.runner_command = cluster.containers.crunch_run_command;
  options.runner_binary_path = vms.deploy_runner_binary;
  options.deploy_directory = vms.deploy_runner_directory;
  options.runner_arguments.push_back("--runtime-engine=" + cluster.containers.runtime_engine);
  options.runner_arguments.insert(options.runner_arguments.end(), cluster.containers.crunch_run_arguments.begin(),
                                  cluster.containers.crunch_run_arguments.end());
  return options;
}

SchedulerOptions scheduler_options(const Cluster& cluster) {
  const CloudVmsConfig& vms = cluster.containers.cloud_vms;
  SchedulerOptions options;
  options.stale_lock_timeout = cluster.containers.stale_lock_timeout;
  options.initial_quota_estimate = vms.initial_quota_estimate;
  options.max_instances = vms.max_instances;
  options.supervisor_fraction = vms.supervisor_fraction;
  options.max_containers_per_instance = vms.max_running_containers_per_instance;
  options.policy = vms.policy;
  options.cost_rules.ride = vms.cost_policy.ride;
  options.cost_rules.cover = vms.cost_policy.cover;
  options.cost_rules.group = vms.cost_policy.group;
  options.cost_rules.spare = vms.cost_policy.spare;
  options.cost_rules.learn_idle_timeout = vms.cost_policy.learn_timeout_idle;
  options.cost_rules.guard = vms.cost_policy.guard;
  options.cost_rules.timeout_idle = vms.timeout_idle;
  options.cost_rules.maximum_price_factor = cluster.containers.maximum_price_factor;
  options.instance_types = cluster.instance_types;
  options.choose = queue_options(cluster).choose;
  return options;
}

}  // namespace berth
