#include "postgres_session.hpp"

#include <gtest/gtest.h>

#include "pg_connection.hpp"

namespace berth {
namespace {

TEST(PostgresSession, AnswerAboutTheLock) {
  struct Case {
    PgRows rows;
    std::optional<bool> locked;
  };
  for (const Case& c : {Case{{{"t"}}, true}, Case{{{"f"}}, false}, Case{{}, std::nullopt}, Case{{{}}, std::nullopt},
                        Case{{{std::nullopt}}, std::nullopt}, Case{{{"true"}}, std::nullopt},
                        Case{{{"t"}, {"t"}}, std::nullopt}, Case{{{"t", "t"}}, std::nullopt}}) {
    const auto locked = parse_lock_answer(c.rows);
    ASSERT_EQ(locked.has_value(), c.locked.has_value()) << c.rows.size();
    if (locked)
      EXPECT_EQ(*locked, *c.locked);
    else
      EXPECT_EQ(locked.error().kind, ErrorKind::undecodable);
  }
}

TEST(PostgresSession, HolderInWords) {
  struct Case {
    PgRows rows;
    const char* words;
  };
  for (const Case& c :
       {Case{{{"10.0.0.7", "51234", "berthd", "4711"}}, "client 10.0.0.7:51234 (berthd, process 4711)"},
        Case{{{std::nullopt, "-1", "psql", "4711"}}, "(psql, process 4711)"},
        Case{{{std::nullopt, std::nullopt, std::nullopt, "4711"}}, "(process 4711)"},
        Case{{{"10.0.0.7", std::nullopt, "", std::nullopt}}, "client 10.0.0.7 (process unknown)"}, Case{{}, ""},
        Case{{{"too", "few"}}, ""}, Case{{{"a\nb", "1", "\x1b[2J", "2"}}, "client a b:1 ( [2J, process 2)"}})
    EXPECT_EQ(describe_holder(c.rows), c.words);
}

TEST(PgConnection, WordsBecomeOneBoundedLine) {
  EXPECT_EQ(one_line("  a\r\n\tb  \n"), "a b");
  EXPECT_EQ(one_line(""), "");
  EXPECT_EQ(one_line("\n"), "");
  EXPECT_LE(one_line(std::string(10000, 'x')).size(), 500U);
}

}  // namespace
}  // namespace berth
