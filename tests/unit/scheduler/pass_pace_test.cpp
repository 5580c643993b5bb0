#include "pass_pace.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using namespace std::chrono_literals;

TEST(PassPace, PassesKeepTheirDistance) {
  struct Case {
    Duration took, apart;
  };
  const SteadyTime began{1h};
  for (const Case& c : {Case{0ms, 5ms}, {1ms, 5ms}, {2500us, 5ms}, {2501us, 5002us}, {50ms, 100ms}, {3s, 6s}})
    EXPECT_EQ(next_pass_at(began, c.took, 5ms) - began, c.apart) << c.took.count();
}

TEST(PassPace, SeesItsOwnWork) {
  struct Case {
    const char* what;
    PoolCommands commands;
    std::vector<bool> creates, starts;
    std::uint64_t version_before, expected;
  };
  const auto with = [](auto set) {
    PoolCommands commands;
    commands.creates = {"small"};
    commands.starts = {{1, "one", {}}, {1, "two", {}}};
    set(commands);
    return commands;
  };
  const auto plain = with([](PoolCommands&) {});
  const Case cases[] = {
      {"all accepted", plain, {true}, {true, true}, 7, 9},
      {"the pool had changed", plain, {true}, {true, true}, 8, 7},
      {"a create was refused", plain, {false}, {true, true}, 7, 7},
      {"a start was refused", plain, {true}, {true, false}, 7, 7},
      {"a kill",
       with([](PoolCommands& c) {
         c.kills = {{"three", "why"}};
       }),
       {true},
       {true, true},
       7,
       7},
      {"a forget", with([](PoolCommands& c) { c.forgets = {"three"}; }), {true}, {true, true}, 7, 7},
      {"a shutdown", with([](PoolCommands& c) { c.shutdowns = {5}; }), {true}, {true, true}, 7, 7},
  };
  for (const auto& c : cases) {
    auto snapshot = std::make_shared<PoolSnapshot>();
    snapshot->version = 9;
    const PoolReceipt receipt{c.creates, c.starts, c.version_before, snapshot};
    const SeenVersions seen = seen_after({3, 7}, c.commands, receipt);
    EXPECT_EQ(seen.pool, c.expected) << c.what;
    EXPECT_EQ(seen.queue, 3u) << c.what;
  }
}

}  // namespace
}  // namespace berth
