// The install command, carried out by a real shell.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "commands.hpp"
#include "runner_source.hpp"

namespace berth {
namespace {

class DeployScript : public testing::Test {
 protected:
  DeployScript() {
    std::string pattern = testing::TempDir() + "berth-deploy-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    std::ofstream(root_ / "binary") << "#!/bin/sh\necho hello\n";
    ::signal(SIGPIPE, SIG_IGN);  // a script may end before it has read its input
  }
  ~DeployScript() override { std::filesystem::remove_all(root_); }

  int shell(const std::string& command, const std::string& input) const {
    FILE* pipe = ::popen((command + " 2>'" + (root_ / "stderr").string() + "'").c_str(), "w");
    std::fwrite(input.data(), 1, input.size(), pipe);
    return ::pclose(pipe);
  }

  static std::string read(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static unsigned mode(const std::filesystem::path& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }

  std::filesystem::path root_;
};

TEST_F(DeployScript, InstallsWholeFileOnly) {
  const std::string directory = root_ / "it's here";
  const auto runner = read_runner(root_ / "binary", directory);
  ASSERT_TRUE(runner) << runner.error().message;
  EXPECT_EQ(runner->path, directory + "/crunch-run~" + runner->md5);
  const std::string install = deploy_install_command("root", directory, runner->path, runner->md5);

  EXPECT_NE(shell(install, runner->binary->substr(0, 5)), 0);
  EXPECT_TRUE(std::filesystem::is_empty(directory)) << "neither the file nor a part of it stays";

  EXPECT_EQ(shell(install, *runner->binary), 0);
  EXPECT_EQ(read(runner->path), *runner->binary);
  EXPECT_EQ(mode(runner->path), 0755u);
}

TEST_F(DeployScript, DirectoriesOnTheWayAreForEverybodyWhateverTheUmask) {
  const std::string directory = root_ / "one" / "two";
  const auto runner = read_runner(root_ / "binary", directory);
  ASSERT_TRUE(runner) << runner.error().message;
  const mode_t before = ::umask(077);
  EXPECT_EQ(shell(deploy_install_command("root", directory, runner->path, runner->md5), *runner->binary), 0);
  ::umask(before);
  for (const auto& path : {root_ / "one", root_ / "one" / "two", std::filesystem::path(runner->path)})
    EXPECT_EQ(mode(path), 0755u) << path;
}

TEST_F(DeployScript, DirectoryInItsPlace) {
  const std::string directory = root_ / "deployed";
  const auto runner = read_runner(root_ / "binary", directory);
  ASSERT_TRUE(runner) << runner.error().message;
  std::filesystem::create_directories(runner->path);
  for (int probe = 0; probe < 2; ++probe) {
    EXPECT_NE(shell(deploy_install_command("root", directory, runner->path, runner->md5), *runner->binary), 0);
    EXPECT_EQ(read(root_ / "stderr"), runner->path + " is a directory\n");
  }
  EXPECT_TRUE(std::filesystem::is_empty(runner->path));
  using Entries = std::filesystem::directory_iterator;
  EXPECT_EQ(std::distance(Entries(directory), Entries()), 1) << "no copy is left beside it";
}

TEST_F(DeployScript, UnreadableBinary) {
  for (const std::string path : {root_ / "absent", root_}) {
    const auto runner = read_runner(path, "/d");
    ASSERT_FALSE(runner);
    EXPECT_NE(runner.error().message.find(path), std::string::npos);
  }
}

}  // namespace
}  // namespace berth
