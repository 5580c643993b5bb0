#include <gtest/gtest.h>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "berth/cloud/driver.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

/// What a fake driver was asked, and whether it fails.
struct Book {
  bool failing = false;
  std::vector<SteadyTime> calls;
  InstanceTags created_tags;
  InstanceTags asked_filter;
  std::vector<InstanceTags> listed;
};

class FakeInstance final : public Instance {
 public:
  FakeInstance(Runtime& runtime, Book& book, InstanceTags tags)
      : runtime_(runtime), book_(book), tags_(std::move(tags)) {}
  const std::string& id() const override { return id_; }
  const std::string& provider_type() const override { return id_; }
  const std::string& address() const override { return id_; }
  const std::string& remote_user() const override { return id_; }
  const InstanceTags& tags() const override { return tags_; }
  std::vector<InstancePrice> price_history(const InstanceType&) const override { return {InstancePrice{{}, 7}}; }
  awaitable<Result<void>> set_tags(InstanceTags) override { co_return answer(); }
  awaitable<Result<void>> destroy() override { co_return answer(); }
  awaitable<Result<HostKeyVerdict>> verify_host_key(std::string) override { co_return HostKeyVerdict::mismatch; }
  const std::map<std::string, std::string>* local_environment() const override { return &tags_; }

 private:
  Result<void> answer() {
    book_.calls.push_back(runtime_.now());
    if (book_.failing) return fail(ErrorKind::failed, "as asked");
    return {};
  }
  Runtime& runtime_;
  Book& book_;
  InstanceTags tags_;
  std::string id_ = "fake";
};

class FakeSet final : public InstanceSet {
 public:
  FakeSet(Runtime& runtime, Book& book) : runtime_(runtime), book_(book) {}
  awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) override {
    book_.calls.push_back(runtime_.now());
    book_.created_tags = request.tags;
    if (book_.failing) co_return fail(ErrorKind::quota, "as asked");
    co_return std::make_shared<FakeInstance>(runtime_, book_, request.tags);
  }
  awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags filter) override {
    book_.calls.push_back(runtime_.now());
    book_.asked_filter = std::move(filter);
    if (book_.failing) co_return fail(ErrorKind::network, "as asked");
    std::vector<std::shared_ptr<Instance>> all;
    for (const InstanceTags& tags : book_.listed) all.push_back(std::make_shared<FakeInstance>(runtime_, book_, tags));
    co_return all;
  }
  std::string quota_group(const InstanceType&) const override { return "group"; }
  awaitable<void> stop() override { co_return; }

 private:
  Runtime& runtime_;
  Book& book_;
};

class Wrappers : public testing::Test {
 protected:
  void wrap(WrapperOptions options) {
    set = wrap_instance_set(runtime, metrics, std::make_unique<FakeSet>(runtime, book), std::move(options));
  }
  template <class T>
  T await(awaitable<T> operation) {
    std::optional<T> value;
    auto body = [](awaitable<T> op, std::optional<T>& v) -> awaitable<void> { v = co_await std::move(op); };
    asio::co_spawn(runtime.executor(), body(std::move(operation), value), asio::detached);
    EXPECT_TRUE(runtime.run_until([&] { return value.has_value(); }, 1h));
    return std::move(*value);
  }
  bool has_line(const std::string& line) const {
    return ('\n' + metrics.text()).find('\n' + line + '\n') != std::string::npos;
  }

  SimRuntime runtime;
  Metrics metrics;
  Book book;
  std::unique_ptr<InstanceSet> set;
};

std::string series(const char* error, const char* operation, int value) {
  return std::string("arvados_dispatchcloud_driver_operations{error=\"") + error + "\",operation=\"" + operation +
         "\"} " + std::to_string(value);
}

TEST_F(Wrappers, CountEveryOperation) {
  wrap({});
  for (const char* operation : {"Create", "List", "Destroy", "SetTags"})
    for (const char* error : {"0", "1"}) EXPECT_TRUE(has_line(series(error, operation, 0))) << metrics.text();
  auto instance = *await(set->create({}));
  await(set->instances({}));
  await(set->instances({}));
  book.failing = true;
  await(set->create({}));
  await(set->instances({}));
  await(instance->destroy());
  await(instance->set_tags({}));
  EXPECT_TRUE(has_line(series("0", "Create", 1)));
  EXPECT_TRUE(has_line(series("1", "Create", 1)));
  EXPECT_TRUE(has_line(series("0", "List", 2)));
  EXPECT_TRUE(has_line(series("1", "List", 1)));
  EXPECT_TRUE(has_line(series("1", "Destroy", 1)));
  EXPECT_TRUE(has_line(series("1", "SetTags", 1)));
  EXPECT_TRUE(has_line(series("0", "Destroy", 0))) << metrics.text();
}

