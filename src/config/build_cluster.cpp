#include "build_cluster.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "berth/base/units.hpp"

#include "instance_types.hpp"
#include "keys.hpp"

namespace berth::config {
namespace {

using nlohmann::json;

/// Values of a typed document by the paths of the table of keys.
class Values {
 public:
  explicit Values(const json& document) : document_(document) {}

  std::string text(std::string_view path) const { return at(path).get<std::string>(); }
  bool boolean(std::string_view path) const { return at(path).get<bool>(); }
  double real(std::string_view path) const { return at(path).get<double>(); }
  std::int64_t integer(std::string_view path) const { return at(path).get<std::int64_t>(); }
  /// Negative counts mean what 0 means: no limit.
  std::int64_t count(std::string_view path) const { return std::max<std::int64_t>(0, integer(path)); }
  Duration duration(std::string_view path) const { return parse_duration(text(path)).value(); }
  Duration duration_or(std::string_view path, Duration fallback) const {
    const Duration value = duration(path);
    return value > Duration::zero() ? value : fallback;
  }
  std::map<std::string, std::string> text_map(std::string_view path) const {
    return at(path).get<std::map<std::string, std::string>>();
  }
  json at(std::string_view path) const {
    const Key* key = find_key(path);
    if (key == nullptr) throw std::logic_error("not in the table of keys: " + std::string(path));
    const json* value = &document_;
    for (std::string_view rest = path; !rest.empty();) {
      const std::size_t dot = rest.find('.');
      const auto found = value->find(std::string(rest.substr(0, dot)));
      if (found == value->end()) return json::parse(key->default_value);
      value = &*found;
      rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
    }
    return *value;
  }

