#include "startup_check.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "berth/base/runtime.hpp"
#include "berth/cloud/driver.hpp"
#include "berth/config/private_key.hpp"
#include "berth/lease/lease.hpp"
#include "berth/net/client_check.hpp"
#include "berth/net/http_server.hpp"

#include "listen_address.hpp"
#include "ssh_access.hpp"

namespace berth {
namespace {

constexpr const char* kInternalUrls = "Services.DispatchCloud.InternalURLs";
const std::string kConnection = "PostgreSQL.Connection";
const std::string kVms = "Containers.CloudVMs.";

bool names_host(const std::string& url) {
  const std::size_t host = url.find("://") + 3;
  return host < url.size() && url.find_first_of("/:?#", host) != host;
}
bool is_api_url(const std::string& url) {
  return (url.starts_with("http://") || url.starts_with("https://")) && names_host(url);
}
bool is_event_bus_url(const std::string& url) {
  return is_api_url(url) || ((url.starts_with("ws://") || url.starts_with("wss://")) && names_host(url));
}

class StartupCheck {
 public:
  StartupCheck(const LoadedConfig& config, const StartupConditions& conditions)
      : config_(config), cluster_(config.cluster), conditions_(conditions) {}

  std::vector<Diagnostic> run() {
    check_api();
    check_environment();
    check_listening();
    check_lock();
    check_limits();
    check_driver_and_types();
    check_access();
    check_runner();
    std::stable_sort(found_.begin(), found_.end(), [](const Diagnostic& a, const Diagnostic& b) {
      return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    return std::move(found_);
  }

 private:
  void error(std::string key, std::string message) {
    found_.push_back(config_.finding(Severity::error, std::move(key), std::move(message)));
  }
  void warn(std::string key, std::string message) {
    found_.push_back(config_.finding(Severity::warning, std::move(key), std::move(message)));
  }

  void check_api() {
    const std::string& url = cluster_.services.controller_url;
    if (url.empty()) {
      error("Services.Controller.ExternalURL", "not set: there is no API to dispatch for");
    } else if (!is_api_url(url)) {
      error("Services.Controller.ExternalURL", "must be http://HOST/ or https://HOST/");
    }
    const std::string& bus = cluster_.services.websocket_url;
    if (!bus.empty() && !is_event_bus_url(bus))
      warn("Services.Websocket.ExternalURL",
           "must be ws://HOST/… or wss://HOST/…: without an event bus, changes are found by polling alone");
    if (cluster_.system_root_token.empty()) error("SystemRootToken", "not set: the API would refuse every call");
  }

  void environment_error(std::string variable, std::string message) {
    found_.push_back({Severity::error, "environment", 0, 0, std::move(variable), std::move(message)});
  }

  /// How the API server is reached (facts §1.6).
  void check_environment() {
    const ServiceEnvironment& environment = conditions_.environment;
    const std::string& url = cluster_.services.controller_url;
    if (!environment.server_address.empty())
      if (const auto good = check_connect_to(environment.server_address); !good)
        environment_error("ARVADOS_SERVER_ADDRESS", good.error().message);
    if (cluster_.tls.insecure) return;
    if (const auto good = check_proxy_environment(url); is_api_url(url) && !good)
      environment_error("", good.error().message);
    if (url.starts_with("https://") && !environment.ca_file.empty())
      if (const auto good = check_ca_file(environment.ca_file); !good)
        environment_error("SSL_CERT_FILE", environment.ca_file + ": " + good.error().message);
  }

  void check_listening() {
    const InternalUrls& urls = cluster_.services.dispatch_cloud;
    if (urls.empty() && conditions_.environment.internal_url.empty()) {
      error(kInternalUrls, "not set: there is no address to listen on");
      return;
    }
    const ListenChoice choice = choose_listen_addresses(urls, conditions_.environment.internal_url);
    if (choice.not_configured)
      warn(kInternalUrls, "does not have ARVADOS_SERVICE_INTERNAL_URL, which is listened on all the same");
    std::vector<ListenProblem> problems = choice.problems;
    bool usable = false;
    for (const ListenCandidate& candidate : choice.candidates) {
      const auto served = check_tls(candidate);
      usable = usable || served;
      if (!served) problems.push_back({candidate.entry, served.error().message});
    }
    // An entry may be meant for another host: it only matters if nothing else is left.
    for (const ListenProblem& problem : problems) {
      const std::string key = std::string(kInternalUrls) + "." + problem.entry;
      usable ? warn(key, problem.message) : error(key, problem.message);
    }
  }

  Result<void> check_tls(const ListenCandidate& candidate) const {
    if (!candidate.tls) return {};
    const CertificateFiles files = certificate_files(cluster_.tls, candidate.entry);
    if (files.certificate.empty() || files.key.empty())
      return fail(ErrorKind::invalid, "https needs TLS.Certificate and TLS.Key");
    return check_certificate(files.certificate, files.key);
  }

  void check_lock() {
    if (!conditions_.takes_lock) return;
    const auto& connection = cluster_.postgresql_connection;
    const bool set = std::any_of(connection.begin(), connection.end(), [](const auto& e) { return !e.second.empty(); });
    if (!set) {
      error(kConnection,
            "not set: the lock that keeps two dispatchers apart is taken there. With --no-lock there is none, and no "
            "other dispatcher may run for this cluster");
      return;
    }
    RealRuntime idle(1);  // nothing is connected yet
    if (const auto lease = make_postgres_lease(idle, Logger(), connection); !lease) {
      const std::string& message = lease.error().message;
      const std::size_t colon = message.starts_with(kConnection) ? message.find(": ") : std::string::npos;
      const bool names_key = colon != std::string::npos;
      error(names_key ? message.substr(0, colon) : kConnection, names_key ? message.substr(colon + 2) : message);
    }
    check_lock_certificates();
  }

  void check_lock_certificates() {
    const auto& connection = cluster_.postgresql_connection;
    const auto file = connection.find("sslrootcert");
    const auto mode = connection.find("sslmode");
    const bool is_plain = mode != connection.end() && mode->second == "disable";
    if (is_plain || file == connection.end() || file->second.empty() || file->second == "system") return;
    if (const auto good = check_ca_file(file->second); !good) error(kConnection + ".sslrootcert", good.error().message);
  }

  /// Limits that count as "none" if they are negative, as the reference has it (facts §1.3), and others that must not
  /// be.
  void check_limits() {
    const CloudVmsConfig& vms = cluster_.containers.cloud_vms;
    for (const char* name : {"MaxCloudOpsPerSecond", "MaxConcurrentInstanceCreateOps", "MaxInstances",
                             "InitialQuotaEstimate", "MaxRunningContainersPerInstance", "MaxProbesPerSecond"}) {
      const auto& written = cluster_.document->at("Containers").at("CloudVMs").at(name);
      if (written.get<std::int64_t>() < 0) warn(kVms + name, "negative: counts as 0");
    }
    for (const char* name : {"MaxConcurrentRequests", "MaxQueuedRequests"})
      if (cluster_.document->at("API").at(name).get<std::int64_t>() < 0)
        warn(std::string("API.") + name, "negative: counts as 0");
    if (cluster_.containers.reserve_extra_ram < 0) error("Containers.ReserveExtraRAM", "must not be negative");
    if (cluster_.containers.local_keep_blob_buffers_per_vcpu < 0)
      error("Containers.LocalKeepBlobBuffersPerVCPU", "must not be negative");
    if (cluster_.containers.stale_lock_timeout < Duration::zero())
      error("Containers.StaleLockTimeout", "must not be negative");
    if (vms.supervisor_fraction < 0 || vms.supervisor_fraction > 1)
      error(kVms + "SupervisorFraction", "must be from 0 to 1");
  }

  void check_driver_and_types() {
    const CloudVmsConfig& vms = cluster_.containers.cloud_vms;
    const bool added = conditions_.added_drivers.contains(vms.driver);
    for (const ParameterProblem& problem :
         added ? std::vector<ParameterProblem>() : check_driver(vms.driver, *vms.driver_parameters)) {
      const bool is_driver = problem.parameter.empty() && !find_driver(vms.driver);
      error(kVms + (is_driver ? "Driver" : "DriverParameters") + (problem.parameter.empty() ? "" : ".") +
                problem.parameter,
            problem.message);
    }
    if (!cluster_.instance_types.empty()) return;
    error("InstanceTypes",
          vms.driver == "loopback"
              ? "none: every container would be cancelled. CloudVMs.Enable: true makes one of this machine"
              : "none: every container would be cancelled");
  }

  void check_access() {
    const ContainersConfig& containers = cluster_.containers;
    const std::string key = "Containers.DispatchPrivateKey";
    const auto pem = read_private_key(containers.dispatch_private_key);
    if (!pem) {
      error(key, pem.error().message);
    } else if (!pem->empty()) {
      if (const auto usable = SshKey::parse(*pem); !usable) error(key, usable.error().message);
    } else if (containers.cloud_vms.driver != "loopback") {
      error(key, "not set: workers are reached over SSH");
    }
    if (const auto port = parse_ssh_port(containers.cloud_vms.ssh_port); !port)
      error(kVms + "SSHPort", port.error().message);
  }

  void check_runner() {
    const std::string& configured = cluster_.containers.cloud_vms.deploy_runner_binary;
    const auto runner = find_runner_binary(configured, conditions_.packaged_runners);
    if (!runner) error(kVms + "DeployRunnerBinary", runner.error().message);
  }

  const LoadedConfig& config_;
  const Cluster& cluster_;
  const StartupConditions& conditions_;
  std::vector<Diagnostic> found_;
};

}  // namespace

std::vector<Diagnostic> check_startup(const LoadedConfig& config, const StartupConditions& conditions) {
  return StartupCheck(config, conditions).run();
}

}  // namespace berth
