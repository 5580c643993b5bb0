#include "berth/sim/faults.hpp"

namespace berth {

const std::array<NamedFault, fault_count>& named_faults() {
  using F = SimFaults;
  static constexpr std::array<NamedFault, fault_count> all = {{
      {"api_error", &F::api_error},
      {"api_unavailable", &F::api_unavailable},
      {"api_timeout", &F::api_timeout},
      {"api_lost_answer", &F::api_lost_answer},
      {"api_slow", &F::api_slow},
      {"api_garbled", &F::api_garbled},
      {"bus_refuses", &F::bus_refuses},
      {"bus_breaks", &F::bus_breaks},
      {"news_lost", &F::news_lost},
      {"news_late", &F::news_late},
      {"news_doubled", &F::news_doubled},
      {"news_garbled", &F::news_garbled},
      {"news_outdated", &F::news_outdated},
      {"create_refused", &F::create_refused},
      {"create_throttled", &F::create_throttled},
      {"create_no_room", &F::create_no_room},
      {"create_over_quota", &F::create_over_quota},
      {"create_lost", &F::create_lost},
      {"create_doubled", &F::create_doubled},
      {"list_failed", &F::list_failed},
      {"listed_late", &F::listed_late},
      {"list_omission", &F::list_omission},
      {"tags_late", &F::tags_late},
      {"tags_failed", &F::tags_failed},
      {"destroy_failed", &F::destroy_failed},
      {"destroy_lost", &F::destroy_lost},
      {"never_boots", &F::never_boots},
      {"slow_boot", &F::slow_boot},
      {"deaths_per_hour", &F::deaths_per_hour},
      {"hangs_per_hour", &F::hangs_per_hour},
      {"partitions_per_hour", &F::partitions_per_hour},
      {"breakdowns_per_hour", &F::breakdowns_per_hour},
      {"command_slow", &F::command_slow},
      {"command_dropped", &F::command_dropped},
      {"command_cut", &F::command_cut},
      {"watch_breaks", &F::watch_breaks},
      {"watch_misses", &F::watch_misses},
      {"watch_lies", &F::watch_lies},
      {"start_fails", &F::start_fails},
      {"dies_before", &F::dies_before},
      {"gives_back", &F::gives_back},
      {"dies_during", &F::dies_during},
      {"dies_after", &F::dies_after},
      {"lingers", &F::lingers},
      {"ignores_term", &F::ignores_term},
      {"leaves_stale_lock", &F::leaves_stale_lock},
      {"kills_per_hour", &F::kills_per_hour},
      {"restarts_per_hour", &F::restarts_per_hour},
      {"lease_losses_per_hour", &F::lease_losses_per_hour},
      {"clock_steps_per_hour", &F::clock_steps_per_hour},
      {"operator_verbs_per_hour", &F::operator_verbs_per_hour},
      {"user_verbs_per_hour", &F::user_verbs_per_hour},
  }};
  return all;
}

}  // namespace berth
