#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>

#include "berth/standalone/installation.hpp"

#include "cluster_template.hpp"

namespace berth {
namespace {

/// A YAML double-quoted scalar; JSON strings are YAML.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string instance_types_text(const Machine& machine) {
  std::string text;
  for (std::int64_t vcpus = 1;; vcpus = std::min(vcpus * 2, machine.vcpus)) {
    const auto share = [&](std::int64_t all) { return std::to_string(all / machine.vcpus * vcpus); };
    text += "      local-" + std::to_string(vcpus) + ": {VCPUs: " + std::to_string(vcpus) +
            ", RAM: " + share(machine.ram) + ", IncludedScratch: " + share(machine.scratch) +
            ", Price: " + std::to_string(0.01 * static_cast<double>(vcpus)) + "}\n";
    if (vcpus == machine.vcpus) return text;
  }
}

/// The template with some of its text replaced; text that is not there is a bug.
class TextTemplate {
 public:
  explicit TextTemplate(std::string_view text) : text_(text) {}

  /// What stands between the first `begin` and the next `end`.
  TextTemplate& put(std::string_view begin, std::string_view end, const std::string& value) {
    const std::size_t at = text_.find(begin);
    const std::size_t stop = at == std::string::npos ? at : text_.find(end, at + begin.size());
    if (stop == std::string::npos) throw std::logic_error("standalone.yml has no " + std::string(begin));
    text_.replace(at + begin.size(), stop - at - begin.size(), value);
    return *this;
  }
  /// The value of the first key of that name.
  TextTemplate& set(const std::string& key, const std::string& value) { return put(' ' + key + ": ", "\n", value); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

std::string standalone_cluster_text(const Installation& installation, const Machine& machine,
                                    const std::string& api_url, const std::string& runner_path) {
  const std::string websocket_url = "ws" + api_url.substr(std::string_view("http").size()) + "/websocket";
  const std::string vcpus = std::to_string(machine.vcpus);
  return TextTemplate(cluster_template())
      .put("Clusters:\n  ", ":\n", installation.cluster_id)
      .set("SystemRootToken", quoted(installation.root_token))
      .set("ManagementToken", quoted(installation.management_token))
      .set("ExternalURL", quoted(api_url))
      .put("Websocket:\n", "      DispatchCloud:", "        ExternalURL: " + quoted(websocket_url) + "\n")
      .put("InternalURLs:\n", "    SystemLogs:", "          " + quoted(api_url) + ": {}\n")
      .put("InstanceTypes:\n", "    Containers:", instance_types_text(machine))
      .set("MaximumPriceFactor", vcpus)
      .set("CrunchRunCommand", quoted(runner_path))
      .set("StateDirectory", quoted(installation.data_dir + "/instances"))
      .set("MaxVCPUs", vcpus)
      .put("\n          MaxInstances: ", "\n", vcpus)  // the driver's
      .put("\n        MaxInstances: ", "\n", vcpus)
      .take();
}

}  // namespace berth
