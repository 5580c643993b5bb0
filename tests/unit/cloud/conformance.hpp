#pragma once

#include <algorithm>
#include <gtest/gtest.h>

#include "berth/cloud/driver.hpp"

namespace berth::conformance {

/// What every driver has to do (facts §8.1), as a task that checks it. The set has to be empty at first and to have
/// room for one instance of `type`.
inline awaitable<void> check_instance_set(InstanceSet& set, InstanceType type) {
  using Instances = std::vector<std::shared_ptr<Instance>>;
  const auto listed_once = [](const Instances& all, const std::string& id) {
    return std::ranges::count_if(all, [&](const auto& instance) { return instance->id() == id; }) == 1;
  };

  auto listed = co_await set.instances({});
  EXPECT_TRUE(listed && listed->empty()) << "starts empty";

  CreateRequest request;
  request.type = type;
  request.tags = {{"Set", "one"}, {"Odd key / \"quoted\"", "ünïcode\nline"}};
  const InstanceTags tags = request.tags;
  auto created = co_await set.create(std::move(request));
  EXPECT_TRUE(created) << (created ? "" : created.error().message);
  if (!created) co_return;
  const std::string id = (*created)->id();
  EXPECT_FALSE(id.empty());
  EXPECT_EQ((*created)->provider_type(), type.provider_type);
  EXPECT_EQ((*created)->tags(), tags);
  EXPECT_FALSE((*created)->remote_user().empty());

  listed = co_await set.instances({});
  EXPECT_TRUE(listed);
  if (!listed) co_return;
  EXPECT_TRUE(listed_once(*listed, id)) << "a created instance is listed";
  if (listed->empty()) co_return;
  EXPECT_EQ(listed->front()->tags(), tags);
  EXPECT_EQ(listed->front()->provider_type(), type.provider_type);

  InstanceTags changed = {{"Set", "one"}, {"New", ""}};
  const auto tagged = co_await (*created)->set_tags(changed);
  EXPECT_TRUE(tagged);
  listed = co_await set.instances({});
  EXPECT_TRUE(listed && listed->size() == 1 && listed->front()->tags() == changed) << "tags are replaced as a whole";

  const auto destroyed = co_await (*created)->destroy();
  EXPECT_TRUE(destroyed) << (destroyed ? "" : destroyed.error().message);
  listed = co_await set.instances({});
  EXPECT_TRUE(listed && listed->empty()) << "a destroyed instance is gone";
  const auto again = co_await (*created)->destroy();
  EXPECT_TRUE(again) << "destroying twice is no error";
  co_await set.stop();
}

}  // namespace berth::conformance
