#include "berth/queue/queue_entries.hpp"

#include <algorithm>
#include <utility>

namespace berth {

namespace {

// A change copies one chunk, a snapshot copies the list of chunks: both stay small for 100,000 entries.
constexpr std::size_t max_chunk = 128;

struct ByUuid {
  bool operator()(const QueueEntries::value_type& entry, std::string_view uuid) const {
    return entry->container.uuid < uuid;
  }
};

}  // namespace

// The chunk whose range holds the uuid, or would: the first one that does not end before it, else the last one.
std::size_t QueueEntries::chunk_for(std::string_view uuid) const {
  const auto found = std::partition_point(
      chunks_.begin(), chunks_.end(),
      [&](const std::shared_ptr<const Chunk>& chunk) { return chunk->back()->container.uuid < uuid; });
  const auto index = static_cast<std::size_t>(found - chunks_.begin());
  return found == chunks_.end() && index > 0 ? index - 1 : index;
}

const QueueEntry* QueueEntries::find(std::string_view uuid) const {
  if (chunks_.empty()) return nullptr;
  const Chunk& chunk = *chunks_[chunk_for(uuid)];
  const auto at = std::lower_bound(chunk.begin(), chunk.end(), uuid, ByUuid{});
  return at != chunk.end() && (*at)->container.uuid == uuid ? at->get() : nullptr;
}

void QueueEntries::set(value_type entry) {
  const std::string& uuid = entry->container.uuid;
  if (chunks_.empty()) {
    chunks_.push_back(std::make_shared<Chunk>(Chunk{std::move(entry)}));
    size_ = 1;
    return;
  }
  const std::size_t index = chunk_for(uuid);
  auto chunk = std::make_shared<Chunk>(*chunks_[index]);
  const auto at = std::lower_bound(chunk->begin(), chunk->end(), uuid, ByUuid{});
  if (at != chunk->end() && (*at)->container.uuid == uuid) {
    *at = std::move(entry);
  } else {
    chunk->insert(at, std::move(entry));
    ++size_;
  }
  if (chunk->size() > max_chunk) {
    const auto middle = chunk->begin() + max_chunk / 2;
    auto upper = std::make_shared<Chunk>(middle, chunk->end());
    chunk->erase(middle, chunk->end());
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(upper));
  }
  chunks_[index] = std::move(chunk);
}

bool QueueEntries::erase(std::string_view uuid) {
  if (!find(uuid)) return false;
  const std::size_t index = chunk_for(uuid);
  auto chunk = std::make_shared<Chunk>(*chunks_[index]);
  chunk->erase(std::lower_bound(chunk->begin(), chunk->end(), uuid, ByUuid{}));
  if (chunk->empty())
    chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(index));
  else
    chunks_[index] = std::move(chunk);
  --size_;
  return true;
}

// Walks two maps side by side.
struct QueueEntriesWalk {
  using Iterator = QueueEntries::const_iterator;
  const QueueEntries& before;
  const QueueEntries& after;
  Iterator b = before.begin();
  Iterator a = after.begin();
  std::vector<QueueEntryChange> changes = {};

  bool skip_shared_chunk() {
    if (b == before.end() || a == after.end() || b.at_ != 0 || a.at_ != 0) return false;
    if (before.chunks_[b.chunk_] != after.chunks_[a.chunk_]) return false;
    b.next_chunk();
    a.next_chunk();
    return true;
  }

  void step() {
    if (a == after.end() || (b != before.end() && (*b)->container.uuid < (*a)->container.uuid)) {
      changes.push_back({*b, nullptr});
      ++b;
    } else if (b == before.end() || (*a)->container.uuid < (*b)->container.uuid) {
      changes.push_back({nullptr, *a});
      ++a;
    } else {
      if (*a != *b) changes.push_back({*b, *a});
      ++a;
      ++b;
    }
  }

  void run() {
    while (b != before.end() || a != after.end())
      if (!skip_shared_chunk()) step();
  }
};

std::vector<QueueEntryChange> changes_between(const QueueEntries& before, const QueueEntries& after) {
  QueueEntriesWalk walk{before, after};
  walk.run();
  return std::move(walk.changes);
}

}  // namespace berth
