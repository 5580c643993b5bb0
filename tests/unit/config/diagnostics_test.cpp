// Bad and doubtful input: where and why.
#include <gtest/gtest.h>

#include "config_fixture.hpp"

namespace berth::config {
namespace {

struct Case {
  const char* lines;  ///< below the cluster, from line 5
  const char* want;   ///< all diagnostics
};

void expect_reports(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(report(load_below_cluster(c.lines)), c.want) << c.lines;
}

TEST(Diagnostics, WrongTypes) {
  expect_reports({
      {"    Containers: {CloudVMs: {SSHPort: 22}}\n",
       "c.yml:5:38: error: Containers.CloudVMs.SSHPort: expected a string, got a number: put it in quotes\n"},
      {"    PostgreSQL:\n      Connection:\n        port: 5432\n",
       "c.yml:7:15: error: PostgreSQL.Connection.port: expected a string, got a number: put it in quotes\n"},
      {"    TLS:\n      Insecure: \"yes\"\n",
       "c.yml:6:17: error: TLS.Insecure: expected true or false, got a string: a quoted value is a string\n"},
      {"    API:\n      MaxConcurrentRequests: 1.5\n",
       "c.yml:6:30: error: API.MaxConcurrentRequests: 1.5 is not a whole number of 64 bits\n"},
      {"    Collections:\n      DefaultReplication: 2.5\n",
       "c.yml:6:27: error: Collections.DefaultReplication: 2.5 is not a whole number of 64 bits\n"},
      {"    API:\n      MaxConcurrentRequests: 9223372036854775808\n",
       "c.yml:6:30: error: API.MaxConcurrentRequests: 9.223372036854776e+18 is not a whole number of 64 bits\n"},
      {"    API:\n      MaxConcurrentRequests: .inf\n",
       "c.yml:6:30: error: API.MaxConcurrentRequests: expected an integer, got .inf, which is not a finite number\n"},
      {"    API:\n      MaxConcurrentRequests: \"5\"\n",
       "c.yml:6:30: error: API.MaxConcurrentRequests: expected an integer, got a string: a quoted value is a string\n"},
      {"    InstanceTypes: {a: {Price: .nan}, b: {Price: -.INF}, c: {Price: 1e999}, d: {RAM: .inf}}\n",
       "c.yml:5:32: error: InstanceTypes.a.Price: expected a number, got .nan, which is not a finite number\n"
       "c.yml:5:50: error: InstanceTypes.b.Price: expected a number, got -.INF, which is not a finite number\n"
       "c.yml:5:69: error: InstanceTypes.c.Price: expected a number, got 1e999, which is not a finite number\n"
       "c.yml:5:86: error: InstanceTypes.d.RAM: expected a size such as 550MiB or a number of bytes, got .inf, which "
       "is "
       "not a finite number\n"},
      {"    InstanceTypes: {a: {Price: \".nan\"}}\n",
       "c.yml:5:32: error: InstanceTypes.a.Price: expected a number, got a string: a quoted value is a string\n"},
      {"    Containers:\n      MaximumPriceFactor: much\n",
       "c.yml:6:27: error: Containers.MaximumPriceFactor: expected a number, got a string\n"},
      {"    Containers:\n      CrunchRunArgumentsList: --foo\n",
       "c.yml:6:31: error: Containers.CrunchRunArgumentsList: expected a list of strings, got a string\n"},
      {"    Containers:\n      CrunchRunArgumentsList: [a, 1]\n",
       "c.yml:6:35: error: Containers.CrunchRunArgumentsList: expected a string, got a number: put it in quotes\n"},
      {"    InstanceTypes: [a]\n", "c.yml:5:20: error: InstanceTypes: expected an object by name, got a list\n"},
      {"    InstanceTypes: {a: [1]}\n", "c.yml:5:24: error: InstanceTypes.a: expected an object, got a list\n"},
      {"    InstanceTypes: {a: {GPU: {DriverVersion: 11.0}}}\n",
       "c.yml:5:46: error: InstanceTypes.a.GPU.DriverVersion: expected a string, got a number: put it in quotes\n"},
      {"    Containers: 5\n", "c.yml:5:17: error: Containers: expected an object, got a number\n"},
      {"    Services: {DispatchCloud: {InternalURLs: {\"http://x:y\": {}}}}\n",
       "c.yml:5:47: error: Services.DispatchCloud.InternalURLs.http://x:y: not a URL: the port is not a number\n"},
      {"    Services: {Controller: {ExternalURL: \"https://a b\"}}\n",
       "c.yml:5:42: error: Services.Controller.ExternalURL: not a URL: it holds a space or a control character\n"},
  });
}

// Berth hands them on to the runner, whose loader refuses them.
TEST(Diagnostics, WrongTypesOfKeysThatAreHandedOn) {
  expect_reports({
      {"    Users: {NewUsersAreActive: 1}\n",
       "c.yml:5:32: error: Users.NewUsersAreActive: expected true or false, got a number\n"},
      {"    Collections: {BlobSigningTTL: 300}\n",
       "c.yml:5:35: error: Collections.BlobSigningTTL: a unit is missing: write 300s for seconds\n"},
      {"    Collections: {BlobSigning: \"yes\", DefaultReplication: two}\n",
       "c.yml:5:32: error: Collections.BlobSigning: expected true or false, got a string: a quoted value is a string\n"
       "c.yml:5:59: error: Collections.DefaultReplication: expected an integer, got a string\n"},
      {"    API: {KeepServiceRequestTimeout: 15}\n",
       "c.yml:5:38: error: API.KeepServiceRequestTimeout: a unit is missing: write 15s for seconds\n"},
      {"    API: {VocabularyPath: 1}\n",
       "c.yml:5:27: error: API.VocabularyPath: expected a string, got a number: put it in quotes\n"},
      {"    Workbench: 4\n", "c.yml:5:16: error: Workbench: expected an object, got a number\n"},
      {"    Users: {SyncRequiredGroups: fuse}\n",
       "c.yml:5:33: error: Users.SyncRequiredGroups: expected a list of strings, got a string\n"},
      {"    Users: {AutoSetupUsernameBlacklist: root}\n",
       "c.yml:5:41: error: Users.AutoSetupUsernameBlacklist: expected a list of strings or an object {name: {}}, got a "
       "string\n"},
      {"    Containers: {SLURM: {SbatchEnvironmentVariables: {A: 1}}}\n",
       "c.yml:5:58: error: Containers.SLURM.SbatchEnvironmentVariables.A: expected a string, got a number: put it in "
       "quotes\n"},
      {"    Services: {Keepstore: {InternalURLs: {\"http://x:y\": {}}}}\n",
       "c.yml:5:43: error: Services.Keepstore.InternalURLs.http://x:y: not a URL: the port is not a number\n"},
      {"    RemoteClusters: {zzzz1: {Proxy: 1}}\n",
       "c.yml:5:37: error: RemoteClusters.zzzz1.Proxy: expected true or false, got a number\n"},
  });
}

TEST(Diagnostics, KeysThatAreHandedOnTakeAllThatFits) {
  expect_reports({
      {"    Collections: {BlobSigningTTL: 0, WebDAVOutputBuffer: 1MiB, WebDAVCache: {DiskCacheSize: 10GB}}\n", ""},
      {"    Collections: {WebDAVCache: {MaxCollectionBytes: 100000000, DiskCacheSize: 1000}}\n", ""},
      {"    Containers: {DefaultKeepCacheRAM: 256MiB, LSF: {MaxRunTimeDefault: 2h}}\n", ""},
      {"    Containers: {DefaultKeepCacheRAM: 1024, SupportedDockerImageFormats: [v2]}\n", ""},
      {"    API: {DisabledAPIs: [a], MaxItemsPerResponse: 1e3, FreezeProjectRequiresProperties: {a: {}}}\n", ""},
      {"    AuditLogs: {UnloggedAttributes: {a: {}}}\n", ""},
      {"    Services: {WebDAV: {ExternalURL: \"https://*.collections.example:8443\"}}\n", ""},
      {"    Workbench:\n", ""},
  });
}

TEST(Diagnostics, Units) {
  expect_reports({
      {"    Containers:\n      StaleLockTimeout: 10\n",
       "c.yml:6:25: error: Containers.StaleLockTimeout: a unit is missing: write 10s for seconds\n"},
      {"    Containers:\n      StaleLockTimeout: \"1\"\n",
       "c.yml:6:25: error: Containers.StaleLockTimeout: \"1\" is not a duration: a unit is missing: one of ns, us, ms, "
       "s, "
       "m, h\n"},
      {"    Containers:\n      ReserveExtraRAM: 4mib\n",
       "c.yml:6:24: error: Containers.ReserveExtraRAM: \"4mib\" is not a size: the unit is none of B, KB, KiB, MB, MiB "
       "… "
       "EB, EiB\n"},
      {"    InstanceTypes:\n      a: {RAM: 400000 EB}\n",
       "c.yml:6:16: error: InstanceTypes.a.RAM: \"400000 EB\" is not a size: more than 2^63 - 1 bytes\n"},
      {"    Containers:\n      ReserveExtraRAM: \"12345\"\n",
       "c.yml:6:24: warning: Containers.ReserveExtraRAM: a quoted number without unit counts as 0: remove the quotes "
       "or "
       "add B\n"},
  });
}

TEST(Diagnostics, UnknownKeysWithTheNearestKnownOne) {
  expect_reports({
      {"    Containers:\n      CloudVMs:\n        PolInterval: 3s\n",
       "c.yml:7:9: warning: Containers.CloudVMs.PolInterval: unknown key, ignored; did you mean PollInterval?\n"},
      {"    Containers:\n      cloudvms: {}\n",
       "c.yml:6:7: warning: Containers.cloudvms: unknown key, ignored: it is written CloudVMs\n"},
      {"    Nonsense: 1\n", "c.yml:5:5: warning: Nonsense: unknown key, ignored; the nearest known key is Users\n"},
      {"    InstanceTypes: {SAMPLE: {VCPUs: 1}}\n",
       "c.yml:5:21: warning: InstanceTypes.SAMPLE: a placeholder in the documentation: ignored\n"},
      {"    Containers: {CloudVMs: {DriverParameters: {Regoin: x}}}\n",
       "c.yml:5:48: warning: Containers.CloudVMs.DriverParameters.Regoin: not among the known parameters, handed to "
       "the "
       "driver as it is; did you mean Region?\n"},
      {"    \"a\\nb\": 1\n", "c.yml:5:5: warning: a?b: unknown key, ignored; the nearest known key is API\n"},
  });
}

TEST(Diagnostics, WholeCluster) {
  expect_reports({
      {"    Containers: {CloudVMs: {Policy: best}}\n",
       "c.yml:5:37: error: Containers.CloudVMs.Policy: must be one of cost greedy reference\n"},
      {"    Containers: {LocalKeepLogsToContainerLog: some}\n",
       "c.yml:5:47: error: Containers.LocalKeepLogsToContainerLog: must be one of none all errors\n"},
      {"    PostgreSQL: {Connection: {DBName: x}}\n",
       "c.yml:5:31: error: PostgreSQL.Connection.DBName: the same as dbname: write it in lower case\n"},
      {"    StorageClasses: {a: {Priority: 1}}\n",
       "c.yml:5:5: error: StorageClasses: none of them has Default: true\n"},
      {"    Volumes: {v: {StorageClasses: {a: true}}}\n",
       "c.yml:5:15: error: Volumes.v.StorageClasses: there is no storage class a\n"},
      {"    InstanceTypes: {g: {GPU: {DeviceCount: 1, DriverVersion: x}}}\n",
       "c.yml:5:62: error: InstanceTypes.g.GPU.DriverVersion: must be a number such as \"11.4\" if there are GPUs\n"},
      {"    InstanceTypes: {g: {RAM: -1, Price: -1}}\n",
       "c.yml:5:30: error: InstanceTypes.g.RAM: must not be negative\n"
       "c.yml:5:41: error: InstanceTypes.g.Price: must not be negative\n"},
      {"    InstanceTypes: {g: {IncludedScratch: 8E, AddedScratch: 8E}}\n",
       "c.yml:5:60: error: InstanceTypes.g.AddedScratch: with IncludedScratch more than 2^63 - 1 bytes\n"},
      {"    Collections: {BlobSigningKey: a-b}\n",
       "c.yml:5:35: error: Collections.BlobSigningKey: only letters and digits are allowed\n"},
      {"    Containers: {CloudVMs: {Enable: true, Driver: loopback}}\n    InstanceTypes: {a: {}, b: {}}\n",
       "c.yml:6:28: error: InstanceTypes: the loopback driver without DriverParameters has one instance, so it takes "
       "one "
       "instance type\n"},
  });
  EXPECT_EQ(report(load_below_cluster("    SystemLogs: {LogLevel: loud, Format: odd}\n")).substr(0, 62),
            "c.yml:5:28: error: SystemLogs.LogLevel: log level \"loud\" is no");
}

TEST(Diagnostics, Tokens) {
  const auto loaded =
      load_text("Clusters: {zzzzz: {SystemRootToken: secret-token, ManagementToken: short}}", "c.yml", test_host);
  EXPECT_EQ(report(loaded),
            "c.yml:1:37: error: SystemRootToken: only letters and digits are allowed\n"
            "c.yml:1:68: warning: ManagementToken: shorter than 32 characters\n");
  EXPECT_EQ(report(load_text("Clusters: {zzzzz: }", "c.yml", test_host)),
            "c.yml: warning: SystemRootToken: not set\nc.yml: warning: ManagementToken: not set\n");
}

TEST(Diagnostics, Clusters) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "c.yml: error: expected an object with the key Clusters, got nothing\n"},
      {"- a", "c.yml:1:1: error: expected an object with the key Clusters, got a list\n"},
      {"{}", "c.yml: error: Clusters: no cluster is configured\n"},
      {"Clusters:", "c.yml:1:1: error: Clusters: no cluster is configured\n"},
      {"Clusters: {}", "c.yml:1:1: error: Clusters: no cluster is configured\n"},
      {"Clusters: [zzzzz]", "c.yml:1:11: error: Clusters: expected an object by cluster id, got a list\n"},
      {"Clusters: {zzzzz: 1}", "c.yml:1:19: error: Clusters.zzzzz: expected an object, got a number\n"},
      {"Clusters: {Zzzzz: {}}",
       "c.yml:1:12: error: Clusters.Zzzzz: a cluster id is five characters a-z, 0-9; one that looks like a number "
       "needs "
       "quotes\n"},
      {"Clusters: {01234: {}}",
       "c.yml:1:12: error: Clusters.668: a cluster id is five characters a-z, 0-9; one that looks like a number needs "
       "quotes\n"},
      {"Clusters:\nAutoReloadConfig: 7\n",
       "c.yml:1:1: error: Clusters: no cluster is configured\n"
       "c.yml:2:19: error: AutoReloadConfig: expected true or false, got a number\n"},
      {"Clusters:\nAutoReloadConfig: true\n", "c.yml:1:1: error: Clusters: no cluster is configured\n"},
      {"Clusters:\n  zzzzz: {}\n  aaaaa: {}\n",
       "c.yml:3:3: error: Clusters.aaaaa: more than one cluster: a dispatcher serves exactly one\n"},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(report(load_text(text, "c.yml", test_host)), want) << text;
}

