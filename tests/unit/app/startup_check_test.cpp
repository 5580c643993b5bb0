// What --check-config and the daemon refuse alike.
#include "startup_check.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace berth {
namespace {

constexpr const char* kGood = R"(
Clusters:
  zzzzz:
    SystemRootToken: systemusertesttoken1234567890aoeuidhtnsqjkxbmwvzpy
    ManagementToken: e687950a23c3a9bceec28c6223a06c79e687
    Services:
      Controller: {ExternalURL: "https://zzzzz.example/"}
      DispatchCloud: {InternalURLs: {"http://127.0.0.1:9006/": {}}}
    PostgreSQL: {Connection: {dbname: arvados}}
    InstanceTypes: {small: {VCPUs: 1, RAM: 1GiB, Price: 0.1}}
    Containers: {CloudVMs: {Driver: loopback, DeployRunnerBinary: ""}}
)";

class StartupCheckTest : public testing::Test {
 protected:
  StartupCheckTest() {
    char path[] = "/tmp/berth-startup-XXXXXX";
    dir_ = ::mkdtemp(path);
  }
  ~StartupCheckTest() override { std::filesystem::remove_all(dir_); }

  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ + "/" + name) << text;
    return dir_ + "/" + name;
  }

  /// All findings about the good configuration with `from` replaced by `to`.
  std::string findings(const std::string& from, const std::string& to, const StartupConditions& conditions) const {
    std::string text = kGood;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    const LoadedConfig config = load_config_text(text.replace(at, from.size(), to), "c.yml");
    for (const Diagnostic& d : config.diagnostics)
      if (d.severity == Severity::error) ADD_FAILURE() << to_string(d);
    std::string found;
    for (const Diagnostic& d : check_startup(config, conditions)) found += to_string(d) + "\n";
    return found;
  }

  struct Case {
    std::string from;
    std::string to;
    std::string want;
  };
  void expect(const std::vector<Case>& cases) const {
    for (const Case& c : cases) EXPECT_EQ(findings(c.from, c.to, {}), c.want) << c.to;
  }

  std::string dir_;
};

TEST_F(StartupCheckTest, AGoodConfigurationHasNoFindings) {
  EXPECT_EQ(findings("zzzzz", "zzzzz", {}), "");
}

TEST_F(StartupCheckTest, WhatIsWrongWithServicesIsNamedWithItsKey) {
  const std::string url = "\"http://127.0.0.1:9006/\": {}";
  expect({
      {"https://zzzzz.example/", "",
       "c.yml:7:33: error: Services.Controller.ExternalURL: not set: there is no API to dispatch for\n"},
      {"https://zzzzz.example/", "zzzzz.example",
       "c.yml:7:33: error: Services.Controller.ExternalURL: must be http://HOST/ or https://HOST/\n"},
      {"DispatchCloud: {I", "Websocket: {ExternalURL: \"ftp://zzzzz.example/websocket\"}\n      DispatchCloud: {I",
       "c.yml:8:32: warning: Services.Websocket.ExternalURL: must be ws://HOST/… or wss://HOST/…: without an event "
       "bus, "
       "changes are found by polling alone\n"},
      {"DispatchCloud: {I", "Websocket: {ExternalURL: \"wss://:8006/websocket\"}\n      DispatchCloud: {I",
       "c.yml:8:32: warning: Services.Websocket.ExternalURL: must be ws://HOST/… or wss://HOST/…: without an event "
       "bus, "
       "changes are found by polling alone\n"},
      {"DispatchCloud: {I", "Websocket: {ExternalURL: \"https://zzzzz.example/websocket\"}\n      DispatchCloud: {I",
       ""},
      {"systemusertesttoken1234567890aoeuidhtnsqjkxbmwvzpy", "",
       "c.yml: error: SystemRootToken: not set: the API would refuse every call\n"},
      {url, "", "c.yml:8:23: error: Services.DispatchCloud.InternalURLs: not set: there is no address to listen on\n"},
      {url, "\"http://127.0.0.1/\": {}",
       "c.yml:8:38: error: Services.DispatchCloud.InternalURLs.http://127.0.0.1/: listen address '127.0.0.1': want "
       "ADDRESS:PORT, e.g. 127.0.0.1:7440\n"},
      {url, "\"https://127.0.0.1:9006\": {}",
       "c.yml:8:38: error: Services.DispatchCloud.InternalURLs.https://127.0.0.1:9006/: https needs TLS.Certificate "
       "and "
       "TLS.Key\n"},
      {url, url + ", \"https://127.0.0.1:9007\": {}",
       "c.yml:8:68: warning: Services.DispatchCloud.InternalURLs.https://127.0.0.1:9007/: https needs TLS.Certificate "
       "and "
       "TLS.Key\n"},
  });
}

