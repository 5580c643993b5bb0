#include "arguments.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using Words = std::vector<const char*>;

tl::expected<Choice, UsageExit> parse(Words words) {
  words.insert(words.begin(), "berthctl");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

TEST(CtlArguments, DefaultsOfSubmit) {
  const auto choice = parse({"submit", "--", "true"});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->verb, "submit");
  EXPECT_EQ(choice->env_file, "");
  const SubmitOptions& s = choice->submit;
  EXPECT_EQ(s.command, std::vector<std::string>{"true"});
  EXPECT_EQ(s.vcpus, 1);
  EXPECT_EQ(s.ram, "128MiB");
  EXPECT_EQ(s.priority, 500);
  EXPECT_EQ(s.max_run_time, 0);
  EXPECT_FALSE(s.wait);
}

TEST(CtlArguments, EverythingOfSubmit) {
  const auto choice = parse(
      {"--env-file", "/e",     "submit", "--name", "n",   "--vcpus",     "2",     "--ram", "1GiB", "--scratch",
       "3GB",        "--env",  "A=1",    "--env",  "B=2", "--priority",  "0",     "--cwd", "/tmp", "--max-run-time",
       "60",         "--wait", "--",     "sh",     "-c",  "echo --wait", "--name"});
  ASSERT_TRUE(choice) << choice.error().err;
  EXPECT_EQ(choice->env_file, "/e");
  const SubmitOptions& s = choice->submit;
  EXPECT_EQ(s.name, "n");
  EXPECT_EQ(s.vcpus, 2);
  EXPECT_EQ(s.ram, "1GiB");
  EXPECT_EQ(s.scratch, "3GB");
  EXPECT_EQ(s.environment, (std::vector<std::string>{"A=1", "B=2"}));
  EXPECT_EQ(s.priority, 0);
  EXPECT_EQ(s.cwd, "/tmp");
  EXPECT_EQ(s.max_run_time, 60);
  EXPECT_TRUE(s.wait);
  EXPECT_EQ(s.command, (std::vector<std::string>{"sh", "-c", "echo --wait", "--name"})) << "after --, as it is";
}

TEST(CtlArguments, OtherVerbs) {
  struct Case {
    Words words;
    const char* verb;
    bool (*right)(const Choice&);
  };
  const Case cases[] = {
      {{"queue"}, "queue", [](const Choice& c) { return !c.all; }},
      {{"queue", "--all"}, "queue", [](const Choice& c) { return c.all; }},
      {{"instances"}, "instances", [](const Choice&) { return true; }},
      {{"logs", "u"}, "logs", [](const Choice& c) { return c.uuid == "u" && !c.follow; }},
      {{"logs", "-f", "u"}, "logs", [](const Choice& c) { return c.uuid == "u" && c.follow; }},
      {{"logs", "u", "--follow"}, "logs", [](const Choice& c) { return c.follow; }},
      {{"priority", "u", "1000"}, "priority", [](const Choice& c) { return c.uuid == "u" && c.priority == 1000; }},
      {{"priority", "u", "0"}, "priority", [](const Choice& c) { return c.priority == 0; }},
      {{"cancel", "u"}, "cancel", [](const Choice& c) { return c.uuid == "u"; }},
      {{"instance", "drain", "i"},
       "instance",
       [](const Choice& c) { return c.instance_verb == "drain" && c.instance == "i"; }},
  };
  for (const Case& c : cases) {
    const auto choice = parse(c.words);
    ASSERT_TRUE(choice) << c.verb << ": " << choice.error().err;
    EXPECT_EQ(choice->verb, c.verb);
    EXPECT_TRUE(c.right(*choice)) << c.verb;
  }
}

TEST(CtlArguments, UsageErrors) {
  struct Case {
    Words words;
    const char* says;
  };
  const Case cases[] = {
      {{}, "subcommand"},
      {{"frobnicate"}, "subcommand"},
      {{"queue", "--nonsense"}, "--nonsense"},
      {{"queue", "extra"}, "extra"},
      {{"submit"}, "command"},
      {{"submit", "--priority", "1001", "--", "true"}, "--priority"},
      {{"submit", "--priority", "-1", "--", "true"}, "--priority"},
      {{"submit", "--priority", "high", "--", "true"}, "--priority"},
      {{"submit", "--vcpus", "0", "--", "true"}, "--vcpus"},
      {{"submit", "--vcpus", "1.5", "--", "true"}, "--vcpus"},
      {{"submit", "--max-run-time", "-1", "--", "true"}, "--max-run-time"},
      {{"submit", "--max-run-time", "99999999999999999999", "--", "true"}, "--max-run-time"},
      {{"logs"}, "uuid"},
      {{"priority", "u"}, "number"},
      {{"priority", "u", "1001"}, "number"},
      {{"priority", "u", "-1"}, ""},
      {{"cancel"}, "uuid"},
      {{"instance", "explode", "i"}, "verb"},
      {{"instance", "hold"}, "instance"},
  };
  for (const Case& c : cases) {
    const auto choice = parse(c.words);
    ASSERT_FALSE(choice) << c.says;
    EXPECT_EQ(choice.error().exit_code, 2) << c.says;
    EXPECT_NE(choice.error().err.find(c.says), std::string::npos) << choice.error().err;
    EXPECT_EQ(choice.error().out, "");
  }
}

TEST(CtlArguments, HelpIsNoError) {
  for (const Words& words : {Words{"--help"}, Words{"submit", "--help"}, Words{"priority", "-h"}}) {
    const auto choice = parse(words);
    ASSERT_FALSE(choice);
    EXPECT_EQ(choice.error().exit_code, 0);
    EXPECT_NE(choice.error().out.find("berthctl"), std::string::npos);
    EXPECT_EQ(choice.error().err, "");
  }
}

}  // namespace
}  // namespace berth
