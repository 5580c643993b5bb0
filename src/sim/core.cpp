#include "core.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace berth {

SimCore::SimCore(SimOptions o)
    : options(std::move(o)),
      runtime(options.seed),
      chance(options.seed * 2 + 1),
      begin(runtime.now()),
      wall_begin(runtime.wall_now()) {
  constexpr std::size_t enough_handlers = 2'000'000;  // in one moment
  runtime.set_settle_limit(enough_handlers);
}

// FNV-1a.
void SimCore::mix(std::string_view text) {
  constexpr std::uint64_t prime = 0x100000001b3;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * prime;
  hash = (hash ^ 0xff) * prime;
}

bool SimCore::struck(double SimFaults::*rate) {
  const auto is_it = [rate](const NamedFault& fault) { return fault.rate == rate; };
  const auto& all = named_faults();
  ++strike_counts[static_cast<std::size_t>(std::find_if(all.begin(), all.end(), is_it) - all.begin())];
  return true;
}

void SimCore::note(SimEventKind kind, std::string_view container, std::string_view instance, std::string_view detail) {
  const SimEvent event{++events, elapsed(), kind, container, instance, detail};
  hash ^= static_cast<std::uint64_t>(event.at.count()) * 0x9e3779b97f4a7c15;
  mix(to_string(kind));
  mix(container);
  mix(instance);
  mix(detail);
  last_event_.assign(to_string(kind));
  for (const std::string_view part : {container, instance, detail})
    if (!part.empty()) last_event_.append(1, ' ').append(part);
  for (SimObserver* observer : observers) observer->on_event(event);
}

void SimCore::violate(std::string invariant, std::string detail) {
  if (violation) return;
  violation = SimViolation{std::move(invariant), std::move(detail), events, last_event_, elapsed()};
}

std::string format_elapsed(Duration elapsed) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
  char text[64];
  (void)std::snprintf(text, sizeof text, "%lldh%02lldm%02lld.%03llds", static_cast<long long>(ms / 3'600'000),
                      static_cast<long long>(ms / 60'000 % 60), static_cast<long long>(ms / 1000 % 60),
                      static_cast<long long>(ms % 1000));
  return text;
}

std::string_view to_string(SimEventKind kind) {
  switch (kind) {
    case SimEventKind::submitted:
      return "submitted";
    case SimEventKind::locked:
      return "locked";
    case SimEventKind::unlocked:
      return "unlocked";
    case SimEventKind::running:
      return "running";
    case SimEventKind::complete:
      return "complete";
    case SimEventKind::cancelled:
      return "cancelled";
    case SimEventKind::reprioritized:
      return "reprioritized";
    case SimEventKind::instance_created:
      return "instance-created";
    case SimEventKind::create_refused:
      return "create-refused";
    case SimEventKind::instance_booted:
      return "instance-booted";
    case SimEventKind::instance_destroyed:
      return "instance-destroyed";
    case SimEventKind::instance_died:
      return "instance-died";
    case SimEventKind::instance_gone:
      return "instance-gone";
    case SimEventKind::tags_written:
      return "tags-written";
    case SimEventKind::start_command:
      return "start-command";
    case SimEventKind::runner_began:
      return "runner-began";
    case SimEventKind::runner_ended:
      return "runner-ended";
    case SimEventKind::kill_command:
      return "kill-command";
    case SimEventKind::dispatcher_started:
      return "dispatcher-started";
    case SimEventKind::dispatcher_ended:
      return "dispatcher-ended";
    case SimEventKind::lease_taken:
      return "lease-taken";
    case SimEventKind::lease_lost:
      return "lease-lost";
    case SimEventKind::api_call:
      return "api-call";
    case SimEventKind::command:
      return "command";
    case SimEventKind::fault:
      return "fault";
    case SimEventKind::verb:
      return "verb";
    case SimEventKind::storm:
      return "storm";
  }
  return "";
}

}  // namespace berth
