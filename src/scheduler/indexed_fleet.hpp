#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "fleet.hpp"
#include "shelf.hpp"

namespace berth {

/// The best instance by preference_key, found without looking at every instance: one Shelf per type. It remembers for
/// which need classes nothing had room, also from one pass to the next (design §8).
///
/// What it remembers is true of the fleet as it stands. Placements only take room away, so a class that found nothing
/// finds nothing again, unless an instance has come or got room since. Those that have are few most of the time: then
/// only they are looked at. That the placements of a pass are undone at its end is an event of that kind, too.
class IndexedFleet final : public Fleet {
 public:
  IndexedFleet(const PlanInput& input, GpuMemory gpu_memory);

  std::optional<std::uint32_t> find(std::uint32_t need) override;
  void place(std::uint32_t instance, std::uint32_t need) override;
  void create(std::uint32_t type, std::uint32_t need) override;
  std::size_t count_failing(const WaitingRow* rows, std::size_t most) override;

  // Between passes, for a fleet that is kept:
  /// The input has more need classes than before.
  void learn_needs();
  /// An instance of the input came, changed or went. False: make a new fleet.
  bool update(std::uint32_t instance);
  /// Before a pass, after the updates.
  void begin_pass();
  /// After it: back to what the input says.
  void end_pass();

 private:
  /// What most queries need to know of a shelf, side by side.
  struct Summary {
    CoarseCapacity maximum;
    std::uint64_t first_key = Shelf::kNoKey;
  };
  struct NeedState {
    CoarseCapacity coarse;
    std::uint32_t type_list = 0;
    std::uint64_t failed_at = 0;  ///< growth_ when last nothing had room for it; 0: never
  };
  /// An instance on which something was placed in this pass, as it was before.
  struct Touched {
    std::uint32_t instance;
    FleetInstance before;
  };

  std::optional<std::uint32_t> search_all(std::uint32_t need) const;
  std::optional<std::uint32_t> search_grown(std::uint32_t need);
  bool may_use(std::uint32_t type_list, std::uint32_t type);
  void touch(std::uint32_t instance);
  void grew(std::uint32_t instance);
  void shelve(std::uint32_t instance);
  void unshelve(std::uint32_t instance);
  void summarize(std::uint32_t type);

  CoarseUnits units_;
  std::vector<NeedState> needs_;            // by need class
  std::vector<std::vector<bool>> may_use_;  // by type list, made when first asked for: by type
  CoarseCapacity least_need_;           // component-wise; an instance that does not cover this is of no use to anybody
  std::vector<Shelf> shelves_;          // by type
  std::vector<Summary> summaries_;      // by type
  std::vector<std::uint64_t> shelved_;  // by instance: its key on its shelf; kNoKey if it is not there

  std::uint64_t growth_ = 1;          // counts instances that came or got room
  std::uint64_t grown_since_ = 1;     // those after this are in grown_
  std::vector<std::uint32_t> grown_;  // instances, at most kMostGrown
  CoarseCapacity grown_maximum_;      // of grown_, component-wise, or more
  std::uint64_t growth_before_pass_ = 1;
  std::vector<Touched> touched_;
  std::vector<bool> is_touched_;  // by instance
};

}  // namespace berth
