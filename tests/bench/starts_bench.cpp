// Starts per second of the whole dispatcher (queue, scheduler, pool, SSH) with stub workers in a process of their own:
//   starts_bench [CONTAINERS [WORKERS…]]     default 5000 50 200 1000
// The API and the cloud are fakes in this process, on the same one thread of the event loop; CPU times are those of
// this process, fakes included. All containers fit at once; each runner lives for a second. No exit watch.
#include <chrono>
#include <cstdio>
#include <deque>
#include <map>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/handler_times.hpp"
#include "berth/base/heap.hpp"
#include "berth/base/seconds.hpp"
#include "berth/dispatcher/dispatcher.hpp"
#include "berth/remote/ssh.hpp"

#include "bench_cluster.hpp"
#include "bench_process.hpp"
#include "bench_wait.hpp"
#include "fake_cloud.hpp"
#include "fake_container_api.hpp"
#include "ssh_stub.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr Duration life = 1s;  // of a runner

/// The runners of all stub workers, in the server's process: tells each start, as a line with the UUID, to `starts`.
class StubRunners {
 public:
  explicit StubRunners(int starts) : starts_(starts) {}

  std::optional<std::string> answer(const std::string& worker, const std::string& command) {
    const auto now = std::chrono::steady_clock::now();
    auto& runners = workers_[worker];
    while (!runners.empty() && runners.front().first + life + 100ms < now) runners.pop_front();
    if (command.starts_with("md5sum ")) {
      const std::string path = command.substr(7);
      return path.substr(path.find('~') + 1) + "  " + path + '\n';
    }
    if (command.ends_with(" --list")) {
      std::string list;
      for (const auto& [since, uuid] : runners) list += uuid + '\n';
      return list;
    }
    if (command.find(" --detach ") == std::string::npos) return std::nullopt;
    constexpr std::size_t uuid_size = 27;
    const auto place = command.find("-dz642-");
    std::string uuid = command.substr(place - 5, uuid_size);
    runners.emplace_back(now, uuid);
    const std::string line = uuid + '\n';
    (void)!::write(starts_, line.data(), line.size());
    return "{\"UUID\": \"" + uuid + "\", \"PID\": " + std::to_string(++last_pid_) + "}\n";
  }

 private:
  const int starts_;
  int last_pid_ = 1000;
  std::map<std::string, std::deque<std::pair<std::chrono::steady_clock::time_point, std::string>>> workers_;
};

class StartsBench {
 public:
  StartsBench(std::uint16_t port, int starts, std::size_t workers, std::size_t containers)
      : port_(port),
        workers_(workers),
        containers_(containers),
        cloud_(std::make_shared<FakeCloud>(runtime_)),
        instances_(cloud_),
        cluster_(make_bench_cluster((containers + workers - 1) / workers)),
        starts_(runtime_.executor(), starts) {
    api_.latency = 1ms;
    cloud_->remote_user = "root";
    for (std::size_t i = 1; i <= workers; ++i) {
      InstanceTags tags{{"ArvadosInstanceSetID", instance_set_id("root")}, {"ArvadosInstanceType", "large"}};
      cloud_->add("large", tags).address = "127.1." + std::to_string(i / 250) + '.' + std::to_string(i % 250 + 1);
    }
  }

  void run() {
    asio::co_spawn(runtime_.executor(), main(*this), [](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
    });
    runtime_.run();
    starts_.release();
  }

 private:
  std::unique_ptr<Executor> make_executor(const Instance& instance, HostCheck check) {
    SshOptions options{.address = instance.address(), .default_port = port_, .key = key_};
    options.check_host = std::move(check);
    options.connect_limit = connect_limit_;
    return make_ssh_executor(runtime_, metrics_, Logger(), options);
  }

  /// The runners' side of the API.
  static awaitable<void> hear_starts(StartsBench& b) {
    std::string text;
    while (b.started_ < b.containers_) {
      const auto size =
          co_await asio::async_read_until(b.starts_, asio::dynamic_buffer(text), '\n', asio::use_awaitable);
      const std::string uuid = text.substr(0, size - 1);
      text.erase(0, size);
      if (!b.api_.runner_sets(uuid, ContainerState::running)) ++b.wrong_;
      ++b.starts_of_[uuid];
      b.last_start_ = b.runtime_.now();
      ++b.started_;
      asio::co_spawn(b.runtime_.executor(), complete(b, uuid), asio::detached);
    }
  }
  static awaitable<void> complete(StartsBench& b, std::string uuid) {
    co_await b.runtime_.sleep_for(life);
    if (!b.api_.runner_sets(uuid, ContainerState::complete)) ++b.wrong_;
    ++b.completed_;
  }

  std::size_t idle_workers() const {
    const auto snapshot = dispatcher_->pool()->snapshot();
    return static_cast<std::size_t>(std::count_if(snapshot->instances.begin(), snapshot->instances.end(),
                                                  [](const auto& i) { return i.state == WorkerState::idle; }));
  }

