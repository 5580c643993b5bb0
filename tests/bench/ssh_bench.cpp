// Figures of the SSH executor against a stub server in a process of its own (which starts no processes):
//   ssh_bench [SESSIONS [COMMANDS [IDLE_SECONDS]]]     default 200 20000 20
// or of one session with a server that runs already, as the user root:
//   ssh_bench --port PORT KEY_FILE [COMMANDS]
// All CPU times are those of this process alone.
#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/metrics.hpp"
#include "berth/base/signal.hpp"
#include "berth/remote/ssh.hpp"

#include "ssh_stub.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

double seconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto sum = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return sum(usage.ru_utime) + sum(usage.ru_stime);
}

/// Of this process, in KB; `field` of /proc/self/smaps_rollup.
long memory_kb(const std::string& field) {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(field + ":")) return std::stol(line.substr(field.size() + 1));
  return 0;
}

std::string make_private_key() {
  ssh_key key = nullptr;
  ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key);
  std::string path = "/tmp/ssh-bench-XXXXXX";
  ::close(::mkstemp(path.data()));
  ssh_pki_export_privkey_file(key, nullptr, nullptr, nullptr, path.c_str());
  ssh_key_free(key);
  std::ifstream file(path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  ::unlink(path.c_str());
  return text;
}

struct Bench {
  RealRuntime runtime{2};
  Metrics metrics;
  std::vector<std::unique_ptr<Executor>> workers;
  std::shared_ptr<SshConnectLimit> connect_limit = std::make_shared<SshConnectLimit>();
  std::uint16_t port = 0;
  std::atomic<int> failures = 0;
  std::atomic<int> done = 0;
  std::atomic<Duration::rep> longest_lag = 0;
  std::atomic<bool> stop_lag = false;

  /// One command each for workers first, first + step, …, until `count` are done; each on a strand of its own.
  static awaitable<void> feed(Bench& b, std::string text, std::size_t first, std::size_t step, std::size_t count,
                              std::vector<double>& latencies, std::atomic<std::size_t>& left, Signal& finished) {
    for (std::size_t i = 0; i < count; ++i) {
      Command command;
      command.text = text;
      const SteadyTime begun = b.runtime.now();
      const auto result = co_await b.workers[(first + i * step) % b.workers.size()]->execute(command);
      latencies.push_back(1e3 * seconds(b.runtime.now() - begun));
      if (!result && text != "vanish") ++b.failures;
      ++b.done;
    }
    if (--left == 0) finished.notify();
  }

  /// `lanes` commands in flight, `each` in a lane.
  awaitable<void> run(const char* title, std::string text, std::size_t lanes, std::size_t each) {
    std::vector<std::vector<double>> latencies(lanes);
    std::atomic<std::size_t> left = lanes;
    Signal finished;
    auto ended = finished.subscribe();
    const SteadyTime begun = runtime.now();
    const double cpu = cpu_seconds();
    longest_lag = 0;
    for (std::size_t lane = 0; lane < lanes; ++lane)
      asio::co_spawn(runtime.make_strand(), feed(*this, text, lane, lanes, each, latencies[lane], left, finished),
                     asio::detached);
    co_await ended.wait();
    const double wall = seconds(runtime.now() - begun);
    const double used = cpu_seconds() - cpu;
    std::vector<double> all;
    for (const auto& some : latencies) all.insert(all.end(), some.begin(), some.end());
    std::sort(all.begin(), all.end());
    const auto total = static_cast<double>(all.size());
    std::printf(
        "%-28s %6.0f in %6.2f s = %6.0f/s  CPU %6.3f ms each  p50 %.2f ms  p99 %.2f ms  lag %.1f ms  failed %d\n",
        title, total, wall, total / wall, 1e3 * used / total, all[all.size() / 2], all[all.size() * 99 / 100],
        1e-6 * static_cast<double>(longest_lag), failures.exchange(0));
  }

  static awaitable<void> watch_lag(Bench& b) {
    while (!b.stop_lag) {
      const SteadyTime due = b.runtime.now() + 5ms;
      co_await b.runtime.sleep_until(due);
      b.longest_lag = std::max<Duration::rep>(b.longest_lag, (b.runtime.now() - due).count());
    }
  }

  void make_workers(std::size_t count, const std::string& pem = make_private_key()) {
    const SshKey key = *SshKey::parse(pem);
    SshOptions options{.address = "127.0.0.1", .default_port = port, .key = key};
    options.connect_limit = connect_limit;
    options.first_back_off = 1ms;
    options.check_host = [](std::string, Executor&) -> awaitable<Result<void>> { co_return Result<void>(); };
    while (workers.size() < count) workers.push_back(make_ssh_executor(runtime, metrics, Logger(), options));
  }

