#include "berth/base/shell.hpp"

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace berth {
namespace {

TEST(Shell, Quote) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "''"},
      {"plain", "'plain'"},
      {"two words", "'two words'"},
      {"it's", R"('it'\''s')"},
      {"'", R"(''\''')"},
      {"$(x) `y` \\", "'$(x) `y` \\'"},
      {"a\nb", "'a\nb'"},
  };
  for (const auto& [text, quoted] : cases) EXPECT_EQ(shell_quote(text), quoted);
}

TEST(Shell, Word) {
  EXPECT_EQ(shell_word("/var/lib/arvados/crunch-run~0a"), "/var/lib/arvados/crunch-run~0a");
  EXPECT_EQ(shell_word("~root"), "'~root'");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("a'b"), R"('a'\''b')");
  EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace berth
