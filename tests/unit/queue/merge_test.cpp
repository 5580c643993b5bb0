#include "merge.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using State = ContainerState;

Container record(const std::string& uuid, State state = State::queued, std::int64_t priority = 1) {
  Container out;
  out.uuid = uuid;
  out.state = state;
  out.priority = priority;
  return out;
}

// A cache to merge into.
struct World {
  QueueEntries entries;
  QueueEntries core;
  QueueEntries tail;
  PolledRecords polled;
  UuidSet hands_off;

  void know(const Container& container, QueueEntries& part) {
    auto entry = std::make_shared<QueueEntry>();
    entry->container.uuid = container.uuid;
    entry->container.state = container.state;
    entry->container.priority = container.priority;
    entry->spec = std::make_shared<QueueSpec>();
    part.set(entry);
    entries.set(std::move(entry));
  }
  Known known() const { return {entries, core, tail}; }
  PollMerge merge() const { return merge_poll(known(), polled, hands_off); }
};

// What became of the one container of a case.
std::string outcome(const PollMerge& merge) {
  std::string out;
  for (const Container* c : merge.update)
    out += "update " + std::string(to_string(c->state)) + " " + std::to_string(c->priority) + ";";
  for (const auto& uuid : merge.drop) out += "drop " + uuid + ";";
  for (const Container* c : merge.update_state)
    out += "state " + std::string(to_string(c->state)) + " " + std::to_string(c->priority) + ";";
  for (const Container* c : merge.arrive) out += "arrive " + std::to_string(c->priority) + ";";
  for (const Container* c : merge.arrive_held) out += "arrive held " + std::to_string(c->priority) + ";";
  for (std::size_t i = 0; i < merge.enter_tail.size(); ++i) out += "enter tail;";
  for (std::size_t i = 0; i < merge.leave_tail.size(); ++i) out += "leave tail;";
  return out;
}

enum class Cached { no, core, tail };
enum class Lists { none, held, held_as_known, window, both, missing };

struct Case {
  const char* what;
  Cached cached;
  State cached_state;
  Lists lists;
  State listed_state;
  std::int64_t listed_priority;
  bool window_complete;
  bool hands_off;
  const char* expected;
};

const Case cases[] = {
    {"known, in the window", Cached::core, State::queued, Lists::window, State::queued, 5, true, false,
     "update Queued 5;"},
    {"known, and nothing new", Cached::core, State::queued, Lists::window, State::queued, 1, true, false, ""},
    {"known, held", Cached::core, State::locked, Lists::held, State::running, 5, true, false, "state Running 5;"},
    {"known, held, and nothing new", Cached::core, State::locked, Lists::held_as_known, State::locked, 1, true, false,
     ""},
    {"C overrides B", Cached::core, State::locked, Lists::both, State::queued, 5, true, false, "update Queued 5;"},
    {"found by D: cancelled", Cached::core, State::queued, Lists::missing, State::cancelled, 0, true, false,
     "update Cancelled 0;"},
    {"found by D: on hold", Cached::core, State::queued, Lists::missing, State::queued, 0, false, false,
     "update Queued 0;"},
    {"found by D: below the window", Cached::core, State::queued, Lists::missing, State::queued, 2, false, false,
     "update Queued 2;enter tail;"},
    {"found by D: unlocked since C", Cached::core, State::locked, Lists::missing, State::queued, 2, true, false,
     "update Queued 2;"},
    {"found by D: locked by another", Cached::core, State::queued, Lists::missing, State::locked, 2, true, false,
     "drop u;"},
    {"found by D: runs for another", Cached::core, State::running, Lists::missing, State::running, 2, true, false,
     "drop u;"},
    {"deleted from the database", Cached::core, State::running, Lists::none, State::queued, 0, true, false, "drop u;"},
    {"finished and no longer listed", Cached::core, State::complete, Lists::none, State::queued, 0, true, false,
     "drop u;"},
    {"changed here meanwhile: not overwritten", Cached::core, State::locked, Lists::window, State::queued, 5, true,
     true, ""},
    {"changed here meanwhile: not expunged", Cached::core, State::locked, Lists::none, State::queued, 5, true, true,
     ""},
    {"changed here meanwhile: not added", Cached::no, State::queued, Lists::window, State::queued, 5, true, true, ""},
    {"changed here meanwhile: not added as held", Cached::no, State::queued, Lists::held, State::locked, 5, true, true,
     ""},
    {"unknown, in the window", Cached::no, State::queued, Lists::window, State::queued, 5, true, false, "arrive 5;"},
    {"unknown, held", Cached::no, State::queued, Lists::held, State::locked, 5, true, false, "arrive held 5;"},
    {"unknown, both: C overrides", Cached::no, State::queued, Lists::both, State::queued, 5, true, false, "arrive 5;"},
    {"forgotten while D asked", Cached::no, State::queued, Lists::missing, State::complete, 5, true, false, ""},
    {"the tail is not missing", Cached::tail, State::queued, Lists::none, State::queued, 0, false, false, ""},
    {"a complete window leaves no tail", Cached::tail, State::queued, Lists::none, State::queued, 0, true, false,
     "drop u;"},
    {"a complete window, but changed here", Cached::tail, State::queued, Lists::none, State::queued, 0, true, true, ""},
    {"from the tail into the window", Cached::tail, State::queued, Lists::window, State::queued, 9, false, false,
     "update Queued 9;leave tail;"},
    {"from the tail to ours", Cached::tail, State::queued, Lists::held, State::locked, 9, false, false,
     "state Locked 9;leave tail;"},
};

