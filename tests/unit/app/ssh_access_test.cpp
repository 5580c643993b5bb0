#include "ssh_access.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

TEST(SshPort, Parse) {
  struct Case {
    const char* text;
    int port;  // 0: invalid
  };
  const Case cases[] = {{"22", 22}, {"", 22},  {"ssh", 22}, {"1", 1},   {"65535", 65535}, {"65536", 0},
                        {"0", 0},   {"-1", 0}, {"22 ", 0},  {" 22", 0}, {"2a", 0},        {"no-such-service", 0}};
  for (const auto& c : cases) {
    const auto port = parse_ssh_port(c.text);
    EXPECT_EQ(port.value_or(0), c.port) << c.text;
    if (!port) EXPECT_EQ(port.error().kind, ErrorKind::invalid) << c.text;
  }
}

TEST(SshAccess, ErrorsBeginWithTheirKey) {
  Cluster cluster;
  EXPECT_FALSE(read_ssh_access(cluster).value().key);
  cluster.containers.dispatch_private_key = "file:///nonexistent/key";
  EXPECT_TRUE(read_ssh_access(cluster).error().message.starts_with("Containers.DispatchPrivateKey: "));
  cluster.containers.dispatch_private_key =
      "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
  EXPECT_TRUE(read_ssh_access(cluster).error().message.starts_with("Containers.DispatchPrivateKey: "));
  cluster.containers.cloud_vms.ssh_port = "x";
  EXPECT_TRUE(read_ssh_access(cluster).error().message.starts_with("Containers.CloudVMs.SSHPort: "));
}

}  // namespace
}  // namespace berth
