#include "run_probe.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

const std::string a = "zzzzz-dz642-00000000000000a";
const std::string b = "zzzzz-dz642-00000000000000b";

struct Case {
  std::string name;
  std::string output;
  RunProbe expected;
};

TEST(RunProbe, Lines) {
  const std::string nul(1, '\0');
  const std::vector<Case> cases = {
      {"empty", "", {}},
      {"one", a + "\n", {{a}, {}, false}},
      {"no newline at the end", a + "\n" + b, {{a, b}, {}, false}},
      {"carriage returns", a + "\r\n" + b + " stale\r\nbroken\r\n", {{a}, {b}, true}},
      {"twice the same", a + "\n" + a + "\n", {{a}, {}, false}},
      {"stale", a + " stale\n", {{}, {a}, false}},
      {"broken", "broken\n", {{}, {}, true}},
      {"other second word", a + " zombie\n", {}},
      {"stale and more", a + " stale stale\n", {}},
      {"trailing space", a + " \n", {}},
      {"leading space", " " + a + "\n", {}},
      {"other cluster", "yyyyy-dz642-00000000000000a\n", {}},
      {"other kind of uuid", "zzzzz-xvhdp-00000000000000a\n", {}},
      {"shell text after the prefix", "zzzzz-dz642-;reboot;$(reboot)\n", {}},
      {"broken and more", "broken node\n", {}},
      {"blank lines", "\n\n" + a + "\n\n", {{a}, {}, false}},
      {"NUL in a line", nul + a + "\n" + b + nul + "\n" + a + "\n", {{a}, {}, false}},
      {"HTML", "<html><body>" + a + "</body></html>\n", {}},
  };
  for (const auto& c : cases) {
    const auto probe = parse_run_probe(c.output, "zzzzz");
    ASSERT_TRUE(probe) << c.name;
    EXPECT_EQ(*probe, c.expected) << c.name;
  }
}

TEST(RunProbe, TenMegabytesOfGarbage) {
  const auto one_line = parse_run_probe(std::string(10 << 20, 'x'), "zzzzz");
  ASSERT_TRUE(one_line);
  EXPECT_EQ(*one_line, RunProbe{});
  EXPECT_TRUE(parse_run_probe(std::string(1 << 20, '\n'), "zzzzz"));
}

TEST(RunProbe, TooManyContainers) {
  std::string output;
  char uuid[32];
  for (std::size_t i = 0; i < max_listed_containers; ++i) {
    std::snprintf(uuid, sizeof uuid, "zzzzz-dz642-%015zu\n", i);
    output += uuid;
  }
  EXPECT_TRUE(parse_run_probe(output, "zzzzz"));
  const auto probe = parse_run_probe(output + a + " stale\n", "zzzzz");
  ASSERT_FALSE(probe);
  EXPECT_EQ(probe.error().kind, ErrorKind::exhausted);
}

}  // namespace
}  // namespace berth
