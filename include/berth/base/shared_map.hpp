#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace berth {

/// A sorted map of immutable values. Copies share their chunks of values, so that a copy of 100,000 values costs
/// microseconds and a change touches one chunk. As thread-safe as a standard container.
///
/// `KeyOf` gives a value's key, as cheap to copy as a std::string_view; keys are compared by <.
template <class Value, class KeyOf>
class SharedMap {
 public:
  using value_type = std::shared_ptr<const Value>;
  using Key = decltype(KeyOf{}(std::declval<const Value&>()));

 private:
  using Chunk = std::vector<value_type>;  // never empty, sorted, immutable once shared
  using Chunks = std::vector<std::shared_ptr<const Chunk>>;

 public:
  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = SharedMap::value_type;
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
    friend class SharedMap;
    const_iterator(const Chunks* chunks, std::size_t chunk) : chunks_(chunks), chunk_(chunk) {}
    void next_chunk() {
      ++chunk_;
      at_ = 0;
    }
    const Chunks* chunks_ = nullptr;
    std::size_t chunk_ = 0;
    std::size_t at_ = 0;
  };

  const_iterator begin() const { return {&chunks_, 0}; }
  const_iterator end() const { return {&chunks_, chunks_.size()}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// Null if there is none; lives as long as this map or a copy of it.
  const Value* find(Key key) const {
    if (chunks_.empty()) return nullptr;
    const Chunk& chunk = *chunks_[chunk_for(key)];
    const auto at = position(chunk, key);
    return holds(chunk, at, key) ? at->get() : nullptr;
  }
  bool contains(Key key) const { return find(key) != nullptr; }

  /// Adds the value, or replaces the one of the same key.
  void set(value_type value) {
    const Key key = KeyOf{}(*value);
    if (chunks_.empty()) {
      chunks_.push_back(std::make_shared<Chunk>(Chunk{std::move(value)}));
      size_ = 1;
      return;
    }
    const std::size_t index = chunk_for(key);
    auto chunk = std::make_shared<Chunk>(*chunks_[index]);
    const auto at = position(*chunk, key);
    if (holds(*chunk, at, key)) {
      *at = std::move(value);
    } else {
      chunk->insert(at, std::move(value));
      ++size_;
    }
    if (chunk->size() > max_chunk) split(*chunk, index);
    chunks_[index] = std::move(chunk);
  }
  /// Returns whether there was one.
  bool erase(Key key) {
    if (!find(key)) return false;
    const std::size_t index = chunk_for(key);
    auto chunk = std::make_shared<Chunk>(*chunks_[index]);
    chunk->erase(position(*chunk, key));
    if (chunk->empty())
      chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(index));
    else
      chunks_[index] = std::move(chunk);
    --size_;
    return true;
  }

  /// How one value differs: `before` is null if it was added, `after` if it was removed.
  struct Change {
    value_type before;
    value_type after;
  };
  /// What changed between two states of one map, sorted by key. Costs little more than the changes themselves: chunks
  /// that both share are skipped.
  friend std::vector<Change> changes_between(const SharedMap& before, const SharedMap& after) {
    std::vector<Change> changes;
    auto b = before.begin();
    auto a = after.begin();
    while (b != before.end() || a != after.end())
      if (!skip_shared_chunk(b, before, a, after)) step(b, before, a, after, changes);
    return changes;
  }

 private:
  // A change copies one chunk, a copy copies the list of chunks: both stay small for 100,000 values.
  static constexpr std::size_t max_chunk = 128;

  // The chunk whose range holds the key, or would: the first one that does not end before it, else the last one.
  std::size_t chunk_for(Key key) const {
    const auto found =
        std::partition_point(chunks_.begin(), chunks_.end(),
                             [&](const std::shared_ptr<const Chunk>& chunk) { return KeyOf{}(*chunk->back()) < key; });
    const auto index = static_cast<std::size_t>(found - chunks_.begin());
    return found == chunks_.end() && index > 0 ? index - 1 : index;
  }
  template <class AChunk>
  static auto position(AChunk& chunk, Key key) {
    return std::lower_bound(chunk.begin(), chunk.end(), key,
                            [](const value_type& value, Key k) { return KeyOf{}(*value) < k; });
  }
  template <class Iterator>
  static bool holds(const Chunk& chunk, Iterator at, Key key) {
    return at != chunk.end() && KeyOf{}(**at) == key;
  }
  void split(Chunk& chunk, std::size_t index) {
    const auto middle = chunk.begin() + max_chunk / 2;
    auto upper = std::make_shared<Chunk>(middle, chunk.end());
    chunk.erase(middle, chunk.end());
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(upper));
  }

  static bool skip_shared_chunk(const_iterator& b, const SharedMap& before, const_iterator& a, const SharedMap& after) {
    if (b == before.end() || a == after.end() || b.at_ != 0 || a.at_ != 0) return false;
    if (before.chunks_[b.chunk_] != after.chunks_[a.chunk_]) return false;
    b.next_chunk();
    a.next_chunk();
    return true;
  }
  static void step(const_iterator& b, const SharedMap& before, const_iterator& a, const SharedMap& after,
                   std::vector<Change>& changes) {
    const KeyOf key;
    if (a == after.end() || (b != before.end() && key(**b) < key(**a))) {
      changes.push_back({*b++, nullptr});
    } else if (b == before.end() || key(**a) < key(**b)) {
      changes.push_back({nullptr, *a++});
    } else {
      if (*a != *b) changes.push_back({*b, *a});
      ++a;
      ++b;
    }
  }

  Chunks chunks_;  // sorted; ranges do not overlap
  std::size_t size_ = 0;
};

/// Walks over the values of a SharedMap themselves.
template <class Map>
class SharedValueIterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = std::remove_cvref_t<decltype(**std::declval<const Map&>().begin())>;
  using difference_type = std::ptrdiff_t;
  using pointer = const value_type*;
  using reference = const value_type&;

  SharedValueIterator() = default;
  explicit SharedValueIterator(typename Map::const_iterator at) : at_(at) {}
  reference operator*() const { return **at_; }
  pointer operator->() const { return at_->get(); }
  SharedValueIterator& operator++() {
    ++at_;
    return *this;
  }
  SharedValueIterator operator++(int) { return SharedValueIterator(at_++); }
  friend bool operator==(const SharedValueIterator&, const SharedValueIterator&) = default;

 private:
  typename Map::const_iterator at_;
};

}  // namespace berth
