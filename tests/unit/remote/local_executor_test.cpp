#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/signal.hpp"
#include "berth/base/task_group.hpp"
#include "berth/remote/local.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

/// Runs `body` to its end on a real loop of two threads.
void run_real(const std::function<awaitable<void>(Runtime&)>& body) {
  RealRuntime runtime(2);
  auto whole = [](RealRuntime& r, const std::function<awaitable<void>(Runtime&)>& b) -> awaitable<void> {
    co_await b(r);
    r.stop();
  };
  asio::co_spawn(runtime.make_strand(), whole(runtime, body), asio::detached);
  runtime.run();
}

Command command(std::string text, std::string stdin_data = "") {
  Command c;
  c.text = std::move(text);
  c.stdin_data = std::move(stdin_data);
  c.deadline = 60s;
  return c;
}

Result<CommandOutput> run_one(Command c, std::map<std::string, std::string> environment = {}) {
  Result<CommandOutput> result = fail(ErrorKind::internal, "not run");
  run_real([&](Runtime& runtime) -> awaitable<void> {
    auto executor = make_local_executor(runtime, environment);
    result = co_await executor->execute(c);
  });
  return result;
}

/// A FIFO that a process holds open while it lives: waiting for its end of file is waiting for that process's end.
class LifeLine {
 public:
  LifeLine() : directory_(std::string(testing::TempDir()) + "lifeline-XXXXXX") {
    if (::mkdtemp(directory_.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = directory_ + "/fifo";
    ::mkfifo(path_.c_str(), 0600);
    fd_ = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  }
  ~LifeLine() {
    ::close(fd_);
    std::filesystem::remove_all(directory_);
  }
  const std::string& path() const { return path_; }
  /// Waits for a first byte, then for the end of the last holder. False if that took longer than a generous bound.
  bool ended() const {
    char byte = 0;
    for (;;) {
      pollfd item{fd_, POLLIN, 0};
      if (::poll(&item, 1, 20'000) <= 0) return false;
      const ssize_t size = ::read(fd_, &byte, 1);
      if (size == 0) return true;
    }
  }
  /// Waits for the next byte: there is a holder now.
  bool begun() const {
    pollfd item{fd_, POLLIN, 0};
    char byte = 0;
    return ::poll(&item, 1, 20'000) > 0 && ::read(fd_, &byte, 1) == 1;
  }
  /// The same, on the loop.
  awaitable<void> beat() const {
    asio::posix::stream_descriptor fd(co_await asio::this_coro::executor, ::dup(fd_));
    char byte = 0;
    do co_await fd.async_wait(fd.wait_read, asio::use_awaitable);  // before there is a writer, a read is an end of file
    while (::read(fd.native_handle(), &byte, 1) != 1);
  }

 private:
  std::string directory_;
  std::string path_;
  int fd_ = -1;
};

TEST(LocalExecutor, ReportsExitStatusAsAShellDoes) {
  const struct {
    const char* text;
    int status;
  } cases[] = {{"true", 0},
               {"exit 3", 3},
               {"exit 255", 255},
               {"kill -TERM $$", 143},
               {"kill -KILL $$", 137},
               {"no-such-command", 127},
               {"sudo sh -c 'exit 4'", 4},
               {"if", 2}};
  for (const auto& c : cases) {
    const auto result = run_one(command(c.text));
    ASSERT_TRUE(result) << c.text << ": " << result.error().message;
    EXPECT_EQ(result->exit_status, c.status) << c.text;
  }
}

TEST(LocalExecutor, KeepsTheStreamsApart) {
  const auto result = run_one(command("cat; echo complaint >&2", "to cat"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->stdout_text, "to cat");
  EXPECT_EQ(result->stderr_text, "complaint\n");
}

TEST(LocalExecutor, AddsToTheEnvironment) {
  ::setenv("BERTH_TEST_OLD", "old", 1);
  ::setenv("BERTH_TEST_BOTH", "wrong", 1);
  const auto result = run_one(command("echo $BERTH_TEST_OLD $BERTH_TEST_BOTH $BERTH_TEST_NEW"),
                              {{"BERTH_TEST_BOTH", "right"}, {"BERTH_TEST_NEW", "new"}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->stdout_text, "old right new\n");
}

TEST(LocalExecutor, CarriesMegabytesBothWays) {
  const std::string data(5 << 20, 'x');
  auto c = command("cat", data);
  c.max_output = 6 << 20;
  const auto result = run_one(c);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->stdout_text, data);
}

TEST(LocalExecutor, LetsACommandIgnoreItsStdin) {
  const auto result = run_one(command("exec 0<&-; echo done", std::string(5 << 20, 'x')));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->stdout_text, "done\n");
}

TEST(LocalExecutor, BoundsTheOutput) {
  for (const char* text : {"yes", "yes >&2", "head -c 2000 /dev/zero; sleep 1000"}) {
    auto c = command(text);
    c.max_output = 1000;
    const auto result = run_one(c);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().kind, ErrorKind::exhausted) << text;
  }
}

TEST(LocalExecutor, DeadlineKillsTheWholeGroup) {
  const LifeLine life;
  auto c = command("{ (trap '' TERM HUP; echo >&3; sleep 1000) & sleep 1000; } 3>" + life.path());
  c.deadline = 300ms;
  const auto result = run_one(c);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::timeout);
  EXPECT_TRUE(life.ended());
}

TEST(LocalExecutor, CancellingKillsTheWholeGroup) {
  const LifeLine life;
  run_real([&](Runtime& runtime) -> awaitable<void> {
    auto executor = make_local_executor(runtime, {});
    TaskGroup tasks(co_await asio::this_coro::executor);
    bool returned = false;
    auto body = [](Executor& e, Command c, bool& r) -> awaitable<void> {
      co_await e.execute(std::move(c));
      r = true;
    };
    tasks.spawn(body(*executor, command("{ sleep 1000 & echo >&3; sleep 1000; } 3>" + life.path()), returned));
    co_await life.beat();
    co_await tasks.stop();
    EXPECT_FALSE(returned) << "cancellation must propagate";
    EXPECT_EQ(tasks.size(), 0U);
  });
  EXPECT_TRUE(life.ended());
}

TEST(LocalExecutor, ADetachedChildHoldsNothingUp) {
  const LifeLine life;
  // The child keeps stdout and stderr open and lives on in a session of its own.
  const auto result =
      run_one(command("setsid sh -c 'echo >&3; exec sleep 1000' 3>" + life.path() + " & echo $!; exit 5"));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->exit_status, 5);
  const int pid = std::stoi(result->stdout_text);
  ASSERT_TRUE(life.begun());
  EXPECT_EQ(::kill(pid, 0), 0) << "the child lives on";
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(life.ended());
}

TEST(LocalExecutor, RunsManyCommandsAtOnce) {
  int correct = 0;
  run_real([&](Runtime& runtime) -> awaitable<void> {
    auto executor = make_local_executor(runtime, {});
    TaskGroup tasks(co_await asio::this_coro::executor);
    Signal done;
    Subscription all_done = done.subscribe();
    int left = 60;
    auto body = [](Executor& e, int n, int& correct, int& left, Signal& done) -> awaitable<void> {
      Command c = command("cat; exit " + std::to_string(n), std::to_string(n));
      const auto result = co_await e.execute(std::move(c));
      if (result && result->exit_status == n && result->stdout_text == std::to_string(n)) ++correct;
      if (--left == 0) done.notify();
    };
    for (int n = 0; n < 60; ++n) tasks.spawn(body(*executor, n, correct, left, done));
    co_await all_done.wait();
    co_await tasks.stop();
  });
  EXPECT_EQ(correct, 60);
}

TEST(LocalExecutor, StreamsLines) {
  std::vector<std::string> lines;
  Result<int> status = 0;
  run_real([&](Runtime& runtime) -> awaitable<void> {
    auto executor = make_local_executor(runtime, {});
    Command c = command("printf 'one\\n\\ntwo\\nrest'; echo noise >&2; exit 7");
    status = co_await executor->stream(std::move(c), [&](std::string_view line) { lines.emplace_back(line); });
  });
  ASSERT_TRUE(status);
  EXPECT_EQ(*status, 7);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "", "two", "rest"}));
}