TEST_F(StartupCheckTest, WhatIsWrongWithPostgresqlIsNamedWithItsKey) {
  expect({
      {"dbname: arvados", "",
       "c.yml:9:18: error: PostgreSQL.Connection: not set: the lock that keeps two dispatchers apart is taken there. "
       "With "
       "--no-lock there is none, and no other dispatcher may run for this cluster\n"},
      {"dbname: arvados", "dbname: arvados, hots: db",
       "c.yml:9:54: error: PostgreSQL.Connection.hots: libpq has no such keyword\n"},
      {"dbname: arvados", "sslmode: bogus",
       "c.yml:9:40: error: PostgreSQL.Connection.sslmode: must be one of disable allow prefer require verify-ca "
       "verify-full\n"},
      {"dbname: arvados", "port: notaport",
       "c.yml:9:37: error: PostgreSQL.Connection.port: must be a number from 1 to 65535\n"},
      {"dbname: arvados", "sslrootcert: /no/ca.pem",
       "c.yml:9:44: error: PostgreSQL.Connection.sslrootcert: cannot be read: No such file or directory\n"},
      {"dbname: arvados", "sslrootcert: /dev/null",
       "c.yml:9:44: error: PostgreSQL.Connection.sslrootcert: no certificates in PEM form can be read from it\n"},
      {"dbname: arvados", "sslrootcert: /no/ca.pem, sslmode: disable", ""},
  });
}

