#pragma once

#include <array>
#include <string_view>

#include "berth/base/time.hpp"

namespace berth {

/// What may go wrong, each with its rate; 0 switches it off. They act while a storm lasts (SimOptions::storms). Rates
/// without a unit are chances per call, command, instance or runner; the others count per simulated hour.
struct SimFaults {
  // Container API
  double api_error = 0;        ///< 500, nothing done
  double api_unavailable = 0;  ///< 503, nothing done
  double api_timeout = 0;      ///< the request is lost: no answer until the call's deadline
  double api_lost_answer = 0;  ///< it took effect, the answer is lost
  double api_slow = 0;         ///< request or answer is late by up to 25 s: answers overtake each other
  double api_garbled = 0;      ///< the answer cannot be decoded
  double list_stale = 0;       ///< a page of a list of containers is as they were up to 10 s before it was asked for

  // Event bus
  double bus_refuses = 0;    ///< a subscription
  double bus_breaks = 0;     ///< a connection, within 10 min; half of these are silent for a minute before
  double news_lost = 0;      ///< beyond SimEventBusModel::loss
  double news_late = 0;      ///< by up to 25 s, so that later news overtake them
  double news_doubled = 0;   ///< the second time later
  double news_garbled = 0;   ///< cannot be read
  double news_outdated = 0;  ///< a change of a container says a state that it had before, or never had

  // Cloud
  double create_refused = 0;
  double create_throttled = 0;   ///< rate limit, with the time of the next try
  double create_no_room = 0;     ///< capacity, in one of the three scopes
  double create_over_quota = 0;  ///< a quota that only the cloud knows
  double create_lost = 0;        ///< the instance is made, the answer never comes
  double create_doubled = 0;     ///< the cloud makes two
  double list_failed = 0;
  double listed_late = 0;    ///< a new instance: not in lists for up to 90 s
  double list_omission = 0;  ///< a list leaves one instance out
  double tags_late = 0;      ///< of a new instance: not shown for up to 90 s, so lists by tag miss it
  double tags_failed = 0;    ///< a write of tags
  double destroy_failed = 0;
  double destroy_lost = 0;  ///< the answer says yes, nothing happens
  double cloud_slow = 0;    ///< a call or its answer is late by up to 40 s
  double cloud_lost = 0;    ///< a list, destroy or write of tags, or its answer, never comes

  // Instances
  double never_boots = 0;
  double slow_boot = 0;               ///< ten times as long
  double deaths_per_hour = 0;         ///< of each instance, without warning
  double interruptions_per_hour = 0;  ///< the same of each preemptible instance: spot
  double hangs_per_hour = 0;          ///< of each instance: it accepts commands and answers none, for ever
  double partitions_per_hour = 0;     ///< of each instance: no network for up to 5 min
  double breakdowns_per_hour = 0;     ///< of each instance: its runner reports `broken`
  double command_slow = 0;            ///< by up to 40 s
  double command_dropped = 0;         ///< the connection breaks before, while or after the command is carried out
  double command_cut = 0;             ///< the connection breaks at any byte of the command's stdin or output
  double command_killed = 0;          ///< by SIGKILL, before it does anything or at any byte of its output

  double watch_breaks = 0;  ///< an exit watch ends within 10 min
  double watch_misses = 0;  ///< it does not tell of an end
  double watch_lies = 0;    ///< it tells of the end of a runner that has only begun

  // Runners
  double start_fails = 0;        ///< the start command says no
  double dies_before = 0;        ///< after its start, before it claims the container
  double gives_back = 0;         ///< fails before the container runs, sets it Queued again
  double dies_during = 0;        ///< while the container runs
  double dies_after = 0;         ///< as it sets the final state: before or after that takes effect
  double lingers = 0;            ///< stays for up to 2 min after the final state
  double ignores_term = 0;       ///< for ever
  double leaves_stale_lock = 0;  ///< a child keeps the lock of a runner that died, for up to 2 min

  // Dispatchers
  double kills_per_hour = 0;     ///< as by SIGKILL, at an event
  double restarts_per_hour = 0;  ///< stopped in order, started again
  double lease_losses_per_hour = 0;
  double clock_steps_per_hour = 0;  ///< of the dispatchers' wall clock, by up to 2 h either way
  double prices_change = 0;         ///< those of all types, before a dispatcher is started

  // People
  double operator_verbs_per_hour = 0;  ///< hold, drain, run, kill instance, kill container
  double user_verbs_per_hour = 0;      ///< cancel, priority up and down, hold and release
};

struct NamedFault {
  std::string_view name;
  double SimFaults::*rate;
};

constexpr std::size_t fault_count = sizeof(SimFaults) / sizeof(double);

/// All of them, in their order in SimFaults.
const std::array<NamedFault, fault_count>& named_faults();

}  // namespace berth