  /// A probe of each worker every 10 s, spread evenly.
  static awaitable<void> probe(Bench& b, std::size_t worker, Duration offset, SteadyTime end,
                               std::atomic<std::size_t>& left, Signal& finished) {
    for (SteadyTime due = b.runtime.now() + offset; due < end; due += 10s) {
      co_await b.runtime.sleep_until(due);
      Command command;
      command.text = "true";
      if (!co_await b.workers[worker]->execute(command)) ++b.failures;
    }
    if (--left == 0) finished.notify();
  }

  awaitable<void> idle(Duration length) {
    std::atomic<std::size_t> left = workers.size();
    Signal finished;
    auto ended = finished.subscribe();
    const double cpu = cpu_seconds();
    longest_lag = 0;
    const SteadyTime begun = runtime.now();
    for (std::size_t i = 0; i < workers.size(); ++i)
      asio::co_spawn(runtime.make_strand(), probe(*this, i, 10s * i / workers.size(), begun + length, left, finished),
                     asio::detached);
    co_await ended.wait();
    const double wall = seconds(runtime.now() - begun);
    std::printf("%zu sessions, a probe of each every 10 s: CPU %.1f %%  longest lag %.1f ms  failed %d\n",
                workers.size(), 100 * (cpu_seconds() - cpu) / wall, 1e-6 * static_cast<double>(longest_lag),
                failures.exchange(0));
  }

  awaitable<void> sessions(std::size_t count) {
    const long before = memory_kb("Rss");
    make_workers(count);
    const long made = memory_kb("Rss");
    co_await run("connect, first command", "true", count, 1);
    std::printf("memory: %ld KB before, %.1f KB an executor, %.1f KB more a session\n", before,
                static_cast<double>(made - before) / static_cast<double>(count),
                static_cast<double>(memory_kb("Rss") - made) / static_cast<double>(count));
  }

  static awaitable<void> one_server(Bench& b, std::string pem, std::size_t commands) {
    b.make_workers(1, pem);
    co_await b.run("connect, first command", "true", 1, 1);
    co_await b.run("commands, 1 in flight", "true", 1, commands);
    co_await b.run("commands, 9 in flight", "true", 9, commands / 9);
    b.workers.clear();
    b.runtime.stop();
  }

  static awaitable<void> main(Bench& b, std::size_t count, std::size_t commands, Duration length) {
    asio::co_spawn(b.runtime.make_strand(), watch_lag(b), asio::detached);
    co_await b.sessions(count);
    co_await b.run("commands, 1 in flight", "true", 1, commands / 20);
    co_await b.run("commands, 32 in flight", "true", 32, commands / 32);
    co_await b.run("commands, one per session", "true", count, commands / count);
    co_await b.run("cut all connections", "vanish", count, 1);
    co_await b.run("connect again", "true", count, 1);
    co_await b.sessions(5 * count);
    co_await b.idle(length);
    b.stop_lag = true;
    b.workers.clear();
    b.runtime.stop();
  }
};

int bench_one_server(std::uint16_t port, const char* key_file, std::size_t commands) {
  std::ifstream file(key_file);
  Bench bench;
  bench.port = port;
  asio::co_spawn(bench.runtime.make_strand(),
                 Bench::one_server(bench, std::string(std::istreambuf_iterator<char>(file), {}), commands),
                 asio::detached);
  bench.runtime.run();
  return 0;
}

}  // namespace
}  // namespace berth

int main(int argc, char** argv) {
  if (argc > 3 && std::string_view(argv[1]) == "--port")
    return berth::bench_one_server(static_cast<std::uint16_t>(std::stoul(argv[2])), argv[3],
                                   argc > 4 ? std::stoul(argv[4]) : 90);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  auto* address = reinterpret_cast<sockaddr*>(&where);
  if (::bind(listener, address, size) != 0 || ::listen(listener, 4096) != 0) return 1;
  ::getsockname(listener, address, &size);
  const pid_t stub = ::fork();
  if (stub == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    berth::SshStub::serve_for_ever(listener);
    ::_exit(0);
  }
  ::close(listener);
  const auto number = [&](int i, std::size_t otherwise) { return argc > i ? std::stoul(argv[i]) : otherwise; };
  {
    berth::Bench bench;
    bench.port = ntohs(where.sin_port);
    boost::asio::co_spawn(
        bench.runtime.make_strand(),
        berth::Bench::main(bench, number(1, 200), number(2, 20000), std::chrono::seconds(number(3, 20))),
        boost::asio::detached);
    bench.runtime.run();
  }
  ::kill(stub, SIGKILL);
  ::waitpid(stub, nullptr, 0);
}
