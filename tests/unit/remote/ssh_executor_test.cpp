#include <netinet/in.h>
#include <sys/socket.h>

#include "ssh_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

TEST(SshExecutor, RunsCommandsOverOneConnection) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    const struct {
      std::string text, input, out, err;
      int status;
    } cases[] = {
        {"true", "", "", "", 0},
        {"exit 7", "", "", "", 7},
        {"echo hello", "", "hello\n", "", 0},
        {"error oops", "", "", "oops\n", 1},
        {"cat", "in put", "in put", "", 0},
        {"die KILL", "", "", "", 137},
        {"true", std::string(3 << 20, 'x'), "", "", 0},
    };
    for (const auto& c : cases) {
      const auto result = co_await worker.execute(command(c.text, c.input));
      if (!result) ADD_FAILURE() << c.text << ": " << result.error().message;
      if (!result) continue;
      EXPECT_EQ(result->exit_status, c.status) << c.text;
      EXPECT_EQ(result->stdout_text, c.out) << c.text;
      EXPECT_EQ(result->stderr_text, c.err) << c.text;
    }
  });
  EXPECT_EQ(bed.stub.counts().connections, 1);
  EXPECT_EQ(bed.stub.counts().commands, 7);
  EXPECT_EQ(bed.checks, 1);
}

TEST(SshExecutor, CarriesMuchInputAndOutput) {
  SshBed bed;
  std::string input(10 << 20, 'x');
  for (std::size_t i = 0; i < input.size(); i += 61) input[i] = static_cast<char>('a' + i % 23);
  bed.run([&](Executor& worker) -> awaitable<void> {
    Command echo = command("cat", input);
    echo.max_output = input.size();
    const auto result = co_await worker.execute(std::move(echo));
    EXPECT_TRUE(result && result->stdout_text == input);
  });
}

TEST(SshExecutor, HasADeadlineForEveryStepOfAConnection) {
  const struct {
    std::function<void(SshBed&)> fault;
    std::string_view says;
  } cases[] = {
      {[](SshBed& bed) { bed.stub.silent_at_banner = true; }, "SSH handshake"},
      {[](SshBed& bed) { bed.stub.freeze(); }, "SSH handshake"},
      {[](SshBed& bed) { bed.stub.hangs_in_authentication = true; }, "SSH authentication"},
      {[](SshBed& bed) {
         bed.options.check_host = [](std::string, Executor& unverified) -> awaitable<Result<void>> {
           (void)co_await unverified.execute(command("hang"));
           co_return Result<void>();
         };
       },
       "host check"},
  };
  for (const auto& c : cases) {
    SshBed bed;
    bed.options.handshake_deadline = bed.options.authentication_deadline = bed.options.host_check_deadline = 300ms;
    c.fault(bed);
    bed.run([&](Executor& worker) -> awaitable<void> {
      expect_error(co_await worker.execute(command("true")), ErrorKind::timeout, c.says);
    });
    bed.stub.thaw();
    EXPECT_EQ(bed.stub.counts().commands, c.says == "host check" ? 1 : 0);
  }
}

TEST(SshExecutor, GivesUpAConnectionThatNobodyAnswers) {
  // A listener whose queue is full: the kernel drops further attempts.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  auto* address = reinterpret_cast<sockaddr*>(&where);
  ASSERT_TRUE(::bind(listener, address, size) == 0 && ::listen(listener, 0) == 0);
  ::getsockname(listener, address, &size);
  const int filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(filler, address, size), 0);
  SshBed bed;
  bed.options.default_port = ntohs(where.sin_port);
  bed.options.connect_deadline = 200ms;
  bed.run([&](Executor& worker) -> awaitable<void> {
    expect_error(co_await worker.execute(command("true")), ErrorKind::timeout, "cannot connect");
    Command impatient = command("true");
    impatient.deadline = 50ms;
    expect_error(co_await worker.execute(impatient), ErrorKind::timeout, "no connection or free channel");
  });
  ::close(filler);
  ::close(listener);
}

