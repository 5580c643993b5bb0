#include "record_store.hpp"

#include <gtest/gtest.h>
#include <string>

namespace berth {
namespace {

SimOptions a_workflow() {
  SimOptions options;
  options.workload.resize(4);
  options.workload[1].parent = 0;
  options.workload[2].parent = 1;
  return options;
}

TEST(RecordStore, PrioritiesArePassedOnAndNobodyIsTold) {
  SimCore core(a_workflow());
  SimWatcher nobody;
  RecordStore store(core, nobody);
  std::string uuids[4];
  for (std::uint32_t i = 0; i < 4; ++i) uuids[i] = store.add(core.options.workload[i], i, 1).uuid();
  std::vector<std::string> saved;
  store.on_saved = [&](const std::string& uuid, std::optional<ContainerState>) { saved.push_back(uuid); };
  const auto priority = [&](int i) { return store.find(uuids[i])->container.priority; };
  core.runtime.run_for(std::chrono::seconds(1));
  const std::int64_t before = priority(3);
  store.set_priority(uuids[0], 700);
  EXPECT_NE(priority(1), priority(0));
  store.pass_on_priority(uuids[0]);
  EXPECT_EQ(priority(1), priority(0));
  EXPECT_EQ(priority(2), priority(0));
  EXPECT_EQ(priority(3), before);
  EXPECT_EQ(saved.size(), 1U) << "the request of the first alone";
  ModifiedQuery query;
  query.of = ModifiedQuery::Of::requests;
  query.since = core.server_time();
  query.limit = 10;
  EXPECT_EQ(store.list_modified(query)->size(), 1U);
}

}  // namespace
}  // namespace berth
