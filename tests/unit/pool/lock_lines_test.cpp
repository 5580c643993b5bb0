#include "lock_lines.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace berth {
namespace {

constexpr const char* one = "zzzzz-dz642-000000000000001";
constexpr const char* two = "zzzzz-dz642-000000000000002";

TEST(LockLines, Parse) {
  using Pids = std::map<std::string, std::int64_t>;
  struct Case {
    std::string text;
    Pids pids;
  };
  const std::string uuid = one;
  const Case cases[] = {
      {"", {}},
      {R"({"UUID":"zzzzz-dz642-000000000000001","PID":42})", {{one, 42}}},
      {"{\"UUID\":\"" + uuid + "\",\"PID\":42}\n\n{\"UUID\":\"" + two + "\",\"PID\":43}\n", {{one, 42}, {two, 43}}},
      {R"({"UUID": "zzzzz-dz642-000000000000001", "PID": 42, "more": []})", {{one, 42}}},
      {R"({"UUID":"zzzzz-dz642-000000000000001","PID":"42"})", {}},
      {R"({"UUID":"zzzzz-dz642-000000000000001","PID":1})", {}},
      {R"({"UUID":"zzzzz-dz642-000000000000001","PID":-1})", {}},
      {R"({"UUID":"zzzzz-dz642-000000000000001","PID":1e9})", {}},
      {R"({"UUID":"zzzzz-dz642-000000000000001","PID":99999999999999999999})", {}},
      {R"({"UUID":"zzzzz-dz642-000000000000001"})", {}},
      {R"({"UUID":"../../etc/passwd","PID":42})", {}},
      {"[1]\nnull\n{\n" + std::string(1000, '[') + "\n{\"UUID\":\"" + uuid + "\",\"PID\":7}", {{one, 7}}},
      {"{\"UUID\":\"" + uuid + "\",\"PID\":7,\"x\":\"" + std::string(300, 'x') + "\"}", {}},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_lock_lines(c.text), c.pids) << c.text;
}

std::string run(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 256> buffer{};
  for (std::size_t size; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.append(buffer.data(), size);
  EXPECT_EQ(::pclose(pipe), 0);
  return out;
}

TEST(LockLines, CommandShowsWhichFilesThereAre) {
  char directory[] = "/tmp/berth-locks-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  std::ofstream(std::string(directory) + "/crunch-run-" + two + ".lock") << "{\"UUID\":\"" << two << "\",\"PID\":77}";
  const std::string command = lock_files_command("root", {one, two});
  const auto pids =
      parse_lock_lines(run("BERTH_LOCK_DIR=" + std::string(directory) + "; export BERTH_LOCK_DIR; " + command));
  EXPECT_EQ(pids, (std::map<std::string, std::int64_t>{{two, 77}}));
  EXPECT_TRUE(lock_files_command("crunch", {one}).starts_with("sudo sh -c "));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace berth
