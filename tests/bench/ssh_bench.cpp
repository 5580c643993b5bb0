// Figures of the SSH executor against a stub server in a process of its own (which starts no processes):
//   ssh_bench [SESSIONS [COMMANDS [IDLE_SECONDS]]]     default 200 20000 20
// or of one session with a server that runs already, as the user root:
//   ssh_bench --port PORT KEY_FILE [COMMANDS]
// All CPU times are those of this process alone.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/handler_times.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/seconds.hpp"
#include "berth/base/signal.hpp"
#include "berth/remote/ssh.hpp"

#include "bench_process.hpp"
#include "ssh_stub.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

/// Of this process, in KB; `field` of /proc/self/smaps_rollup.
long memory_kb(const std::string& field) {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(field + ":")) return std::stol(line.substr(field.size() + 1));
  return 0;
}

struct Bench {
  RealRuntime runtime{2};
  Metrics metrics;
  std::vector<std::unique_ptr<Executor>> workers;
  std::shared_ptr<SshConnectLimit> connect_limit = std::make_shared<SshConnectLimit>();
  std::uint16_t port = 0;
  std::atomic<int> failures = 0;
  std::atomic<int> done = 0;

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
    co_await forget_stalls();
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      asio::co_spawn(runtime.make_strand(), feed(*this, text, lane, lanes, each, latencies[lane], left, finished),
                     asio::detached);
      if (lane % 50 == 49) co_await asio::post(asio::use_awaitable);  // this loop is not what is measured
    }
    co_await ended.wait();
    const double wall = seconds(runtime.now() - begun);
    const double used = cpu_seconds() - cpu;
    std::vector<double> all;
    for (const auto& some : latencies) all.insert(all.end(), some.begin(), some.end());
    std::sort(all.begin(), all.end());
    const auto total = static_cast<double>(all.size());
    std::printf(
        "%-28s %6.0f in %6.2f s = %6.0f/s  CPU %6.3f ms each  p50 %.2f ms  p99 %.2f ms  stall %.1f ms  failed %d\n",
        title, total, wall, total / wall, 1e3 * used / total, all[all.size() / 2], all[all.size() * 99 / 100],
        longest_stall(), failures.exchange(0));
  }

  /// In milliseconds, since the last call: how long a handler held a thread.
  double longest_stall() { return 1e3 * seconds(take_longest_handler(runtime)); }

  /// A handler counts when it ends: that of the caller ends here, before the time that is measured.
  awaitable<void> forget_stalls() {
    co_await asio::post(asio::use_awaitable);
    (void)longest_stall();
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
    co_await forget_stalls();
    const SteadyTime begun = runtime.now();
    for (std::size_t i = 0; i < workers.size(); ++i) {
      asio::co_spawn(runtime.make_strand(), probe(*this, i, 10s * i / workers.size(), begun + length, left, finished),
                     asio::detached);
      if (i % 50 == 49) co_await asio::post(asio::use_awaitable);
    }
    co_await ended.wait();
    const double wall = seconds(runtime.now() - begun);
    std::printf("%zu sessions, a probe of each every 10 s: CPU %.1f %%  longest stall %.1f ms  failed %d\n",
                workers.size(), 100 * (cpu_seconds() - cpu) / wall, longest_stall(), failures.exchange(0));
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
    co_await b.sessions(count);
    co_await b.run("commands, 1 in flight", "true", 1, commands / 20);
    co_await b.run("commands, 32 in flight", "true", 32, commands / 32);
    co_await b.run("commands, one per session", "true", count, commands / count);
    co_await b.run("cut all connections", "vanish", count, 1);
    co_await b.run("connect again", "true", count, 1);
    co_await b.sessions(5 * count);
    co_await b.idle(length);
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
  berth::allow_many_files();
  const berth::ServerProcess server([](int listener) { berth::SshStub::serve_for_ever(listener); });
  const auto number = [&](int i, std::size_t otherwise) { return argc > i ? std::stoul(argv[i]) : otherwise; };
  berth::Bench bench;
  bench.port = server.port;
  boost::asio::co_spawn(
      bench.runtime.make_strand(),
      berth::Bench::main(bench, number(1, 200), number(2, 20000), std::chrono::seconds(number(3, 20))),
      boost::asio::detached);
  bench.runtime.run();
}
