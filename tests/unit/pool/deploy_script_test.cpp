// The install command, carried out by a real shell.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
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
  }
  ~DeployScript() override { std::filesystem::remove_all(root_); }

  static int shell(const std::string& command, const std::string& input) {
    FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "w");
    std::fwrite(input.data(), 1, input.size(), pipe);
    return ::pclose(pipe);
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
  std::ifstream file(runner->path);
  const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_EQ(content, *runner->binary);
  struct stat info {};
  ASSERT_EQ(::stat(runner->path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u);
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
