#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "berth/config/cluster.hpp"

#include "cloud_file.hpp"
#include "lives.hpp"

namespace berth {

/// Waits of containers of one size: from the submission until the container runs.
struct WaitFigures {
  std::int64_t count = 0;
  double mean = 0;  ///< seconds, as all below
  double p50 = 0;
  double p95 = 0;
  double max = 0;
};

/// Containers of one size: by the power of two of the GPUs that they ask for or, without GPUs, of the VCPUs.
struct SizeClass {
  bool gpus = false;
  int bits = 1;
  friend auto operator<=>(const SizeClass&, const SizeClass&) = default;  ///< smallest first, those with GPUs last
};
SizeClass size_class_of(const RuntimeConstraints& wanted);
/// `1 VCPU`, `2-3 VCPUs`, `4-7 VCPUs`, …, `1 GPU`, `2-3 GPUs`, …
std::string to_string(SizeClass size);

/// Instances of one type.
struct TypeFigures {
  std::int64_t creates = 0;
  double hours = 0;  ///< billed
  double cost = 0;   ///< $
  double price = 0;  ///< $/hour, as billed
};

/// What one history cost, and how long one waited in it. Money in $, times in seconds.
struct SimFigures {
  std::int64_t containers = 0;  ///< requests of the workload
  std::int64_t complete = 0;
  std::int64_t failed = 0;      ///< requests whose last attempt was cancelled, and those that waited for such
  std::int64_t unfinished = 0;  ///< at the end of the history
  std::int64_t retries = 0;     ///< attempts beyond the first

  double cost = 0;
  double boot_cost = 0;           ///< of it: from the creates until instances had booted
  double idle_cost = 0;           ///< of it: booted and nothing running; what is billed beyond the instances' ends
  double lower_bound = 0;         ///< cost_lower_bound of what is complete
  double cpu_use = 0;             ///< VCPUs asked for × run time over VCPUs paid for
  double ram_use = 0;             ///< the same of RAM
  std::optional<double> gpu_use;  ///< the same of GPUs; nothing if none were paid for
  double instance_hours = 0;
  std::map<std::string, TypeFigures> types;  ///< by name, those that were used

  std::int64_t creates = 0;
  std::int64_t creates_refused = 0;
  std::int64_t unused = 0;  ///< instances on which nothing ever ran
  std::int64_t died = 0;    ///< instances that were interrupted
  std::int64_t peak_instances = 0;
  std::optional<double> makespan;  ///< from the first submission to the last end; nothing if nothing ended

  WaitFigures waits;                         ///< of all
  std::map<SizeClass, WaitFigures> by_size;  ///< sizes with containers only
};

/// What an instance costs, in $.
double price_of(const InstanceType& type, const BillingModel& billing);  ///< per hour
/// Seconds that are billed of an instance; one that lives on is billed until `end`.
double billed_seconds(const InstanceLife& life, Duration end, const BillingModel& billing);

/// Waits of all containers that began to run, in seconds, in rising order.
std::vector<double> sorted_waits(const Lives& lives);
/// The value below which a share of the sorted values lies (nearest rank); 0 of none.
double quantile(const std::vector<double>& sorted, double share);

SimFigures figures_of(const Lives& lives, const Workload& workload, const Cluster& cluster,
                      const BillingModel& billing);

}  // namespace berth
