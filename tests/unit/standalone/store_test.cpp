#include "store.hpp"

#include <csignal>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "api_fixture.hpp"
#include "attributes.hpp"
#include "requests.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { reopen(); }
  void reopen() {
    store_ = std::make_shared<Store>(runtime_, Logger(), test_options(dir_.path()));
    const auto opened = store_->open();
    ASSERT_TRUE(opened) << opened.error().message;
  }
  Edit submission(const std::string& text = "true") {
    return [text](EditContext& edit) {
      const Columns columns{kRequests.find("uuid")};
      auto changes = check_request_attributes({{"command", {text}}, {"state", "Committed"}});
      return create_request(edit, std::move(*changes), columns);
    };
  }
  std::int64_t count(const std::string& table) {
    Store::Read read = [table](Database& database) -> Result<std::string> {
      return std::to_string(database.integer("SELECT count(*) FROM " + table).value());
    };
    return std::stoll(run_on(runtime_, store_->read(std::move(read))).value());
  }

  TemporaryDir dir_;
  SimRuntime runtime_;
  std::shared_ptr<Store> store_;
};

TEST_F(StoreTest, ChangesThatWaitTogetherFailAlone) {
  std::vector<std::unique_ptr<SimTask<Result<std::string>>>> tasks;
  for (int i = 0; i < 500; ++i) {
    Edit edit = submission();
    if (i % 10 == 3) {
      edit = [inner = std::move(edit)](EditContext& context) -> Result<std::string> {
        (void)inner(context);
        return fail(ErrorKind::conflict, "no");
      };
    }
    tasks.push_back(std::make_unique<SimTask<Result<std::string>>>(runtime_, store_->write(std::move(edit))));
  }
  runtime_.settle();
  int good = 0;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    ASSERT_TRUE(tasks[i]->done());
    const bool wanted = i % 10 != 3;
    EXPECT_EQ(tasks[i]->get().has_value(), wanted);
    good += wanted;
  }
  EXPECT_EQ(count("containers"), good);
  EXPECT_EQ(count("container_requests"), good);
}

TEST_F(StoreTest, KilledAfterAnAnswerNothingIsLost) {
  store_.reset();
  const pid_t child = ::fork();
  if (child == 0) {
    reopen();
    for (int i = 0; i < 5; ++i)
      if (!run_on(runtime_, store_->write(submission()))) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  reopen();
  EXPECT_EQ(count("containers"), 5);
  (void)runtime_.random();  // else this process draws the uuids that the other one drew
  EXPECT_TRUE(run_on(runtime_, store_->write(submission())));
}

TEST_F(StoreTest, AFullDiskRefusesAndLosesNothing) {
  ASSERT_TRUE(run_on(runtime_, store_->write(submission())));
  store_->limit_pages(1);  // SQLite raises it to what there is
  int accepted = 1;
  Result<std::string> outcome;
  for (int i = 0; i < 1000; ++i) {
    outcome = run_on(runtime_, store_->write(submission(std::string(5000, 'x'))));
    if (!outcome) break;
    ++accepted;
  }
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::server_error);
  EXPECT_NE(outcome.error().message.find("disk is full"), std::string::npos) << outcome.error().message;
  EXPECT_EQ(count("containers"), accepted);

  // Neighbours of one that does not fit are not harmed by it.
  store_->limit_pages(1'000'000);
  ASSERT_TRUE(run_on(runtime_, store_->write(submission())));
  EXPECT_EQ(count("containers"), accepted + 1);
}

TEST_F(StoreTest, AChangeTooLargeForTheDiskDoesNotHarmItsNeighbours) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(run_on(runtime_, store_->write(submission())));
  store_->limit_pages(60);
  SimTask<Result<std::string>> before(runtime_, store_->write(submission()));
  SimTask<Result<std::string>> large(runtime_, store_->write([](EditContext& edit) -> Result<std::string> {
    auto made = edit.database.execute("UPDATE container_requests SET description = ?", {std::string(100'000, 'x')});
    if (!made) return fail(made.error());
    return std::string();
  }));
  SimTask<Result<std::string>> after(runtime_, store_->write(submission()));
  runtime_.settle();
  EXPECT_TRUE(before.get());
  EXPECT_FALSE(large.get());
  EXPECT_TRUE(after.get());
  EXPECT_EQ(count("containers"), 22);
}

TEST_F(StoreTest, WhatIsNoDatabaseIsNamed) {
  store_.reset();
  const std::string path = dir_.path() + "/queue.db";
  std::filesystem::remove(path);
  std::ofstream(path) << std::string(5000, 'x');
  const auto opened = std::make_shared<Store>(runtime_, Logger(), test_options(dir_.path()))->open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::failed);
  EXPECT_NE(opened.error().message.find(path), std::string::npos) << opened.error().message;
  EXPECT_NE(opened.error().message.find("not a database"), std::string::npos) << opened.error().message;
}

TEST_F(StoreTest, ADatabaseOfALaterVersionIsRefused) {
  Edit raise = [](EditContext& edit) -> Result<std::string> {
    (void)edit.database.execute("PRAGMA user_version = 99");
    return std::string();
  };
  ASSERT_TRUE(run_on(runtime_, store_->write(std::move(raise))));
  store_.reset();
  const auto opened = std::make_shared<Store>(runtime_, Logger(), test_options(dir_.path()))->open();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("version 99"), std::string::npos) << opened.error().message;
}

TEST_F(StoreTest, ClosedMeansRefused) {
  run_on(runtime_, store_->close());
  EXPECT_EQ(run_on(runtime_, store_->write(submission())).error().kind, ErrorKind::unavailable);
}

/// The queries that the dispatcher repeats all day use an index for both the rows and their order.
TEST_F(StoreTest, QueryPlansUseTheIndexes) {
  const struct {
    const char* filters;
    const char* order;
    const char* index;
  } cases[] = {
      {R"([["state","=","Queued"],["priority",">","0"]])", "priority desc", "containers_window"},
      {R"([["state","=","Queued"],["priority",">","0"],["uuid",">","x"]])", "uuid", "containers_pages"},
      {R"([["locked_by_uuid","=","x"]])", "uuid", "containers_locked"},
      {R"([["locked_by_uuid","=","x"],["uuid",">","x"]])", "uuid", "containers_locked"},
      {R"([["uuid","in",["a","b"]]])", "uuid", "sqlite_autoindex_containers_1"},
  };
  for (const auto& c : cases) {
    Params params;
    params.values = {
        {"filters", Json::parse(c.filters)}, {"order", c.order}, {"select", Json::array({"uuid", "state"})}};
    const auto query = make_list_query(kContainers, params);
    ASSERT_TRUE(query) << query.error().message;
    Store::Read read = [&](Database& database) -> Result<std::string> {
      std::string plan;
      SqlValues values = query->values;
      values.emplace_back(std::int64_t{1000});
      values.emplace_back(std::int64_t{0});
      (void)database.query("EXPLAIN QUERY PLAN " + query->select_sql(kContainers), values, [&](const SqlRow& row) {
        plan += std::string(row.text(3)) + '\n';
        return true;
      });
      return plan;
    };
    const std::string plan = run_on(runtime_, store_->read(read)).value();
    EXPECT_NE(plan.find(c.index), std::string::npos) << c.filters << '\n' << plan;
    EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << "sorted: " << c.filters << '\n' << plan;
  }
}

}  // namespace
}  // namespace berth
