// Against Debian's own server.
#include <arpa/inet.h>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "ssh_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

void must_run(const std::string& line) {
  ASSERT_EQ(std::system((line + " >/dev/null 2>&1").c_str()), 0) << line;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  ::bind(fd, reinterpret_cast<sockaddr*>(&where), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size);
  ::close(fd);
  return ntohs(where.sin_port);
}

/// sshd on loopback, with a host key, keys and a configuration of its own.
class Sshd : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists("/usr/sbin/sshd")) GTEST_SKIP() << "openssh-server is not installed";
    directory_ = testing::TempDir() + "sshd-XXXXXX";
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
    must_run("ssh-keygen -q -t ed25519 -N '' -f " + directory_ + "/host");
    must_run("ssh-keygen -q -t ed25519 -N '' -f " + directory_ + "/user");
    fs::copy_file(directory_ + "/user.pub", directory_ + "/authorized");
    if (::getuid() == 0) fs::create_directories("/run/sshd");
    start();
  }
  void TearDown() override {
    stop();
    fs::remove_all(directory_);
  }

  void start() {
    port_ = free_port();
    std::ofstream(directory_ + "/config") << "Port " << port_ << "\nListenAddress 127.0.0.1\nHostKey " << directory_
                                          << "/host\nAuthorizedKeysFile " << directory_
                                          << "/authorized\nPidFile none\nUsePAM no\nStrictModes no\n"
                                             "PermitRootLogin yes\nPasswordAuthentication no\n";
    std::array<int, 2> log{};
    ASSERT_EQ(::pipe2(log.data(), O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, log[1], 2);
    std::string script = before_start_ + "exec /usr/sbin/sshd -D -e -f " + directory_ + "/config";
    std::array<char*, 6> argv{const_cast<char*>("unshare"),
                              const_cast<char*>("--mount"),
                              const_cast<char*>("sh"),
                              const_cast<char*>("-c"),
                              script.data(),
                              nullptr};
    char** const first = before_start_.empty() ? &argv[2] : &argv[0];
    ASSERT_EQ(::posix_spawnp(&pid_, *first, &actions, nullptr, first, environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(log[1]);
    std::string said;
    char c = 0;
    while (said.find("listening on") == std::string::npos && ::read(log[0], &c, 1) == 1) said += c;
    EXPECT_NE(said.find("listening on"), std::string::npos) << said;
    log_ = log[0];
  }
  void stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    ::close(log_);
    pid_ = -1;
  }

  /// From now on commands are those of a user who is not root. False if that cannot be had.
  bool leave_root() {
    if (::getuid() != 0) return true;
    if (std::system("unshare --mount true") != 0) return false;
    stop();
    // A user whom every Debian has, here with a shell; sshd reads authorized_keys as that user.
    if (std::system(("sed 's,^\\(nobody:.*\\):[^:]*$,\\1:/bin/sh,' /etc/passwd >" + directory_ + "/passwd").c_str()) !=
        0)
      return false;
    fs::permissions(directory_, fs::perms::all);
    fs::permissions(directory_ + "/passwd", fs::perms(0644));
    before_start_ = "mount --bind " + directory_ + "/passwd /etc/passwd && ";
    login_ = "nobody";
    start();
    return true;
  }

  void run(const std::string& key, const std::function<awaitable<void>(Runtime&, Executor&)>& body) {
    RealRuntime runtime(2);
    Metrics metrics;
    const auto parsed = SshKey::parse(key);
    ASSERT_TRUE(parsed) << parsed.error().message;
    SshOptions options{.address = "127.0.0.1", .default_port = port_, .user = login_, .key = *parsed};
    options.first_back_off = 1ms;
    options.check_host = [this](std::string key_line, Executor& unverified) -> awaitable<Result<void>> {
      EXPECT_TRUE(read_file(directory_ + "/host.pub").starts_with(key_line + " ")) << key_line;
      const auto secret = co_await unverified.execute(command("echo secret"));
      if (!secret || secret->stdout_text != "secret\n") co_return fail(ErrorKind::denied, "no secret");
      co_return Result<void>();
    };
    const auto executor = make_ssh_executor(runtime, metrics, Logger(), options);
    auto whole = [](RealRuntime& r, Executor& worker,
                    const std::function<awaitable<void>(Runtime&, Executor&)>& b) -> awaitable<void> {
      co_await b(r, worker);
      worker.close();
      r.stop();
    };
    asio::co_spawn(runtime.make_strand(), whole(runtime, *executor, body), asio::detached);
    runtime.run();
  }
  std::string user_key() const { return read_file(directory_ + "/user"); }

  std::string directory_;
  std::string login_ = ::getpwuid(::getuid())->pw_name;
  std::string before_start_;  // shell text, carried out in a mount namespace of its own
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
  int log_ = -1;
};

TEST_F(Sshd, RunsCommands) {
  run(user_key(), [](Runtime&, Executor& worker) -> awaitable<void> {
    const struct {
      std::string text, input, out, err;
      int status;
    } cases[] = {
        {"echo out; echo err >&2; exit 7", "", "out\n", "err\n", 7},
        {"kill -9 $$", "", "", "", 137},
        {"kill -15 $$", "", "", "", 143},
        {"wc -c", std::string(5 << 20, 'x'), "5242880\n", "", 0},
        {"exec 0<&-; exit 3", std::string(5 << 20, 'x'), "", "", 3},
    };
    for (const auto& c : cases) {
      const auto result = co_await worker.execute(command(c.text, c.input));
      if (!result) ADD_FAILURE() << c.text << ": " << result.error().message;
      if (!result) continue;
      EXPECT_EQ(result->exit_status, c.status) << c.text;
      EXPECT_EQ(result->stdout_text, c.out) << c.text;
      EXPECT_EQ(result->stderr_text, c.err) << c.text;
    }
    Command flood = command("head -c 20000000 /dev/zero");
    flood.max_output = 10 << 20;
    const auto result = co_await worker.execute(flood);
    EXPECT_TRUE(!result && result.error().kind == ErrorKind::exhausted);
  });
}

TEST_F(Sshd, RunsManyCommandsAtOnceOverOneConnection) {
  run(user_key(), [](Runtime&, Executor& worker) -> awaitable<void> {
    std::vector<LaunchedPtr> all;
    for (int i = 0; i < 20; ++i)
      all.push_back(co_await launch(worker, command("echo $SSH_CLIENT; exit " + std::to_string(i))));
    std::string client;
    for (int i = 0; i < 20; ++i) {
      const auto result = co_await finish(all[static_cast<std::size_t>(i)]);
      if (!result) ADD_FAILURE() << result.error().message;
      if (!result) continue;
      EXPECT_EQ(result->exit_status, i);
      if (client.empty()) client = result->stdout_text;
      EXPECT_EQ(result->stdout_text, client);
    }
  });
}

TEST_F(Sshd, KillsWhatIsLate) {
  // sshd passes no signals on to commands of root.
  if (!leave_root()) GTEST_SKIP() << "no right to make a mount namespace";
  // The command holds a lock until it dies; a second one waits for that.
  const std::string lock = directory_ + "/lock";
  run(user_key(), [&](Runtime&, Executor& worker) -> awaitable<void> {
    for (int i = 0; i < 12; ++i) {
      Command late = command("flock " + lock + std::to_string(i) + " sleep 1000");
      late.deadline = 300ms;
      const auto result = co_await worker.execute(late);
      EXPECT_TRUE(!result && result.error().kind == ErrorKind::timeout);
      const auto after = co_await worker.execute(command("flock " + lock + std::to_string(i) + " echo free"));
      EXPECT_TRUE(after && after->stdout_text == "free\n");
    }
  });
}

TEST_F(Sshd, KeepsTheConnectionWhenCommandsAreLate) {
  run(user_key(), [&](Runtime&, Executor& worker) -> awaitable<void> {
    const auto before = co_await worker.execute(command("echo $SSH_CLIENT"));
    for (int i = 0; i < 3; ++i) {
      Command late = command("sleep 5");  // as root it lives on: sshd passes no signals on
      late.deadline = 50ms;
      const auto result = co_await worker.execute(late);
      EXPECT_TRUE(!result && result.error().kind == ErrorKind::timeout);
    }
    const auto after = co_await worker.execute(command("echo $SSH_CLIENT"));
    EXPECT_TRUE(before && after && before->stdout_text == after->stdout_text);
  });
}

TEST_F(Sshd, ComesBackAfterItsConnectionDied) {
  run(user_key(), [&](Runtime& runtime, Executor& worker) -> awaitable<void> {
    EXPECT_TRUE(co_await worker.execute(command("true")));
    const auto parent = co_await worker.execute(command("kill -9 $PPID; exec sleep 1"));  // this connection's server
    EXPECT_TRUE(!parent && parent.error().kind == ErrorKind::network);
    const auto again = co_await worker.execute(command("echo again"));
    EXPECT_TRUE(again && again->stdout_text == "again\n");
    (void)runtime;
  });
}

TEST_F(Sshd, StreamsLinesUntilCancelled) {
  run(user_key(), [&](Runtime& runtime, Executor& worker) -> awaitable<void> {
    int lines = 0;
    Signal came;
    auto changed = came.subscribe();
    auto follow = [](Executor& w, int& count, Signal& signal) -> awaitable<void> {
      (void)co_await w.stream(command("i=0; while [ $i -lt 5 ]; do echo line $i; i=$((i+1)); done; exec sleep 5"),
                              [&](std::string_view line) {
                                EXPECT_EQ(line, "line " + std::to_string(count));
                                ++count;
                                signal.notify();
                              });
    };
    asio::cancellation_signal stop;
    asio::co_spawn(co_await asio::this_coro::executor, follow(worker, lines, came),
                   asio::bind_cancellation_slot(stop.slot(), [&](const std::exception_ptr&) {
                     lines = -1;
                     came.notify();
                   }));
    while (lines < 5) co_await changed.wait();
    stop.emit(asio::cancellation_type::terminal);
    while (lines != -1) co_await changed.wait();
    EXPECT_TRUE(co_await worker.execute(command("true")));
    (void)runtime;
  });
}

TEST_F(Sshd, FeedsAStreamWhileItRuns) {
  run(user_key(), [&](Runtime& runtime, Executor& worker) -> awaitable<void> {
    std::vector<std::string> lines;
    Command c = command("while read -r word; do echo \"got $word\"; test $word != end || exit 3; done");
    c.stdin_data = std::string("first\n");
    c.input = std::make_shared<StreamInput>();
    const auto input = c.input;
    EXPECT_TRUE(input->write("early\n"));
    const auto status = co_await worker.stream(std::move(c), [&](std::string_view line) {
      lines.emplace_back(line);
      if (lines.size() == 2) input->write("end\n");
    });
    EXPECT_TRUE(status && *status == 3);
    EXPECT_EQ(lines, (std::vector<std::string>{"got first", "got early", "got end"}));
    (void)runtime;
  });
}

TEST_F(Sshd, AcceptsEveryFormOfKey) {
  const std::string d = directory_ + "/k_";
  must_run("ssh-keygen -q -t ed25519 -N '' -f " + d + "ed25519");
  must_run("ssh-keygen -q -t ecdsa -b 256 -N '' -f " + d + "ecdsa256");
  must_run("ssh-keygen -q -t ecdsa -b 521 -N '' -f " + d + "ecdsa521");
  must_run("ssh-keygen -q -t rsa -b 2048 -N '' -f " + d + "rsa");
  must_run("cp " + d + "rsa " + d + "rsa_pkcs1 && ssh-keygen -q -p -m PEM -N '' -f " + d + "rsa_pkcs1");
  must_run("ssh-keygen -q -t ecdsa -m PEM -N '' -f " + d + "ecdsa_sec1");
  must_run("openssl genpkey -algorithm ed25519 -out " + d + "ed25519_pkcs8");
  must_run("openssl pkcs8 -topk8 -nocrypt -in " + d + "rsa_pkcs1 -out " + d + "rsa_pkcs8");
  must_run("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-384 -out " + d + "ec_pkcs8");
  for (const std::string name : {"ed25519", "ecdsa256", "ecdsa521", "rsa", "rsa_pkcs1", "ecdsa_sec1", "ed25519_pkcs8",
                                 "rsa_pkcs8", "ec_pkcs8"}) {
    const std::string key = read_file(d + name);
    const auto parsed = SshKey::parse(key);
    ASSERT_TRUE(parsed) << name;
    if (fs::exists(d + name + ".pub")) EXPECT_TRUE(read_file(d + name + ".pub").starts_with(parsed->authorized_key()));
    std::ofstream(directory_ + "/authorized") << parsed->authorized_key() << "\n";
    run(key, [&](Runtime&, Executor& worker) -> awaitable<void> {
      const auto result = co_await worker.execute(command("echo in"));
      EXPECT_TRUE(result) << name << ": " << result.error().message;
    });
  }
  run(user_key(), [&](Runtime&, Executor& worker) -> awaitable<void> {
    const auto result = co_await worker.execute(command("true"));
    EXPECT_TRUE(!result && result.error().kind == ErrorKind::denied);
  });
}

TEST(SshKeyForms, AreRefusedWithoutShowingTheKey) {
  const std::string directory = testing::TempDir();
  must_run("openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -aes256 -pass pass:x -out " + directory +
           "/locked");
  const std::string locked = read_file(directory + "/locked");
  fs::remove(directory + "/locked");
  ASSERT_FALSE(locked.empty());
  for (const std::string& text : {locked, std::string(), std::string("no key"), locked.substr(0, 300)}) {
    const auto parsed = SshKey::parse(text);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
    EXPECT_EQ(parsed.error().message, "not an unencrypted Ed25519, ECDSA or RSA private key");
  }
}

}  // namespace
}  // namespace berth