/// It waits for a connection until its time is up.
Command impatient() {
  Command brief = command("true");
  brief.deadline = 100ms;
  return brief;
}

TEST(SshExecutor, WaitsAfterAConnectionThatFailed) {
  SshBed bed;
  bed.options.first_back_off = bed.options.longest_back_off = 1h;
  bed.stub.refuses_authentication = true;
  bed.run([&](Executor& worker) -> awaitable<void> {
    expect_error(co_await worker.execute(command("true")), ErrorKind::denied, "does not accept our key");
    bed.stub.refuses_authentication = false;
    expect_error(co_await worker.execute(impatient()), ErrorKind::timeout, "no connection or free channel");
  });
  EXPECT_EQ(bed.stub.counts().connections, 1);
}

TEST(SshExecutor, WaitsAfterAConnectionThatWasLostUnlessACommandEndedOnIt) {
  SshBed bed;
  bed.options.first_back_off = bed.options.longest_back_off = 1h;
  bed.run([&](Executor& worker) -> awaitable<void> {
    expect_output(co_await worker.execute(command("echo 1")), "1\n");
    expect_error(co_await worker.execute(command("vanish")), ErrorKind::network, "broke");
    // At once; no command ends on it.
    expect_error(co_await worker.execute(command("vanish")), ErrorKind::network, "broke");
    EXPECT_EQ(bed.stub.counts().connections, 2);
    expect_error(co_await worker.execute(impatient()), ErrorKind::timeout, "no connection or free channel");
  });
  EXPECT_EQ(bed.stub.counts().connections, 2);
}

TEST(SshExecutor, ConnectsOnlyWithAPlaceOfTheLimit) {
  SshBed bed;
  bed.options.connect_limit = std::make_shared<SshConnectLimit>(0);
  bed.run([&](Executor& worker) -> awaitable<void> {
    expect_error(co_await worker.execute(impatient()), ErrorKind::timeout, "no connection or free channel");
  });
  EXPECT_EQ(bed.stub.counts().authenticated, 0);
}

TEST(SshExecutor, SaysWhyItCannotConnect) {
  SshBed bed;
  bed.options.address = "";
  bed.run([&](Executor& worker) -> awaitable<void> {
    expect_error(co_await worker.execute(command("true")), ErrorKind::network, "no address");
    worker.set_address("127.0.0.1:1");
    expect_error(co_await worker.execute(command("true")), ErrorKind::network, "refused");
    worker.set_address("no-such-host.invalid");
    expect_error(co_await worker.execute(command("true")), ErrorKind::network, "no-such-host.invalid");
    worker.set_address("odd address");
    expect_error(co_await worker.execute(command("true")), ErrorKind::invalid, "odd characters");
    bed.stub.refuses_authentication = true;
    worker.set_address("localhost");
    expect_error(co_await worker.execute(command("true")), ErrorKind::denied, "does not accept our key");
    bed.stub.refuses_authentication = false;
    expect_output(co_await worker.execute(command("echo 1")), "1\n");
  });
  EXPECT_NE(bed.metrics.text().find("berth_ssh_connect_failures_total{kind=\"denied\"} 1"), std::string::npos)
      << bed.metrics.text();
}

TEST(SshExecutor, RefusesCommandsThatCannotBeSent) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    for (const std::string& text : {std::string("echo 1\0; true", 14), std::string(128 * 1024 + 1, 'x')})
      expect_error(co_await worker.execute(command(text)), ErrorKind::invalid, "NUL character");
    expect_output(co_await worker.execute(command("echo " + std::string(100000, 'x'))),
                  std::string(100000, 'x') + "\n");
  });
  EXPECT_EQ(bed.stub.counts().commands, 1);
}

TEST(SshExecutor, TakesIpv6Addresses) {
  SshBed bed("::1");
  for (const std::string& address : {std::string("::1"), "[::1]:" + std::to_string(bed.stub.port())}) {
    bed.options.address = address;
    bed.run(
        [&](Executor& worker) -> awaitable<void> { expect_output(co_await worker.execute(command("echo 6")), "6\n"); });
  }
}

