// Runs histories by seed and says which promises they broke: ./dev soak.
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "berth/base/seconds.hpp"
#include "berth/sim/history.hpp"

#include "soak_history.hpp"

namespace {

using namespace berth;
using Clock = std::chrono::steady_clock;
using Hours = std::chrono::duration<double, std::ratio<3600>>;
using Minutes = std::chrono::duration<double, std::ratio<60>>;
constexpr int usage_error = 2;
constexpr std::int64_t most_seeds = 1'000'000'000;

struct Arguments {
  std::uint64_t seeds = 500;  ///< with --minutes alone, as many as there is time for
  std::uint64_t first_seed = 1;
  double hours = 6;
  double minutes = 0;  ///< of real time after which no seed is begun; 0: no limit
  unsigned threads = 2;
  unsigned patience = 600;  ///< seconds of real time that one history may take
  std::string corpus;
  std::string policy;     ///< empty: that of the history
  std::string event_bus;  ///< empty: as the history has it
  bool trace = false;
  bool until_first = false;
  bool faults = false;
};

struct Total {
  std::uint64_t seeds = 0;
  double hours = 0;
  std::uint64_t events = 0;
  std::uint64_t excused = 0;
  std::uint64_t failures = 0;
  std::map<std::string_view, std::uint64_t> strikes;  ///< by fault
};

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

void print_failure(const SoakHistory& history, const SimWorld& world) {
  const SimViolation& broken = *world.violation();
  std::printf("FAILED seed %" PRIu64 ": %s at %.3f s, event #%" PRIu64 " (%s): %s; hash %016" PRIx64
              "; replay: ./dev soak %s --trace\n",
              history.seed, broken.invariant.c_str(), seconds(broken.at), broken.event, broken.event_text.c_str(),
              broken.detail.c_str(), world.event_hash(), arguments_of(history).c_str());
  std::fflush(stdout);
}

/// Hands out histories to threads, and adds up. A history that does not come to its end is told of, and ends the
/// program: its thread cannot be stopped.
class Soak {
 public:
  Soak(const Arguments& arguments, std::vector<SoakHistory> corpus)
      : arguments_(arguments),
        corpus_(std::move(corpus)),
        count_(corpus_.size() + arguments.seeds),
        under_way_(arguments.threads),
        begun_(Clock::now()) {}

  Total run() {
    std::vector<std::thread> threads;
    std::thread watchdog([this] { watch(); });
    for (unsigned i = 0; i < arguments_.threads; ++i) threads.emplace_back([this, i] { work(i); });
    for (std::thread& thread : threads) thread.join();
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    watchdog.join();
    return total_;
  }

 private:
  struct UnderWay {
    const SoakHistory* history = nullptr;
    Clock::time_point since;
  };

  SoakHistory history(std::size_t i) const {
    if (i < corpus_.size()) return corpus_[i];
    return {arguments_.first_seed + (i - corpus_.size()), arguments_.hours, arguments_.policy, arguments_.event_bus};
  }
  void work(unsigned thread) {
    for (std::size_t i = next_++; i < count_ && !enough(); i = next_++) {
      const SoakHistory next = history(i);
      set_under_way(thread, &next);
      run_one(next);
      set_under_way(thread, nullptr);
    }
  }
  void set_under_way(unsigned thread, const SoakHistory* history) {
    const std::lock_guard lock(mutex_);
    under_way_[thread] = {history, Clock::now()};
  }
  bool enough() {
    const std::lock_guard lock(mutex_);
    if (arguments_.until_first && total_.failures > 0) return true;
    return arguments_.minutes > 0 && Clock::now() - begun_ > Minutes(arguments_.minutes);
  }

  void watch() {
    std::unique_lock lock(mutex_);
    while (!done_) {
      changed_.wait_for(lock, std::chrono::seconds(1));
      for (const UnderWay& one : under_way_) {
        if (!one.history || Clock::now() - one.since < std::chrono::seconds(arguments_.patience)) continue;
        std::printf("FAILED seed %" PRIu64 ": hangs for %u s of real time; replay: ./dev soak %s --trace\n",
                    one.history->seed, arguments_.patience, arguments_of(*one.history).c_str());
        std::fflush(stdout);
        std::_Exit(1);
      }
    }
  }

