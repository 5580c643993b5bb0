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
/// are too small in another way are passed over together.
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
    chunks_[at].most.raise_to(room.left);
    if (rooms.size() > kMostInChunk) split(at);
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

  /// A place in the order; changes end it.
  struct Cursor {
    std::size_t chunk = 0;
    std::size_t at = 0;
  };
  /// The first of at least these lanes {2 · VCPUs − shared, RAM}, in their order.
  Cursor from(std::int32_t vcpus, std::int32_t ram) const {
    const Room first{{{vcpus, ram, 0, 0}}, 0, 0};
    if (chunks_.empty()) return {};
    const std::size_t chunk = chunk_of(first);
    const std::vector<Room>& rooms = chunks_[chunk].rooms;
    const auto at = std::lower_bound(rooms.begin(), rooms.end(), first, before);
    return settled({chunk, static_cast<std::size_t>(at - rooms.begin())});
  }
  /// Null at the end.
  const Room* at(Cursor cursor) const {
    return cursor.chunk < chunks_.size() ? &chunks_[cursor.chunk].rooms[cursor.at] : nullptr;
  }
  Cursor next(Cursor cursor) const { return settled({cursor.chunk, cursor.at + 1}); }
  /// Passes over chunks none of which covers the need.
  Cursor skip(Cursor cursor, const CoarseCapacity& need) const {
    while (cursor.chunk < chunks_.size() && !chunks_[cursor.chunk].most.covers(need)) cursor = {cursor.chunk + 1, 0};
    return cursor;
  }

 private:
  static constexpr std::size_t kMostInChunk = 32;
  struct Chunk {
    std::vector<Room> rooms;
    CoarseCapacity most;  // component-wise
    void measure() {
      most = {};
      for (const Room& room : rooms) most.raise_to(room.left);
    }
  };
  static bool before(const Room& a, const Room& b) {
    return std::tuple(a.left.lanes[0], a.left.lanes[1], a.instance) <
           std::tuple(b.left.lanes[0], b.left.lanes[1], b.instance);
  }
  Cursor settled(Cursor cursor) const {
    return cursor.at < chunks_[cursor.chunk].rooms.size() ? cursor : Cursor{cursor.chunk + 1, 0};
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
    Chunk second{{middle, rooms.end()}, {}};
    rooms.erase(middle, rooms.end());
    chunks_[chunk].measure();
    second.measure();
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(chunk) + 1, std::move(second));
  }

  std::vector<Chunk> chunks_;  // none is empty
};

}  // namespace berth
