#include "lists.hpp"

#include <utility>

namespace berth {

namespace {

constexpr std::size_t missing_batch = 20;

// A page of a list in uuid order: every uuid must be beyond the last one, or we might go round for ever.
awaitable<Result<std::vector<Container>>> page_after(ContainerApi& api, ContainerQuery query, std::string after) {
  query.order = "uuid";
  if (!after.empty()) query.filters.push_back({"uuid", ">", after, {}});
  auto page = co_await api.list_containers(std::move(query));
  if (!page) co_return page;
  for (const Container& container : *page) {
    if (container.uuid <= after) co_return fail(ErrorKind::undecodable, "list of containers is not in uuid order");
    after = container.uuid;
  }
  co_return page;
}

ContainerQuery waiting_query(std::int64_t page_size) {
  ContainerQuery query;
  query.filters.push_back({"state", "=", "Queued", {}});
  query.filters.push_back({"priority", ">", "0", {}});
  query.limit = page_size;
  return query;
}

}  // namespace

awaitable<Result<std::vector<Container>>> list_held_page(ContainerApi& api, std::string token_uuid, std::string after,
                                                         std::int64_t page_size) {
  ContainerQuery query;
  query.filters.push_back({"locked_by_uuid", "=", token_uuid, {}});
  query.limit = page_size;
  query.brief = true;
  auto page = co_await page_after(api, std::move(query), std::move(after));
  if (page)
    for (Container& container : *page) container.locked_by_uuid = token_uuid;
  co_return page;
}

awaitable<Result<Window>> list_window(ContainerApi& api, std::int64_t window, std::int64_t page_size) {
  ContainerQuery query = waiting_query(page_size);
  query.order = "priority desc";
  Window out;
  std::int64_t non_supervisors = 0;
  do {
    auto page = co_await api.list_containers(query);
    if (!page) co_return fail(page.error());
    out.complete = page->empty();
    if (out.complete) break;
    query.offset += static_cast<std::int64_t>(page->size());
    const std::size_t known = out.records.size();
    for (Container& container : *page) {
      if (!container.scheduling_parameters.supervisor) ++non_supervisors;
      std::string uuid = container.uuid;
      out.records.insert_or_assign(std::move(uuid), std::move(container));
    }
    // Rows move while pages are counted by offset, so a page may repeat rows. One that holds nothing new ends the list,
    // and what may have been passed over is left to the tail.
    if (out.records.size() == known) break;
  } while (non_supervisors < window);
  co_return out;
}

namespace {
// `limit`: 0 leaves the page's length to the server.
awaitable<Result<Missing>> list_in_batches(ContainerApi& api, std::vector<std::string> uuids, std::size_t batch_size,
                                           std::int64_t limit) {
  UuidSet open(uuids.begin(), uuids.end());
  Missing out;
  while (!open.empty()) {
    std::vector<std::string> batch;
    for (auto it = open.begin(); it != open.end() && batch.size() < batch_size; ++it) batch.push_back(*it);
    const UuidSet asked(batch.begin(), batch.end());
    ContainerQuery query;
    query.order = "uuid";
    query.limit = limit;
    query.filters.push_back({"uuid", "in", "", std::move(batch)});
    auto page = co_await api.list_containers(std::move(query));
    if (!page) co_return fail(page.error());
    for (Container& container : *page) {
      std::string uuid = container.uuid;
      if (!asked.contains(uuid))
        co_return fail(ErrorKind::undecodable, "list of containers holds " + uuid + ", which was not asked for");
      open.erase(uuid);
      out.records.insert_or_assign(std::move(uuid), std::move(container));
    }
    if (!page->empty()) continue;
    for (const std::string& uuid : asked) open.erase(uuid);
    out.deleted.insert(asked.begin(), asked.end());
  }
  co_return out;
}

}  // namespace

awaitable<Result<Missing>> list_missing(ContainerApi& api, std::vector<std::string> uuids) {
  return list_in_batches(api, std::move(uuids), missing_batch, 0);
}

awaitable<Result<Missing>> list_by_uuid(ContainerApi& api, std::vector<std::string> uuids) {
  return list_in_batches(api, std::move(uuids), fetch_batch, static_cast<std::int64_t>(fetch_batch));
}

awaitable<Result<std::vector<Container>>> list_tail_page(ContainerApi& api, std::string after, std::int64_t page_size) {
  ContainerQuery query = waiting_query(page_size);
  query.brief = true;
  return page_after(api, std::move(query), std::move(after));
}

}  // namespace berth
