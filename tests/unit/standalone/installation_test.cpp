#include "berth/standalone/installation.hpp"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include "berth/base/runtime.hpp"
#include "berth/config/load.hpp"

namespace berth {
namespace {

namespace fs = std::filesystem;

class InstallationTest : public testing::Test {
 protected:
  InstallationTest() {
    char path[] = "/tmp/berth-installation-XXXXXX";
    dir_ = ::mkdtemp(path);
  }
  ~InstallationTest() override { fs::remove_all(dir_); }
  std::string read(const std::string& name) {
    std::ostringstream text;
    text << std::ifstream(dir_ + "/" + name).rdbuf();
    return text.str();
  }
  static int mode(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return static_cast<int>(info.st_mode & 0777);
  }

  std::string dir_;
  SimRuntime runtime_{7};
};

TEST_F(InstallationTest, TokensAndCertificateAreMadeOnceAndFoundAgain) {
  const auto first = open_installation(runtime_, dir_);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_GE(first->root_token.size(), 32U);
  EXPECT_NE(first->root_token, first->management_token);
  ASSERT_TRUE(write_env_file(*first, "127.0.0.1:7440"));
  const std::string certificate = read("tls/certificate.pem"), env = read("env");
  const auto second = open_installation(runtime_, dir_);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->root_token, first->root_token);
  EXPECT_EQ(second->management_token, first->management_token);
  EXPECT_EQ(read("tls/certificate.pem"), certificate);
  EXPECT_EQ(read("env"), env) << "a restart keeps the last address until it knows the new one";
}

TEST_F(InstallationTest, ThereIsNothingToDialBeforeItIsServed) {
  const auto opened = open_installation(runtime_, dir_);
  ASSERT_TRUE(opened);
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/env"));
  const auto again = open_installation(runtime_, dir_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->root_token, opened->root_token) << "though it was killed before it served anything";
}

TEST_F(InstallationTest, TokensOfAnOlderInstallationAreKept) {
  const auto opened = open_installation(runtime_, dir_);
  ASSERT_TRUE(opened && write_env_file(*opened, "127.0.0.1:7440"));
  std::filesystem::remove(dir_ + "/tokens");
  EXPECT_EQ(open_installation(runtime_, dir_)->root_token, opened->root_token);
}

TEST_F(InstallationTest, SecretsAreReadableByTheOwnerAlone) {
  const auto opened = open_installation(runtime_, dir_);
  ASSERT_TRUE(opened && write_env_file(*opened, "127.0.0.1:7440"));
  EXPECT_EQ(mode(dir_ + "/tokens"), 0600);
  EXPECT_EQ(mode(dir_ + "/env"), 0600);
  EXPECT_EQ(mode(dir_ + "/tls/key.pem"), 0600);
  EXPECT_EQ(mode(dir_ + "/tls"), 0700);
}

TEST_F(InstallationTest, GarbageInTheTokensFileIsReplaced) {
  std::ofstream(dir_ + "/tokens")
      << "ARVADOS_API_TOKEN=short\nBERTH_TOKEN=has spaces and is long enough to pass for a token\n\xff\n";
  const auto opened = open_installation(runtime_, dir_);
  ASSERT_TRUE(opened);
  EXPECT_GE(opened->root_token.size(), 32U);
  EXPECT_EQ(opened->management_token.find(' '), std::string::npos);
}

TEST_F(InstallationTest, ErrorsNameThePath) {
  const auto made = make_data_dir("/proc/berth");
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("/proc/berth"), std::string::npos);
  std::ofstream(dir_ + "/file") << "x";
  EXPECT_FALSE(make_data_dir(dir_ + "/file"));
}

TEST_F(InstallationTest, TheClusterTextIsAValidConfiguration) {
  const auto installation = open_installation(runtime_, dir_);
  ASSERT_TRUE(installation);
  struct Case {
    std::int64_t vcpus;
    std::size_t types;
  };
  for (const Case c : {Case{1, 1}, Case{2, 2}, Case{6, 4}, Case{8, 4}}) {
    const Machine machine{c.vcpus, 8LL << 30, 100LL << 30};
    const auto config = load_config_text(
        standalone_cluster_text(*installation, machine, "http://127.0.0.1:7440", "/usr/bin/berth-run"), "standalone");
    for (const auto& diagnostic : config.diagnostics) ADD_FAILURE() << to_string(diagnostic);
    ASSERT_TRUE(config.ok());
    EXPECT_EQ(config.cluster.instance_types.size(), c.types) << c.vcpus;
    const auto& largest = config.cluster.instance_types.at("local-" + std::to_string(c.vcpus));
    EXPECT_EQ(largest.vcpus, c.vcpus);
    EXPECT_LE(largest.ram, machine.ram);
  }
}

TEST(ThisMachine, HasSomethingOfEverything) {
  const Machine machine = this_machine("/tmp");
  EXPECT_GE(machine.vcpus, 1);
  EXPECT_GT(machine.ram, 0);
  EXPECT_GT(machine.scratch, 0);
}

TEST_F(InstallationTest, ScratchDoesNotDependOnWhatIsFree) {
  const std::int64_t before = this_machine(dir_).scratch;
  const int fd = ::open((dir_ + "/filling").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(::posix_fallocate(fd, 0, 16 << 20), 0);
  ::close(fd);
  EXPECT_EQ(this_machine(dir_).scratch, before);
}

TEST_F(InstallationTest, TokensFavourNoLetter) {
  std::map<char, int> seen;
  for (int i = 0; i < 400; ++i) {
    std::filesystem::remove(dir_ + "/tokens");
    const auto opened = open_installation(runtime_, dir_);
    ASSERT_TRUE(opened);
    for (const char c : opened->root_token + opened->management_token) ++seen[c];
  }
  // 40,000 letters, 645 of each in the mean, standard deviation 25; `byte % 62` gives 781 of each of the first eight.
  ASSERT_EQ(seen.size(), 62U);
  for (const auto& [letter, count] : seen) EXPECT_LT(count, 745) << letter;
}

}  // namespace
}  // namespace berth
