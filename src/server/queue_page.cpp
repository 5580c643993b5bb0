#include "queue_page.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <iterator>

namespace berth {
namespace {

using Before = bool (*)(const QueuedContainer& a, const QueuedContainer& b);
struct OrderKey {
  std::string_view name;
  Before before;
};
constexpr OrderKey kOrderKeys[] = {
    {"uuid", [](const QueuedContainer& a, const QueuedContainer& b) { return a.uuid < b.uuid; }},
    {"created_at", [](const QueuedContainer& a, const QueuedContainer& b) { return a.created_at < b.created_at; }},
    {"priority", [](const QueuedContainer& a, const QueuedContainer& b) { return a.priority < b.priority; }},
    {"state",
     [](const QueuedContainer& a, const QueuedContainer& b) { return to_string(a.state) < to_string(b.state); }},
};

struct ParsedOrder {
  const OrderKey* key = nullptr;
  bool descending = false;
};

std::optional<ParsedOrder> parse_order(std::string_view text) {
  ParsedOrder order;
  const auto space = text.find(' ');
  const std::string_view direction = space == text.npos ? "asc" : text.substr(space + 1);
  if (direction != "asc" && direction != "desc") return std::nullopt;
  order.descending = direction == "desc";
  const auto* at = std::find_if(std::begin(kOrderKeys), std::end(kOrderKeys),
                                [&](const OrderKey& key) { return key.name == text.substr(0, space); });
  if (at == std::end(kOrderKeys)) return std::nullopt;
  order.key = at;
  return order;
}

Result<std::size_t> parse_count(const char* name, const std::string& text) {
  std::size_t count = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || at != end)
    return fail(ErrorKind::invalid, std::string(name) + ": want a whole number from 0 up");
  return count;
}

}  // namespace

Result<PageRequest> parse_page_request(const std::string& limit, const std::string& offset, const std::string& order) {
  PageRequest request;
  if (!limit.empty()) {
    const auto count = parse_count("limit", limit);
    if (!count) return fail(count.error());
    request.limit = *count;
  }
  if (!offset.empty()) {
    const auto count = parse_count("offset", offset);
    if (!count) return fail(count.error());
    request.offset = *count;
  }
  if (!order.empty() && !parse_order(order))
    return fail(ErrorKind::invalid, "order: want uuid, created_at, priority or state, then perhaps asc or desc");
  request.order = order;
  return request;
}

QueuePage select_page(std::shared_ptr<const ScheduledQueue> queue, const PageRequest& request) {
  QueuePage page;
  page.entries.reserve(queue->containers.size());
  for (const ScheduledContainer& entry : queue->containers) page.entries.push_back(&entry);
  if (const auto order = parse_order(request.order)) {
    std::stable_sort(page.entries.begin(), page.entries.end(), [&](const auto* a, const auto* b) {
      const QueuedContainer& left = a->entry->container;
      const QueuedContainer& right = b->entry->container;
      return order->descending ? order->key->before(right, left) : order->key->before(left, right);
    });
  }
  const std::size_t first = std::min(request.offset, page.entries.size());
  const std::size_t count = std::min(request.limit.value_or(page.entries.size()), page.entries.size() - first);
  page.entries.erase(page.entries.begin(), page.entries.begin() + static_cast<std::ptrdiff_t>(first));
  page.entries.resize(count);
  page.queue = std::move(queue);
  return page;
}

}  // namespace berth
