#include "berth/queue/queue_entries.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>

namespace berth {
namespace {

QueueEntries::value_type entry(const std::string& uuid, std::uint64_t id = 0) {
  auto out = std::make_shared<QueueEntry>();
  out->container.uuid = uuid;
  out->id = id;
  return out;
}

using Model = std::map<std::string, QueueEntries::value_type>;

void expect_equal(const QueueEntries& entries, const Model& model) {
  ASSERT_EQ(entries.size(), model.size());
  auto expected = model.begin();
  for (const auto& found : entries) {
    ASSERT_EQ(found, expected->second);
    ++expected;
  }
  ASSERT_EQ(expected, model.end());
}

void expect_changes(const QueueEntries& before, const Model& old_model, const QueueEntries& after, const Model& model) {
  Model replayed = old_model;
  for (const auto& change : changes_between(before, after)) {
    const std::string& uuid = (change.before ? change.before : change.after)->container.uuid;
    const auto known = replayed.find(uuid);
    ASSERT_EQ(change.before, known == replayed.end() ? nullptr : known->second);
    ASSERT_NE(change.before, change.after);
    if (change.after)
      replayed[uuid] = change.after;
    else
      replayed.erase(uuid);
  }
  ASSERT_EQ(replayed, model);
}

TEST(QueueEntries, EqualsAMapUnderRandomChangesAndCopiesStay) {
  std::mt19937 random(7);
  QueueEntries entries;
  Model model;
  for (int round = 0; round < 60; ++round) {
    const QueueEntries copy = entries;
    const Model copied = model;
    const int range = round < 30 ? 4000 : 300;  // grow, then shrink
    for (int i = 0; i < 100; ++i) {
      const std::string uuid = std::to_string(random() % range);
      if (random() % (round < 30 ? 4 : 2) == 0) {
        EXPECT_EQ(entries.erase(uuid), model.erase(uuid) > 0);
      } else {
        model[uuid] = entry(uuid, static_cast<std::uint64_t>(i));
        entries.set(model[uuid]);
      }
      EXPECT_EQ(entries.find(uuid), model.contains(uuid) ? model[uuid].get() : nullptr);
    }
    expect_equal(entries, model);
    expect_equal(copy, copied);
    expect_changes(copy, copied, entries, model);
  }
}

TEST(QueueEntries, UpperBoundAndShare) {
  QueueEntries entries;
  EXPECT_EQ(entries.upper_bound("5"), entries.end());
  std::map<std::string, QueueEntries::value_type> model;
  for (int i = 1000; i < 2000; i += 2) {
    const std::string uuid = std::to_string(i);
    entries.set(model[uuid] = entry(uuid));
  }
  for (int i = 998; i < 2002; ++i) {
    const std::string uuid = std::to_string(i);
    const auto expected = model.upper_bound(uuid);
    const auto found = entries.upper_bound(uuid);
    ASSERT_EQ(found == entries.end(), expected == model.end()) << i;
    if (expected != model.end()) EXPECT_EQ(*found, expected->second) << i;
    EXPECT_EQ(entries.share(uuid), model.contains(uuid) ? model[uuid] : nullptr);
  }
}

TEST(QueueEntries, EmptyOnes) {
  QueueEntries entries;
  EXPECT_EQ(entries.begin(), entries.end());
  EXPECT_EQ(entries.find("x"), nullptr);
  EXPECT_FALSE(entries.erase("x"));
  entries.set(entry("x"));
  EXPECT_TRUE(entries.erase("x"));
  EXPECT_EQ(entries.begin(), entries.end());
  EXPECT_TRUE(changes_between(entries, {}).empty());
}

}  // namespace
}  // namespace berth
