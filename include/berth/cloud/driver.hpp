#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "berth/base/asio.hpp"
#include "berth/base/log.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/model/instance_type.hpp"

namespace berth {

using InstanceTags = std::map<std::string, std::string>;

struct InstancePrice {
  WallTime start{};
  double price = 0;  ///< $/hour
};

enum class HostKeyVerdict { ok, mismatch, not_implemented };

/// One cloud instance as listed or created: an immutable value apart from its verbs (facts §8.1).
class Instance {
 public:
  virtual ~Instance() = default;
  virtual const std::string& id() const = 0;  ///< stable
  virtual const std::string& provider_type() const = 0;
  virtual const std::string& address() const = 0;  ///< `host[:port]`, or empty while it has none
  virtual const std::string& remote_user() const = 0;
  virtual const InstanceTags& tags() const = 0;
  /// Newest first; empty if the driver keeps none.
  virtual std::vector<InstancePrice> price_history(const InstanceType& type) const = 0;
  /// The full set of tags.
  virtual awaitable<Result<void>> set_tags(InstanceTags tags) = 0;
  virtual awaitable<Result<void>> destroy() = 0;
  /// `key` in the form of an authorized_keys line without comment.
  virtual awaitable<Result<HostKeyVerdict>> verify_host_key(std::string key) = 0;
  /// For instances that are this very machine: what their commands get in the environment. Null: reach it over SSH.
  virtual const std::map<std::string, std::string>* local_environment() const = 0;
};

struct CreateRequest {
  InstanceType type;
  std::string image_id;
  InstanceTags tags;
  std::string init_command;  ///< shell text; drivers wrap it (facts §8.1)
  std::string public_key;    ///< authorized_keys line; empty: none
};

/// A set of cloud instances that carry one set id. Errors: rate_limited (with retry_at), quota, capacity (with scope),
/// denied, network, timeout, failed. Every call ends; callers add deadlines of their own all the same.
class InstanceSet {
 public:
  virtual ~InstanceSet() = default;
  virtual awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) = 0;
  /// Booting and stopping ones included. `filter` may be ignored; the wrapper filters again.
  virtual awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags filter) = 0;
  /// Types of one group share a capacity limit; different for preemptible ones; may be empty.
  virtual std::string quota_group(const InstanceType& type) const = 0;
  virtual awaitable<void> stop() = 0;
};

struct DriverContext {
  Runtime& runtime;
  Logger log;
  Metrics& metrics;
  const nlohmann::json& parameters;  ///< DriverParameters
  std::string instance_set_id;
  InstanceTags shared_tags;  ///< for resources other than instances
};

/// Checks the parameters and makes the set. Errors: invalid, naming the parameter.
using DriverFactory = std::function<Result<std::unique_ptr<InstanceSet>>(const DriverContext&)>;

/// The factory for `Containers.CloudVMs.Driver`; unknown: ErrorKind::invalid naming the known ones.
Result<DriverFactory> find_driver(std::string_view name);

struct ParameterProblem {
  std::string parameter;  ///< key below DriverParameters; empty: all of them, or the driver itself
  std::string message;
};
/// What the driver of that name would refuse, without touching anything: the driver itself or its parameters.
std::vector<ParameterProblem> check_driver(std::string_view name, const nlohmann::json& parameters);

struct WrapperOptions {
  std::int64_t max_ops_per_second = 0;  ///< 0 = unlimited
  InstanceTags default_tags;            ///< added at create; the request's own win
  InstanceTags filter;                  ///< what instances() asks for and filters by again
  /// Asked when an operation that changes something has its turn; no: `unavailable`. Empty: always.
  std::function<bool()> may_act = {};
};
/// Puts the wrappers of facts §6.6 around a driver, inner to outer: operation counters, rate limit, default tags, list
/// filter. (The throttle of creates and lists after rate_limited errors is the pool's.)
std::unique_ptr<InstanceSet> wrap_instance_set(Runtime& runtime, Metrics& metrics, std::unique_ptr<InstanceSet> inner,
                                               WrapperOptions options);

}  // namespace berth