  void run_one(const SoakHistory& history) {
    SimOptions options = options_of(history);
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
    total_.excused += world.excused();
    for (const auto& [fault, count] : world.strikes()) total_.strikes[fault] += count;
    if (count_ == 1)
      std::printf("seed %" PRIu64 ": hash %016" PRIx64 "; replay: ./dev soak %s\n", history.seed, world.event_hash(),
                  arguments_of(history).c_str());
    if (fine) return;
    ++total_.failures;
    print_failure(history, world);
  }

  const Arguments arguments_;
  const std::vector<SoakHistory> corpus_;
  const std::size_t count_;
  std::vector<UnderWay> under_way_;  // by thread
  const Clock::time_point begun_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  Total total_;
};

void add_options(CLI::App& app, Arguments& arguments) {
  constexpr std::int64_t most_threads = 256, most_patience = 1'000'000;
  constexpr double least_hours = 0.01, most_hours = 1000, most_minutes = 1e6;
  app.add_option("--seeds", arguments.seeds, "how many; with --minutes alone, as many as there is time for")
      ->check(CLI::Range(std::int64_t{1}, most_seeds))
      ->capture_default_str();
  app.add_option("--first-seed", arguments.first_seed, "the others follow it")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 62))
      ->capture_default_str();
  app.add_option("--hours", arguments.hours, "simulated time of each")
      ->check(CLI::Range(least_hours, most_hours))
      ->capture_default_str();
  app.add_option("--minutes", arguments.minutes, "real time after which no more are begun; 0: no limit")
      ->check(CLI::Range(0.0, most_minutes));
  app.add_option("--threads", arguments.threads, "at a time")
      ->check(CLI::Range(std::int64_t{1}, most_threads))
      ->capture_default_str();
  app.add_option("--patience", arguments.patience, "seconds of real time after which a history counts as hanging")
      ->check(CLI::Range(std::int64_t{1}, most_patience))
      ->capture_default_str();
  app.add_option("--corpus", arguments.corpus, "file of histories to run first");
  app.add_option("--policy", arguments.policy, "of the planner, instead of the history's own: cost, greedy, reference")
      ->check(CLI::IsMember({"cost", "greedy", "reference"}));
  app.add_option("--event-bus", arguments.event_bus, "instead of the history's own; lossy: a tenth of the news is lost")
      ->check(CLI::IsMember({"none", "whole", "lossy"}));
  app.add_flag("--faults", arguments.faults, "print how often each fault has struck");
  app.add_flag("--trace", arguments.trace, "print every event and log line");
  app.add_flag("--until-first", arguments.until_first, "stop at the first failure");
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Histories of the whole dispatcher in simulated time; exit status 1 if any broke a promise."};
  add_options(app, arguments);
  try {
    app.parse(argc, argv);
    if (std::isnan(arguments.hours) || std::isnan(arguments.minutes))
      throw CLI::ValidationError("--hours and --minutes are numbers");
    if (arguments.minutes > 0 && app.count("--seeds") == 0) arguments.seeds = most_seeds;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : usage_error;
  }
  auto corpus = arguments.corpus.empty() ? std::vector<SoakHistory>{} : read_corpus(arguments.corpus);
  if (!corpus) {
    std::fprintf(stderr, "berth_soak: %s\n", corpus.error().message.c_str());
    return usage_error;
  }
  const Total total = Soak(arguments, std::move(*corpus)).run();
  if (arguments.faults)
    for (const auto& [fault, count] : total.strikes)
      std::printf("fault %.*s: %" PRIu64 "\n", static_cast<int>(fault.size()), fault.data(), count);
  std::uint64_t strikes = 0;
  for (const auto& [fault, count] : total.strikes) strikes += count;
  std::printf("soak: %" PRIu64 " seeds, %.0f simulated hours, %" PRIu64 " events, %" PRIu64
              " strikes of %zu faults, %" PRIu64 " second runners excused, %" PRIu64 " failures\n",
              total.seeds, total.hours, total.events, strikes, total.strikes.size(), total.excused, total.failures);
  return total.failures > 0 ? 1 : 0;
}
