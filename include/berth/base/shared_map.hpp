#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace berth {

/// A sorted map of immutable values. Copies share their chunks of values, so that a copy of 100,000 values costs
/// microseconds; a change copies one chunk if another map shares it. As thread-safe as a standard container.
///
/// `KeyOf` gives a value's key, as cheap to copy as a std::string_view; keys are compared by <.
template <class Value, class KeyOf>
class SharedMap {
 public:
  using value_type = std::shared_ptr<const Value>;
  using Key = decltype(KeyOf{}(std::declval<const Value&>()));

 private:
  using Chunk = std::vector<value_type>;  // never empty, sorted, immutable while another map shares it
  using Chunks = std::vector<std::shared_ptr<Chunk>>;

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

  /// Null if there is none; lives as long as this map or a copy of it has it.
  const Value* find(Key key) const {
    const value_type* found = look_up(key);
    return found ? found->get() : nullptr;
  }
  /// The same, with a share in it.
  value_type share(Key key) const {
    const value_type* found = look_up(key);
    return found ? *found : nullptr;
  }
  bool contains(Key key) const { return find(key) != nullptr; }

  /// The first value beyond the key.
  const_iterator upper_bound(Key key) const {
    if (chunks_.empty()) return end();
    const std::size_t index = chunk_for(key);
    const Chunk& chunk = *chunks_[index];
    const auto at = std::upper_bound(chunk.begin(), chunk.end(), key,
                                     [](Key k, const value_type& value) { return k < KeyOf{}(*value); });
    const_iterator out(&chunks_, index);
    if (at == chunk.end())
      out.next_chunk();
    else
      out.at_ = static_cast<std::size_t>(at - chunk.begin());
    return out;
  }

  /// Adds the value, or replaces the one of the same key.
  void set(value_type value) {
    const Key key = KeyOf{}(*value);
    if (chunks_.empty()) {
      chunks_.push_back(make_chunk());
      chunks_.back()->push_back(std::move(value));
      size_ = 1;
      return;
    }
    const std::size_t index = chunk_for(key);
    Chunk& chunk = own(chunks_[index]);
    const auto at = position(chunk, key);
    if (holds(chunk, at, key)) {
      *at = std::move(value);
    } else {
      chunk.insert(at, std::move(value));
      ++size_;
    }
    if (chunk.size() > max_chunk) split(chunk, index);
  }
  /// Returns whether there was one.
  bool erase(Key key) {
    if (!find(key)) return false;
    const std::size_t index = chunk_for(key);
    Chunk& chunk = own(chunks_[index]);
    chunk.erase(position(chunk, key));
    if (chunk.empty()) chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(index));
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

  const value_type* look_up(Key key) const {
    if (chunks_.empty()) return nullptr;
    const Chunk& chunk = *chunks_[chunk_for(key)];
    const auto at = position(chunk, key);
    return holds(chunk, at, key) ? &*at : nullptr;
  }

  // The chunk, to be changed: a copy of it if another map shares it.
  static Chunk& own(std::shared_ptr<Chunk>& chunk) {
    // Nobody but this map can share it anew meanwhile. The count is read again by taking a share and giving it back,
    // so that whatever another thread did with the last other share has happened before.
    if (chunk.use_count() == 1 && std::shared_ptr<Chunk>(chunk).use_count() == 2) return *chunk;
    auto copy = make_chunk();
    copy->assign(chunk->begin(), chunk->end());
    chunk = std::move(copy);
    return *chunk;
  }
  // Never grows beyond the room that it has.
  static std::shared_ptr<Chunk> make_chunk() {
    auto chunk = std::make_shared<Chunk>();
    chunk->reserve(max_chunk + 1);
    return chunk;
  }

  // The chunk whose range holds the key, or would: the first one that does not end before it, else the last one.
  std::size_t chunk_for(Key key) const {
    const auto found = std::partition_point(chunks_.begin(), chunks_.end(), [&](const std::shared_ptr<Chunk>& chunk) {
      return KeyOf{}(*chunk->back()) < key;
    });
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
  // In halves; but the last one, which keys that only ascend fill, stays full.
  void split(Chunk& chunk, std::size_t index) {
    const auto middle = chunk.begin() + (index + 1 == chunks_.size() ? max_chunk : max_chunk / 2);
    auto upper = make_chunk();
    upper->assign(middle, chunk.end());
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
    if (a != after.end() && b != before.end() && *a == *b) {  // most often; keys are dear
      ++a;
      ++b;
    } else if (a == after.end() || (b != before.end() && key(**b) < key(**a))) {
      changes.push_back({*b++, nullptr});
    } else if (b == before.end() || key(**a) < key(**b)) {
      changes.push_back({nullptr, *a++});
    } else {
      changes.push_back({*b++, *a++});
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
