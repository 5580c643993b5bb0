#include "args.hpp"

#include <gtest/gtest.h>

#include "command.hpp"

namespace berth::runner {
namespace {

const std::string uuid = "zzzzz-dz642-000000000000001";

TEST(Arguments, AreReadAsTheReferenceReadsThem) {
  const struct {
    std::vector<std::string> words;
    Mode mode;
  } cases[] = {
      {{uuid}, Mode::run},
      {{"--detach", "--stdin-config", uuid}, Mode::detach},
      {{"-detach", "-stdin-config", "--runtime-engine=docker", "--cgroup-parent", "x", uuid}, Mode::detach},
      {{"-no-detach", "--detach", "--stdin-config", uuid}, Mode::run},
      {{"--detach=false", uuid}, Mode::run},
      {{"--list"}, Mode::list},
      {{"--list", "--stdin-prices"}, Mode::list},
      {{"--kill", "15", uuid}, Mode::kill},
      {{"--kill=9", uuid}, Mode::kill},
      {{"--version"}, Mode::version},
      {{"-h"}, Mode::help},
      {{"--", uuid}, Mode::run},
      {{"--sleep", "1s", "--check-containerd=0s", "--memprofile", "", uuid}, Mode::run},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_arguments(c.words);
    ASSERT_TRUE(parsed) << c.words.front() << ": " << parsed.error().message;
    EXPECT_EQ(parsed->mode, c.mode) << c.words.front();
  }
}

TEST(Arguments, CarryTheirValues) {
  const auto kill = parse_arguments({"--kill", "15", uuid});
  ASSERT_TRUE(kill);
  EXPECT_EQ(kill->signal, 15);
  EXPECT_EQ(kill->uuid, uuid);
  const auto run =
      parse_arguments({"--enable-memory-limit=false", "--broken-node-hook", "/hook", "--stdin-config", uuid});
  ASSERT_TRUE(run);
  EXPECT_FALSE(run->memory_limit);
  EXPECT_EQ(run->broken_node_hook, "/hook");
  EXPECT_TRUE(run->stdin_config);
}

TEST(Arguments, AreRefused) {
  const std::vector<std::string> cases[] = {{},
                                            {"--detach"},
                                            {"--unknown", uuid},
                                            {uuid, uuid},
                                            {"-", uuid},
                                            {"--detach=maybe", uuid},
                                            {"--kill"},
                                            {"--kill", "15"},
                                            {"--kill", "x", uuid},
                                            {"--kill", "-1", uuid},
                                            {"--kill", "65", uuid},
                                            {"--sleep"},
                                            {"../" + uuid},
                                            {uuid + "x"},
                                            {"zzzzz-dz642-00000000000000A"},
                                            {"zzzzz-xvhdp-000000000000001"},
                                            {""}};
  for (const auto& words : cases) EXPECT_FALSE(parse_arguments(words)) << (words.empty() ? "" : words.front());
}

TEST(Command, IsLookedForInPath) {
  using Paths = std::vector<std::string>;
  EXPECT_EQ(candidates("ls", "/a:/b"), (Paths{"/a/ls", "/b/ls"}));
  EXPECT_EQ(candidates("ls", ":/b::"), (Paths{"/b/ls"}));
  EXPECT_EQ(candidates("ls", ""), Paths{});
  EXPECT_EQ(candidates("./ls", "/a"), Paths{"./ls"});
}

TEST(Command, MemoryLimitLeavesSlack) {
  EXPECT_EQ(memory_limit_for(1 << 30), (1 << 30) + (256 << 20));
  EXPECT_EQ(memory_limit_for(0), 0);
  EXPECT_EQ(memory_limit_for(-5), 0);
  EXPECT_EQ(memory_limit_for(INT64_MAX), 0);
}

TEST(Command, SpeaksOfMemory) {
  for (const char* words :
       {"Traceback …\nMemoryError\n", "terminate called after throwing an instance of 'std::bad_alloc'",
        "sh: 1: Cannot fork: Cannot allocate memory", "fatal error: runtime: out of memory",
        "java.lang.OutOfMemoryError: Java heap space", "xz: Memory exhausted"})
    EXPECT_TRUE(speaks_of_memory(words)) << words;
  for (const char* words : {"", "memory", "No such file or directory"}) EXPECT_FALSE(speaks_of_memory(words)) << words;
}

}  // namespace
}  // namespace berth::runner
