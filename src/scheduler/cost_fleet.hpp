#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "cost_needs.hpp"
#include "cost_rooms.hpp"
#include "fleet.hpp"

namespace berth {

/// The instances of a pass, and which of the ready ones a container gets: one in use before an empty one, then the one
/// where the room that is left over is worth least, then the one that was in use last.
///
/// Those in use lie by what is left on them (CostRooms), so that a search sees the best fits first and may stop.
class CostFleet : public Fleet {
 public:
  explicit CostFleet(const CostNeeds& classes);

  /// Whether a container may be put on an instance in use that is above its price ceiling.
  using MayRide = std::function<bool(std::uint32_t instance)>;
  /// `may_ride`: empty for never.
  std::optional<std::uint32_t> find(std::uint32_t need, const MayRide& may_ride);
  std::optional<std::uint32_t> find(std::uint32_t need) override { return find(need, {}); }
  void place(std::uint32_t instance, std::uint32_t need) override;
  void create(std::uint32_t type, std::uint32_t need) override;
  /// find() passes over it from now on.
  void set_aside(std::uint32_t instance);

  /// Whether the instance's type is within the price ceiling of the class.
  bool within_ceiling(std::uint32_t instance, std::uint32_t need) const;
  /// A container of the class could be started on it now, whatever it costs: it is ready, is no worse than the class
  /// asks for, and has room.
  bool has_room(std::uint32_t instance, std::uint32_t need) const;
  bool set_aside_is(std::uint32_t instance) const { return aside_ == instance; }

 private:
  /// $/hour for each, as if the type were made of nothing else.
  struct Prices {
    double vcpu = 0, ram = 0;
  };
  enum class Shelf : std::uint8_t { none, empty, used };
  struct Choice {
    std::uint32_t instance = kNoType;
    double left_over = 0;
  };
  void search_used(std::uint32_t need, const MayRide& may_ride, Choice& best) const;
  void search_empty(std::uint32_t need, Choice& best) const;
  double left_over(std::uint32_t instance, const Resources& need) const;
  bool better(const Choice& a, const Choice& b) const;
  bool used_later(std::uint32_t a, std::uint32_t b) const;
  bool belongs(std::uint32_t instance) const;
  void shelve(std::uint32_t instance);
  void unshelve(std::uint32_t instance);

  const CostNeeds& classes_;
  // The ready ones with room for anything that exists:
  CostRooms used_;
  std::vector<std::vector<std::uint32_t>> empty_;  // by type, the best last
  std::vector<Prices> prices_;                     // by type
  std::vector<double> gpu_prices_;
  Prices least_;                // of any type
  std::vector<Shelf> shelves_;  // by instance: where it is
  std::uint32_t aside_ = kNoType;
};

}  // namespace berth
