// Three cluster files and what the reference made of them.
#include <algorithm>
#include <gtest/gtest.h>
#include <set>

#include "config_fixture.hpp"
#include "defaults.hpp"
#include "keys.hpp"

namespace berth::config {
namespace {

using nlohmann::json;

class Fixture : public testing::TestWithParam<const char*> {
 protected:
  std::string name() const { return GetParam(); }
  LoadedConfig loaded_ = load_text(test_data(std::string(GetParam()) + ".yml"), GetParam(), test_host);
};

// The long texts of Users and Workbench were blanked when the documents were recorded, as in the embedded defaults.
TEST_P(Fixture, DocumentIsTheOneObserved) {
  ASSERT_TRUE(loaded_.ok()) << report(loaded_);
  const json merged = json::parse(test_data(name() + ".merged.json"));
  const json& want = merged.at("Clusters").at(loaded_.cluster.id);
  EXPECT_EQ(json::diff(want, *loaded_.cluster.document), json::array());
  EXPECT_EQ(loaded_.source_sha256, merged.at("SourceSHA256").get<std::string>());
}

TEST_P(Fixture, UnknownKeysAreTheOnesObserved) {
  std::set<std::string> want;
  for (const json& entry : json::parse(test_data("unknown-keys.json"))) {
    if (entry.at("file") == name() + ".yml") want.insert(entry.at("unknown_key"));
  }
  std::set<std::string> got;
  for (const Diagnostic& d : loaded_.diagnostics) {
    EXPECT_EQ(d.severity, Severity::warning) << to_string(d);
    EXPECT_GT(d.line, 0);
    got.insert("Clusters." + loaded_.cluster.id + "." + d.key);
  }
  EXPECT_EQ(got, want);
}

TEST(Fixtures, WarningsSayWhereAndWhichKnownKeyIsNearest) {
  std::string all;
  for (const char* name : {"minimal", "odd", "rich"})
    all += report(load_text(test_data(name + std::string(".yml")), name, test_host));
  EXPECT_EQ(
      all,
      R"(minimal:6:7: warning: API.RailsSessionSecretToken: unknown key, ignored; the nearest known key is MaxItemsPerResponse
odd:6:11: warning: API.RailsSessionSecretToken: unknown key, ignored; the nearest known key is MaxItemsPerResponse
odd:11:7: warning: Services.NoSuchService: unknown key, ignored; the nearest known key is Composer
odd:12:5: warning: NoSuchSection: unknown key, ignored; the nearest known key is Collections
odd:17:9: warning: Containers.CloudVMs.PolInterval: unknown key, ignored; did you mean PollInterval?
odd:23:34: warning: InstanceTypes.b.Scratch: unknown key, ignored; the nearest known key is AddedScratch
rich:5:11: warning: API.RailsSessionSecretToken: unknown key, ignored; the nearest known key is MaxItemsPerResponse
rich:40:37: warning: Containers.CloudVMs.DriverParameters.InstanceTypeQuotaGroups.hpc7a: not among the known parameters, handed to the driver as it is; the nearest known key is a
rich:40:49: warning: Containers.CloudVMs.DriverParameters.InstanceTypeQuotaGroups.x: not among the known parameters, handed to the driver as it is; the nearest known key is a
rich:62:76: warning: InstanceTypes.cuda2.CUDA: unknown key, ignored; the nearest known key is GPU
)");
}

INSTANTIATE_TEST_SUITE_P(Observed, Fixture, testing::Values("minimal", "odd", "rich"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Defaults, EmbeddedDocumentIsTheReferences) {
  EXPECT_EQ(json::parse(defaults_text()), json::parse(test_data("config-defaults.json")));
}

TEST(Defaults, TableOfKeysAgreesWithTheDocument) {
  const json defaults = json::parse(test_data("config-defaults.json")).at("Clusters").at("xxxxx");
  for (const Key& key : keys()) {
    const json value = json::parse(key.default_value);
    if (key.path.find('*') != std::string_view::npos) continue;
    std::string pointer = "/" + std::string(key.path);
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    const json::json_pointer at(pointer);
    ASSERT_EQ(defaults.contains(at), !key.own) << key.path;
    if (key.own) continue;
    json want = defaults.at(at);
    if (want.is_object()) want.erase("SAMPLE");
    if (key.path == "Containers.CloudVMs.DriverParameters") continue;  // of all drivers at once
    EXPECT_EQ(value, want) << key.path;
  }
}

TEST(Defaults, TableOfKeysHasEachPathOnce) {
  std::set<std::string_view> paths;
  for (const Key& key : keys()) EXPECT_TRUE(paths.insert(key.path).second) << key.path;
}

TEST(Defaults, EverySampleFieldOfAnInstanceTypeIsInTheTable) {
  const json sample = json::parse(defaults_text()).at("Clusters").at("xxxxx").at("InstanceTypes").at("SAMPLE");
  for (const auto& [name, value] : sample.items()) {
    if (name != "GPU") EXPECT_NE(find_key("InstanceTypes.*." + name), nullptr) << name;
  }
  for (const auto& [name, value] : sample.at("GPU").items()) {
    EXPECT_NE(find_key("InstanceTypes.*.GPU." + name), nullptr) << name;
  }
}

}  // namespace
}  // namespace berth::config
