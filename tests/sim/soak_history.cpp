#include "soak_history.hpp"

#include <array>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>

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

bool read_corpus(const std::string& path, std::vector<SoakHistory>& out) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    SoakHistory history;
    if (!(std::istringstream(line) >> history.seed >> history.hours >> history.policy)) return false;
    out.push_back(history);
  }
  return file.eof();
}

}  // namespace berth