TEST(LocalExecutor, BoundsALineOfAStream) {
  run_real([&](Runtime& runtime) -> awaitable<void> {
    auto executor = make_local_executor(runtime, {});
    Command c = command("yes | tr -d '\\n'");
    c.max_output = 1000;
    const auto status = co_await executor->stream(std::move(c), [](std::string_view) {});
    EXPECT_FALSE(status);
    if (!status) EXPECT_EQ(status.error().kind, ErrorKind::exhausted);
  });
}

TEST(LocalExecutor, FeedsAStreamWhileItRuns) {
  std::vector<std::string> lines;
  Result<int> status = 0;
  run_real([&](Runtime& runtime) -> awaitable<void> {
    auto executor = make_local_executor(runtime, {});
    Command c = command("while read -r word; do echo \"got $word\"; test $word != end || exit 3; done", "first\n");
    c.input = std::make_shared<StreamInput>();
    const auto input = c.input;
    EXPECT_TRUE(input->write("early\n"));
    status = co_await executor->stream(std::move(c), [&](std::string_view line) {
      lines.emplace_back(line);
      if (lines.size() == 2) input->write("end\n");
    });
    EXPECT_TRUE(input->write("nobody takes it\n"));
    EXPECT_FALSE(input->write(std::string(StreamInput::most_waiting, 'x')));
  });
  EXPECT_EQ(lines, (std::vector<std::string>{"got first", "got early", "got end"}));
  EXPECT_TRUE(status && *status == 3);
}

