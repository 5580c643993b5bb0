#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "capacity.hpp"

namespace berth {

/// Numbered needs with a rank each, built for the question "which of those that fit in this room, and are not above the
/// most that they pay, has the least rank?": needs that are alike lie side by side, and above them are levels of
/// component-wise minimums, greatest prices and least ranks, each of 16 from the level below, so that what fits nowhere
/// or comes too late is passed over with few looks.
class FirstFit {
 public:
  struct Item {
    CoarseCapacity need;
    float pays = 0;          ///< the dearest type for it, $/hour
    std::uint32_t rank = 0;  ///< kTaken: not to be found
    std::uint32_t number = 0;
  };
  static constexpr std::uint32_t kTaken = UINT32_MAX;

  explicit FirstFit(const std::vector<Item>& items) : places_(highest_number(items) + 1) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> sorted;  // likeness, in items
    sorted.reserve(items.size());
    for (std::uint32_t i = 0; i < items.size(); ++i) sorted.emplace_back(likeness(items[i].need), i);
    std::sort(sorted.begin(), sorted.end());
    levels_.emplace_back().reserve(items.size());
    numbers_.reserve(items.size());
    for (const auto& [like, i] : sorted) {
      places_[items[i].number] = static_cast<std::uint32_t>(numbers_.size());
      numbers_.push_back(items[i].number);
      levels_[0].push_back({items[i].need, items[i].pays, items[i].rank});
    }
    while (levels_.back().size() > kFan) {
      std::vector<Node> level;
      for (std::size_t at = 0; at * kFan < levels_.back().size(); ++at) level.push_back(sum_up(levels_.back(), at));
      levels_.push_back(std::move(level));
    }
  }

  void set_rank(std::uint32_t number, std::uint32_t rank) {
    std::size_t at = places_[number];
    levels_[0][at].rank = rank;
    for (std::size_t level = 1; level < levels_.size(); ++level) {
      at /= kFan;
      levels_[level][at].rank = sum_up(levels_[level - 1], at).rank;
    }
  }

  /// The number of the one with the least rank of those that the room covers, that pay the price, and of which
  /// `fits(number)` is true.
  template <class Fits>
  std::optional<std::uint32_t> first(const CoarseCapacity& room, float price, Fits fits) const {
    Search<Fits> search{room, price, fits, {}, kTaken};
    for (std::size_t at = 0; at < levels_.back().size(); ++at) look(search, levels_.size() - 1, at);
    return search.found;
  }

 private:
  static constexpr std::size_t kFan = 16;
  struct Node {
    CoarseCapacity least;
    float pays = 0;
    std::uint32_t rank = kTaken;
  };
  template <class Fits>
  struct Search {
    const CoarseCapacity& room;
    float price;
    Fits& fits;
    std::optional<std::uint32_t> found;
    std::uint32_t rank;
  };

  template <class Fits>
  void look(Search<Fits>& search, std::size_t level, std::size_t at) const {
    const Node& node = levels_[level][at];
    if (node.rank >= search.rank || node.pays < search.price || !search.room.covers(node.least)) return;
    if (level > 0) {
      const std::vector<Node>& below = levels_[level - 1];
      const std::size_t begin = at * kFan, end = std::min(below.size(), begin + kFan);
      std::size_t best = begin;
      while (below[best].rank != node.rank) ++best;
      look(search, level - 1, best);
      for (std::size_t i = begin; i < end; ++i)
        if (i != best) look(search, level - 1, i);
    } else if (search.fits(numbers_[at])) {
      search.found = numbers_[at];
      search.rank = node.rank;
    }
  }

  static Node sum_up(const std::vector<Node>& below, std::size_t at) {
    Node node = below[at * kFan];
    for (std::size_t i = at * kFan; i < std::min(below.size(), (at + 1) * kFan); ++i) {
      node.least.lower_to(below[i].least);
      node.pays = std::max(node.pays, below[i].pays);
      node.rank = std::min(node.rank, below[i].rank);
    }
    return node;
  }

  /// The lanes' logarithms, to a quarter of an octave, with their bits interleaved.
  static std::uint32_t likeness(const CoarseCapacity& need) {
    constexpr int bits = 7;
    std::uint32_t logarithms[4];
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t value = 4 * (std::uint64_t{1} + static_cast<std::uint32_t>(std::max(need.lanes[i], 0)));
      const int octave = std::bit_width(value) - 3;
      logarithms[i] = static_cast<std::uint32_t>(4 * octave) + ((value >> octave) & 3);
    }
    std::uint32_t interleaved = 0;
    for (int bit = bits - 1; bit >= 0; --bit)
      for (const std::uint32_t logarithm : logarithms) interleaved = interleaved << 1 | ((logarithm >> bit) & 1);
    return interleaved;
  }
  static std::size_t highest_number(const std::vector<Item>& items) {
    std::uint32_t highest = 0;
    for (const Item& item : items) highest = std::max(highest, item.number);
    return highest;
  }

  std::vector<std::uint32_t> places_;      // by number, in the lowest level
  std::vector<std::uint32_t> numbers_;     // of the lowest level
  std::vector<std::vector<Node>> levels_;  // the needs first
};

}  // namespace berth