TEST(Diagnostics, Syntax) {
  const std::pair<std::string, const char*> cases[] = {
      {"a: 1\n b: 2\n", "c.yml:2:3: error: YAML syntax: illegal map value\n"},
      {"a:\n\tb: 1\n",
       "c.yml:2:3: error: YAML syntax: illegal map value (this line is indented with a tab; YAML takes only spaces)\n"},
      {"a: \"x\nb: 1\n", "c.yml:1:4: error: the quote \" is not closed before the end of the file\n"},
      {"ä: \"x", "c.yml:1:5: error: the quote \" is not closed before the end of the file\n"},
      {"a: 'it''s\n", "c.yml:1:4: error: the quote ' is not closed before the end of the file\n"},
      {"a: \"x\\\"\n", "c.yml:1:4: error: the quote \" is not closed before the end of the file\n"},
      {"a: \"x\nb: \"y\"\n",
       "c.yml:2:5: error: YAML syntax: end of map not found (the quote of line 1, column 4 ends on this line: is its "
       "end "
       "missing?)\n"},
      {"a: {b: [1,", "c.yml:1:11: error: YAML syntax: end of sequence flow not found\n"},
      {"a: [1,\n", "c.yml:2:1: error: YAML syntax: end of sequence flow not found\n"},
      {"a: *x", "c.yml:1:4: error: YAML syntax: the referenced anchor is not defined\n"},
      {"a: &x [*x]", "c.yml:1:8: error: this alias is part of what it stands for\n"},
      {"{a: 1}: 2", "c.yml:1:1: error: a key must be a string, not an object\n"},
      {"~: 2", "c.yml:1:1: error: a key must be a string, not nothing\n"},
      {"<<: 3", "c.yml:1:1: error: << needs an object or a list of objects\n"},
      {"a: !!int x", "c.yml:1:4: error: the tag tag:yaml.org,2002:int is unknown or does not go with this value\n"},
      {"a: !!python/object x",
       "c.yml:1:4: error: the tag tag:yaml.org,2002:python/object is unknown or does not go with this value\n"},
      {"a: b\xff", "c.yml:1:5: error: byte 0xff is not UTF-8\n"},
      {"\xc3\xa4: \xed\xa0\x80", "c.yml:1:4: error: byte 0xed is not UTF-8\n"},
      {std::string("a: \0b", 5), "c.yml:1:4: error: control character 0x00\n"},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(report(load_text(text, "c.yml", test_host)), want) << text;
}

TEST(Diagnostics, DoubtfulButLegal) {
  EXPECT_EQ(report(load_below_cluster("    API:\n      MaxQueuedRequests: 1\n      MaxQueuedRequests: 2\n")),
            "c.yml:7:7: warning: API.MaxQueuedRequests: set twice in one object: the value at 6:7 is ignored\n");
  EXPECT_EQ(report(load_below_cluster("---\nsecond: document\n")),
            "c.yml: warning: the file holds several YAML documents: only the first is read\n");
  EXPECT_EQ(
      report(load_below_cluster("    InstanceTypes: {n: {VCPUs: 1}}\n")),
      "c.yml:5:21: warning: InstanceTypes.false: an unquoted yes, no, on, off, y or n is a boolean: quote this key\n");
}

TEST(Diagnostics, SecretsAreNeverShown) {
  const auto loaded = load_below_cluster(
      "    PostgreSQL: {Connection: {password: 12345678}}\n"
      "    Containers: {DispatchPrivateKey: 12345678, CloudVMs: {DriverParameters: [12345678]}}\n"
      "    Collections: {BlobSigningKey: 12345678}\n");
  EXPECT_FALSE(loaded.ok());
  EXPECT_EQ(report(loaded).find("12345678"), std::string::npos) << report(loaded);
}

TEST(Diagnostics, UnreadableFile) {
  const auto loaded = load_config_file("/nonexistent/config.yml");
  EXPECT_FALSE(loaded.ok());
  EXPECT_EQ(report(loaded), "/nonexistent/config.yml: error: cannot be read: No such file or directory\n");
  EXPECT_EQ(report(load_config_file("/")), "/: error: cannot be read: Is a directory\n");
  EXPECT_NE(loaded.cluster.document, nullptr);
}

// Hostile files: each must end soon, with a finding.
TEST(HostileYaml, AliasBombsAreBounded) {
  std::string nodes = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    nodes += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) nodes += (j ? ", " : "") + alias;
    nodes += "]\n";
  }
  EXPECT_EQ(report(load_text(nodes, "c.yml", test_host)), "c.yml:5:5: error: more than 200000 values\n");

  std::string bytes = "a: &a \"" + std::string(1 << 20, 'x') + "\"\nb: [";
  for (int i = 0; i < 100; ++i) bytes += "*a, ";
  EXPECT_NE(report(load_text(bytes + "]", "c.yml", test_host)).find("bytes of text once aliases are expanded"),
            std::string::npos);
}

TEST(HostileYaml, DepthSizeAndNumberOfFindingsAreBounded) {
  EXPECT_EQ(report(load_text(std::string(200, '[') + std::string(200, ']'), "c.yml", test_host)),
            "c.yml:1:101: error: nested deeper than 100\n");
  EXPECT_EQ(report(load_text(std::string((16 << 20) + 1, ' '), "c.yml", test_host)),
            "c.yml: error: larger than 16777216 bytes\n");
  EXPECT_FALSE(load_text(std::string(100000, '['), "c.yml", test_host).ok());
  EXPECT_FALSE(load_text(std::string(1 << 20, '?'), "c.yml", test_host).ok());
  std::string unknown;
  for (int i = 0; i < 20000; ++i) unknown += "    Unknown" + std::to_string(i) + ": 1\n";
  const auto loaded = load_below_cluster(unknown + "    SystemRootToken: 1\n");
  EXPECT_FALSE(loaded.ok()) << "an error after many warnings still counts";
  EXPECT_EQ(loaded.diagnostics.size(), 202U);
  EXPECT_EQ(loaded.diagnostics.back().message, "19801 more findings are not shown");
}

}  // namespace
}  // namespace berth::config
