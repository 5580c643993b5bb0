#include "progress.hpp"

#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "berth/base/units.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration on_terminal = 500ms;
constexpr Duration elsewhere = 10s;
constexpr std::uint64_t events_per_look = 64;  // at the clock

}  // namespace

Progress::Progress(const Runtime& clock)
    : clock_(clock),
      terminal_(isatty(STDERR_FILENO) == 1),
      next_(clock.now() + (terminal_ ? on_terminal : elsewhere)) {}

void Progress::begin(std::string history, std::size_t containers) {
  history_ = std::move(history);
  containers_ = containers;
  complete_ = 0;
}

void Progress::on_event(const SimEvent& event) {
  if (event.kind == SimEventKind::complete) ++complete_;
  if (event.number % events_per_look != 0) return;
  const SteadyTime now = clock_.now();
  if (now < next_) return;
  next_ = now + (terminal_ ? on_terminal : elsewhere);
  show(event.at);
}

void Progress::show(Duration elapsed) {
  const auto minutes = std::chrono::floor<std::chrono::minutes>(elapsed);
  const std::string text = fmt::format("berth-sim: {}: {} h {:02} min simulated, {} of {} containers complete",
                                       history_, minutes / 1h, minutes % 1h / 1min, complete_, containers_);
  std::fprintf(stderr, terminal_ ? "\r\x1b[K%s" : "%s\n", text.c_str());
  std::fflush(stderr);
  shown_ = terminal_;
}

void Progress::end() {
  if (!std::exchange(shown_, false)) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
}

}  // namespace berth
