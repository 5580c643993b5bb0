#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/result.hpp"
#include "berth/scheduler/scheduler.hpp"

namespace berth {

/// What `GET …/containers` asks for (Berth's own addition to facts §9.2).
struct PageRequest {
  std::optional<std::size_t> limit;
  std::size_t offset = 0;
  std::string order;  ///< a key, then perhaps ` asc` or ` desc`; empty: scheduling order
};
/// Parameters as sent; empty is absent. Error: invalid, naming the parameter.
Result<PageRequest> parse_page_request(const std::string& limit, const std::string& offset, const std::string& order);

struct QueuePage {
  std::shared_ptr<const ScheduledQueue> queue;  ///< keeps the entries alive
  std::vector<const ScheduledContainer*> entries;
};
/// `queue` is not null. Ties of an order keep scheduling order.
QueuePage select_page(std::shared_ptr<const ScheduledQueue> queue, const PageRequest& request);

}  // namespace berth