TEST(MergePoll, Table) {
  for (const Case& c : cases) {
    World world;
    if (c.cached != Cached::no)
      world.know(record("u", c.cached_state), c.cached == Cached::core ? world.core : world.tail);
    const Container listed = record("u", c.listed_state, c.listed_priority);
    if (c.lists == Lists::held) world.polled.held.emplace("u", listed);
    if (c.lists == Lists::held_as_known) world.polled.held_as_known.push_back("u");
    if (c.lists == Lists::both) world.polled.held.emplace("u", record("u", State::locked, 77));
    if (c.lists == Lists::window || c.lists == Lists::both) world.polled.window.emplace("u", listed);
    if (c.lists == Lists::missing) world.polled.missing.emplace("u", listed);
    world.polled.window_complete = c.window_complete;
    if (c.hands_off) world.hands_off.insert("u");
    EXPECT_EQ(outcome(world.merge()), c.expected) << c.what;
  }
}

TEST(MissingUuids, AreTheUnlistedThatAreNeitherFinalNorInTheTail) {
  World world;
  for (const State state : {State::queued, State::locked, State::running, State::complete, State::cancelled})
    world.know(record(std::string(to_string(state)), state), world.core);
  world.know(record("held", State::locked), world.core);
  world.know(record("window"), world.core);
  world.know(record("tail"), world.tail);
  world.know(record("same", State::running), world.core);
  world.polled.held_as_known.push_back("same");
  world.polled.held.emplace("held", record("held", State::locked));
  world.polled.window.emplace("window", record("window"));
  EXPECT_EQ(missing_uuids(world.known(), world.polled), (std::vector<std::string>{"Locked", "Queued", "Running"}));
}

TEST(MergeHeldPage, TellsWhatIsNewFromWhatIsKnownAndWhatIsUnknown) {
  World world;
  for (const char* uuid : {"a", "b", "c", "d", "e"}) world.know(record(uuid, State::locked), world.core);
  world.know(record("t"), world.tail);
  std::vector<Container> page;
  for (const char* uuid : {"b", "c", "d", "t", "x"}) page.push_back(record(uuid, State::locked));
  page[1].state = State::running;
  page[2].unreadable = "no";
  PolledRecords polled;
  std::vector<std::string> unknown;
  merge_held_page(world.known(), "a", page, polled, unknown);
  EXPECT_EQ(polled.held_as_known, std::vector<std::string>{"b"});
  std::string held;
  for (const auto& [uuid, container] : polled.held) held += uuid;
  EXPECT_EQ(held, "cdt");
  EXPECT_EQ(polled.unreadable(), UuidSet{"d"});
  EXPECT_EQ(unknown, std::vector<std::string>{"x"});
}

struct PageCase {
  const char* what;
  std::string after;
  std::vector<std::string> page;
  std::vector<std::string> hands_off;
  std::string dropped;
  std::string updated;
  std::string arrived;
};

std::string join(const std::vector<const Container*>& records) {
  std::string out;
  for (const Container* c : records) out += c->uuid;
  return out;
}

TEST(MergeTailPage, Table) {
  // The tail holds b, d, f, h; c is in the core. The page says something new of all but h.
  const PageCase table[] = {
      {"all there", "", {"b", "d"}, {}, "", "bd", ""},
      {"one has gone", "", {"b", "f"}, {}, "d", "bf", ""},
      {"beyond the page nothing is known", "", {"b"}, {}, "", "b", ""},
      {"before the page nothing is known", "d", {"f"}, {}, "", "f", ""},
      {"the range begins behind the last page", "b", {"f"}, {}, "d", "f", ""},
      {"an empty page ends the list", "d", {}, {}, "fh", "", ""},
      {"an empty list", "", {}, {}, "bdfh", "", ""},
      {"new ones arrive", "", {"a", "b", "bb", "d", "z"}, {}, "fh", "bd", "abbz"},
      {"the core is the poll's", "", {"b", "c", "d"}, {}, "", "bd", ""},
      {"hands off", "", {"a", "d"}, {"a", "b", "d"}, "", "", ""},
      {"nothing new", "f", {"h"}, {}, "", "", ""},
  };
  for (const PageCase& c : table) {
    World world;
    for (const char* uuid : {"b", "d", "f", "h"}) world.know(record(uuid), world.tail);
    world.know(record("c"), world.core);
    std::vector<Container> page;
    for (const auto& uuid : c.page) page.push_back(record(uuid, State::queued, uuid == "h" ? 1 : 2));
    const UuidSet hands_off(c.hands_off.begin(), c.hands_off.end());
    const TailMerge merge = merge_tail_page(world.known(), c.after, page, hands_off);
    std::string dropped;
    for (const auto& uuid : merge.drop) dropped += uuid;
    EXPECT_EQ(dropped, c.dropped) << c.what;
    EXPECT_EQ(join(merge.update_state), c.updated) << c.what;
    EXPECT_EQ(join(merge.arrive), c.arrived) << c.what;
  }
}

}  // namespace
}  // namespace berth
