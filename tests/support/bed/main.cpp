// berthd with one more driver: for tests and the demo on a bed of hosts (tests/harness/bed.py).

#include <cstdlib>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "bed_driver.hpp"
#include "berthd_program.hpp"

namespace {

/// For a standalone daemon: $BERTH_BED is the bed's cloud, $BERTH_BED_KEY the key that its hosts take.
void use_bed(berth::Cluster& cluster) {
  const char* url = std::getenv("BERTH_BED");
  const char* key = std::getenv("BERTH_BED_KEY");
  if (url == nullptr || key == nullptr) return;
  auto& containers = cluster.containers;
  auto& vms = containers.cloud_vms;
  containers.dispatch_private_key = "file://" + std::string(key);
  vms.driver = "bed";
  vms.driver_parameters = std::make_shared<nlohmann::json>(nlohmann::json{{"URL", url}});
  vms.deploy_runner_binary = containers.crunch_run_command;
  vms.deploy_runner_directory = "/tmp/arvados-crunch-run";
}

}  // namespace

int main(int argc, char** argv) {
  berth::Additions additions;
  additions.drivers["bed"] = berth::make_bed_set;
  additions.adjust_standalone = use_bed;
  return berth::run_berthd(argc, argv, additions);
}
