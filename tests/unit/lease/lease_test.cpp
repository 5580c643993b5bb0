#include "berth/lease/lease.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim_test.hpp"

namespace berth {
namespace {

class FileLease : public testing::Test {
 protected:
  FileLease() {
    std::string form = (std::filesystem::temp_directory_path() / "berth-lease-XXXXXX").string();
    directory = ::mkdtemp(form.data());
    path = directory / "lock";
  }
  ~FileLease() override { std::filesystem::remove_all(directory); }

  std::string content() const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  SimRuntime runtime;
  std::filesystem::path directory;
  std::filesystem::path path;
};

TEST_F(FileLease, IsHeldByOne) {
  auto first = make_file_lease(path.string());
  auto second = make_file_lease(path.string());
  EXPECT_FALSE(first->held());
  ASSERT_TRUE(run_on(runtime, first->acquire()));
  EXPECT_TRUE(first->held());
  EXPECT_EQ(content(), std::to_string(::getpid()) + "\n");

  const auto refused = run_on(runtime, second->acquire());
  ASSERT_FALSE(refused);
  EXPECT_FALSE(second->held());
  EXPECT_NE(refused.error().message.find(std::to_string(::getpid())), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find(path.string()), std::string::npos) << refused.error().message;
  EXPECT_EQ(content(), std::to_string(::getpid()) + "\n");

  run_on(runtime, first->release());
  EXPECT_FALSE(first->held());
  EXPECT_TRUE(run_on(runtime, second->acquire()));
  run_on(runtime, second->release());
  ASSERT_TRUE(run_on(runtime, first->acquire()));
  EXPECT_EQ(first->term(), 2U);
}

TEST_F(FileLease, EndsWithItsOwner) {
  {
    auto first = make_file_lease(path.string());
    ASSERT_TRUE(run_on(runtime, first->acquire()));
  }
  auto second = make_file_lease(path.string());
  EXPECT_TRUE(run_on(runtime, second->acquire()));
}

TEST_F(FileLease, TellsWhenItChanges) {
  auto lease = make_file_lease(path.string());
  auto changed = lease->changed().subscribe();
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  run_on(runtime, changed.wait());
  run_on(runtime, lease->release());
  run_on(runtime, changed.wait());
}

TEST_F(FileLease, AcquiringTwiceIsHarmless) {
  auto lease = make_file_lease(path.string());
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  run_on(runtime, lease->release());
  EXPECT_TRUE(run_on(runtime, make_file_lease(path.string())->acquire()));
}

TEST_F(FileLease, WhatAnEarlierHolderWroteIsReplacedWhole) {
  std::ofstream(path) << "123456789012345678901234567890 and more\n";
  auto lease = make_file_lease(path.string());
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  EXPECT_EQ(content(), std::to_string(::getpid()) + "\n");
}

TEST_F(FileLease, UnknownHolder) {
  auto first = make_file_lease(path.string());
  ASSERT_TRUE(run_on(runtime, first->acquire()));
  for (const char* garbage : {"", "\n", "who knows\n", "\x1b[2J"}) {
    std::ofstream(path, std::ios::trunc) << garbage;
    const auto refused = run_on(runtime, make_file_lease(path.string())->acquire());
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("unknown"), std::string::npos) << refused.error().message;
    EXPECT_EQ(refused.error().message.find('\x1b'), std::string::npos);
  }
}

TEST_F(FileLease, SaysWhyItCanNeverBeHad) {
  const auto refused = run_on(runtime, make_file_lease((directory / "no" / "lock").string())->acquire());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("No such file"), std::string::npos) << refused.error().message;
}

TEST_F(FileLease, IsForItsOwnerOnly) {
  auto lease = make_file_lease(path.string());
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
}

TEST(NoLease, IsAlwaysHeld) {
  SimRuntime runtime;
  auto lease = make_no_lease();
  EXPECT_TRUE(lease->held());
  EXPECT_TRUE(run_on(runtime, lease->acquire()));
  run_on(runtime, lease->release());
  EXPECT_TRUE(lease->held());
}

}  // namespace
}  // namespace berth
