// Runs histories by seed and says which promises they broke.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "berth/sim/history.hpp"

namespace {

using namespace berth;

std::string at(Duration elapsed) {
  const auto seconds = std::chrono::duration<double>(elapsed).count();
  char text[32];
  (void)std::snprintf(text, sizeof text, "%.3f s", seconds);
  return text;
}

class Printer final : public SimObserver, public LogSink {
 public:
  void on_event(const SimEvent& event) override {
    now_ = event.at;
    std::printf("%12s #%" PRIu64 " %s %s %s %s\n", at(event.at).c_str(), event.number,
                std::string(to_string(event.kind)).c_str(), std::string(event.container).c_str(),
                std::string(event.instance).c_str(), std::string(event.detail).c_str());
  }
  void write(const LogRecord& record) override {
    std::printf("%12s   log %s", at(now_).c_str(), std::string(record.event).c_str());
    for (const auto& field : record.fields) std::printf(" %s=%s", field.key.c_str(), field.shown.c_str());
    std::printf("\n");
  }

 private:
  Duration now_{};
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"berth_soak: histories of the dispatcher in simulated time"};
  std::uint64_t seeds = 500;
  std::uint64_t first = 1;
  std::uint64_t step = 1;
  double hours = 6;
  double minutes = 0;
  bool trace = false;
  app.add_option("--seeds", seeds);
  app.add_option("--first-seed", first);
  app.add_option("--step", step);
  app.add_option("--hours", hours);
  app.add_option("--minutes", minutes);
  app.add_flag("--trace", trace);
  CLI11_PARSE(app, argc, argv);

  const auto duration = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::ratio<3600>>(hours));
  const auto started = std::chrono::steady_clock::now();
  std::uint64_t events = 0;
  std::uint64_t failures = 0;
  std::uint64_t run = 0;
  double simulated = 0;
  for (; run < seeds; ++run) {
    if (minutes > 0 &&
        std::chrono::steady_clock::now() - started > std::chrono::duration<double, std::ratio<60>>(minutes))
      break;
    SimOptions options = draw_history(first + run * step, duration);
    const auto printer = std::make_shared<Printer>();
    if (trace) {
      options.log = printer;
      options.log_level = LogLevel::debug;
    }
    SimWorld world(std::move(options));
    if (trace) world.observe(*printer);
    const bool fine = world.run();
    events += world.events();
    simulated += std::chrono::duration<double, std::ratio<3600>>(world.elapsed()).count();
    if (seeds == 1) std::printf("hash %016" PRIx64 "\n", world.event_hash());
    if (fine) continue;
    ++failures;
    const SimViolation& v = *world.violation();
    std::printf("FAILED seed %" PRIu64 ": %s at %s, event #%" PRIu64
                " (%s): %s; replay: ./dev soak --seeds 1 --first-seed %" PRIu64 " --hours %g (hash %016" PRIx64 ")\n",
                first + run * step, v.invariant.c_str(), at(v.at).c_str(), v.event, v.event_text.c_str(),
                v.detail.c_str(), first + run * step, hours, world.event_hash());
    std::fflush(stdout);
  }
  std::printf("soak: %" PRIu64 " seeds, %.0f simulated hours, %" PRIu64 " events, %" PRIu64 " failures\n", run,
              simulated, events, failures);
  return failures > 0 ? 1 : 0;
}
