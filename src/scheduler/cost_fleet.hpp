#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "cost_needs.hpp"
#include "cost_ride.hpp"
#include "cost_rooms.hpp"
#include "fleet.hpp"

namespace berth {

/// The instances of a pass, and which of the ready ones a container gets: one in use before an empty one, then the one
/// where the room that is left over is worth least, then the one that was in use last.
///
/// Those in use lie by shape and by what is left on them (CostRooms), so that a search sees the best fits first and may
/// stop; and it finds several at once for a class that comes again and again. It remembers for which classes nothing
/// had room, also from one pass to the next, as IndexedFleet does, and for which class and kind none may be ridden on:
/// then only those are looked at of which something is new.
class CostFleet : public Fleet {
 public:
  explicit CostFleet(const CostNeeds& classes);

  /// Whether a container may be put on an instance in use that is above its price ceiling.
  using MayRide = std::function<RideAnswer(std::uint32_t instance)>;
  /// `may_ride`: empty for never. `kind`: of all of one class and kind the same may ride, as long as nothing is put on
  /// the instance. What is RideAnswer::no stays so until the instance changes, or forget_refused().
  std::optional<std::uint32_t> find(std::uint32_t need, const MayRide& may_ride, std::uint32_t kind = 0);
  std::optional<std::uint32_t> find(std::uint32_t need) override { return find(need, {}); }
  void place(std::uint32_t instance, std::uint32_t need) override;
  /// Policy `cost` only puts things on what exists.
  void create(std::uint32_t /*type*/, std::uint32_t /*need*/) override {}
  /// find() passes over it from now on, until the end of the pass.
  void set_aside(std::uint32_t instance);
  /// find() would find nothing, as far as that can be told at a glance, since nothing has room.
  bool has_failed(std::uint32_t need, bool may_ride) {
    std::uint64_t& failed_at = failed_at_[may_ride][need];
    if (failed_at == growth_) return true;
    if (failed_at < grown_since_ || grown_.most.covers(classes_.coarse(need))) return false;
    failed_at = growth_;
    return true;
  }
  /// The same, since what has room may not be ridden on.
  bool is_refused(std::uint32_t need, std::uint32_t kind) {
    LastRefused& last = last_refused_[need];
    if (last.kind != kind || last.at < grown_since_) return false;
    const CoarseCapacity& wanted = classes_.coarse(need);
    if (grown_.most.covers(wanted) || changed_.most.covers(wanted)) return false;
    last.at = growth_;
    return true;
  }

  // Between passes, for a fleet that is kept, in this order:
  /// Before the updates, for each that will be updated: its old place in the order is left.
  void withdraw(std::uint32_t instance);
  /// An instance of the input came, changed or went. False: make a new fleet.
  bool update(std::uint32_t instance);
  /// `classes` has learned more, perhaps.
  void learn_needs();
  /// What might not ride may do so now.
  void forget_refused();
  /// Before a pass.
  void begin_pass();
  /// After it: back to what the input says.
  void end_pass();