TEST(LocalExecutor, ACancelledStreamEndsThoughItsInputIsOpen) {
  const LifeLine life;
  run_real([&](Runtime& runtime) -> awaitable<void> {
    auto executor = make_local_executor(runtime, {});
    TaskGroup tasks(co_await asio::this_coro::executor);
    auto body = [](Executor& e, Command c) -> awaitable<void> {
      (void)co_await e.stream(std::move(c), [](std::string_view) {});
      ADD_FAILURE() << "not cancelled";
    };
    Command c = command("{ echo >&3; cat; } 3>" + life.path());
    c.input = std::make_shared<StreamInput>();
    tasks.spawn(body(*executor, std::move(c)));
    co_await life.beat();
    co_await tasks.stop();
  });
  EXPECT_TRUE(life.ended());
}

TEST(LocalExecutor, CloseEndsWhatRunsAndRefusesMore) {
  const LifeLine life;
  run_real([&](Runtime& runtime) -> awaitable<void> {
    auto executor = make_local_executor(runtime, {});
    TaskGroup tasks(co_await asio::this_coro::executor);
    Signal done;
    Subscription ended = done.subscribe();
    auto body = [](Executor& e, Command c, Signal& done) -> awaitable<void> {
      const auto status = co_await e.stream(std::move(c), [](std::string_view) {});
      EXPECT_FALSE(status);
      if (!status) EXPECT_EQ(status.error().kind, ErrorKind::network);
      done.notify();
    };
    tasks.spawn(body(*executor, command("{ echo >&3; sleep 1000; } 3>" + life.path()), done));
    co_await life.beat();
    executor->close();
    co_await ended.wait();
    Command late = command("true");
    const auto refused = co_await executor->execute(std::move(late));
    EXPECT_FALSE(refused);
    co_await tasks.stop();
  });
  EXPECT_TRUE(life.ended());
}

}  // namespace
}  // namespace berth