 private:
  const json& document_;
};

std::string without_file_scheme(const std::string& path) {
  constexpr std::string_view scheme = "file://";
  return path.starts_with(scheme) ? path.substr(scheme.size()) : path;
}

ServicesConfig read_services(const Values& values) {
  ServicesConfig services;
  services.controller_url = values.text("Services.Controller.ExternalURL");
  services.websocket_url = values.text("Services.Websocket.ExternalURL");
  const json urls = values.at("Services.DispatchCloud.InternalURLs");
  for (const auto& [url, entry] : urls.items()) {
    services.dispatch_cloud[url] = entry.at("ListenURL").get<std::string>();
  }
  return services;
}

/// The default document holds the parameters of these two at once; other drivers get only what is theirs.
json read_driver_parameters(const Values& values, const std::string& driver, const Node& defaults) {
  json parameters = values.at("Containers.CloudVMs.DriverParameters");
  const bool has_defaults = driver == "ec2" || driver == "azure";
  if (!parameters.is_object() || has_defaults) return parameters;
  const Node* known = find_path(defaults, "Containers.CloudVMs.DriverParameters");
  for (const auto& [name, value] : known->entries) {
    if (!value.own) parameters.erase(name);
  }
  return parameters;
}

void read_intervals(CloudVmsConfig& vms, const Values& values) {
  using namespace std::chrono_literals;
  vms.poll_interval = std::max(values.duration("Containers.CloudVMs.PollInterval"), Duration::zero());
  vms.probe_interval = values.duration_or("Containers.CloudVMs.ProbeInterval", 10s);
  vms.exit_watch = values.boolean("Containers.CloudVMs.ExitWatch");
  vms.watched_probe_interval = values.duration_or("Containers.CloudVMs.WatchedProbeInterval", 30s);
  vms.sync_interval = values.duration_or("Containers.CloudVMs.SyncInterval", 1min);
  vms.timeout_idle = values.duration_or("Containers.CloudVMs.TimeoutIdle", 1min);
  vms.timeout_booting = values.duration_or("Containers.CloudVMs.TimeoutBooting", 10min);
  vms.timeout_probe = values.duration_or("Containers.CloudVMs.TimeoutProbe", 10min);
  vms.timeout_shutdown = values.duration_or("Containers.CloudVMs.TimeoutShutdown", 10s);
  vms.timeout_signal = values.duration_or("Containers.CloudVMs.TimeoutSignal", 5s);
  vms.timeout_stale_run_lock = values.duration_or("Containers.CloudVMs.TimeoutStaleRunLock", 5s);
  vms.timeout_term = values.duration_or("Containers.CloudVMs.TimeoutTERM", 2min);
}

void read_limits(CloudVmsConfig& vms, const Values& values) {
  constexpr std::int64_t default_probes_per_second = 10;
  vms.max_cloud_ops_per_second = values.count("Containers.CloudVMs.MaxCloudOpsPerSecond");
  vms.max_concurrent_instance_create_ops = values.count("Containers.CloudVMs.MaxConcurrentInstanceCreateOps");
  vms.max_instances = values.count("Containers.CloudVMs.MaxInstances");
  vms.initial_quota_estimate = values.count("Containers.CloudVMs.InitialQuotaEstimate");
  if (vms.initial_quota_estimate == 0) vms.initial_quota_estimate = vms.max_instances;
  vms.supervisor_fraction = values.real("Containers.CloudVMs.SupervisorFraction");
  vms.max_running_containers_per_instance = values.count("Containers.CloudVMs.MaxRunningContainersPerInstance");
  vms.max_probes_per_second = values.count("Containers.CloudVMs.MaxProbesPerSecond");
  if (vms.max_probes_per_second == 0) vms.max_probes_per_second = default_probes_per_second;
}

CostPolicyConfig read_cost_policy(const Values& values) {
  CostPolicyConfig policy;
  policy.ride = values.boolean("Containers.CloudVMs.CostRide");
  policy.cover = values.boolean("Containers.CloudVMs.CostCover");
  policy.group = values.boolean("Containers.CloudVMs.CostGroup");
  policy.spare = values.real("Containers.CloudVMs.CostSpare");
  policy.learn_timeout_idle = values.boolean("Containers.CloudVMs.CostLearnTimeoutIdle");
  policy.guard = values.duration("Containers.CloudVMs.CostGuard");
  return policy;
}

CloudVmsConfig read_cloud_vms(const Values& values, const Node& defaults) {
  CloudVmsConfig vms;
  vms.enable = values.boolean("Containers.CloudVMs.Enable");
  vms.driver = values.text("Containers.CloudVMs.Driver");
  vms.driver_parameters = std::make_shared<const json>(read_driver_parameters(values, vms.driver, defaults));
  vms.image_id = values.text("Containers.CloudVMs.ImageID");
  vms.ssh_port = values.text("Containers.CloudVMs.SSHPort");
  vms.boot_probe_command = values.text("Containers.CloudVMs.BootProbeCommand");
  if (vms.boot_probe_command.empty()) vms.boot_probe_command = "true";
  vms.instance_init_command = values.text("Containers.CloudVMs.InstanceInitCommand");
  vms.deploy_runner_binary = values.text("Containers.CloudVMs.DeployRunnerBinary");
  vms.deploy_runner_directory = values.text("Containers.CloudVMs.DeployRunnerDirectory");
  vms.deploy_public_key = values.boolean("Containers.CloudVMs.DeployPublicKey");
  vms.resource_tags = values.text_map("Containers.CloudVMs.ResourceTags");
  vms.tag_key_prefix = values.text("Containers.CloudVMs.TagKeyPrefix");
  vms.policy = values.text("Containers.CloudVMs.Policy");
  vms.cost_policy = read_cost_policy(values);
  read_intervals(vms, values);
  read_limits(vms, values);
  return vms;
}

ContainersConfig read_containers(const Values& values, const Node& defaults) {
  ContainersConfig containers;
  containers.dispatch_private_key = values.text("Containers.DispatchPrivateKey");
  containers.stale_lock_timeout = values.duration("Containers.StaleLockTimeout");
  containers.crunch_run_command = values.text("Containers.CrunchRunCommand");
  containers.crunch_run_arguments = values.at("Containers.CrunchRunArgumentsList").get<std::vector<std::string>>();
  containers.reserve_extra_ram = values.integer("Containers.ReserveExtraRAM");
  containers.runtime_engine = values.text("Containers.RuntimeEngine");
  containers.local_keep_blob_buffers_per_vcpu = values.integer("Containers.LocalKeepBlobBuffersPerVCPU");
  containers.maximum_price_factor = values.real("Containers.MaximumPriceFactor");
  containers.preemptible_price_factor = values.real("Containers.PreemptiblePriceFactor");
  containers.max_dispatch_attempts = values.integer("Containers.MaxDispatchAttempts");
  containers.cloud_vms = read_cloud_vms(values, defaults);
  return containers;
}

template <class T>
void read_word(T& out, const Result<T>& parsed, std::string_view path, const Node& merged, Findings& findings) {
  if (parsed) out = *parsed;
  const Node* node = find_path(merged, path);
  if (!parsed) findings.error(node == nullptr ? Position{} : node->at, path, parsed.error().message);
}

void add_instance_types(Cluster& cluster, json& document, const Node& merged, const HostFactsSource& host,
                        Findings& findings) {
  cluster.instance_types = read_instance_types(document, merged, findings);
  const ContainersConfig& containers = cluster.containers;
  if (containers.cloud_vms.enable && containers.cloud_vms.driver == "loopback") {
    add_loopback_type(cluster.instance_types, containers.cloud_vms, host, merged, findings);
  }
  add_preemptible_variants(cluster.instance_types, containers.preemptible_price_factor, merged, findings);
  json types = json::object();
  for (const auto& [name, type] : cluster.instance_types) types[name] = json(to_json(type));
  document["InstanceTypes"] = std::move(types);
}

}  // namespace

Cluster build_cluster(const std::string& id, json document, const Node& merged, const Node& defaults,
                      const HostFactsSource& host, Findings& findings) {
  const Values values(document);
  Cluster cluster;
  cluster.id = id;
  cluster.system_root_token = values.text("SystemRootToken");
  cluster.management_token = values.text("ManagementToken");
  cluster.services = read_services(values);
  cluster.tls = {without_file_scheme(values.text("TLS.Certificate")), without_file_scheme(values.text("TLS.Key")),
                 values.text("TLS.ACME.Server"), values.boolean("TLS.Insecure")};
  read_word(cluster.system_logs.level, parse_log_level(values.text("SystemLogs.LogLevel")), "SystemLogs.LogLevel",
            merged, findings);
  read_word(cluster.system_logs.format, parse_log_format(values.text("SystemLogs.Format")), "SystemLogs.Format", merged,
            findings);
  cluster.api = {values.duration("API.RequestTimeout"), values.count("API.MaxConcurrentRequests"),
                 values.count("API.MaxQueuedRequests")};
  cluster.postgresql_connection = values.text_map("PostgreSQL.Connection");
  cluster.containers = read_containers(values, defaults);
  add_instance_types(cluster, document, merged, host, findings);
  if (document.at("StorageClasses").empty()) {
    document["StorageClasses"]["default"] = {{"Default", true}, {"Priority", 0}};
  }
  cluster.document = std::make_shared<const json>(std::move(document));
  return cluster;
}

}  // namespace berth::config
