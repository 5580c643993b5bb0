#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fleet.hpp"
#include "shelf.hpp"

namespace berth {

/// The best instance by preference_key, found without looking at every instance: one Shelf per type, and a note of the
/// need classes for which nothing has room (design §8).
class IndexedFleet : public Fleet {
 public:
  IndexedFleet(const PlanInput& input, GpuMemory gpu_memory);

  std::optional<std::uint32_t> find(std::uint32_t need) override;
  void place(std::uint32_t instance, std::uint32_t need) override;
  void create(std::uint32_t type, std::uint32_t need) override;

 private:
  /// What most queries need to know of a shelf, side by side.
  struct Summary {
    CoarseCapacity maximum;
    std::uint64_t first_key = Shelf::kNoKey;
  };
  std::optional<std::uint32_t> search(std::uint32_t need) const;
  void shelve(std::uint32_t instance);
  void unshelve(std::uint32_t instance);
  void summarize(std::uint32_t type);

  CoarseUnits units_;
  std::vector<CoarseCapacity> needs_;   // by need class
  CoarseCapacity least_need_;           // component-wise; an instance that does not cover this is of no use to anybody
  std::vector<Shelf> shelves_;          // by type
  std::vector<Summary> summaries_;      // by type
  std::vector<std::uint64_t> shelved_;  // by instance: its key on its shelf; kNoKey if it is not there
  /// By need class: the epoch in which its search failed. Placements only take room away, so it fails again until the
  /// next epoch; a create begins one.
  std::vector<std::uint32_t> failed_in_;
  std::uint32_t epoch_ = 1;
};

}  // namespace berth
