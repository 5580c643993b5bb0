#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "capacity.hpp"

namespace berth {

/// What is left on instances, sorted by VCPUs, then RAM, in chunks, so that a change moves few of them.
class CostRooms {
 public:
  struct Room {
    CoarseCapacity left;
    std::uint32_t instance = 0;
    std::uint32_t type = 0;
  };
  void insert(const Room& room) {
    if (chunks_.empty()) chunks_.emplace_back();
    std::vector<Room>& chunk = chunks_[chunk_of(room)];
    chunk.insert(std::lower_bound(chunk.begin(), chunk.end(), room, before), room);
    if (chunk.size() > kMostInChunk) split(static_cast<std::size_t>(&chunk - chunks_.data()));
  }
  /// It must be there.
  void erase(const Room& room) {
    const std::size_t at = chunk_of(room);
    std::vector<Room>& chunk = chunks_[at];
    chunk.erase(std::lower_bound(chunk.begin(), chunk.end(), room, before));
    if (chunk.empty()) chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(at));
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
    const auto at = std::lower_bound(chunks_[chunk].begin(), chunks_[chunk].end(), first, before);
    return settled({chunk, static_cast<std::size_t>(at - chunks_[chunk].begin())});
  }
  /// Null at the end.
  const Room* at(Cursor cursor) const {
    return cursor.chunk < chunks_.size() ? &chunks_[cursor.chunk][cursor.at] : nullptr;
  }
  Cursor next(Cursor cursor) const { return settled({cursor.chunk, cursor.at + 1}); }

 private:
  static constexpr std::size_t kMostInChunk = 64;
  static bool before(const Room& a, const Room& b) {
    return std::tuple(a.left.lanes[0], a.left.lanes[1], a.instance) <
           std::tuple(b.left.lanes[0], b.left.lanes[1], b.instance);
  }
  Cursor settled(Cursor cursor) const {
    return cursor.at < chunks_[cursor.chunk].size() ? cursor : Cursor{cursor.chunk + 1, 0};
  }
  /// The last chunk that begins at or before it, else the first. There must be one.
  std::size_t chunk_of(const Room& room) const {
    const auto after = std::upper_bound(chunks_.begin() + 1, chunks_.end(), room,
                                        [](const Room& a, const auto& chunk) { return before(a, chunk.front()); });
    return static_cast<std::size_t>(after - chunks_.begin()) - 1;
  }
  void split(std::size_t chunk) {
    const auto middle = chunks_[chunk].begin() + kMostInChunk / 2;
    std::vector<Room> second(middle, chunks_[chunk].end());
    chunks_[chunk].erase(middle, chunks_[chunk].end());
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(chunk) + 1, std::move(second));
  }

  std::vector<std::vector<Room>> chunks_;  // none is empty
};

}  // namespace berth
