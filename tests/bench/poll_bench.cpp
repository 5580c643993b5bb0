// What a poll of the container queue costs: CPU, requests and memory.
//   poll_bench [CONTAINERS…]     default 10000 100000: so many wait; then as many of up to 10000 run, and none waits
// The API is a fake in this process that answers with JSON as a server would; the texts are read by the code that reads
// a server's, and the time to write them is not in the figures. HTTP is not in them either. Time is simulated.
#include <cstdio>
#include <ctime>
#include <map>
#include <set>

#include <boost/asio/co_spawn.hpp>

#include "berth/base/units.hpp"
#include "berth/queue/container_queue.hpp"

#include "answer.hpp"
#include "bench_memory.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

double thread_cpu() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// 100,000 containers that wait, say, or 10,000 that run and are ours.
class JsonApi final : public ContainerApi {
 public:
  explicit JsonApi(Runtime& runtime) : runtime_(runtime) {}

  std::int64_t requests = 0;
  double writing = 0;  ///< seconds of CPU

  void add(int number, std::int64_t priority) {
    const std::string uuid = id(number);
    records_[uuid] = {priority, runtime_.wall_now()};
    by_priority_.emplace(-priority, uuid);
    modified_.insert(uuid);
  }
  /// One that runs, locked by us.
  void add_held(int number) { held_[id(number)] = {1, {}, {}, true}; }
  /// By an update of its request.
  void set_priority(int number, std::int64_t priority) {
    const std::string uuid = id(number);
    Record& record = records_.at(uuid);
    by_priority_.erase({-record.priority, uuid});
    record.priority = priority;
    by_priority_.emplace(-priority, uuid);
    record.request_modified = runtime_.wall_now();
    requests_modified_.insert(uuid);
  }
  void forget_old_changes() {
    modified_.clear();
    requests_modified_.clear();
  }
  static std::string id(int number) {
    std::string digits = std::to_string(number);
    return "zzzzz-dz642-" + std::string(15 - digits.size(), '0') + digits;
  }

  awaitable<Result<std::string>> current_token_uuid() override { co_return "zzzzz-gj3su-000000000000000"; }
  awaitable<Result<std::vector<Container>>> list_containers(ContainerQuery query) override {
    co_await runtime_.sleep_for(1ms);
    ++requests;
    const double begun = thread_cpu();
    const std::string text = list(query);
    writing += thread_cpu() - begun;
    co_return containers_of(text);
  }
  awaitable<Result<std::vector<ModifiedRecord>>> list_modified(ModifiedQuery query) override {
    co_await runtime_.sleep_for(1ms);
    ++requests;
    const double begun = thread_cpu();
    const std::string text = list(query);
    writing += thread_cpu() - begun;
    co_return modified_of(text);
  }
  awaitable<Result<FinishedPage>> list_finished(FinishedQuery) override { co_return no(); }
  awaitable<Result<std::map<std::string, Mount>>> get_mounts(std::string) override { co_return no(); }
  awaitable<Result<ContainerUpdate>> lock(std::string) override { co_return no(); }
  awaitable<Result<ContainerUpdate>> unlock(std::string) override { co_return no(); }
  awaitable<Result<ContainerUpdate>> cancel(std::string) override { co_return no(); }
  awaitable<Result<void>> set_runtime_error(std::string, std::string) override { co_return no(); }
  awaitable<Result<ContainerState>> get_state(std::string) override { co_return no(); }
  std::optional<SteadyTime> last_503() const override { return std::nullopt; }

 private:
  struct Record {
    std::int64_t priority = 0;
    WallTime modified{};
    WallTime request_modified{};
    bool held = false;
  };

  static tl::unexpected<Error> no() { return fail(ErrorKind::failed, "not in this bench"); }