TEST(SshExecutor, SendsNothingButTheCheckToAHostThatIsNotVerified) {
  SshBed bed;
  bed.options.check_host = [&](std::string key, Executor& unverified) -> awaitable<Result<void>> {
    EXPECT_EQ(key, bed.stub.host_key());
    ++bed.checks;
    const auto secret = co_await unverified.execute(command("echo wrong secret"));
    expect_output(secret, "wrong secret\n");
    co_return fail(ErrorKind::failed, "not the instance's secret");
  };
  bed.run([&](Executor& worker) -> awaitable<void> {
    std::vector<LaunchedPtr> all;
    for (int i = 0; i < 3; ++i) all.push_back(co_await launch(worker, command("true")));
    for (const auto& one : all)
      expect_error(co_await finish(one), ErrorKind::denied, "host check: not the instance's secret");
  });
  EXPECT_EQ(bed.checks, 1);
  EXPECT_EQ(bed.stub.counts().texts, std::vector<std::string>{"echo wrong secret"});
}

TEST(SshExecutor, SaysOnceThatItsLoginIsRefused) {
  SshBed bed;
  const auto warnings = [&] {
    const auto lines = bed.log->lines();
    return std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
      return line.find("\"level\":\"warning\",\"msg\":\"the worker refuses the dispatcher's login\"") !=
                 std::string::npos &&
             line.find("does not accept our key") != std::string::npos;
    });
  };
  bed.run([&](Executor& worker) -> awaitable<void> {
    for (int phase = 1; phase <= 2; ++phase) {
      bed.stub.refuses_authentication = true;
      for (int i = 0; i < 3; ++i)
        expect_error(co_await worker.execute(command("true")), ErrorKind::denied, "does not accept our key");
      EXPECT_EQ(warnings(), phase);
      bed.stub.refuses_authentication = false;
      expect_output(co_await worker.execute(command("echo 1")), "1\n");
      expect_error(co_await worker.execute(command("vanish")), ErrorKind::network, "broke");
    }
  });
}

TEST(SshExecutor, VerifiesAHostKeyOnceAndAnewWhenItChanges) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    const std::string first_key = bed.stub.host_key();
    for (int connection = 0; connection < 3; ++connection) {
      expect_output(co_await worker.execute(command("echo 1")), "1\n");
      expect_error(co_await worker.execute(command("vanish")), ErrorKind::network, "broke");
    }
    EXPECT_EQ(bed.checked_keys, std::vector<std::string>{first_key});
    bed.stub.new_host_key();
    bed.verdict = fail(ErrorKind::denied, "another machine");
    expect_error(co_await worker.execute(command("true")), ErrorKind::denied, "another machine");
    bed.verdict = {};
    expect_output(co_await worker.execute(command("echo 2")), "2\n");
  });
  EXPECT_EQ(bed.checked_keys.size(), 3u);
  EXPECT_EQ(bed.checked_keys.back(), bed.stub.host_key());
  EXPECT_EQ(bed.stub.counts().connections, 5);
}

TEST(SshExecutor, RunsFiftyCommandsAtOnceInNineChannels) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    std::vector<LaunchedPtr> hanging;
    for (int i = 0; i < 9; ++i) hanging.push_back(co_await launch(worker, command("hang")));
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.commands == 9; }));
    std::vector<LaunchedPtr> all;
    for (int i = 0; i < 50; ++i) all.push_back(co_await launch(worker, command("echo " + std::to_string(i))));
    bed.stub.release();
    for (int i = 0; i < 50; ++i)
      expect_output(co_await finish(all[static_cast<std::size_t>(i)]), std::to_string(i) + "\n");
    for (const auto& one : hanging) expect_output(co_await finish(one), "");
  });
  EXPECT_EQ(bed.stub.counts().most_channels, 9);
  EXPECT_EQ(bed.stub.counts().connections, 1);
}

