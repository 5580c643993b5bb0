#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "capacity.hpp"

namespace berth {

/// The instances of one type that may get containers, best first, built for the question "which is the best one with
/// room for this?". They lie in blocks; a directory knows of each block its first key and the component-wise maximum of
/// its capacities, so that most blocks are passed over with one comparison.
class Shelf {
 public:
  static constexpr std::uint64_t kNoKey = ~std::uint64_t{0};

  void insert(std::uint64_t key, const CoarseCapacity& capacity, std::uint32_t instance);
  /// `key` must be on the shelf.
  void erase(std::uint64_t key);

  /// Component-wise maximum of what is on the shelf.
  CoarseCapacity maximum() const;
  /// The best key; kNoKey if empty.
  std::uint64_t first_key() const { return directory_.empty() ? kNoKey : directory_.front().first_key; }

  struct Hit {
    std::uint64_t key;
    std::uint32_t instance;
  };
  /// The best entry with a key below `bound` that covers `need` and passes `exact`, a predicate over instances.
  template <class Exact>
  std::optional<Hit> find(const CoarseCapacity& need, std::uint64_t bound, Exact exact) const {
    for (std::size_t b = 0; b < directory_.size() && directory_[b].first_key < bound; ++b) {
      if (!directory_[b].maximum.covers(need)) continue;
      const Block& block = *directory_[b].block;
      for (std::uint32_t i = 0; i < directory_[b].size && block.keys[i] < bound; ++i)
        if (block.capacities[i].covers(need) && exact(block.instances[i]))
          return Hit{block.keys[i], block.instances[i]};
    }
    return std::nullopt;
  }

 private:
  static constexpr std::uint32_t kBlockSize = 32;
  struct Block {
    CoarseCapacity capacities[kBlockSize];
    std::uint64_t keys[kBlockSize];
    std::uint32_t instances[kBlockSize];

    void copy(std::uint32_t to, const Block& from, std::uint32_t at);
  };
  struct DirectoryEntry {
    CoarseCapacity maximum;
    std::uint64_t first_key = 0;
    std::uint32_t size = 0;
    std::unique_ptr<Block> block;

    void measure();
  };

  /// The last block that begins at or before `key`, else the first.
  std::size_t block_of(std::uint64_t key) const;
  void split(std::size_t block);

  std::vector<DirectoryEntry> directory_;
};

}  // namespace berth
