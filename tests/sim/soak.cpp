// Runs histories by seed and says which promises they broke: ./dev soak.
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "berth/sim/history.hpp"

namespace {

using namespace berth;
using Hours = std::chrono::duration<double, std::ratio<3600>>;
using Minutes = std::chrono::duration<double, std::ratio<60>>;

struct Arguments {
  std::uint64_t seeds = 500;
  std::uint64_t first_seed = 1;
  double hours = 6;
  double minutes = 0;  ///< of real time after which no seed is begun; 0: no limit
  unsigned threads = 2;
  std::string corpus;
  std::string policy;     ///< empty: that of the history
  std::string event_bus;  ///< empty: as the history has it
  bool trace = false;
  bool until_first = false;
};

struct History {
  std::uint64_t seed = 0;
  double hours = 0;
  std::string policy;  ///< empty: that which the seed has
};

struct Total {
  std::uint64_t seeds = 0;
  double hours = 0;
  std::uint64_t events = 0;
  std::uint64_t failures = 0;
};

double seconds(Duration elapsed) {
  return std::chrono::duration<double>(elapsed).count();
}

/// Prints every event, and between them the dispatchers' own log.
class Printer final : public SimObserver, public LogSink {
 public:
  void on_event(const SimEvent& event) override {
    now_ = event.at;
    std::printf("%12.3f #%" PRIu64 " %s", seconds(event.at), event.number, std::string(to_string(event.kind)).c_str());
    for (const std::string_view part : {event.container, event.instance, event.detail})
      if (!part.empty()) std::printf(" %.*s", static_cast<int>(part.size()), part.data());
    std::printf("\n");
  }
  void write(const LogRecord& record) override {
    std::printf("%12.3f   log: %.*s", seconds(now_), static_cast<int>(record.event.size()), record.event.data());
    for (const auto& field : record.fields) std::printf(" %s=%s", field.key.c_str(), field.shown.c_str());
    std::printf("\n");
  }

 private:
  Duration now_{};
};

void set_event_bus(SimApiModel& api, const std::string& kind) {
  api.event_bus.reset();
  if (kind != "none") api.event_bus.emplace();
  if (kind == "lossy") api.event_bus->loss = 0.1;
}

void print_failure(const History& history, const SimWorld& world) {
  const SimViolation& broken = *world.violation();
  std::printf("FAILED seed %" PRIu64 ": %s at %.3f s, event #%" PRIu64 " (%s): %s; hash %016" PRIx64
              "; replay: ./dev soak --seeds 1 --first-seed %" PRIu64 " --hours %g%s%s --trace\n",
              history.seed, broken.invariant.c_str(), seconds(broken.at), broken.event, broken.event_text.c_str(),
              broken.detail.c_str(), world.event_hash(), history.seed, history.hours,
              history.policy.empty() ? "" : " --policy ", history.policy.c_str());
  std::fflush(stdout);
}

/// Hands out histories to threads, and adds up.
class Soak {
 public:
  Soak(const Arguments& arguments, std::vector<History> histories)
      : arguments_(arguments), histories_(std::move(histories)), begun_(std::chrono::steady_clock::now()) {}

  Total run() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(1U, arguments_.threads); ++i) threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    return total_;
  }

 private:
  void work() {
    for (std::size_t i = next_++; i < histories_.size() && !enough(); i = next_++) run_one(histories_[i]);
  }
  bool enough() {
    const std::lock_guard lock(mutex_);
    if (arguments_.until_first && total_.failures > 0) return true;
    return arguments_.minutes > 0 && std::chrono::steady_clock::now() - begun_ > Minutes(arguments_.minutes);
  }

  void run_one(const History& history) {
    SimOptions options = draw_history(history.seed, std::chrono::duration_cast<Duration>(Hours(history.hours)));
    if (!history.policy.empty()) options.cluster.containers.cloud_vms.policy = history.policy;
    if (!arguments_.event_bus.empty()) set_event_bus(options.api, arguments_.event_bus);
    const auto printer = std::make_shared<Printer>();
    if (arguments_.trace) {
      std::printf("%s\n", describe(options).c_str());
      options.log = printer;
      options.log_level = LogLevel::debug;
    }
    SimWorld world(std::move(options));
    if (arguments_.trace) world.observe(*printer);
    const bool fine = world.run();
    const std::lock_guard lock(mutex_);
    ++total_.seeds;
    total_.events += world.events();
    total_.hours += Hours(world.elapsed()).count();
    if (arguments_.seeds == 1) std::printf("seed %" PRIu64 ": hash %016" PRIx64 "\n", history.seed, world.event_hash());
    if (fine) return;
    ++total_.failures;
    print_failure(history, world);
  }

  const Arguments arguments_;
  const std::vector<History> histories_;
  const std::chrono::steady_clock::time_point begun_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  Total total_;
};

/// Lines `SEED HOURS POLICY what it found`; `#` begins a comment. False if it cannot be read.
bool read_corpus(const std::string& path, std::vector<History>& out) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    History history;
    if (!(std::istringstream(line) >> history.seed >> history.hours >> history.policy)) return false;
    out.push_back(history);
  }
  return file.eof();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Histories of the whole dispatcher in simulated time; exit status 1 if any broke a promise."};
  app.add_option("--seeds", arguments.seeds, "how many")->capture_default_str();
  app.add_option("--first-seed", arguments.first_seed, "the others follow it")->capture_default_str();
  app.add_option("--hours", arguments.hours, "simulated time of each")->capture_default_str();
  app.add_option("--minutes", arguments.minutes, "real time after which no more are begun; 0: no limit");
  app.add_option("--threads", arguments.threads, "at a time")->capture_default_str();
  app.add_option("--corpus", arguments.corpus, "file of histories to run first");
  app.add_option("--policy", arguments.policy, "of the planner, instead of the history's own: cost, greedy, reference");
  app.add_option("--event-bus", arguments.event_bus, "instead of the history's own; lossy: a tenth of the news is lost")
      ->check(CLI::IsMember({"none", "whole", "lossy"}));
  app.add_flag("--trace", arguments.trace, "print every event and log line");
  app.add_flag("--until-first", arguments.until_first, "stop at the first failure");
  CLI11_PARSE(app, argc, argv);

  std::vector<History> histories;
  if (!arguments.corpus.empty() && !read_corpus(arguments.corpus, histories)) {
    std::fprintf(stderr, "berth_soak: cannot read %s\n", arguments.corpus.c_str());
    return 2;
  }
  for (std::uint64_t i = 0; i < arguments.seeds; ++i)
    histories.push_back({arguments.first_seed + i, arguments.hours, arguments.policy});
  const Total total = Soak(arguments, std::move(histories)).run();
  std::printf("soak: %" PRIu64 " seeds, %.0f simulated hours, %" PRIu64 " events, %" PRIu64 " failures\n", total.seeds,
              total.hours, total.events, total.failures);
  return total.failures > 0 ? 1 : 0;
}
