#include "connection_keywords.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using Map = std::map<std::string, std::string>;

Map without_defaults(Map keywords) {
  for (const char* name : {"fallback_application_name", "client_encoding", "gssencmode", "target_session_attrs"})
    keywords.erase(name);
  return keywords;
}

TEST(ConnectionKeywords, KeysAreLowerCaseAndEmptyValuesAreLeftOut) {
  const auto parsed = parse_connection({{"DBName", "arvados"}, {"user", ""}, {"Password", "a 'b\\ c"}, {"host", "db"}});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(without_defaults(parsed->keywords), (Map{{"dbname", "arvados"}, {"password", "a 'b\\ c"}}));
  EXPECT_EQ(parsed->endpoints, (std::vector<DatabaseEndpoint>{{"db", "", ""}}));
}

TEST(ConnectionKeywords, TheSiteWins) {
  const auto parsed = parse_connection({{"target_session_attrs", "any"}, {"gssencmode", "prefer"}});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->keywords.at("target_session_attrs"), "any");
  EXPECT_EQ(parsed->keywords.at("gssencmode"), "prefer");
  EXPECT_EQ(parse_connection({{"dbname", "x"}})->keywords.at("target_session_attrs"), "primary");
}

TEST(ConnectionKeywords, SwitchesOfTheReferencesLibraryMeanNothing) {
  const auto parsed = parse_connection({{"dbname", "x"}, {"binary_parameters", "yes"}});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(without_defaults(parsed->keywords), (Map{{"dbname", "x"}}));
}

TEST(ConnectionKeywords, Endpoints) {
  struct Case {
    Map connection;
    std::vector<DatabaseEndpoint> endpoints;
  };
  const std::vector<Case> cases = {
      {{{"dbname", "x"}}, {{"", "", ""}}},
      {{{"host", "/run/postgresql"}, {"port", "5433"}}, {{"/run/postgresql", "", "5433"}}},
      {{{"host", "a,b"}, {"port", "5433"}}, {{"a", "", "5433"}, {"b", "", "5433"}}},
      {{{"host", "a,b"}, {"port", "1,2"}}, {{"a", "", "1"}, {"b", "", "2"}}},
      {{{"host", "a,b"}, {"port", "1,"}}, {{"a", "", "1"}, {"b", "", ""}}},
      {{{"host", "a"}, {"port", " 5432 "}, {"sslmode", "verify-ca"}}, {{"a", "", " 5432 "}}},
      {{{"host", "a,b"}}, {{"a", "", ""}, {"b", "", ""}}},
      {{{"host", "a"}, {"hostaddr", "10.0.0.1"}}, {{"a", "10.0.0.1", ""}}},
      {{{"hostaddr", "10.0.0.1,10.0.0.2"}}, {{"", "10.0.0.1", ""}, {"", "10.0.0.2", ""}}},
  };
  for (const Case& c : cases) {
    const auto parsed = parse_connection(c.connection);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->endpoints, c.endpoints) << c.connection.begin()->second;
  }
}

TEST(ConnectionKeywords, Errors) {
  struct Case {
    Map connection;
    const char* words;
  };
  for (const Case& c :
       {Case{{}, "PostgreSQL.Connection is empty"}, Case{{{"host", ""}, {"password", ""}}, "is empty"},
        Case{{{"sslmod", "verify-full-s3cret"}}, "PostgreSQL.Connection.sslmod: libpq has no such keyword"},
        Case{{{"host", "a,b,c"}, {"port", "1,2"}}, "port"},
        Case{{{"host", "a,b"}, {"hostaddr", "10.0.0.1"}}, "hostaddr"},
        Case{{{"host", std::string(40, ',')}}, "more than"},
        Case{{{"sslmode", "s3cret"}},
             "PostgreSQL.Connection.sslmode: must be one of disable allow prefer require verify-ca verify-full"},
        Case{{{"SSLMode", "allow prefer"}}, "PostgreSQL.Connection.SSLMode: must be one of"},
        Case{{{"target_session_attrs", "s3cret"}}, "PostgreSQL.Connection.target_session_attrs: must be one of"},
        Case{{{"port", "s3cret"}}, "PostgreSQL.Connection.port: must be a number from 1 to 65535"},
        Case{{{"port", "0"}}, "must be a number"}, Case{{{"port", "65536"}}, "must be a number"},
        Case{{{"port", "5432x"}}, "must be a number"},
        Case{{{"host", "a,b"}, {"port", "5432,s3cret"}}, "must be a number"},
        Case{{{"password", std::string("s3cret\0x", 8)}}, "PostgreSQL.Connection.password: contains a NUL"}}) {
    const auto parsed = parse_connection(c.connection);
    ASSERT_FALSE(parsed) << c.words;
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
    EXPECT_NE(parsed.error().message.find(c.words), std::string::npos) << parsed.error().message;
    EXPECT_EQ(parsed.error().message.find("s3cret"), std::string::npos) << "values are secret";
  }
}

TEST(ConnectionKeywords, NamesAreLookedUpBeforeLibpqGetsThem) {
  struct Case {
    DatabaseEndpoint endpoint;
    bool needed;
  };
  for (const Case& c :
       {Case{{"db.example", "", ""}, true}, Case{{"localhost", "", ""}, true}, Case{{"127.0.0.1", "", ""}, false},
        Case{{"::1", "", ""}, false}, Case{{"/run/postgresql", "", ""}, false}, Case{{"@abstract", "", ""}, false},
        Case{{"", "", ""}, false}, Case{{"db.example", "10.0.0.1", ""}, false}, Case{{"10.0.0", "", ""}, true}})
    EXPECT_EQ(c.endpoint.needs_lookup(), c.needed) << c.endpoint.host;
}

}  // namespace
}  // namespace berth
