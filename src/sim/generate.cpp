#include "generate.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numbers>
#include <numeric>

#include "chance.hpp"

namespace berth {
namespace {

double draw(Chance& chance, const NumberMix& mix) {
  if (!mix.choices.empty())
    return mix.choices[static_cast<std::size_t>(chance.between(std::int64_t{0}, std::ssize(mix.choices) - 1))];
  double value = mix.median;
  if (mix.spread > 0) {
    const double radius = std::sqrt(-2 * std::log(1 - chance.fraction()));
    value *= std::exp(mix.spread * radius * std::cos(2 * std::numbers::pi * chance.fraction()));
  }
  return std::clamp(value, mix.least, mix.most);
}

std::int64_t draw_whole(Chance& chance, const NumberMix& mix) {
  return std::llround(draw(chance, mix));
}

double mean(const NumberMix& mix) {
  if (mix.choices.empty()) return std::clamp(mix.median * std::exp(mix.spread * mix.spread / 2), mix.least, mix.most);
  return std::accumulate(mix.choices.begin(), mix.choices.end(), 0.0) / static_cast<double>(mix.choices.size());
}

double density(const ArrivalProcess& process, Duration when) {
  if (process.kind != ArrivalProcess::Kind::diurnal) return 1;
  const double hours = std::chrono::duration<double, std::ratio<3600>>(when).count();
  return (1 + process.depth * std::cos((hours - process.peak_hour) / 12 * std::numbers::pi)) / (1 + process.depth);
}

/// The highest density in [0, duration): less than 1 if the peak hour is not in it.
double highest_density(const GeneratorSpec& spec) {
  const ArrivalProcess& process = spec.arrivals;
  const double hours = std::chrono::duration<double, std::ratio<3600>>(spec.duration).count();
  constexpr double day = 24;
  if (process.kind != ArrivalProcess::Kind::diurnal || hours >= std::fmod(process.peak_hour, day)) return 1;
  return std::max(density(process, Duration::zero()), density(process, spec.duration));
}

/// `count` moments in [0, duration), in order.
std::vector<Duration> draw_arrivals(Chance& chance, const GeneratorSpec& spec, std::int64_t count) {
  const auto anywhere = [&] { return Duration(chance.between(std::int64_t{0}, spec.duration.count() - 1)); };
  const ArrivalProcess& process = spec.arrivals;
  std::vector<Duration> arrivals;
  if (process.kind == ArrivalProcess::Kind::bursty) {
    const auto in_bursts = static_cast<std::int64_t>(static_cast<double>(count) * process.burst_share);
    Duration begin{};
    for (std::int64_t i = 0; i < in_bursts; ++i) {
      if (i % process.burst_size == 0) begin = anywhere();
      const Duration later = Duration(chance.between(std::int64_t{0}, process.burst_length.count()));
      arrivals.push_back(std::min(begin + later, spec.duration - Duration(1)));
    }
  }
  const double highest = highest_density(spec);
  constexpr double hardly_any = 1e-9;  // as good as the same everywhere
  while (std::ssize(arrivals) < count) {
    const Duration when = anywhere();
    if (chance.fraction() * highest < density(process, when) || highest < hardly_any) arrivals.push_back(when);
  }
  std::sort(arrivals.begin(), arrivals.end());
  return arrivals;
}

class Generator {
 public:
  Generator(const GeneratorSpec& spec, std::uint64_t seed, const WorkloadLimits& limits)
      : spec_(spec), limits_(limits), chance_(seed) {}

  Result<WorkloadSource> make() {
    weigh();
    if (total_weight_ <= 0) return fail(ErrorKind::invalid, spec_.name + ": nothing arrives: all weights are 0");
    const double arrivals = std::max(1.0, std::round(static_cast<double>(spec_.containers) / containers_per_arrival_));
    for (const Duration when : draw_arrivals(chance_, spec_, static_cast<std::int64_t>(arrivals))) {
      arrive(when);
      if (source_.containers.size() > limits_.containers || links_ > limits_.links)
        return fail(ErrorKind::invalid, fmt::format("{}: makes more than {} containers or {} links between them",
                                                    spec_.name, limits_.containers, limits_.links));
    }
    source_.name = fmt::format("{} (generated)", spec_.name);
    return finish_workload(std::move(source_), limits_);
  }

