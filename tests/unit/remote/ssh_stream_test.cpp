#include "ssh_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

TEST(SshStream, BringsLinesOnTheCallersStrand) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    std::vector<std::string> lines;
    const auto status =
        co_await worker.stream(command("lines 100000"), [&](std::string_view line) { lines.emplace_back(line); });
    EXPECT_TRUE(status && *status == 0);
    EXPECT_EQ(lines.size(), 100000u);
    if (lines.size() == 100000u) EXPECT_EQ(lines.front() + lines.back(), "line 100000line 1");
    lines.clear();
    const auto rest = co_await worker.stream(command("cat", "one\n\nthree"),
                                             [&](std::string_view line) { lines.emplace_back(line); });
    EXPECT_TRUE(rest);
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "", "three"}));
    Command endless = command("flood 100000000");
    endless.max_output = 1000;
    const auto too_long = co_await worker.stream(endless, [](std::string_view) {});
    EXPECT_TRUE(!too_long && too_long.error().kind == ErrorKind::exhausted);
    expect_output(co_await worker.execute(command("echo still here")), "still here\n");
  });
  EXPECT_EQ(bed.stub.counts().connections, 1);
}

TEST(SshStream, IsTheOnlyOneAndEndsWithTheConnection) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    int ended = 0;
    auto follow = [](Executor& w, std::string text, int& count, Signal& done) -> awaitable<void> {
      const auto status = co_await w.stream(command(std::move(text)), [](std::string_view) {});
      count += status ? 1 : 100;
      done.notify();
    };
    Signal done;
    auto changed = done.subscribe();
    const auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, follow(worker, "hang", ended, done), asio::detached);
    asio::co_spawn(executor, follow(worker, "hang", ended, done), asio::detached);
    EXPECT_TRUE(co_await worker.execute(command("true")));
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.commands == 2 && c.open_channels == 1; }));
    bed.stub.release();
    while (ended != 1) co_await changed.wait();
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.commands == 3; }));
    bed.stub.cut();
    while (ended != 101) co_await changed.wait();
  });
}

TEST(SshStream, GivesItsChannelToACommandWhereTheServerOpensNoOther) {
  SshBed bed;
  bed.stub.max_channels = 1;
  bed.run([&](Executor& worker) -> awaitable<void> {
    std::optional<Result<int>> ended;
    Signal done;
    auto changed = done.subscribe();
    auto follow = [](Executor& w, std::optional<Result<int>>& end, Signal& told) -> awaitable<void> {
      end = co_await w.stream(command("hang"), [](std::string_view) {});
      told.notify();
    };
    const auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, follow(worker, ended, done), asio::detached);
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.commands == 1; }));
    expect_output(co_await worker.execute(command("echo first")), "first\n");
    while (!ended) co_await changed.wait();
    EXPECT_TRUE(!*ended && ended->error().kind == ErrorKind::exhausted);
    ended.reset();
    asio::co_spawn(executor, follow(worker, ended, done), asio::detached);
    for (int i = 0; i < 5; ++i) expect_output(co_await worker.execute(command("echo more")), "more\n");
    EXPECT_FALSE(ended) << "it waits until there is room for both";
    worker.close();
    while (!ended) co_await changed.wait();
  });
  EXPECT_EQ(bed.stub.counts().commands, 7);
}
}  // namespace
}  // namespace berth