TEST(SshExecutor, LetsBriefCommandsGoBeforeBackgroundOnes) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    std::vector<LaunchedPtr> all;
    for (int i = 0; i < 9; ++i) all.push_back(co_await launch(worker, command("hang")));
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.commands == 9; }));
    Command background = command("echo background");
    background.background = true;
    all.push_back(co_await launch(worker, background));
    for (int i = 0; i < 9; ++i) all.push_back(co_await launch(worker, command("echo " + std::to_string(i))));
    co_await bed.shows("berth_ssh_commands_waiting 10");
    bed.stub.release();
    for (const auto& one : all) EXPECT_TRUE(co_await finish(one));
  });
  const auto texts = bed.stub.counts().texts;
  ASSERT_EQ(texts.size(), 19u);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(texts[static_cast<std::size_t>(9 + i)], "echo " + std::to_string(i));
  EXPECT_TRUE(texts[17] == "echo background" || texts[18] == "echo background");
}

TEST(SshExecutor, BoundsOutput) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    Command flood = command("flood 10485760");
    flood.max_output = 10485760;
    const auto whole = co_await worker.execute(flood);
    EXPECT_TRUE(whole && whole->stdout_text.size() == flood.max_output);
    flood.text = "flood 1000000000";
    expect_error(co_await worker.execute(flood), ErrorKind::exhausted, "more than 10485760 bytes");
    expect_output(co_await worker.execute(command("echo still here")), "still here\n");
  });
  EXPECT_EQ(bed.stub.counts().killed, 1);
  EXPECT_EQ(bed.stub.counts().connections, 1);
}

TEST(SshExecutor, EndsACommandThatIsCancelledOrLateAndKeepsTheConnection) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    const auto cancelled = co_await launch(worker, command("hang"));
    const auto other = co_await launch(worker, command("hang"));
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.commands == 2; }));
    cancelled->stop.emit(asio::cancellation_type::terminal);
    expect_error(co_await finish(cancelled), ErrorKind::internal, "cancelled");
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.killed == 1 && c.open_channels == 1; }));
    Command late = command("hang");
    late.deadline = 100ms;
    expect_error(co_await worker.execute(late), ErrorKind::timeout, "was killed");
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.killed == 2 && c.open_channels == 1; }));
    bed.stub.release();
    expect_output(co_await finish(other), "");
    expect_output(co_await worker.execute(command("echo still here")), "still here\n");
  });
  EXPECT_EQ(bed.stub.counts().connections, 1);
}

TEST(SshExecutor, LeavesNothingBehindWhereACommandIsCancelledAtAnyMoment) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    EXPECT_TRUE(co_await worker.execute(command("true")));
    for (int i = 0; i < 200; ++i) {
      Command brief = command("hang");
      brief.deadline = std::chrono::microseconds(20 * i);
      const auto result = co_await worker.execute(brief);
      EXPECT_FALSE(result);
    }
    expect_output(co_await worker.execute(command("echo still here")), "still here\n");
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.open_channels == 0; }));
  });
  EXPECT_EQ(bed.stub.counts().connections, 1);
}

TEST(SshExecutor, MakesDoWithTheChannelsThatTheServerOpens) {
  SshBed bed;
  bed.stub.max_channels = 2;
  bed.run([&](Executor& worker) -> awaitable<void> {
    std::vector<LaunchedPtr> all;
    for (int i = 0; i < 20; ++i) all.push_back(co_await launch(worker, command("echo " + std::to_string(i))));
    for (int i = 0; i < 20; ++i)
      expect_output(co_await finish(all[static_cast<std::size_t>(i)]), std::to_string(i) + "\n");
    EXPECT_EQ(bed.stub.counts().connections, 1);
    bed.stub.max_channels = 0;
    expect_error(co_await worker.execute(command("true")), ErrorKind::network, "opens no channel");
    EXPECT_EQ(bed.stub.counts().connections, 2);
    bed.stub.max_channels = 1;
    expect_output(co_await worker.execute(command("echo again")), "again\n");
  });
  EXPECT_EQ(bed.stub.counts().most_channels, 2);
}

