#include "soak_history.hpp"

#include <array>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>

#include "berth/scheduler/plan.hpp"
#include "berth/sim/history.hpp"

namespace berth {
namespace {

void set_event_bus(SimApiModel& api, const std::string& kind) {
  api.event_bus.reset();
  if (kind != "none") api.event_bus.emplace();
  if (kind == "lossy") api.event_bus->loss = 0.1;
}

/// The shortest text that reads as the same number.
std::string exact(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), end.ptr};
}

Result<SoakHistory> parse_history(const std::string& line) {
  SoakHistory history;
  if (!(std::istringstream(line) >> history.seed >> history.hours >> history.policy))
    return fail(ErrorKind::invalid, "a line is SEED HOURS POLICY, then what it found");
  if (const auto policy = parse_policy(history.policy); !policy) return fail(policy.error());
  return history;
}

}  // namespace

SimOptions options_of(const SoakHistory& history) {
  using Hours = std::chrono::duration<double, std::ratio<3600>>;
  SimOptions options = draw_history(history.seed, std::chrono::duration_cast<Duration>(Hours(history.hours)));
  if (!history.policy.empty()) options.cluster.containers.cloud_vms.policy = history.policy;
  if (!history.event_bus.empty()) set_event_bus(options.api, history.event_bus);
  return options;
}

std::string arguments_of(const SoakHistory& history) {
  std::string text = "--seeds 1 --first-seed " + std::to_string(history.seed) + " --hours " + exact(history.hours);
  if (!history.policy.empty()) text += " --policy " + history.policy;
  if (!history.event_bus.empty()) text += " --event-bus " + history.event_bus;
  return text;
}

Result<std::vector<SoakHistory>> read_corpus(const std::string& path) {
  std::vector<SoakHistory> corpus;
  std::ifstream file(path);
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    auto history = parse_history(line);
    if (!history) return fail(history.error().within(path + ":" + std::to_string(number)));
    corpus.push_back(std::move(*history));
  }
  if (!file.eof()) return fail(ErrorKind::failed, path + ": cannot be read");
  return corpus;
}

}  // namespace berth