  static void write(std::string& text, const std::string& uuid, const Record& record, const ContainerQuery& query) {
    text += text.back() == '[' ? "{" : ",{";
    text += "\"uuid\":\"" + uuid + "\",\"state\":\"" + (record.held ? "Running" : "Queued") +
            "\",\"priority\":" + std::to_string(record.priority);
    if (!query.brief)
      text +=
          ",\"runtime_constraints\":{\"API\":false,\"gpu\":{\"stack\":\"\",\"device_count\":0,\"driver_version\":\"\","
          "\"hardware_target\":[],\"vram\":0},\"keep_cache_disk\":2147483648,\"keep_cache_ram\":0,\"ram\":1000000000,"
          "\"vcpus\":1},\"container_image\":\"d4e2bd5c1f3b5e3a7c9f0a1b2c3d4e5f+1234\",\"scheduling_parameters\":"
          "{\"max_run_time\":0,\"partitions\":[],\"preemptible\":false,\"supervisor\":false},"
          "\"created_at\":\"2026-01-02T03:04:05.123456789Z\"";
    if (query.with_mounts)
      text +=
          ",\"mounts\":{\"/keep\":{\"kind\":\"collection\",\"portable_data_hash\":\"d4e2bd5c1f3b5e3a7c9f0a1b2c3d4e5f+"
          "99\"},\"/tmp\":{\"kind\":\"tmp\",\"capacity\":10000000000}}";
    text += '}';
  }

  std::string list(const ContainerQuery& query) const {
    std::string text = "{\"items\":[";
    std::int64_t left = query.limit > 0 ? std::min<std::int64_t>(query.limit, 1000) : 100;
    if (query.order == "priority desc") {
      auto skip = query.offset;
      for (auto it = by_priority_.begin(); it != by_priority_.end() && left > 0; ++it) {
        if (skip-- > 0) continue;
        write(text, it->second, records_.at(it->second), query);
        --left;
      }
      return text + "]}";
    }
    std::string after;
    const std::map<std::string, Record>* listed = &records_;
    for (const auto& filter : query.filters) {
      if (filter.field == "locked_by_uuid") listed = &held_;
      if (filter.op == ">" && filter.field == "uuid") after = filter.operand;
      if (filter.op != "in") continue;
      for (const auto& uuid : filter.uuids)
        for (const auto* records : {&records_, &held_})
          if (const auto found = records->find(uuid); found != records->end()) write(text, uuid, found->second, query);
      return text + "]}";
    }
    for (auto it = listed->upper_bound(after); it != listed->end() && left > 0; ++it, --left)
      write(text, it->first, it->second, query);
    return text + "]}";
  }

  std::string list(const ModifiedQuery& query) const {
    const bool requests_too = query.of == ModifiedQuery::Of::requests;
    std::string text = "{\"items\":[";
    std::int64_t left = query.limit > 0 ? query.limit : 100;
    for (const std::string& uuid : requests_too ? requests_modified_ : modified_) {
      const Record& record = records_.at(uuid);
      const WallTime at = requests_too ? record.request_modified : record.modified;
      std::string own = uuid;
      if (requests_too) own.replace(6, 5, "xvhdp");
      if (at < query.since || own <= query.after || left-- <= 0) continue;
      text += text.back() == '[' ? "{" : ",{";
      text += "\"uuid\":\"" + own + "\",\"modified_at\":\"" + format_time(at) + '"';
      text += requests_too ? ",\"container_uuid\":\"" + uuid + "\"}"
                           : ",\"state\":\"Queued\",\"priority\":" + std::to_string(record.priority) + '}';
    }
    return text + "]}";
  }

  Runtime& runtime_;
  std::map<std::string, Record> records_;  // that wait
  std::map<std::string, Record> held_;
  std::set<std::pair<std::int64_t, std::string>> by_priority_;
  std::set<std::string> modified_, requests_modified_;
};

enum class What { waiting, waiting_with_sweeps, running };