TEST(SshExecutor, IsNotHeldUpByCommandsThatDoNotDie) {
  SshBed bed;
  bed.options.keepalive = 100ms;
  bed.stub.ignores_kill = true;
  bed.stub.max_channels = 9;
  bed.run([&](Executor& worker) -> awaitable<void> {
    EXPECT_TRUE(co_await worker.execute(command("true")));
    std::vector<LaunchedPtr> all;
    for (int i = 0; i < 9; ++i) all.push_back(co_await launch(worker, command("hang")));
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.commands == 10; }));
    for (const auto& one : all) one->stop.emit(asio::cancellation_type::terminal);
    // Their places are given away, the server refuses, a new connection has room.
    expect_output(co_await worker.execute(command("echo at last")), "at last\n");
    EXPECT_EQ(bed.stub.counts().connections, 2);
  });
  EXPECT_EQ(bed.stub.counts().killed, 9);
}

TEST(SshExecutor, NeverSendsACommandTwice) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    expect_error(co_await worker.execute(command("vanish")), ErrorKind::network, "broke while the command ran");
    EXPECT_EQ(bed.stub.counts().commands, 1);
    expect_error(co_await worker.execute(command("leave")), ErrorKind::network, "without its exit status");
    const auto hanging = co_await launch(worker, command("hang"));
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.commands == 3; }));
    bed.stub.cut();
    expect_error(co_await finish(hanging), ErrorKind::network, "broke while the command ran");
    expect_output(co_await worker.execute(command("echo back")), "back\n");
  });
  EXPECT_EQ(bed.stub.counts().commands, 4);
  EXPECT_EQ(bed.stub.counts().connections, 3);
}

TEST(SshExecutor, NoticesAPeerThatNoLongerAnswers) {
  SshBed bed;
  bed.options.keepalive = 100ms;
  bed.run([&](Executor& worker) -> awaitable<void> {
    const auto hanging = co_await launch(worker, command("hang"));
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.commands == 1; }));
    co_await bed.runtime.sleep_for(600ms);  // answers keep it alive
    EXPECT_FALSE(hanging->result);
    bed.stub.freeze();
    expect_error(co_await finish(hanging), ErrorKind::network, "no longer answers");
    bed.stub.thaw();
    expect_output(co_await worker.execute(command("echo back")), "back\n");
  });
  EXPECT_EQ(bed.stub.counts().connections, 2);
}

TEST(SshExecutor, EndsEverythingWhenItIsClosed) {
  SshBed bed;
  bed.run([&](Executor& worker) -> awaitable<void> {
    std::vector<LaunchedPtr> all;
    for (int i = 0; i < 12; ++i) all.push_back(co_await launch(worker, command("hang")));
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.commands == 9; }));
    worker.close();
    for (const auto& one : all) expect_error(co_await finish(one), ErrorKind::network, "");
    expect_error(co_await worker.execute(command("true")), ErrorKind::network, "closed");
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.open_channels == 0; }));
  });
  EXPECT_NE(bed.metrics.text().find("berth_ssh_sessions 0"), std::string::npos);
  EXPECT_NE(bed.metrics.text().find("berth_ssh_commands_waiting 0"), std::string::npos);
}

TEST(SshExecutor, CanBeClosedWhileItConnects) {
  SshBed bed;
  bed.stub.silent_at_banner = true;
  bed.run([&](Executor& worker) -> awaitable<void> {
    const auto waiting = co_await launch(worker, command("true"));
    EXPECT_TRUE(co_await bed.sees([](const SshStubCounts& c) { return c.connections == 1; }));
    worker.close();
    expect_error(co_await finish(waiting), ErrorKind::network, "closed");
  });
}

}  // namespace
}  // namespace berth
