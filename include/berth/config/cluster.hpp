#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "berth/base/log.hpp"
#include "berth/base/result.hpp"
#include "berth/base/time.hpp"
#include "berth/model/instance_type.hpp"

namespace berth {

/// `InternalURLs`: URL as written → its ListenURL (may be empty).
using InternalUrls = std::map<std::string, std::string>;

struct ServicesConfig {
  std::string controller_url;  ///< Services.Controller.ExternalURL
  std::string websocket_url;   ///< Services.Websocket.ExternalURL
  InternalUrls dispatch_cloud;
};

struct TlsConfig {
  std::string certificate;  ///< path; a `file://` prefix is gone
  std::string key;          ///< path
  std::string acme_server;  ///< if set, certificate and key are in the cache of an ACME client (facts §1.3)
  bool insecure = false;
};

struct SystemLogsConfig {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::json;
};

struct ApiConfig {
  Duration request_timeout{};
  std::int64_t max_concurrent_requests = 0;
  std::int64_t max_queued_requests = 0;
};

/// `Containers.CloudVMs.Cost…`, Berth's own keys (docs/policies.md).
struct CostPolicyConfig {
  bool ride = true;
  bool cover = true;
  bool group = true;
  double spare = 0.2;
  bool learn_timeout_idle = true;
  Duration guard = std::chrono::minutes(10);  ///< 0 = never
};

/// `Containers.CloudVMs` (facts §1.3), fallbacks for values ≤ 0 applied.
struct CloudVmsConfig {
  bool enable = false;  ///< only says whether the loopback driver gets an instance type of this machine
  std::string driver;
  /// Merged over the defaults for `ec2` and `azure`, whose parameters the default document holds all at once; other
  /// drivers get only parameters that are not those two's. Never null; secret.
  std::shared_ptr<const nlohmann::json> driver_parameters;
  std::string image_id;
  std::string ssh_port;
  std::string boot_probe_command;
  std::string instance_init_command;
  std::string deploy_runner_binary;
  std::string deploy_runner_directory;
  bool deploy_public_key = true;
  std::map<std::string, std::string> resource_tags;
  std::string tag_key_prefix;
  std::int64_t max_cloud_ops_per_second = 0;            ///< 0 = unlimited
  std::int64_t max_concurrent_instance_create_ops = 0;  ///< 0 = unlimited
  std::int64_t max_instances = 0;                       ///< 0 = unlimited
  std::int64_t initial_quota_estimate = 0;
  double supervisor_fraction = 0;
  std::int64_t max_running_containers_per_instance = 0;  ///< 0 = unlimited
  Duration poll_interval{};
  Duration probe_interval{};
  std::int64_t max_probes_per_second = 0;
  Duration sync_interval{};
  Duration timeout_idle{};
  Duration timeout_booting{};
  Duration timeout_probe{};
  Duration timeout_shutdown{};
  Duration timeout_signal{};
  Duration timeout_stale_run_lock{};
  Duration timeout_term{};
  /// Berth's own key `Policy`: `cost`, `greedy` or `reference` (docs/policies.md).
  std::string policy;
  /// Berth's own keys `ExitWatch` and `WatchedProbeInterval`: whether workers tell by themselves what ends, and how
  /// often those that do are probed.
  bool exit_watch = true;
  Duration watched_probe_interval{};
  CostPolicyConfig cost_policy;
};

struct ContainersConfig {
  std::string dispatch_private_key;  ///< PEM text or `file:///…`; secret
  Duration stale_lock_timeout{};
  std::string crunch_run_command;
  std::vector<std::string> crunch_run_arguments;
  std::int64_t reserve_extra_ram = 0;  ///< bytes
  std::string runtime_engine;
  std::int64_t local_keep_blob_buffers_per_vcpu = 0;
  double maximum_price_factor = 0;
  double preemptible_price_factor = 0;
  std::int64_t max_dispatch_attempts = 0;
  CloudVmsConfig cloud_vms;
};

/// One cluster of the configuration file, defaults applied (facts §1).
struct Cluster {
  std::string id;                 ///< five characters
  std::string system_root_token;  ///< secret
  std::string management_token;   ///< secret
  ServicesConfig services;
  TlsConfig tls;
  SystemLogsConfig system_logs;
  ApiConfig api;
  std::map<std::string, std::string> postgresql_connection;  ///< libpq keywords; secret
  std::map<std::string, InstanceType> instance_types;        ///< by name
  ContainersConfig containers;
  /// The merged document of this cluster (facts §1.1), as the reference would serialise it: every known key of the site
  /// file over every default. Berth's own keys are in it only if the file sets them. Never null; secret.
  std::shared_ptr<const nlohmann::json> document;
};

/// The instance-set id (facts §1.6): token uuid of a `v2/` token, else lower-case hex MD5 of the token.
std::string instance_set_id(std::string_view system_root_token);

}  // namespace berth