TEST_F(Wrappers, WhatWaitedForItsTurnIsRefusedWhenItMayNoLongerAct) {
  bool active = true;
  WrapperOptions options;
  options.max_ops_per_second = 1;
  options.may_act = [&active] { return active; };
  wrap(std::move(options));
  auto instance = *await(set->create({}));
  const auto calls = book.calls.size();
  active = false;  // before the next turn, a second later
  EXPECT_EQ(await(set->create({})).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(await(instance->destroy()).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(await(instance->set_tags({})).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(book.calls.size(), calls);
  EXPECT_TRUE(await(set->instances({})));
  active = true;
  EXPECT_TRUE(await(instance->destroy()));
}

TEST_F(Wrappers, PassTheRestThrough) {
  wrap({.max_ops_per_second = 1000, .default_tags = {}, .filter = {}});
  auto instance = *await(set->create({}));
  EXPECT_EQ(instance->price_history({}).size(), 1U);
  EXPECT_EQ(instance->id(), "fake");
  EXPECT_NE(instance->local_environment(), nullptr);
  EXPECT_EQ(await(instance->verify_host_key("")), HostKeyVerdict::mismatch);
  EXPECT_EQ(set->quota_group({}), "group");
}

TEST_F(Wrappers, SpaceOperationsEvenly) {
  wrap({.max_ops_per_second = 4, .default_tags = {}, .filter = {}});
  auto instance = *await(set->create({}));
  runtime.run_for(10s);  // idle time saves up nothing
  book.calls.clear();
  const SteadyTime start = runtime.now();
  auto forget = [](auto operation) -> awaitable<void> { co_await std::move(operation); };
  asio::co_spawn(runtime.executor(), forget(set->create({})), asio::detached);
  asio::co_spawn(runtime.executor(), forget(set->instances({})), asio::detached);
  asio::co_spawn(runtime.executor(), forget(instance->set_tags({})), asio::detached);
  asio::co_spawn(runtime.executor(), forget(instance->destroy()), asio::detached);
  runtime.run_for(10s);
  ASSERT_EQ(book.calls.size(), 4U);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(book.calls[i] - start, i * 250ms);
}

TEST_F(Wrappers, AddDefaultTagsThatTheRequestOverrides) {
  wrap({.max_ops_per_second = 0, .default_tags = {{"a", "default"}, {"b", "default"}}, .filter = {}});
  CreateRequest request;
  request.tags = {{"b", "own"}, {"c", "own"}};
  await(set->create(std::move(request)));
  EXPECT_EQ(book.created_tags, (InstanceTags{{"a", "default"}, {"b", "own"}, {"c", "own"}}));
}

TEST_F(Wrappers, FilterAgain) {
  wrap({.max_ops_per_second = 0, .default_tags = {}, .filter = {{"Set", "mine"}}});
  book.listed = {{{"Set", "mine"}}, {{"Set", "other"}}, {}, {{"Set", "mine"}, {"x", "1"}}};
  EXPECT_EQ(await(set->instances({}))->size(), 2U);
  EXPECT_EQ(book.asked_filter, (InstanceTags{{"Set", "mine"}}));
  EXPECT_EQ(await(set->instances({{"x", "1"}}))->size(), 1U);
}

TEST(FindDriver, KnowsItsNames) {
  EXPECT_TRUE(find_driver("loopback"));
  for (const char* name : {"ec2", "azure"}) {
    const auto found = find_driver(name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().kind, ErrorKind::unsupported);
  }
  for (const char* name : {"", "EC2", "gce"}) {
    const auto found = find_driver(name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().kind, ErrorKind::invalid);
    EXPECT_NE(found.error().message.find("loopback"), std::string::npos) << "names the known ones";
  }
}

}  // namespace
}  // namespace berth
