#include "commands.hpp"

#include <cstdlib>
#include <gtest/gtest.h>

#include "berth/base/runtime.hpp"

#include "tags.hpp"

namespace berth {
namespace {

const std::string uuid = "zzzzz-dz642-00000000000000a";
const std::string md5 = "0123456789abcdef0123456789abcdef";

TEST(Commands, RunnerCommands) {
  EXPECT_EQ(list_command("root", "crunch-run", false), "crunch-run --list");
  EXPECT_EQ(list_command("admin", "crunch-run", true), "sudo crunch-run --list --stdin-prices");
  EXPECT_EQ(
      start_command("admin", "/opt/crunch-run~1", {"--runtime-engine=docker", "--foo='bar'"}, uuid),
      R"(sudo /opt/crunch-run~1 --detach --stdin-config '--runtime-engine=docker' '--foo='\''bar'\''' ')" + uuid + "'");
  EXPECT_EQ(start_command("root", "crunch-run", {}, uuid), "crunch-run --detach --stdin-config '" + uuid + "'");
  EXPECT_EQ(kill_command("admin", "crunch-run", uuid), "sudo crunch-run --kill 15 " + uuid);
  EXPECT_EQ(kill_command("", "crunch-run", "x;reboot"), "sudo crunch-run --kill 15 'x;reboot'");
}

TEST(Commands, Prices) {
  EXPECT_EQ(prices_json({}), "[]");
  EXPECT_EQ(prices_json({{WallTime(std::chrono::seconds(1893553445)), 0.25}}),
            R"([{"StartTime":"2030-01-02T03:04:05Z","Price":0.25}])");
}

TEST(Commands, DeployCheck) {
  const std::string path = deployed_path("/var/lib/arvados", md5);
  EXPECT_EQ(path, "/var/lib/arvados/crunch-run~" + md5);
  EXPECT_EQ(deploy_check_command(path), "md5sum " + path);
  const std::string right = md5 + "  " + path + "\n";
  EXPECT_TRUE(deploy_check_passed({0, right, ""}, path, md5));
  EXPECT_FALSE(deploy_check_passed({1, right, ""}, path, md5));
  EXPECT_FALSE(deploy_check_passed({0, right, "warning"}, path, md5));
  EXPECT_FALSE(deploy_check_passed({0, right + "x", ""}, path, md5));
  EXPECT_FALSE(deploy_check_passed({0, md5 + " " + path + "\n", ""}, path, md5));
  EXPECT_FALSE(deploy_check_passed({0, "", ""}, path, md5));
}

TEST(Commands, DeployInstall) {
  const std::string path = deployed_path("/var/lib/arvados", md5);
  const std::string command = deploy_install_command("admin", "/var/lib/arvados", path, md5);
  EXPECT_TRUE(command.starts_with("sudo sh -c 'set -e; ")) << command;
  EXPECT_NE(command.find("; target=" + path + ";"), std::string::npos) << command;
  EXPECT_TRUE(deploy_install_command("root", "/d", "/d/x", md5).starts_with("sh -c "));
  EXPECT_NE(deploy_install_command("root", "/d ir", "/d ir/x", md5).find(R"(target='\''/d ir/x'\'';)"),
            std::string::npos);
}

TEST(Tags, SecretAndInitCommand) {
  SimRuntime runtime;
  const std::string secret = make_instance_secret(runtime);
  EXPECT_EQ(secret.size(), 40u);
  EXPECT_EQ(secret.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(secret, make_instance_secret(runtime));
  EXPECT_EQ(make_init_command("abc", "touch /x"),
            "umask 0177 && echo -n \"abc\" >/var/run/arvados-instance-secret\ntouch /x");
}

TEST(Tags, IdleBehavior) {
  const TagKeys keys("P");
  EXPECT_EQ(tagged_idle_behavior({{"PIdleBehavior", "hold"}}, keys), IdleBehavior::hold);
  EXPECT_EQ(tagged_idle_behavior({{"PIdleBehavior", "drain"}}, keys), IdleBehavior::drain);
  EXPECT_EQ(tagged_idle_behavior({{"PIdleBehavior", "sleep"}}, keys), IdleBehavior::run);
  EXPECT_EQ(tagged_idle_behavior({}, keys), IdleBehavior::run);
}

}  // namespace
}  // namespace berth
