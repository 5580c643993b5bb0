#pragma once

#include <chrono>
#include <cstddef>

#include "berth/config/cluster.hpp"

namespace berth {

/// A cluster of one instance type with so many VCPUs, whose instances are there already, at the reference's intervals.
inline Cluster make_bench_cluster(std::size_t vcpus) {
  using namespace std::chrono_literals;
  Cluster cluster;
  cluster.id = "zzzzz";
  cluster.system_root_token = "root";
  cluster.services.controller_url = "https://zzzzz.example/";
  InstanceType type;
  type.name = type.provider_type = "large";
  type.vcpus = static_cast<std::int64_t>(vcpus);
  type.ram = type.vcpus * 4'000'000'000;
  type.included_scratch = 100'000'000'000;
  type.price = 1;
  cluster.instance_types["large"] = type;
  ContainersConfig& containers = cluster.containers;
  containers.stale_lock_timeout = 1s;
  containers.crunch_run_command = "crunch-run";
  containers.runtime_engine = "docker";
  containers.maximum_price_factor = 100;
  CloudVmsConfig& vms = containers.cloud_vms;
  vms.driver = "fake";
  vms.tag_key_prefix = "Arvados";
  vms.boot_probe_command = "true";
  vms.deploy_runner_binary = "/proc/self/exe";
  vms.deploy_runner_directory = "/tmp/arvados-crunch-run";
  vms.policy = "cost";
  vms.supervisor_fraction = 0;
  vms.max_probes_per_second = 0;
  vms.exit_watch = false;
  vms.poll_interval = vms.probe_interval = 10s;
  vms.sync_interval = 1min;
  vms.timeout_idle = vms.timeout_booting = vms.timeout_probe = vms.timeout_term = 10min;
  vms.timeout_shutdown = vms.timeout_stale_run_lock = 10s;
  vms.timeout_signal = 5s;
  return cluster;
}

}  // namespace berth
