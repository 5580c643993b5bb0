// berthd with one more driver: for tests and the demo on a bed of hosts (tests/harness/bed.py).

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "bed_driver.hpp"
#include "berthd_program.hpp"

namespace {

/// For a standalone daemon: $BERTH_BED_KEY is the key that the bed's hosts take.
void use_bed(berth::Cluster& cluster) {
  const char* key = std::getenv("BERTH_BED_KEY");
  if (key == nullptr) return;
  auto& containers = cluster.containers;
  auto& vms = containers.cloud_vms;
  containers.dispatch_private_key = "file://" + std::string(key);
  vms.driver = "bed";
  vms.driver_parameters = std::make_shared<nlohmann::json>(nlohmann::json::object());
  vms.deploy_runner_binary = containers.crunch_run_command;
  vms.deploy_runner_directory = "/tmp/arvados-crunch-run";
}

/// $BERTH_BED_INTERVALS=reference: no push, no exit watch, and the intervals that a cluster has by default.
void use_intervals(berth::Cluster& cluster) {
  const char* intervals = std::getenv("BERTH_BED_INTERVALS");
  if (intervals == nullptr || std::string(intervals) != "reference") return;
  auto& vms = cluster.containers.cloud_vms;
  cluster.services.websocket_url.clear();
  vms.poll_interval = std::chrono::seconds(10);
  vms.probe_interval = std::chrono::seconds(10);
  vms.sync_interval = std::chrono::minutes(1);
  vms.exit_watch = false;
  vms.max_probes_per_second = 10;
  vms.timeout_idle = std::chrono::minutes(1);
}

void adjust(berth::Cluster& cluster) {
  use_bed(cluster);
  use_intervals(cluster);
}

}  // namespace

int main(int argc, char** argv) {
  berth::Additions additions;
  additions.drivers["bed"] = berth::make_bed_set;
  additions.adjust_standalone = adjust;
  return berth::run_berthd(argc, argv, additions);
}
