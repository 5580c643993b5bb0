#include "endpoint.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>

#include "connection.hpp"
#include "patience.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
using Environment = std::map<std::string, std::string>;

class EndpointTest : public ::testing::Test {
 protected:
  EndpointTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "berth-endpoint-XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
  }
  ~EndpointTest() override { std::filesystem::remove_all(dir_); }

  std::string file(const std::string& text) {
    std::ofstream(dir_ + "/env") << text;
    return dir_ + "/env";
  }
  static Result<Endpoint> find(const std::string& env_file, const std::string& default_file, Environment environment) {
    return find_endpoint(env_file, default_file, [environment = std::move(environment)](const char* name) {
      const auto at = environment.find(name);
      return at == environment.end() ? nullptr : at->second.c_str();
    });
  }
  std::string dir_;
};

constexpr const char* kFile =
    "ARVADOS_API_HOST=127.0.0.1:1\nARVADOS_API_HOST_INSECURE=1\nARVADOS_API_TOKEN=ft\n"
    "BERTH_API_URL=http://127.0.0.1:1\nBERTH_URL=http://127.0.0.1:1\nBERTH_TOKEN=fm\n";

TEST_F(EndpointTest, AFile) {
  const std::string path = file(kFile);
  const Environment other{{"ARVADOS_API_HOST", "other.example"}, {"ARVADOS_API_TOKEN", "et"}};
  for (const auto& found : {find(path, "/absent", other), find("", path, {}), find("", path, {{"BERTH_TOKEN", "x"}})}) {
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->source, path);
    EXPECT_EQ(found->api_url, "http://127.0.0.1:1");
    EXPECT_EQ(found->api_token, "ft");
    EXPECT_EQ(found->management_url, "http://127.0.0.1:1");
    EXPECT_EQ(found->management_token, "fm");
    EXPECT_TRUE(found->insecure);
  }
}

TEST_F(EndpointTest, TheEnvironmentAndNothingElse) {
  const auto found = find("", file(kFile), {{"ARVADOS_API_HOST", "zzzzz.example"}, {"ARVADOS_API_TOKEN", "et"}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->source, "the environment");
  EXPECT_EQ(found->api_url, "https://zzzzz.example");
  EXPECT_EQ(found->api_token, "et");
  EXPECT_EQ(found->management_url, "") << "the file's daemon is another one";
  EXPECT_EQ(found->management_token, "");
  EXPECT_FALSE(found->insecure);
}

TEST_F(EndpointTest, WhatIsMissing) {
  const auto says = [](const Result<Endpoint>& found, const std::vector<std::string>& words) {
    ASSERT_FALSE(found);
    for (const std::string& word : words)
      EXPECT_NE(found.error().message.find(word), word.npos) << found.error().message;
  };
  says(find(dir_ + "/absent", "/default", {}), {dir_ + "/absent", "No such file"});
  says(find("", dir_ + "/absent", {}), {"no daemon known", dir_ + "/absent", "No such file", "--env-file"});
  says(find(dir_, "", {}), {dir_, "directory"});
  says(find(file("ARVADOS_API_TOKEN=x\n"), "", {}), {dir_ + "/env", "BERTH_API_URL"});
  says(find(file("BERTH_API_URL=http://x\n"), "", {}), {dir_ + "/env", "ARVADOS_API_TOKEN"});
  says(find(file(""), "", {}), {dir_ + "/env", "BERTH_API_URL"});
  says(find("", "", {{"BERTH_API_URL", "http://x"}}), {"the environment", "ARVADOS_API_TOKEN"});
}

TEST(Refusals, SayWhatToLookAt) {
  struct Case {
    int status;
    const char* body;
    ErrorKind kind;
    const char* message;
  };
  const Case cases[] = {
      {401, R"({"errors":["Not logged in"]})", ErrorKind::denied, "401: Not logged in (the token is from /d/env)"},
      {403, "", ErrorKind::denied, "403 (the token is from /d/env)"},
      {404, R"({"errors":["gone","more"]})", ErrorKind::not_found, "404: gone"},
      {422, R"({"errors":[5]})", ErrorKind::conflict, R"(422: {"errors":[5]})"},
      {500, "<html>\r\n", ErrorKind::server_error, "500: <html>"},
      {503, "starting\n", ErrorKind::unavailable, "503: starting"},
  };
  for (const Case& c : cases) {
    const Error error = refusal({c.status, {}, c.body}, "/d/env");
    EXPECT_EQ(error.kind, c.kind) << c.status;
    EXPECT_EQ(error.message, c.message);
    EXPECT_EQ(error.http_status, c.status);
  }
  EXPECT_LT(refusal({500, {}, std::string(100'000, 'x')}, "").message.size(), 300U);
}

TEST(PatienceWithADaemon, GrowsAndEnds) {
  struct Case {
    int failures;
    Duration away;
    std::optional<Duration> pause;
  };
  const Case cases[] = {{1, 0s, 200ms}, {2, 1s, 400ms},   {5, 6s, 3200ms},          {6, 9s, 5s},
                        {40, 200s, 5s}, {1000, 299s, 5s}, {41, 300s, std::nullopt}, {1, 600s, std::nullopt}};
  for (const Case& c : cases) EXPECT_EQ(pause_after(c.failures, c.away), c.pause) << c.failures;
}

TEST(PatienceWithADaemon, OnlyForOneThatIsAway) {
  for (const ErrorKind kind : {ErrorKind::network, ErrorKind::timeout, ErrorKind::unavailable})
    EXPECT_TRUE(is_away({kind, ""})) << to_string(kind);
  for (const ErrorKind kind : {ErrorKind::denied, ErrorKind::not_found, ErrorKind::failed, ErrorKind::undecodable})
    EXPECT_FALSE(is_away({kind, ""})) << to_string(kind);
}

}  // namespace
}  // namespace berth
