#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "fleet.hpp"

namespace berth {

/// The instances of a pass, and which of the ready ones a container gets: one in use before an empty one, then the one
/// where the room that is left over is worth least, then the one that was in use last.
class CostFleet : public Fleet {
 public:
  explicit CostFleet(const PlanInput& input);

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
  struct OfType {
    std::vector<std::uint32_t> instances;  // ready, with room for anything that exists
    std::vector<std::uint32_t> used;       // of them those in use
    std::vector<CoarseCapacity> rooms;     // of `used`
    std::vector<std::uint32_t> empty;  // of them the others, best first; those that got something since are passed over
    std::size_t first_empty = 0;
    CoarseCapacity most;                                  // component-wise
    bool loose = false;                                   // `most` may be too much
    bool stale = false;                                   // all of these are to be made anew
    double vcpu_price = 0, ram_price = 0, gpu_price = 0;  // $/hour each, as if the type were made of nothing else
  };
  struct Choice {
    std::uint32_t instance = kNoType;
    bool empty = false;
    double left_over = 0;
    Duration idle{};
  };
  void refresh(OfType& of_type);
  void look_at(OfType& of_type, std::uint32_t need, const MayRide* may_ride, Choice& best) const;
  Choice choice(std::uint32_t instance, const OfType& of_type, const Resources& need) const;
  bool better(const Choice& a, const Choice& b) const;

  CoarseUnits units_;
  std::vector<CoarseCapacity> needs_;  // by need class
  CoarseCapacity least_need_;
  std::vector<OfType> by_type_;
  std::vector<std::uint32_t> place_in_type_;  // by instance, in OfType::used
  std::vector<std::vector<char>> within_;     // by type list, by type
  std::uint32_t aside_ = kNoType;
};

}  // namespace berth