TEST_F(StartupCheckTest, WhatIsWrongWithInstancesIsNamedWithItsKey) {
  const std::string vms = "Containers: {CloudVMs: {Driver: loopback, DeployRunnerBinary: \"\"}}";
  const std::string plain = file("plain", "");
  expect({
      {"Driver: loopback", "Driver: loopback, SSHPort: sshd-of-ours",
       "c.yml:11:56: error: Containers.CloudVMs.SSHPort: neither a port nor the name of a TCP service: "
       "\"sshd-of-ours\"\n"},
      {"small: {VCPUs: 1, RAM: 1GiB, Price: 0.1}", "",
       "c.yml:10:5: error: InstanceTypes: none: every container would be cancelled. CloudVMs.Enable: true makes one of "
       "this machine\n"},
      {"Driver: loopback", "Driver: nimbus",
       "c.yml:11:5: error: Containers.DispatchPrivateKey: not set: workers are reached over SSH\n"
       "c.yml:11:37: error: Containers.CloudVMs.Driver: unknown driver \"nimbus\"; this build has: loopback\n"},
      {"Driver: loopback", "Driver: loopback, DriverParameters: {StateDirectory: " + plain + "}",
       "c.yml:11:82: error: Containers.CloudVMs.DriverParameters.StateDirectory: " + plain + ": Not a directory\n"},
      {"Driver: loopback", "Driver: loopback, DriverParameters: {StateDirectory: " + plain + "/a/b}",
       "c.yml:11:82: error: Containers.CloudVMs.DriverParameters.StateDirectory: " + plain + "/a/b: Not a directory\n"},
      {"Driver: loopback", "Driver: loopback, DriverParameters: {StateDirectory: " + dir_ + "/not/yet}", ""},
      {"Driver: loopback", "Driver: loopback, DriverParameters: {MaxVCPUs: -1, BootDelay: soon, Wat: 1}",
       "c.yml:11:76: error: Containers.CloudVMs.DriverParameters.MaxVCPUs: must be an integer from 0 to 1000000\n"
       "c.yml:11:91: error: Containers.CloudVMs.DriverParameters.BootDelay: \"soon\" is not a duration: it must be "
       "numbers "
       "with units, such as 2m30s\n"
       "c.yml:11:102: error: Containers.CloudVMs.DriverParameters.Wat: unknown; known: MaxInstances, MaxVCPUs, "
       "InstanceTypes, StateDirectory, BootDelay\n"},
      {vms,
       "Containers: {DispatchPrivateKey: \"file:///no/key\", CloudVMs: {Driver: loopback, DeployRunnerBinary: "
       "/no/run}}",
       "c.yml:11:38: error: Containers.DispatchPrivateKey: /no/key: No such file or directory\n"
       "c.yml:11:105: error: Containers.CloudVMs.DeployRunnerBinary: /no/run: No such file or directory\n"},
      {vms, "Containers: {DispatchPrivateKey: nonsense, CloudVMs: {Driver: loopback, DeployRunnerBinary: /}}",
       "c.yml:11:38: error: Containers.DispatchPrivateKey: the inline text: not a PEM private key\n"
       "c.yml:11:97: error: Containers.CloudVMs.DeployRunnerBinary: /: not a file\n"},
      {"Driver: loopback", "Driver: loopback, MaxInstances: -1, MaxProbesPerSecond: -2, SupervisorFraction: 1.5",
       "c.yml:11:61: warning: Containers.CloudVMs.MaxInstances: negative: counts as 0\n"
       "c.yml:11:85: warning: Containers.CloudVMs.MaxProbesPerSecond: negative: counts as 0\n"
       "c.yml:11:109: error: Containers.CloudVMs.SupervisorFraction: must be from 0 to 1\n"},
      {"Containers: {", "Containers: {ReserveExtraRAM: -1, LocalKeepBlobBuffersPerVCPU: -1, StaleLockTimeout: -1s, ",
       "c.yml:11:35: error: Containers.ReserveExtraRAM: must not be negative\n"
       "c.yml:11:68: error: Containers.LocalKeepBlobBuffersPerVCPU: must not be negative\n"
       "c.yml:11:90: error: Containers.StaleLockTimeout: must not be negative\n"},
  });
}

TEST_F(StartupCheckTest, AStateDirectoryMustBeWritable) {
  constexpr uid_t nobody = 65534;
  std::filesystem::permissions(dir_, std::filesystem::perms(0555));
  const uid_t self = ::geteuid();
  if (self == 0) ASSERT_EQ(::seteuid(nobody), 0);
  const std::string found =
      findings("Driver: loopback", "Driver: loopback, DriverParameters: {StateDirectory: " + dir_ + "/new}", {});
  if (self == 0) ASSERT_EQ(::seteuid(self), 0);
  std::filesystem::permissions(dir_, std::filesystem::perms(0755));
  EXPECT_EQ(found, "c.yml:11:82: error: Containers.CloudVMs.DriverParameters.StateDirectory: " + dir_ +
                       ": Permission denied\n");
}

TEST_F(StartupCheckTest, CertificateFilesAreRead) {
  const std::string tls = "TLS: {Certificate: \"" + file("c.pem", "x") + "\", Key: \"file://" + dir_ + "/none\"}\n    ";
  const std::string found = findings(
      "Services:\n      Controller: {ExternalURL: \"https://zzzzz.example/\"}\n      "
      "DispatchCloud: {InternalURLs: {\"http://127.0.0.1:9006/\": {}}}",
      tls +
          "Services:\n      Controller: {ExternalURL: \"https://zzzzz.example/\"}\n      "
          "DispatchCloud: {InternalURLs: {\"https://127.0.0.1:9006/\": {}}}",
      {});
  EXPECT_NE(found.find("error: Services.DispatchCloud.InternalURLs.https://127.0.0.1:9006/: certificate " + dir_),
            std::string::npos)
      << found;
}