 private:
  /// How many containers come with an arrival, on average.
  void weigh() {
    double weighted = 0;
    for (const ContainerKind& kind : spec_.kinds) {
      total_weight_ += kind.weight;
      weighted += kind.weight;
    }
    for (const WorkflowKind& workflow : spec_.workflows) {
      double containers = 1;
      for (const WorkflowKind::Stage& stage : workflow.stages) containers += std::max(1.0, mean(stage.count));
      total_weight_ += workflow.weight;
      weighted += workflow.weight * containers;
    }
    if (total_weight_ > 0) containers_per_arrival_ = weighted / total_weight_;
  }

  void arrive(Duration when) {
    double at = chance_.fraction() * total_weight_;
    for (std::uint32_t kind = 0; kind < spec_.kinds.size(); ++kind) {
      if (at < spec_.kinds[kind].weight) {
        add(kind, when, spec_.kinds[kind].priority);
        return;
      }
      at -= spec_.kinds[kind].weight;
    }
    for (const WorkflowKind& workflow : spec_.workflows) {
      if (at < workflow.weight) return add_workflow(workflow, when);
      at -= workflow.weight;
    }
    // The sum of the weights and the weights one by one may differ in the last bit.
    if (!spec_.workflows.empty())
      add_workflow(spec_.workflows.back(), when);
    else
      add(static_cast<std::uint32_t>(spec_.kinds.size() - 1), when, spec_.kinds.back().priority);
  }

  std::uint32_t add(std::uint32_t number, Duration submit, std::int64_t priority) {
    const ContainerKind& kind = spec_.kinds[number];
    WorkloadContainer c;
    c.submit = submit;
    c.priority = priority;
    c.constraints.vcpus = std::clamp(draw_whole(chance_, kind.vcpus), std::int64_t{1}, limits_.vcpus);
    c.constraints.ram = std::clamp(draw_whole(chance_, kind.ram), std::int64_t{0}, limits_.bytes);
    c.scratch = std::clamp(draw_whole(chance_, kind.scratch), std::int64_t{0}, limits_.bytes);
    const double seconds =
        std::min(draw(chance_, kind.run_time), std::chrono::duration<double>(limits_.run_time).count());
    c.run_time = Duration(std::llround(seconds * 1e9));
    if (const std::int64_t gpus = std::clamp(draw_whole(chance_, kind.gpus), std::int64_t{0}, limits_.gpus); gpus > 0) {
      c.constraints.gpu = kind.gpu;
      c.constraints.gpu.device_count = gpus;
    }
    c.image = kind.name;
    c.scheduling.preemptible = kind.preemptible;
    const auto index = static_cast<std::uint32_t>(source_.containers.size());
    source_.names.push_back(fmt::format("{}-{}", kind.name, index));
    source_.containers.push_back(std::move(c));
    return index;
  }

  void add_workflow(const WorkflowKind& workflow, Duration when) {
    const std::uint32_t parent = add(workflow.supervisor, when, workflow.priority);
    source_.containers[parent].scheduling.supervisor = true;
    source_.containers[parent].constraints.api = true;
    std::vector<std::uint32_t> before;
    for (const WorkflowKind::Stage& stage : workflow.stages) {
      const auto most = static_cast<std::int64_t>(limits_.containers);
      const std::int64_t count = std::clamp(draw_whole(chance_, stage.count), std::int64_t{1}, most);
      std::vector<std::uint32_t> made;
      for (std::int64_t i = 0; i < count; ++i) {
        const std::uint32_t child = add(stage.kind, when, workflow.priority);
        WorkloadContainer& c = source_.containers[child];
        c.parent = parent;
        if (stage.after_each && !before.empty())
          c.after = {before[static_cast<std::size_t>(i) % before.size()]};
        else
          c.after = before;
        links_ += c.after.size();
        made.push_back(child);
        if (source_.containers.size() > limits_.containers || links_ > limits_.links) return;
      }
      before = std::move(made);
    }
  }

  const GeneratorSpec& spec_;
  const WorkloadLimits& limits_;
  Chance chance_;
  double total_weight_ = 0;
  double containers_per_arrival_ = 1;
  std::size_t links_ = 0;
  WorkloadSource source_;
};

}  // namespace

Result<WorkloadSource> generate_workload(const GeneratorSpec& spec, std::uint64_t seed, const WorkloadLimits& limits) {
  return Generator(spec, seed, limits).make();
}

}  // namespace berth