  /// Throws if not: a figure of starts that were none is worth nothing.
  void check_each_ran_once() const {
    for (const auto& [uuid, record] : api_.records) {
      const auto starts = starts_of_.find(uuid);
      if (starts == starts_of_.end() || starts->second != 1 || record.container.state != ContainerState::complete)
        throw std::runtime_error(uuid + " was not started once, and Complete then");
    }
    if (api_.records.size() != containers_) throw std::runtime_error("not all containers were submitted");
  }

  static awaitable<void> main(StartsBench& b) {
    DispatcherEdges edges{b.runtime_,
                          Logger(),
                          b.metrics_,
                          b.api_,
                          b.instances_,
                          [&b](const Instance& i, HostCheck check) { return b.make_executor(i, std::move(check)); },
                          *b.lease_,
                          {},
                          {}};
    b.dispatcher_ = std::make_unique<Dispatcher>(std::move(edges), b.cluster_);
    (void)co_await b.dispatcher_->start();
    std::function<bool()> ready = [&b] { return b.idle_workers() == b.workers_; };
    co_await wait_until(b.runtime_, 10ms, "all workers are idle", ready);
    co_await b.runtime_.sleep_for(2s);  // past StaleLockTimeout
    asio::co_spawn(b.runtime_.executor(), hear_starts(b), asio::detached);
    (void)take_longest_handler(b.runtime_);
    const double cpu = cpu_seconds();
    for (std::size_t i = 1; i <= b.containers_; ++i) b.api_.add(static_cast<int>(i));
    // The queue polls every 10 s: time begins with the first start.
    std::function<bool()> begins = [&b] { return b.started_ > 0; };
    co_await wait_until(b.runtime_, 100us, "the first container starts", std::move(begins));
    const SteadyTime begun = b.runtime_.now();
    std::function<bool()> all = [&b] { return b.started_ >= b.containers_; };
    co_await wait_until(b.runtime_, 10ms, "all containers have started", std::move(all));
    const double took = seconds(b.last_start_ - begun);
    const double until_started = cpu_seconds() - cpu;
    std::function<bool()> over = [&b] { return b.completed_ >= b.containers_ && b.idle_workers() == b.workers_; };
    co_await wait_until(b.runtime_, 10ms, "all containers have ended", std::move(over));
    const auto total = static_cast<double>(b.containers_);
    std::printf(
        "%4zu workers: %zu starts in %.2f s = %.0f/s  CPU of this process %.2f ms each until started, %.2f ms each "
        "until "
        "all is over  longest stall %.1f ms  wrong %d\n",
        b.workers_, b.containers_, took, total / took, 1e3 * until_started / total, 1e3 * (cpu_seconds() - cpu) / total,
        1e3 * seconds(take_longest_handler(b.runtime_)), b.wrong_);
    if (b.wrong_ > 0)
      throw std::runtime_error("a container was started that was not Locked, or ended that did not run");
    b.check_each_ran_once();
    co_await b.dispatcher_->stop();
    b.runtime_.stop();
  }

  RealRuntime runtime_{1};
  Metrics metrics_;
  const std::uint16_t port_;
  const std::size_t workers_;
  const std::size_t containers_;
  const SshKey key_ = *SshKey::parse(make_private_key());
  std::shared_ptr<SshConnectLimit> connect_limit_ = std::make_shared<SshConnectLimit>();
  FakeContainerApi api_{runtime_};
  std::shared_ptr<FakeCloud> cloud_;
  FakeInstanceSet instances_;
  std::unique_ptr<Lease> lease_ = make_no_lease();
  const Cluster cluster_;
  asio::posix::stream_descriptor starts_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::map<std::string, int> starts_of_;  // by container
  std::size_t started_ = 0;
  std::size_t completed_ = 0;
  int wrong_ = 0;
  SteadyTime last_start_{};
};

void bench_starts(std::size_t workers, std::size_t containers) {
  int starts[2];
  if (::pipe(starts) != 0) throw std::runtime_error("no pipe");
  {
    const ServerProcess server([&](int listener) {
      StubRunners runners(starts[1]);
      SshStub::serve_for_ever(listener, [&](const std::string& worker, const std::string& command) {
        return runners.answer(worker, command);
      });
    });
    StartsBench(server.port, starts[0], workers, containers).run();
  }
  for (const int end : starts) ::close(end);
}

}  // namespace
}  // namespace berth

int main(int argc, char** argv) {
  berth::allow_many_files();
  berth::merge_freed_memory_at_once();  // as berthd does
  const std::size_t containers = argc > 1 ? std::stoul(argv[1]) : 5000;
  if (argc < 3)
    for (const std::size_t workers : {50, 200, 1000}) berth::bench_starts(workers, containers);
  for (int i = 2; i < argc; ++i) berth::bench_starts(std::stoul(argv[i]), containers);
}
