// The files under config/ are what their comments say.
#include <gtest/gtest.h>

#include "config_fixture.hpp"
#include "keys.hpp"

namespace berth::config {
namespace {

const std::string kExamples = BERTH_TEST_DATA "/../../config/";

TEST(Examples, LoadWithoutDiagnostics) {
  for (const char* name : {"berth-example.yml", "standalone.yml"}) {
    EXPECT_EQ(report(load_config_file(kExamples + name)), "") << name;
  }
}

TEST(Examples, ClusterFileShowsEveryKeyThatBerthReads) {
  const std::string text = read_test_file(kExamples + "berth-example.yml");
  for (const Key& key : keys()) {
    const bool is_loopback = key.path.starts_with("Containers.CloudVMs.DriverParameters.");
    if (key.doc.empty() || is_loopback || key.path == "Containers.LocalKeepLogsToContainerLog") continue;
    const std::string name(key.path.substr(key.path.rfind('.') + 1));
    EXPECT_NE(text.find(name + ":"), std::string::npos) << key.path;
  }
}

TEST(Examples, StandaloneFileRunsOnThisMachine) {
  const Cluster cluster = load_config_file(kExamples + "standalone.yml").cluster;
  EXPECT_EQ(cluster.containers.cloud_vms.driver, "loopback");
  EXPECT_EQ(cluster.containers.cloud_vms.driver_parameters->at("MaxVCPUs"), 4);
}

}  // namespace
}  // namespace berth::config
