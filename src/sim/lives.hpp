#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "berth/config/cluster.hpp"
#include "berth/sim/workload.hpp"
#include "berth/sim/world.hpp"

namespace berth {

/// What became of one container: of each attempt, if a request had several. Times since the beginning.
struct ContainerLife {
  std::uint32_t workload_index = 0;
  int attempt = 1;
  Duration submitted{};
  std::optional<Duration> started;  ///< Running
  std::optional<Duration> ended;    ///< final
  bool complete = false;
  std::optional<std::uint32_t> instance;  ///< that it last ran on
  std::string error;  ///< why it was cancelled, as its record says; empty: it does not say, or was not
};

/// One instance, from the create to its end.
struct InstanceLife {
  const InstanceType* type = nullptr;
  Duration created{};
  std::optional<Duration> booted;
  std::optional<Duration> ended;  ///< destroyed or died
};

/// What happened in one simulated history.
struct Lives {
  Duration span{};  ///< how long the history is
  std::vector<ContainerLife> containers;
  std::vector<SimOutcome> outcomes;  ///< by index in the workload
  std::vector<InstanceLife> instances;
  std::int64_t creates_refused = 0;
  std::string last_refusal;     ///< why the last of them was
  std::vector<SimStuck> stuck;  ///< given up: they wait in vain
  std::int64_t instances_died = 0;
  std::uint64_t events = 0;
  std::uint64_t event_hash = 0;
};

/// Writes down the lives of instances as they are lived.
class LifeRecorder final : public SimObserver {
 public:
  explicit LifeRecorder(const std::map<std::string, InstanceType>& types) : types_(types) {}
  void on_event(const SimEvent& event) override;
  /// All that is known; the recorder is empty after it.
  Lives take(const SimWorld& world);

 private:
  InstanceLife* find(std::string_view id);

  const std::map<std::string, InstanceType>& types_;
  Lives lives_;
  std::unordered_map<std::string, std::uint32_t> instances_;   // by the cloud's id
  std::unordered_map<std::string, std::uint32_t> placements_;  // instance, by container
};

}  // namespace berth