  /// Calls `each` for those that are usable, but not ready, by number.
  template <class Each>
  void for_each_booting(Each each) const {
    for (std::uint32_t i = 0; i < size(); ++i)
      if (notes_[i] & kBooting) each(i);
  }
  /// Calls `each` for those of the input on which nothing is listed, by number.
  template <class Each>
  void for_each_vacant(Each each) const {
    for (std::uint32_t i = 0; i < input().instances.size(); ++i)
      if (notes_[i] & kVacant) each(i);
  }

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
  /// The instances in use of types with about the same RAM per VCPU, and so about the same price of either.
  struct Shape {
    int ram_per_vcpu = 0;  // log2, thirds of it
    Prices least;          // of any of the types
    CostRooms used;
  };
  enum class Shelf : std::uint8_t { none, empty, used };
  enum Note : std::uint8_t { kBooting = 1, kVacant = 2 };
  /// An instance that was changed in this pass, as it was before.
  struct Touched {
    std::uint32_t instance;
    FleetInstance before;
  };
  struct Choice {
    std::uint32_t instance = kNoType;
    double left_over = std::numeric_limits<double>::infinity();
  };
  /// What a search for one class and kind found in use: the best, and as many more as the class is likely to ask for.
  struct BestFits {
    std::vector<Choice> choices;  // the best last
    Choice worst;                 // all that are no worse are among the choices; none: all are
    std::size_t most = 1;         // so many are searched for
    std::size_t changes = 0;      // so many of changed_ are looked at
  };
  /// Instances of which something is new, and what is left on them, component-wise, or more.
  struct News {
    std::vector<std::uint32_t> instances;
    CoarseCapacity most;
  };
  /// There was none for this class and kind.
  struct Refused {
    std::uint32_t need = kNoType;
    std::uint32_t kind = 0;
    std::uint64_t at = 0;  // growth_ when it was last so
  };
  using SomeRefused = std::array<Refused, 4>;
  /// The same of one class, with the kind that was last refused.
  struct LastRefused {
    std::uint64_t at = 0;
    std::uint32_t kind = kNoType;
  };
  enum class Room { none, refused, refused_now };  // of those that have room, but may not be ridden on
  struct Found {
    Choice best;
    Room room = Room::none;
  };
  std::uint32_t find_shape(const PlanType& type);
  bool catch_up(std::uint32_t need, const MayRide& may_ride, BestFits& fits) const;
  void add(const Choice& choice, std::vector<Choice>& to) const;
  Room search_used(std::uint32_t need, const MayRide& may_ride, BestFits& fits) const;
  Found search_all(std::uint32_t need, const MayRide& may_ride, std::uint32_t kind);
  void search_these(const std::vector<std::uint32_t>& instances, std::uint32_t need, const MayRide& may_ride,
                    Found& found) const;
  Refused* refused_for(std::uint32_t need, std::uint32_t kind);
  void refuse(std::uint32_t need, std::uint32_t kind);
  bool was_refused(std::uint32_t need, std::uint32_t kind);
  CoarseCapacity worth_at_most(const Resources& wanted, double left_over, const Prices& prices) const;
  void search_empty(std::uint32_t need, Choice& best) const;
  double left_over(std::uint32_t type, const Resources& left, const Resources& need) const;
  bool better(const Choice& a, const Choice& b) const;
  bool used_later(std::uint32_t a, std::uint32_t b) const;
  bool belongs(std::uint32_t instance) const;
  void shelve(std::uint32_t instance);
  void unshelve(std::uint32_t instance);
  void note(std::uint32_t instance);
  void touch(std::uint32_t instance);
  void grew(std::uint32_t instance);
  void measure(News& news, std::uint32_t instance);
  void measure_anew(News& news);
  void shrank(std::uint32_t instance);

  const CostNeeds& classes_;
  CoarseCapacity least_need_;  // an instance that does not cover this is of no use to anybody
  // The ready ones with room for anything that exists:
  std::vector<Shape> shapes_;
  std::vector<std::uint32_t> shape_of_;            // by type
  std::vector<std::vector<std::uint32_t>> empty_;  // by type, the best last
  std::vector<Prices> prices_;                     // by type
  std::vector<double> gpu_prices_;
  std::vector<Shelf> shelves_;       // by instance: where it is
  std::vector<std::uint8_t> notes_;  // by instance
  std::uint32_t aside_ = kNoType;

  std::unordered_map<std::uint64_t, BestFits> best_fits_;  // by class and kind, of those found in this pass
  News changed_;                                           // each time that one was changed in this pass

  /// By whether it might ride, and class: growth_ when last nothing had room for it.
  std::array<std::vector<std::uint64_t>, 2> failed_at_;
  std::uint64_t growth_ = 1;       // counts instances that came or got room
  std::uint64_t grown_since_ = 1;  // those after this are in grown_
  News grown_;                     // at most kMostGrown
  std::uint64_t growth_before_pass_ = 1;
  std::vector<LastRefused> last_refused_;  // by class
  std::vector<SomeRefused> refused_;       // other kinds, by hash of class and kind; empty if the fleet is not kept
  std::vector<Touched> touched_;
  std::vector<char> is_touched_;  // by instance
};

}  // namespace berth
