#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/time.hpp"
#include "berth/model/container.hpp"
#include "berth/model/resources.hpp"

namespace berth {

/// One container in the cache (facts §3). Immutable; a change makes a new one.
struct QueueEntry {
  Container container;                      ///< mounts blanked
  Resources needed;                         ///< computed at first sight, mounts included
  std::vector<std::string> instance_types;  ///< eligible, cheapest first; empty only if Running or final
  WallTime first_seen{};                    ///< wall time of the list that first showed it
  std::uint64_t id = 0;                     ///< unique in this process, never reused
};

/// The entries of the cache, sorted by uuid. Copies share their chunks of entries, so that a copy of 100,000 entries
/// costs microseconds and a change touches one chunk. As thread-safe as a standard container.
class QueueEntries {
  using Chunk = std::vector<std::shared_ptr<const QueueEntry>>;  // never empty, sorted, immutable once shared

 public:
  using value_type = std::shared_ptr<const QueueEntry>;

  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = QueueEntries::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    const_iterator() = default;
    reference operator*() const { return (*(*chunks_)[chunk_])[at_]; }
    pointer operator->() const { return &**this; }
    const_iterator& operator++() {
      if (++at_ == (*chunks_)[chunk_]->size()) next_chunk();
      return *this;
    }
    const_iterator operator++(int) {
      const_iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const const_iterator& a, const const_iterator& b) {
      return a.chunk_ == b.chunk_ && a.at_ == b.at_;
    }

   private:
    friend class QueueEntries;
    friend struct QueueEntriesWalk;
    const_iterator(const std::vector<std::shared_ptr<const Chunk>>* chunks, std::size_t chunk)
        : chunks_(chunks), chunk_(chunk) {}
    void next_chunk() {
      ++chunk_;
      at_ = 0;
    }
    const std::vector<std::shared_ptr<const Chunk>>* chunks_ = nullptr;
    std::size_t chunk_ = 0;
    std::size_t at_ = 0;
  };

  const_iterator begin() const { return {&chunks_, 0}; }
  const_iterator end() const { return {&chunks_, chunks_.size()}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Null if there is none; lives as long as this map or a copy of it.
  const QueueEntry* find(std::string_view uuid) const;

  /// Adds the entry, or replaces the one of the same uuid.
  void set(value_type entry);
  /// Returns whether there was one.
  bool erase(std::string_view uuid);

 private:
  friend struct QueueEntriesWalk;
  std::size_t chunk_for(std::string_view uuid) const;

  std::vector<std::shared_ptr<const Chunk>> chunks_;  // sorted; ranges do not overlap
  std::size_t size_ = 0;
};

/// How one entry differs: `before` is null if it was added, `after` if it was removed.
struct QueueEntryChange {
  QueueEntries::value_type before;
  QueueEntries::value_type after;
};
/// What changed between two states of one cache, sorted by uuid. Costs little more than the changes themselves:
/// chunks that both share are skipped.
std::vector<QueueEntryChange> changes_between(const QueueEntries& before, const QueueEntries& after);

}  // namespace berth
