#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/result.hpp"

#include "workload_source.hpp"

namespace berth {

/// A number drawn anew for each container: one of `choices`, each as often, or log-normal around `median`.
struct NumberMix {
  std::vector<double> choices;
  double median = 0;  ///< counts where there are no choices
  double spread = 0;  ///< standard deviation of the logarithm
  double least = 0;
  double most = 1e18;
};

/// When arrivals come. Their number is given; these are densities in time.
struct ArrivalProcess {
  enum class Kind {
    steady,   ///< at any time alike (Poisson)
    diurnal,  ///< more at one hour of the day, less half a day from it
    bursty,   ///< most of them in bursts, the rest as steady
  };
  Kind kind = Kind::steady;
  double peak_hour = 14;          ///< diurnal: 0 to 24
  double depth = 0.8;             ///< diurnal: 0 is steady; 1: none come half a day from the peak
  std::int64_t burst_size = 200;  ///< bursty: arrivals of one
  Duration burst_length = std::chrono::minutes(2);
  double burst_share = 0.8;  ///< bursty: of all arrivals, those in bursts
};

/// One kind of container.
struct ContainerKind {
  std::string name;   ///< also its image
  double weight = 1;  ///< of those that arrive by themselves; 0: only in workflows
  NumberMix vcpus;
  NumberMix ram;       ///< bytes
  NumberMix scratch;   ///< bytes
  NumberMix run_time;  ///< seconds
  NumberMix gpus;
  GpuConstraints gpu;  ///< of each of them; complete
  std::int64_t priority = 500;
  bool preemptible = false;
};

/// A supervisor and the containers that it submits, stage after stage.
struct WorkflowKind {
  struct Stage {
    std::uint32_t kind = 0;  ///< of its containers
    NumberMix count;
    /// each: the n-th container begins after the n-th of the stage before; all: after all of these.
    bool after_each = false;
  };
  double weight = 1;
  std::uint32_t supervisor = 0;  ///< kind
  std::int64_t priority = 500;   ///< of all its containers
  std::vector<Stage> stages;
};

/// What a generated workload looks like (docs/berth-sim.md).
struct GeneratorSpec {
  std::string name;
  Duration duration = std::chrono::hours(24);  ///< in which arrivals come
  std::int64_t containers = 1000;              ///< about so many in all, those of workflows included
  ArrivalProcess arrivals;
  std::vector<ContainerKind> kinds;
  std::vector<WorkflowKind> workflows;
};

/// Reads a spec. Errors: invalid, `FILE:LINE: KEY: …`.
Result<GeneratorSpec> read_generator_text(std::string_view text, const std::string& file);
/// Names of those that are built in: `steady, diurnal, …`.
std::string built_in_generators();
/// Whether read_generator() takes it for one of those that are built in.
bool is_built_in_generator(std::string_view name);
/// From a file, or one of those that are built in. Errors also: failed, if it cannot be read.
Result<GeneratorSpec> read_generator(const std::string& name_or_path);

/// The workload of one seed: the same spec and seed give the same workload. Errors: invalid, if it would be too large.
Result<WorkloadSource> generate_workload(const GeneratorSpec& spec, std::uint64_t seed,
                                         const WorkloadLimits& limits = {});

}  // namespace berth
