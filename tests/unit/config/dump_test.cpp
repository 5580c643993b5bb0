// --dump-config and the reference page.
#include <gtest/gtest.h>

#include "config_fixture.hpp"

namespace berth::config {
namespace {

using nlohmann::json;

constexpr const char* kSecrets = R"(
    PostgreSQL: {Connection: {host: db.example, password: hunter2a}}
    Collections: {BlobSigningKey: hunter2b}
    Login: {Google: {ClientSecret: hunter2c, ClientID: visible1}, Test: {Users: {u: {Password: hunter2d}}}}
    TLS: {Key: /visible2}
    Services: {Controller: {ExternalURL: "https://user:hunter2e@visible3/"}}
    Volumes: {v: {DriverParameters: {SecretAccessKey: hunter2f, Bucket: visible4}, AccessViaHosts: {"http://u:hunter2i@h/": {}}}}
    Containers:
      DispatchPrivateKey: hunter2g
      CloudVMs: {Driver: ec2, DriverParameters: {SecretAccessKey: hunter2h, Region: visible5, Odd: {a: [hunter2j, 5]}}}
)";

TEST(Dump, HidesSecretsUnlessAskedNot) {
  const LoadedConfig loaded = load_below_cluster(kSecrets);
  ASSERT_TRUE(loaded.ok()) << report(loaded);
  const std::string masked = dump_config(loaded, false), whole = dump_config(loaded, true);
  EXPECT_EQ(masked.find("hunter2"), std::string::npos) << masked.substr(masked.find("hunter2"), 100);
  EXPECT_EQ(masked.find("abcdefghij"), std::string::npos) << "tokens";
  for (const char end : std::string("abcdefghij"))
    EXPECT_NE(whole.find(std::string("hunter2") + end), std::string::npos) << end;
  for (int i = 1; i <= 5; ++i) EXPECT_NE(masked.find("visible" + std::to_string(i)), std::string::npos) << i;
  EXPECT_NE(masked.find("host: \"db.example\""), std::string::npos);
  EXPECT_NE(masked.find("https://user:(masked)@visible3/"), std::string::npos);
}

TEST(Dump, APathOfAKeyIsNoSecret) {
  const LoadedConfig loaded = load_below_cluster("    Containers: {DispatchPrivateKey: \"file:///etc/key\"}\n");
  EXPECT_NE(dump_config(loaded, false).find("DispatchPrivateKey: \"file:///etc/key\""), std::string::npos);
}

TEST(Dump, LoadsAgainAsTheSameDocument) {
  for (const char* name : {"minimal.yml", "odd.yml", "rich.yml"}) {
    const LoadedConfig loaded = load_text(test_data(name), name, test_host);
    const LoadedConfig again = load_text(dump_config(loaded, true), "dump", test_host);
    ASSERT_TRUE(again.ok()) << report(again);
    EXPECT_EQ(again.cluster.id, loaded.cluster.id);
    EXPECT_EQ(json::diff(*loaded.cluster.document, *again.cluster.document), json::array()) << name;
  }
}

TEST(Reference, PageIsUpToDate) {
  EXPECT_TRUE(read_test_file(BERTH_TEST_DATA "/../../docs/configuration.md") == config_reference())
      << "run: berthd --dump-config-reference >docs/configuration.md";
}

}  // namespace
}  // namespace berth::config
