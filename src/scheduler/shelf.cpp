#include "shelf.hpp"

#include <algorithm>

namespace berth {

void Shelf::Block::copy(std::uint32_t to, const Block& from, std::uint32_t at) {
  capacities[to] = from.capacities[at];
  keys[to] = from.keys[at];
  instances[to] = from.instances[at];
}

void Shelf::DirectoryEntry::measure() {
  maximum = {};
  first_key = block->keys[0];
  for (std::uint32_t i = 0; i < size; ++i) maximum.raise_to(block->capacities[i]);
}

void Shelf::insert(std::uint64_t key, const CoarseCapacity& capacity, std::uint32_t instance) {
  if (directory_.empty()) directory_.push_back({{}, key, 0, std::make_unique<Block>()});
  std::size_t b = block_of(key);
  if (directory_[b].size == kBlockSize) {
    split(b);
    if (key >= directory_[b + 1].first_key) ++b;
  }
  DirectoryEntry& entry = directory_[b];
  Block& block = *entry.block;
  std::uint32_t at = entry.size++;
  for (; at > 0 && block.keys[at - 1] > key; --at) block.copy(at, block, at - 1);
  block.capacities[at] = capacity;
  block.keys[at] = key;
  block.instances[at] = instance;
  entry.maximum.raise_to(capacity);
  entry.first_key = block.keys[0];
}

void Shelf::erase(std::uint64_t key) {
  const std::size_t b = block_of(key);
  DirectoryEntry& entry = directory_[b];
  Block& block = *entry.block;
  if (--entry.size == 0) {
    directory_.erase(directory_.begin() + static_cast<std::ptrdiff_t>(b));
    return;
  }
  std::uint32_t at = 0;
  while (block.keys[at] != key) ++at;
  for (; at < entry.size; ++at) block.copy(at, block, at + 1);
  entry.measure();
}

CoarseCapacity Shelf::maximum() const {
  CoarseCapacity maximum;
  for (const DirectoryEntry& entry : directory_) maximum.raise_to(entry.maximum);
  return maximum;
}

std::size_t Shelf::block_of(std::uint64_t key) const {
  const auto after = std::upper_bound(directory_.begin(), directory_.end(), key,
                                      [](std::uint64_t k, const DirectoryEntry& entry) { return k < entry.first_key; });
  return after == directory_.begin() ? 0 : static_cast<std::size_t>(after - directory_.begin()) - 1;
}

void Shelf::split(std::size_t b) {
  constexpr std::uint32_t kHalf = kBlockSize / 2;
  DirectoryEntry upper{{}, 0, kBlockSize - kHalf, std::make_unique<Block>()};
  for (std::uint32_t i = 0; i < upper.size; ++i) upper.block->copy(i, *directory_[b].block, kHalf + i);
  upper.measure();
  directory_[b].size = kHalf;
  directory_[b].measure();
  directory_.insert(directory_.begin() + static_cast<std::ptrdiff_t>(b) + 1, std::move(upper));
}

}  // namespace berth
