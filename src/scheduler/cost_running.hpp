#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "berth/scheduler/plan.hpp"

namespace berth {

/// What runs on the instances of an input by run-time key, the oldest first: so that the few which may end soon are
/// found without a look at all. May be kept from pass to pass.
class RunningByKey {
 public:
  /// `input` must outlive it. Nothing is looked at before it is asked.
  explicit RunningByKey(const PlanInput& input) : input_(input) {}
  /// What has changed since the last call is looked at.
  void catch_up();

  /// The instance where it is listed, or kNoType; as of the last catch_up().
  std::uint32_t instance_of(std::uint32_t container) const { return container < on_.size() ? on_[container] : kNoType; }
  /// The instance came, changed or went, or a container listed on it has come, changed or gone.
  void instance_changed(std::uint32_t instance);

  /// Instances on which RunTimes::remaining() may be something for what runs there, with these arguments, sorted. All
  /// on which it is are among them.
  std::vector<std::uint32_t> may_end(double quantile, double most);
  /// Whether it is for anything.
  bool any_ends(double quantile, double most);

 private:
  struct Run {
    SteadyTime started{};  ///< of one of which nobody knows: the end of time
    std::uint32_t instance = 0;
    friend auto operator<=>(const Run&, const Run&) = default;
  };
  struct Listed {
    std::uint32_t container = 0;
    std::uint32_t key = 0;
    Run run;
  };
  void list_anew();
  void withdraw(std::uint32_t instance);
  void add(std::uint32_t instance);  ///< to listed_
  void insert(std::uint32_t instance);
  double age(const Run& run) const;
  std::optional<SteadyTime> quiet_until(std::uint32_t key, double quantile, double most) const;

  const PlanInput& input_;
  std::vector<std::vector<Run>> by_key_;     // sorted
  std::vector<std::vector<Listed>> listed_;  // by instance: what of it is in by_key_
  std::vector<std::uint32_t> on_;            // by container: the instance where it is listed, or kNoType
  std::vector<std::uint32_t> changed_;       // instances, each once
  std::vector<char> is_changed_;             // by instance
  /// By key: until then nothing ends, as far as any_ends() was asked for this and what was learned and runs is the
  /// same.
  std::vector<SteadyTime> quiet_until_;
  struct Asked {
    std::uint64_t learned = 0;  ///< version
    double quantile = 0;
    double most = 0;
    friend bool operator==(const Asked&, const Asked&) = default;
  };
  Asked asked_;
};

}  // namespace berth
