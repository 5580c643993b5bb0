#include "tables.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using Json = nlohmann::json;

constexpr const char* kA = "zzzzz-dz642-00000000000000a";
constexpr const char* kB = "zzzzz-dz642-00000000000000b";
constexpr const char* kC = "zzzzz-dz642-00000000000000c";

TEST(Tables, Rendering) {
  struct Case {
    std::vector<TableRow> rows;
    const char* text;
  };
  const Case cases[] = {
      {{}, ""},
      {{{"A", "B"}}, "A  B\n"},
      {{{"A", "BB", "C"}, {"aaaa", "b", "c"}}, "A     BB  C\naaaa  b   c\n"},
      {{{"A", "B"}, {"a", ""}, {"", "b"}}, "A  B\na\n   b\n"},
      {{{"A", "B"}, {"a"}, {"a", "b", "c"}}, "A  B\na\na  b  c\n"},
      {{{"NAME", "X"}, {"grün", "x"}, {"blue-", "x"}}, "NAME   X\ngrün   x\nblue-  x\n"},
      {{{"A", "B"}, {"\033[2J\n\x7f\t", "b"}}, "A        B\n?[2J???  b\n"},
  };
  for (const Case& c : cases) EXPECT_EQ(render_table(c.rows), c.text);
}

TEST(Tables, UserPriority) {
  const auto made = [](std::int64_t priority, std::int64_t age) { return priority * (std::int64_t{1} << 50) - age; };
  constexpr std::int64_t now = 1'795'000'000'000;  // milliseconds
  const std::pair<Json, const char*> cases[] = {
      {0, "0"},
      {-1, "0"},
      {made(1, now), "1"},
      {made(500, now), "500"},
      {made(1000, now), "1000"},
      {made(2, 0), "2"},
      {made(2, 1), "2"},
      {Json(nullptr), "-"},
      {"500", "-"},
      {1.5, "-"},
  };
  for (const auto& [priority, text] : cases) EXPECT_EQ(user_priority({{"priority", priority}}), text) << priority;
  EXPECT_EQ(user_priority(Json::object()), "-");
  EXPECT_EQ(user_priority("text"), "-");
}

TEST(Tables, Ending) {
  const std::pair<Json, const char*> cases[] = {
      {{{"state", "Complete"}, {"exit_code", 3}}, "exit 3"},
      {{{"state", "Complete"}, {"exit_code", nullptr}}, "exit -"},
      {{{"state", "Complete"}}, "exit -"},
      {{{"state", "Cancelled"}, {"runtime_status", {{"error", "no room"}}}}, "no room"},
      {{{"state", "Cancelled"}, {"runtime_status", nullptr}}, ""},
      {{{"state", "Cancelled"}}, ""},
      {"text", ""},
  };
  for (const auto& [record, text] : cases) EXPECT_EQ(ending(record), text) << record;
}

Json record(const char* uuid, const char* state, std::int64_t priority) {
  return {{"uuid", uuid}, {"state", state}, {"priority", priority}, {"created_at", "2026-11-24T21:48:31.295Z"}};
}
Json item(const char* uuid, const char* state, std::int64_t priority) {
  return {{"container", record(uuid, state, priority)},
          {"instance_types", {{{"ProviderType", "small"}}, {{"ProviderType", "large"}}}},
          {"first_seen_at", "2026-11-24T21:48:32.5Z"},
          {"scheduling_status", "Waiting."}};
}
Json list(std::vector<Json> items) {
  return {{"items", std::move(items)}};
}

TEST(Tables, Queue) {
  const QueueView view =
      merge_queue(list({item(kA, "Running", 1), item(kB, "Locked", 1)}), list({record(kC, "Queued", 0)}), list({}));
  EXPECT_EQ(view.containers, (std::vector<std::string>{kA, kB, kC}));
  const auto rows = queue_rows(view, {{kA, "first"}, {kB, ""}});
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0], (TableRow{"CONTAINER", "STATE", "PRIORITY", "SEEN", "TYPES", "NAME", "STATUS"}));
  EXPECT_EQ(rows[1], (TableRow{kA, "Running", "1", "21:48:32", "small,large", "first", "Waiting."}));
  EXPECT_EQ(rows[2][5], "-") << "no name";
  EXPECT_EQ(rows[3], (TableRow{kC, "Queued", "0", "21:48:31", "-", "-", "Held back: its priority is 0."}));
}

TEST(Tables, LongSentencesAreCut) {
  Json waits = item(kA, "Queued", 1);
  const auto status = [&](const char* text, std::size_t most) {
    waits["scheduling_status"] = text;
    return queue_rows(merge_queue(list({waits}), list({}), list({})), {}, most).back().back();
  };
  EXPECT_EQ(status("constraints", 11), "constraints");
  EXPECT_EQ(status("constraints", 6), "const…");
  EXPECT_EQ(status("ÄÖÜäöü", 4), "ÄÖÜ…");
}

TEST(Tables, AContainerIsListedOnce) {
  const Json ended = record(kA, "Complete", 0);
  const QueueView view = merge_queue(list({item(kA, "Running", 1), item(kB, "Complete", 1), item(kC, "Queued", 0)}),
                                     list({record(kC, "Queued", 0)}), list({ended, record(kB, "Complete", 0)}));
  EXPECT_EQ(view.containers, (std::vector<std::string>{kA, kC, kB}));
  EXPECT_EQ(view.waiting.size(), 1U);
  EXPECT_EQ(view.held_back.size(), 1U) << "not as if it were waiting";
  EXPECT_EQ(view.ended.size(), 1U);
}

TEST(Tables, Instances) {
  const auto rows = instance_rows(list({{{"instance", "i-1"},
                                         {"worker_state", "running"},
                                         {"idle_behavior", "run"},
                                         {"arvados_instance_type", "small"},
                                         {"price", 0.5},
                                         {"running_container_uuids", {kA, kB}}},
                                        {{"instance", ""}, {"running_container_uuids", nullptr}}}));
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1], (TableRow{"i-1", "running", "run", "small", "0.5", std::string(kA) + ',' + kB}));
  EXPECT_EQ(rows[2], (TableRow{"-", "", "", "", "-", "-"}));
}

TEST(Tables, OddAnswersAreEmptyTables) {
  for (const Json& odd : {Json(), Json("text"), Json::array({1}), Json{{"items", 5}}, Json{{"items", {{"a", 1}}}}}) {
    const QueueView view = merge_queue(odd, odd, odd);
    EXPECT_TRUE(view.containers.empty()) << odd;
    EXPECT_EQ(queue_rows(view, {}).size(), 1U);
    EXPECT_EQ(instance_rows(odd).size(), 1U);
  }
  const QueueView view = merge_queue(list({1, Json::object(), {{"container", "text"}}}), list({}), list({nullptr}));
  EXPECT_EQ(queue_rows(view, {}).size(), 2U) << "what says nothing is one line at most";
}

}  // namespace
}  // namespace berth