TEST_F(StartupCheckTest, TheDefaultRunnerIsThatOfAPackage) {
  const std::string runner = file("crunch-run", "x"), empty = file("empty", "");
  const std::vector<std::string_view> both = {"/no/such/runner", runner};
  const std::vector<std::string_view> none = {"/no/such/runner"};
  const std::vector<std::string_view> bad = {empty, runner};
  EXPECT_EQ(find_runner_binary("/proc/self/exe", both).value(), runner);
  EXPECT_EQ(find_runner_binary("", none).value(), "");
  EXPECT_EQ(find_runner_binary(runner, none).value(), runner);
  EXPECT_FALSE(find_runner_binary("/proc/self/exe", bad)) << "the first that exists counts";
  StartupConditions conditions;
  conditions.packaged_runners = none;
  EXPECT_NE(findings(", DeployRunnerBinary: \"\"", "", conditions)
                .find("error: Containers.CloudVMs.DeployRunnerBinary: /proc/self/exe stands for"),
            std::string::npos);
  conditions.packaged_runners = both;
  EXPECT_EQ(findings(", DeployRunnerBinary: \"\"", "", conditions), "");
}

TEST_F(StartupCheckTest, TheEnvironmentSaysHowTheApiServerIsReached) {
  const std::string url = "https://zzzzz.example/", tls = "SystemRootToken:", insecure = "TLS: {Insecure: true}\n    ";
  StartupConditions conditions;
  conditions.environment.ca_file = "/no/ca.pem";
  EXPECT_EQ(findings("zzzzz", "zzzzz", conditions),
            "environment: error: SSL_CERT_FILE: /no/ca.pem: cannot be read: No such file or directory\n");
  EXPECT_EQ(findings(tls, insecure + tls, conditions), "") << "nothing is verified";
  EXPECT_EQ(findings(url, "http://zzzzz.example/", conditions), "");
  conditions.environment.ca_file = file("ca.pem", "no certificate");
  EXPECT_EQ(findings("zzzzz", "zzzzz", conditions), "environment: error: SSL_CERT_FILE: " + dir_ +
                                                        "/ca.pem: no certificates in PEM form can be read from it\n");
  conditions = {};
  conditions.environment.server_address = "bad host:xx";
  EXPECT_EQ(findings("zzzzz", "zzzzz", conditions),
            "environment: error: ARVADOS_SERVER_ADDRESS: must be a host name or an address, without a port\n");
  for (const char* good : {"api.example", "10.0.0.1", "::1", "[::1]"}) {
    conditions.environment.server_address = good;
    EXPECT_EQ(findings("zzzzz", "zzzzz", conditions), "") << good;
  }
}

TEST_F(StartupCheckTest, TheProxyIsOneThatCanBeUsed) {
  ::setenv("HTTPS_PROXY", "::garbage::", 1);
  EXPECT_EQ(findings("zzzzz", "zzzzz", {}),
            "environment: error: HTTPS_PROXY is not the URL of an http, https or socks5 proxy\n");
  EXPECT_EQ(findings("https://zzzzz.example/", "https://localhost/", {}), "") << "reached without a proxy";
  EXPECT_EQ(findings("SystemRootToken:", "TLS: {Insecure: true}\n    SystemRootToken:", {}), "") << "not used";
  ::unsetenv("HTTPS_PROXY");
}

TEST_F(StartupCheckTest, ConditionsFromOutside) {
  StartupConditions conditions;
  conditions.takes_lock = false;
  EXPECT_EQ(findings("dbname: arvados", "", conditions), "");
  conditions.environment.internal_url = "http://127.0.0.1:1234";
  EXPECT_EQ(
      findings("zzzzz", "zzzzz", conditions),
      "c.yml:8:23: warning: Services.DispatchCloud.InternalURLs: does not have ARVADOS_SERVICE_INTERNAL_URL, which "
      "is listened on all the same\n");
}

}  // namespace
}  // namespace berth
