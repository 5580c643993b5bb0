#include "arguments.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using Words = std::vector<std::string>;

ParsedArguments parse(const Words& words) {
  std::vector<const char*> argv{"berthd"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  ParsedArguments parsed = parse_arguments(static_cast<int>(argv.size()), argv.data());
  testing::internal::GetCapturedStdout();
  testing::internal::GetCapturedStderr();
  return parsed;
}

TEST(Arguments, ConfigurationFile) {
  ::unsetenv("ARVADOS_CONFIG");
  EXPECT_EQ(parse({}).arguments.config, "/etc/arvados/config.yml");
  for (const Words& words :
       {Words{"--config", "a.yml"}, Words{"-config", "a.yml"}, Words{"-config=a.yml"}, Words{"--config=a.yml"}})
    EXPECT_EQ(parse(words).arguments.config, "a.yml") << words[0];
  EXPECT_EQ(parse({"-config", "-"}).arguments.config, "-");
  EXPECT_EQ(parse({"-config", "a.yml", "--config=b.yml"}).arguments.config, "b.yml") << "the last one counts";
  ::setenv("ARVADOS_CONFIG", "/env.yml", 1);
  EXPECT_EQ(parse({}).arguments.config, "/env.yml");
  EXPECT_EQ(parse({"-config", "a.yml"}).arguments.config, "a.yml");
  ::unsetenv("ARVADOS_CONFIG");
}

TEST(Arguments, FlagsOfTheReferenceAreAccepted) {
  struct Case {
    Words words;
    Words ignored;
  };
  const Case cases[] = {
      {{"-pprof", ":6060"}, {"--pprof"}},
      {{"--pprof=localhost:6060"}, {"--pprof"}},
      {{"-skip-legacy"}, {}},
      {{"--skip-legacy=true"}, {}},
      {{"-legacy-ws-config", "/etc/a.yml"}, {"--legacy-ws-config"}},
      {{"-legacy-crunch-dispatch-slurm-config=/a", "--legacy-keepweb-config", "/b"},
       {"--legacy-crunch-dispatch-slurm-config", "--legacy-keepweb-config"}},
  };
  for (const Case& c : cases) {
    const ParsedArguments parsed = parse(c.words);
    EXPECT_FALSE(parsed.exit_code) << c.words[0];
    EXPECT_EQ(parsed.arguments.ignored, c.ignored) << c.words[0];
  }
}

TEST(Arguments, AnEmptyValueDoesNotSwallowTheNextFlag) {
  for (const char* pprof : {"-pprof=", "--pprof="}) {
    const ParsedArguments parsed = parse({pprof, "-version"});
    EXPECT_FALSE(parsed.exit_code) << pprof;
    EXPECT_TRUE(parsed.arguments.version) << pprof;
    EXPECT_EQ(parsed.arguments.ignored, Words{"--pprof"}) << pprof;
  }
  for (const char* empty : {"-config=", "--threads="}) EXPECT_EQ(parse({empty, "-version"}).exit_code, 2) << empty;
}

TEST(Arguments, ExitCodes) {
  EXPECT_TRUE(parse({"-version"}).arguments.version);
  for (const Words& words : {Words{"-help"}, Words{"--help"}, Words{"-h"}})
    EXPECT_EQ(parse(words).exit_code, 0) << words[0];
  for (const Words& words :
       {Words{"-no-such-flag"}, Words{"positional"}, Words{"--config"}, Words{"-legacy-ws-config"}, Words{"--unmask"},
        Words{"--threads", "0"}, Words{"--", "x"}, Words{"-legacy-config-x", "y"}})
    EXPECT_EQ(parse(words).exit_code, 2) << words[0];
}

TEST(Arguments, AFlagForTheOtherKindOfDaemonIsAUsageError) {
  for (const Words& words :
       {Words{"--config", "a.yml"}, Words{"--check-config"}, Words{"--dump-config"}, Words{"--no-lock"}}) {
    EXPECT_FALSE(parse(words).exit_code) << words[0];
    Words standalone = words;
    standalone.emplace_back("--standalone");
    EXPECT_EQ(parse(standalone).exit_code, 2) << words[0];
  }
  for (const Words& words : {Words{"--data-dir", "/tmp/d"}, Words{"--listen", "127.0.0.1:1"}, Words{"--vcpus", "3"},
                             Words{"--ram", "1GiB"}, Words{"--runner", "/bin/true"}}) {
    EXPECT_EQ(parse(words).exit_code, 2) << words[0];
    Words standalone = words;
    standalone.emplace_back("-standalone");
    EXPECT_FALSE(parse(standalone).exit_code) << words[0];
  }
  EXPECT_EQ(parse({"--check-config", "--dump-config"}).exit_code, 2);
  ::setenv("ARVADOS_CONFIG", "/env.yml", 1);  // of the machine, not of this command line
  EXPECT_FALSE(parse({"--standalone"}).exit_code);
  ::unsetenv("ARVADOS_CONFIG");
}

TEST(Arguments, AnEmptyValueIsNotTheDefault) {
  for (const Words& words : {Words{"--config", ""}, Words{"--config="}, Words{"--standalone", "--data-dir", ""},
                             Words{"--standalone", "--data-dir="}, Words{"--standalone", "--listen", ""},
                             Words{"--standalone", "--ram", ""}, Words{"--standalone", "--runner", ""}})
    EXPECT_EQ(parse(words).exit_code, 2) << words.back();
}

}  // namespace
}  // namespace berth