class PollBench {
 public:
  /// With sweeps the tail is listed every 25 s besides, as it is by default.
  PollBench(int containers, What what) : containers_(containers) {
    runtime_.set_settle_limit(std::size_t{1} << 40);
    InstanceType type;
    type.name = "small";
    type.vcpus = 4;
    type.ram = 16'000'000'000;
    type.included_scratch = 100'000'000'000;
    options_.instance_types = {{type.name, type}};
    if (what == What::waiting) options_.tail_page_interval = options_.tail_sweep_time = std::chrono::hours(24 * 365);
    for (int i = 0; i < containers; ++i)
      if (what == What::running)
        api_.add_held(i);
      else
        api_.add(i, 1000 + i);
    api_.forget_old_changes();
    queue_ = std::make_unique<ContainerQueue>(runtime_, Logger(), metrics_, api_, options_);
  }

  void load() {
    const double memory = Memory::now().resident;
    const Cost cost = measure([&] {
      queue_->start();
      if (!runtime_.run_until([&] { return std::ssize(queue_->snapshot()->entries) == containers_; }, 1h))
        throw std::runtime_error("the queue was not loaded");
    });
    std::printf("%6d containers: all of them loaded                        CPU %8.2f ms  %5lld requests  %.0f MB\n",
                containers_, 1e3 * cost.cpu, static_cast<long long>(cost.requests), Memory::now().resident - memory);
    runtime_.run_for(2min);
  }

  /// Half of the changes are new containers, half are priorities; all beyond the window.
  void poll(int changes, const char* what) {
    constexpr int polls = 10;
    Cost sum;
    for (int i = 0; i < polls; ++i) {
      api_.forget_old_changes();
      runtime_.run_for(30s);  // the overlap of lists by modification is over
      for (int j = 0; j < changes / 2; ++j) {
        api_.add(containers_ + added_++, 1);
        api_.set_priority((i * changes + 7 * j) % (containers_ / 2), 500 + i);
      }
      const Cost cost = measure([&] { runtime_.run_for(options_.poll_interval); });
      sum.cpu += cost.cpu / polls;
      sum.requests += cost.requests;
      if (std::ssize(queue_->snapshot()->entries) != containers_ + added_)
        throw std::runtime_error("not all were seen");
    }
    std::printf("%6d containers: %s, %4d changes   CPU %8.2f ms  %5.1f requests\n", containers_, what, changes,
                1e3 * sum.cpu, static_cast<double>(sum.requests) / polls);
  }

  void stop() {
    bool stopped = false;
    asio::co_spawn(runtime_.executor(), queue_->stop(), [&](const std::exception_ptr&) { stopped = true; });
    runtime_.run_until([&] { return stopped; }, 1h);
  }

 private:
  struct Cost {
    double cpu = 0;
    std::int64_t requests = 0;
  };
  template <class F>
  Cost measure(F work) {
    const double writing = api_.writing;
    const std::int64_t requests = api_.requests;
    const double begun = thread_cpu();
    work();
    return {thread_cpu() - begun - (api_.writing - writing), api_.requests - requests};
  }

  const int containers_;
  int added_ = 0;
  SimRuntime runtime_;
  Metrics metrics_;
  JsonApi api_{runtime_};
  QueueOptions options_;
  std::unique_ptr<ContainerQueue> queue_;
};

void bench(int containers) {
  for (const What what : {What::waiting, What::waiting_with_sweeps}) {
    PollBench bench(containers, what);
    bench.load();
    for (const int changes : {0, 100, 1000})
      bench.poll(changes,
                 what == What::waiting ? "a poll alone                    " : "10 s: a poll, sweeps of the tail");
    bench.stop();
  }
  PollBench bench(std::min(containers, 10'000), What::running);
  bench.load();
  bench.poll(0, "a poll; all of them run         ");
  bench.stop();
}

}  // namespace
}  // namespace berth

int main(int argc, char** argv) {
  if (argc < 2)
    for (const int containers : {10'000, 100'000}) berth::bench(containers);
  for (int i = 1; i < argc; ++i) berth::bench(std::stoi(argv[i]));
}
