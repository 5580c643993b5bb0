#include "keys.hpp"

#include <algorithm>
#include <array>

namespace berth::config {
namespace {

using enum KeyType;
constexpr bool kSecret = true;
constexpr bool kOwn = true;

constexpr std::array kKeys = {
    Key{"SystemRootToken", text, R"("")", "API token of the dispatcher: letters and digits, at least 32", kSecret},
    Key{"ManagementToken", text, R"("")", "bearer token of management API, health and metrics; empty switches them off",
        kSecret},
    Key{"Services.Controller.ExternalURL", url, R"("")", "API endpoint"},
    Key{"Services.Websocket.ExternalURL", url, R"("")", "event bus, such as wss://HOST/websocket; empty: polling only"},
    Key{"Services.DispatchCloud.InternalURLs", url_map, "{}",
        "addresses to listen on, each with an optional ListenURL"},
    Key{"TLS.Certificate", text, R"("")", "PEM file of the server's certificate, for https listen addresses"},
    Key{"TLS.Key", text, R"("")", "PEM file of the certificate's key"},
    Key{"TLS.ACME.Server", text, R"("")",
        "if set, certificate and key come from the file /var/lib/arvados/tmp/autocert/HOST, HOST being that of the "
        "InternalURLs entry; Berth asks for no certificate itself"},
    Key{"TLS.Insecure", boolean, "false", "do not verify the API server's certificate"},
    Key{"SystemLogs.LogLevel", text, R"("info")", "panic, fatal, error, warn, info, debug or trace"},
    Key{"SystemLogs.Format", text, R"("json")", "json or text"},
    Key{"API.RequestTimeout", duration, R"("5m")", "deadline of one incoming request"},
    Key{"API.MaxConcurrentRequests", integer, "64",
        "incoming requests at once (0 = no limit); a quarter of it, at least one, bounds outgoing ones"},
    Key{"API.MaxQueuedRequests", integer, "128", "incoming requests that may wait; more are answered with 503"},
    Key{"PostgreSQL.Connection", text_map, R"({"host":"","port":"","user":"","password":"","dbname":""})",
        "libpq keywords and values, for the lock that keeps one dispatcher active", kSecret},

    Key{"Containers.DispatchPrivateKey", text, R"("")", "SSH key for the workers: PEM text or file:///path", kSecret},
    Key{"Containers.StaleLockTimeout", duration, R"("1m")",
        "how long after start a container locked by an earlier process may stay locked"},
    Key{"Containers.CrunchRunCommand", text, R"("crunch-run")", "runner command on workers if no binary is deployed"},
    Key{"Containers.CrunchRunArgumentsList", text_list, "[]", "extra arguments of the runner"},
    Key{"Containers.ReserveExtraRAM", bytes, R"("550MiB")", "RAM added to what a container asks for"},
    Key{"Containers.RuntimeEngine", text, R"("docker")", "docker or singularity, for the runner"},
    Key{"Containers.LocalKeepBlobBuffersPerVCPU", integer, "1",
        "64 MiB buffers per VCPU of a keepstore beside each container; 0 = none"},
    Key{"Containers.MaximumPriceFactor", real, "1.5",
        "how many times the cheapest fitting type's price is acceptable; below 1 counts as 1"},
    Key{"Containers.PreemptiblePriceFactor", real, "0",
        "above 0: every instance type gets a preemptible variant at this share of its price"},
    Key{"Containers.MaxDispatchAttempts", integer, "10", "how often the API server lets a container be locked"},
    Key{"Containers.LocalKeepLogsToContainerLog", text, R"("none")", "none, all or errors; for the runner"},

    Key{"Containers.CloudVMs.Enable", boolean, "false",
        "with the loopback driver: make an instance type of this machine if there is none"},
    Key{"Containers.CloudVMs.Driver", text, R"("ec2")", "cloud driver"},
    Key{"Containers.CloudVMs.DriverParameters", free, "{}", "parameters of the driver", kSecret},
    Key{"Containers.CloudVMs.DriverParameters.StateDirectory", text, R"("/var/lib/berth/instances")",
        "loopback: where instances are kept", false, kOwn},
    Key{"Containers.CloudVMs.DriverParameters.MaxInstances", integer, "0", "loopback: most instances", false, kOwn},
    Key{"Containers.CloudVMs.DriverParameters.MaxVCPUs", integer, "0", "loopback: most VCPUs of all instances together",
        false, kOwn},
    Key{"Containers.CloudVMs.DriverParameters.InstanceTypes", free, "{}", "loopback: most instances of each type",
        false, kOwn},
    Key{"Containers.CloudVMs.DriverParameters.BootDelay", duration, R"("0s")",
        "loopback: how long an instance takes to boot", false, kOwn},
    Key{"Containers.CloudVMs.ImageID", text, R"("")", "machine image of new instances"},
    Key{"Containers.CloudVMs.SSHPort", text, R"("22")", "SSH port of instances whose address carries none"},
    Key{"Containers.CloudVMs.BootProbeCommand", text, R"("systemctl is-system-running")",
        "succeeds on a worker once it has booted"},
    Key{"Containers.CloudVMs.InstanceInitCommand", text, R"("")", "shell text run by a new instance at boot"},
    Key{"Containers.CloudVMs.DeployRunnerBinary", text, R"("/proc/self/exe")",
        "file copied to workers as the runner; empty: none. `/proc/self/exe` means the first that exists of "
        "/usr/bin/arvados-dispatch-cloud, /usr/bin/arvados-server, /usr/bin/crunch-run"},
    Key{"Containers.CloudVMs.DeployRunnerDirectory", text, R"("/tmp/arvados-crunch-run")",
        "where it goes on the worker"},
    Key{"Containers.CloudVMs.DeployPublicKey", boolean, "true", "hand the SSH public key to the cloud"},
    Key{"Containers.CloudVMs.ResourceTags", text_map, "{}", "extra tags on instances"},
    Key{"Containers.CloudVMs.TagKeyPrefix", text, R"("Arvados")", "prefix of the dispatcher's own tags"},
    Key{"Containers.CloudVMs.MaxCloudOpsPerSecond", integer, "10", "cloud calls per second; 0 = no limit"},
    Key{"Containers.CloudVMs.MaxConcurrentInstanceCreateOps", integer, "1", "create calls in flight; 0 = no limit"},
    Key{"Containers.CloudVMs.MaxInstances", integer, "64", "most instances; 0 = no limit"},
    Key{"Containers.CloudVMs.InitialQuotaEstimate", integer, "0",
        "containers to run at first while the quota is unknown; 0 = MaxInstances"},
    Key{"Containers.CloudVMs.SupervisorFraction", real, "0.5", "share of running containers that may be supervisors"},
    Key{"Containers.CloudVMs.MaxRunningContainersPerInstance", integer, "0",
        "containers on one instance; 0 = as many as fit"},
    Key{"Containers.CloudVMs.PollInterval", duration, R"("10s")", "how often the container queue is read"},
    Key{"Containers.CloudVMs.ProbeInterval", duration, R"("10s")", "how often workers are probed"},
    Key{"Containers.CloudVMs.MaxProbesPerSecond", integer, "10", "probes started per second"},
    Key{"Containers.CloudVMs.SyncInterval", duration, R"("1m")", "how often the cloud's instances are listed"},
    Key{"Containers.CloudVMs.TimeoutIdle", duration, R"("1m")", "idle time after which an instance is destroyed"},
    Key{"Containers.CloudVMs.TimeoutBooting", duration, R"("10m")",
        "an instance that has not booted by then is destroyed"},
    Key{"Containers.CloudVMs.TimeoutProbe", duration, R"("10m")",
        "an instance that does not answer for so long is destroyed"},
    Key{"Containers.CloudVMs.TimeoutShutdown", duration, R"("10s")", "destroying is tried again after this time"},
    Key{"Containers.CloudVMs.TimeoutSignal", duration, R"("5s")", "time between two SIGTERMs to a runner"},
    Key{"Containers.CloudVMs.TimeoutStaleRunLock", duration, R"("5s")",
        "a runner's lock file without a runner counts as broken after this time"},
    Key{"Containers.CloudVMs.TimeoutTERM", duration, R"("2m")",
        "a runner that ignores SIGTERM for so long is given up"},
    Key{"Containers.CloudVMs.ExitWatch", boolean, "true",
        "workers tell by themselves when a container ends, over one long-lived command each", false, kOwn},
    Key{"Containers.CloudVMs.WatchedProbeInterval", duration, R"("30s")",
        "how often workers are probed that do so; less than ProbeInterval: as often", false, kOwn},
    Key{"Containers.CloudVMs.Policy", text, R"("cost")",
        "how containers are put on instances: cost, greedy or reference", false, kOwn},
    Key{"Containers.CloudVMs.CostRide", boolean, "true",
        "policy cost: use room on a running instance above the price ceiling if it then costs little more", false,
        kOwn},
    Key{"Containers.CloudVMs.CostCover", boolean, "true",
        "policy cost: create the types that are worth most to all that waits, not the cheapest for each", false, kOwn},
    Key{"Containers.CloudVMs.CostGroup", boolean, "true",
        "policy cost: when instances are scarce, create larger ones for several containers together", false, kOwn},
    Key{"Containers.CloudVMs.CostSpare", real, "0.2",
        "policy cost: create nothing for what should get room within this share of a boot time; 0 = always create",
        false, kOwn},
    Key{"Containers.CloudVMs.CostLearnTimeoutIdle", boolean, "true",
        "policy cost: learn shorter idle times by type, TimeoutIdle at most", false, kOwn},
    Key{"Containers.CloudVMs.CostGuard", duration, R"("10m")",
        "policy cost: at most instances, how long the first container may be blocked before an instance is emptied for "
        "it; 0 = for ever",
        false, kOwn},

    Key{"InstanceTypes", object_map, "{}", "instance types by name"},
    Key{"InstanceTypes.*.ProviderType", text, R"("")", "the cloud's name of the type; empty: the same name"},
    Key{"InstanceTypes.*.VCPUs", integer, "0", "virtual processors"},
    Key{"InstanceTypes.*.RAM", bytes, "0", "memory"},
    Key{"InstanceTypes.*.IncludedScratch", bytes, "0", "disk space that comes with the type"},
    Key{"InstanceTypes.*.AddedScratch", bytes, "0", "size of an extra volume to attach"},
    Key{"InstanceTypes.*.Price", real, "0", "price per hour"},
    Key{"InstanceTypes.*.Preemptible", boolean, "false", "whether the cloud may take it away"},
    Key{"InstanceTypes.*.GPU.Stack", text, R"("")", "cuda or rocm; empty: no GPU"},
    Key{"InstanceTypes.*.GPU.DriverVersion", text, R"("")", "version X.Y of the GPU driver"},
    Key{"InstanceTypes.*.GPU.HardwareTarget", text, R"("")", "cuda: compute capability X.Y; rocm: LLVM target"},
    Key{"InstanceTypes.*.GPU.DeviceCount", integer, "0", "number of GPUs"},
    Key{"InstanceTypes.*.GPU.VRAM", bytes, "0", "memory of each GPU"},

    // Checked or put into their usual form, and handed on to the runner.
    Key{"Collections.BlobSigningKey", text, R"("")", "", kSecret},
    Key{"Collections.WebDAVCache.DiskCacheSize", free, R"("10%")", ""},
    Key{"Collections.WebDAVOutputBuffer", bytes, "0", ""},
    Key{"Containers.DefaultKeepCacheRAM", bytes, "0", ""},
    Key{"Containers.LSF.MaxRunTimeDefault", duration, "0", ""},
    Key{"Login.LDAP.MinTLSVersion", free, R"("")", ""},
    Key{"Login.LDAP.URL", url, R"("ldap://ldap:389")", ""},
    Key{"Login.TrustedClients", url_map, "{}", ""},
    Key{"StorageClasses", object_map, "{}", ""},
    Key{"StorageClasses.*.Default", boolean, "false", ""},
    Key{"StorageClasses.*.Priority", integer, "0", ""},
    Key{"Volumes", object_map, "{}", ""},
    Key{"Volumes.*.AccessViaHosts", url_map, "null", ""},
    Key{"Volumes.*.DriverParameters", free, "null", "", kSecret},
    Key{"Volumes.*.StorageClasses", free, "null", ""},
};

}  // namespace

std::string_view description(KeyType type) {
  switch (type) {
    case text:
      return "a string";
    case boolean:
      return "true or false";
    case integer:
      return "an integer";
    case real:
      return "a number";
    case duration:
      return "a duration such as 10s or 2m30s";
    case bytes:
      return "a size such as 550MiB or a number of bytes";
    case url:
      return "a URL";
    case text_list:
      return "a list of strings";
    case text_map:
      return "an object of strings";
    case text_set:
      return "a list of strings or an object {name: {}}";
    case url_map:
      return "an object by URL";
    case object_map:
      return "an object by name";
    case object:
      return "an object";
    case free:
      return "anything";
  }
  return "";
}

std::span<const Key> keys() {
  return kKeys;
}

const Key* find_key(std::string_view path) {
  const auto found = std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& key) { return key.path == path; });
  return found == kKeys.end() ? nullptr : &*found;
}

}  // namespace berth::config
