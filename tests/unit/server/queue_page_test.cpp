#include "queue_page.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

std::shared_ptr<const ScheduledQueue> queue_of_five() {
  struct Row {
    const char* uuid;
    std::int64_t priority;
    int created;
    ContainerState state;
  };
  const Row rows[] = {{"e", 5, 3, ContainerState::running},
                      {"d", 5, 1, ContainerState::locked},
                      {"a", 9, 2, ContainerState::queued},
                      {"c", 1, 5, ContainerState::queued},
                      {"b", 7, 4, ContainerState::locked}};
  auto queue = std::make_shared<ScheduledQueue>();
  for (const Row& row : rows) {
    QueueEntry entry;
    entry.container.uuid = row.uuid;
    entry.container.priority = row.priority;
    entry.container.created_at = WallTime(std::chrono::seconds(row.created));
    entry.container.state = row.state;
    ScheduledContainer scheduled;
    scheduled.entry = std::make_shared<const QueueEntry>(entry);
    queue->containers.push_back(scheduled);
  }
  return queue;
}

TEST(QueuePage, SelectsAndOrders) {
  struct Case {
    const char* limit;
    const char* offset;
    const char* order;
    const char* uuids;
  };
  const Case cases[] = {
      {"", "", "", "edacb"},
      {"2", "", "", "ed"},
      {"2", "1", "", "da"},
      {"0", "", "", ""},
      {"99999999999", "4", "", "b"},
      {"", "5", "", ""},
      {"", "99999999999", "", ""},
      {"", "", "uuid", "abcde"},
      {"", "", "uuid desc", "edcba"},
      {"", "", "created_at asc", "daebc"},
      {"", "", "priority", "cedba"},       // ties keep scheduling order
      {"", "", "priority desc", "abedc"},  // here too
      {"3", "1", "state", "bac"},
  };
  for (const Case& c : cases) {
    const auto request = parse_page_request(c.limit, c.offset, c.order);
    ASSERT_TRUE(request) << request.error().message;
    std::string uuids;
    for (const ScheduledContainer* entry : select_page(queue_of_five(), *request).entries)
      uuids += entry->entry->container.uuid;
    EXPECT_EQ(uuids, c.uuids) << c.limit << ' ' << c.offset << ' ' << c.order;
  }
}

TEST(QueuePage, RefusesByName) {
  struct Case {
    const char* limit;
    const char* offset;
    const char* order;
    const char* named;
  };
  const Case cases[] = {
      {"-1", "", "", "limit"},    {"1x", "", "", "limit"},         {"", "1.5", "", "offset"},
      {"", " 1", "", "offset"},   {"", "", "colour", "order"},     {"", "", "uuid down", "order"},
      {"", "", "uuid ", "order"}, {"", "", "uuid desc;", "order"}, {"18446744073709551616", "", "", "limit"},
      {"", "", " uuid", "order"},
  };
  for (const Case& c : cases) {
    const auto request = parse_page_request(c.limit, c.offset, c.order);
    ASSERT_FALSE(request) << c.limit << '|' << c.offset << '|' << c.order;
    EXPECT_TRUE(request.error().message.starts_with(c.named)) << request.error().message;
  }
}

}  // namespace
}  // namespace berth
