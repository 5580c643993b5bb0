// What the environment says about the API server.
#include <gtest/gtest.h>

#include "config_fixture.hpp"

namespace berth::config {
namespace {

const std::string kToken(32, 'e');

LoadedConfig load(const std::string& lines, const ApiEnvironment& environment) {
  return load_text("Clusters:\n  zzzzz:\n    ManagementToken: abcdefghijabcdefghijabcdefghij34\n" + lines, "c.yml",
                   test_host, environment);
}

TEST(ApiEnvironment, FillsInWhatTheFileLeavesEmpty) {
  const LoadedConfig loaded = load("", {"api.example:8443", kToken, true});
  EXPECT_EQ(report(loaded), "");
  EXPECT_EQ(loaded.cluster.services.controller_url, "https://api.example:8443/");
  EXPECT_EQ(loaded.cluster.system_root_token, kToken);
  EXPECT_TRUE(loaded.cluster.tls.insecure);
  EXPECT_EQ(loaded.cluster.document->at("SystemRootToken"), kToken) << "the runner sees the same";
}

TEST(ApiEnvironment, TheFileWins) {
  const std::string lines =
      "    SystemRootToken: abcdefghijabcdefghijabcdefghij12\n    Services: {Controller: {ExternalURL: "
      "\"http://a/\"}}\n";
  const LoadedConfig loaded = load(lines, {"b", kToken, true});
  EXPECT_EQ(report(loaded),
            "c.yml:4:22: warning: SystemRootToken: set here, so ARVADOS_API_TOKEN is ignored\n"
            "c.yml:5:42: warning: Services.Controller.ExternalURL: set here, so ARVADOS_API_HOST and "
            "ARVADOS_API_HOST_INSECURE are ignored\n");
  EXPECT_EQ(loaded.cluster.services.controller_url, "http://a/");
  EXPECT_FALSE(loaded.cluster.tls.insecure);
}

TEST(ApiEnvironment, IsCheckedLikeTheFile) {
  EXPECT_EQ(report(load("", {"a b", "not-a-token", false})),
            "c.yml: error: Services.Controller.ExternalURL: not a URL: it holds a space or a control character\n");
  EXPECT_EQ(report(load("", {"", "not-a-token", false})),
            "c.yml: error: SystemRootToken: only letters and digits are allowed\n");
}

TEST(Findings, StandWhereTheKeyOrWhatHoldsItIsWritten) {
  const LoadedConfig loaded =
      load("    Services: {DispatchCloud: {InternalURLs: {\"HTTP://a.b:1\": {}}}}\n    API: {}\n", {"", kToken, false});
  const std::pair<const char*, const char*> cases[] = {
      {"Services.DispatchCloud.InternalURLs.http://a.b:1/", "c.yml:4:47"},
      {"Services.DispatchCloud.ExternalURL", "c.yml:4:16"},
      {"API.MaxQueuedRequests", "c.yml:5:5"},
      {"Containers.CloudVMs", "c.yml: "},
  };
  for (const auto& [key, want] : cases)
    EXPECT_EQ(to_string(loaded.finding(Severity::error, key, "m")).find(want), 0U)
        << to_string(loaded.finding(Severity::error, key, "m"));
}

}  // namespace
}  // namespace berth::config
