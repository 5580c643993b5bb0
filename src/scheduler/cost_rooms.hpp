#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "capacity.hpp"

namespace berth {

/// What is left on instances, sorted by VCPUs, then RAM, in chunks, so that a change moves few of them and those that
/// are too small in another way, or too large, are passed over together.
class CostRooms {
 public:
  struct Room {
    CoarseCapacity left;
    std::uint32_t instance = 0;
    std::uint32_t type = 0;
  };
  void insert(const Room& room) {
    if (chunks_.empty()) chunks_.emplace_back();
    const std::size_t at = chunk_of(room);
    std::vector<Room>& rooms = chunks_[at].rooms;
    rooms.insert(std::lower_bound(rooms.begin(), rooms.end(), room, before), room);
    if (rooms.size() > kMostInChunk) return split(at);
    chunks_[at].measure();
  }
  /// It must be there.
  void erase(const Room& room) {
    const std::size_t at = chunk_of(room);
    std::vector<Room>& rooms = chunks_[at].rooms;
    rooms.erase(std::lower_bound(rooms.begin(), rooms.end(), room, before));
    if (rooms.empty())
      chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(at));
    else
      chunks_[at].measure();
  }

  /// Calls `visit` for each room that covers the need, by VCPUs, then RAM. `too_much(left)`: so much and more need not
  /// be visited.
  template <class TooMuch, class Visit>
  void for_each_covering(const CoarseCapacity& need, TooMuch too_much, Visit visit) const {
    if (chunks_.empty()) return;
    CoarseCapacity row = need;
    for (std::size_t at = chunk_of({need, 0, 0}); at < chunks_.size(); ++at) {
      const Chunk& chunk = chunks_[at];
      row.lanes[0] = chunk.least.lanes[0];
      if (too_much(row)) return;
      if (!chunk.most.covers(need) || too_much(chunk.least)) continue;
      for (const Room& room : chunk.rooms)
        if (room.left.covers(need) && !too_much(room.left)) visit(room);
    }
  }

 private:
  static constexpr std::size_t kMostInChunk = 32;
  struct Chunk {
    std::vector<Room> rooms;
    CoarseCapacity least, most;  // component-wise
    void measure() {
      least = most = rooms.front().left;
      for (const Room& room : rooms) {
        least.lower_to(room.left);
        most.raise_to(room.left);
      }
    }
  };
  static bool before(const Room& a, const Room& b) {
    return std::tuple(a.left.lanes[0], a.left.lanes[1], a.instance) <
           std::tuple(b.left.lanes[0], b.left.lanes[1], b.instance);
  }
  /// The last chunk that begins at or before it, else the first. There must be one.
  std::size_t chunk_of(const Room& room) const {
    const auto after = std::upper_bound(chunks_.begin() + 1, chunks_.end(), room, [](const Room& a, const auto& chunk) {
      return before(a, chunk.rooms.front());
    });
    return static_cast<std::size_t>(after - chunks_.begin()) - 1;
  }
  void split(std::size_t chunk) {
    std::vector<Room>& rooms = chunks_[chunk].rooms;
    const auto middle = rooms.begin() + kMostInChunk / 2;
    Chunk second{{middle, rooms.end()}, {}, {}};
    rooms.erase(middle, rooms.end());
    chunks_[chunk].measure();
    second.measure();
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(chunk) + 1, std::move(second));
  }

  std::vector<Chunk> chunks_;  // none is empty
};

}  // namespace berth
