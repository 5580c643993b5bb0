#include "instance_types.hpp"

#include <charconv>
#include <fmt/format.h>
#include <limits>
#include <utility>

namespace berth::config {
namespace {

using nlohmann::json;

InstanceType read_type(const std::string& name, const json& fields) {
  InstanceType type;
  type.name = name;
  type.provider_type = fields.at("ProviderType").get<std::string>();
  if (type.provider_type.empty()) type.provider_type = name;
  type.vcpus = fields.at("VCPUs");
  type.ram = fields.at("RAM");
  type.included_scratch = fields.at("IncludedScratch");
  type.added_scratch = fields.at("AddedScratch");
  type.price = fields.at("Price");
  type.preemptible = fields.at("Preemptible");
  const json& gpu = fields.at("GPU");
  type.gpu = {gpu.at("Stack"), gpu.at("DriverVersion"), gpu.at("HardwareTarget"), gpu.at("DeviceCount"),
              gpu.at("VRAM")};
  return type;
}

bool is_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

/// Where a field of a type is written, or else the type.
Position position_of(const Node& merged, const std::string& name, std::string_view field = "") {
  const Node* types = merged.find("InstanceTypes");
  const Node* type = types == nullptr ? nullptr : types->find(name);
  if (type == nullptr) return {};
  const Node* value = field.empty() ? nullptr : find_path(*type, field);
  return value == nullptr ? type->key_at : value->at;
}

void check_type(const InstanceType& type, const Node& merged, Findings& findings) {
  const auto error = [&](std::string_view field, const std::string& message) {
    findings.error(position_of(merged, type.name, field), fmt::format("InstanceTypes.{}.{}", type.name, field),
                   message);
  };
  const std::pair<std::string_view, std::int64_t> counts[] = {
      {"VCPUs", type.vcpus},
      {"RAM", type.ram},
      {"IncludedScratch", type.included_scratch},
      {"AddedScratch", type.added_scratch},
      {"GPU.DeviceCount", type.gpu.device_count},
      {"GPU.VRAM", type.gpu.vram},
  };
  for (const auto& [field, value] : counts) {
    if (value < 0) error(field, "must not be negative");
  }
  if (type.price < 0) error("Price", "must not be negative");
  if (type.included_scratch > 0 &&
      type.added_scratch > std::numeric_limits<std::int64_t>::max() - type.included_scratch) {
    error("AddedScratch", "with IncludedScratch more than 2^63 - 1 bytes");
  }
  if (type.gpu.device_count != 0 && !is_number(type.gpu.driver_version)) {
    error("GPU.DriverVersion", "must be a number such as \"11.4\" if there are GPUs");
  }
}

}  // namespace

InstanceTypes read_instance_types(const json& document, const Node& merged, Findings& findings) {
  InstanceTypes types;
  for (const auto& [name, fields] : document.at("InstanceTypes").items()) {
    types[name] = read_type(name, fields);
    check_type(types[name], merged, findings);
  }
  return types;
}

void add_loopback_type(InstanceTypes& types, const CloudVmsConfig& cloud_vms, const HostFactsSource& host,
                       const Node& merged, Findings& findings) {
  if (types.size() > 1 && cloud_vms.driver_parameters->empty()) {
    findings.error(position_of(merged, std::next(types.begin())->first), "InstanceTypes",
                   "the loopback driver without DriverParameters has one instance, so it takes one instance type");
  }
  if (!types.empty()) return;
  const HostFacts facts = host();
  InstanceType type;
  type.name = type.provider_type = "localhost";
  type.vcpus = facts.vcpus;
  type.ram = facts.ram;
  type.included_scratch = facts.scratch;
  type.price = 1;
  types[type.name] = type;
}

void add_preemptible_variants(InstanceTypes& types, double factor, const Node& merged, Findings& findings) {
  if (factor <= 0) return;
  InstanceTypes variants;
  for (const auto& [name, type] : types) {
    if (type.preemptible) continue;
    InstanceType variant = type;
    variant.name += ".preemptible";
    variant.preemptible = true;
    variant.price *= factor;
    const auto existing = types.find(variant.name);
    if (existing == types.end()) {
      variants[variant.name] = variant;
    } else if (existing->second != variant) {
      findings.warn(position_of(merged, variant.name), "InstanceTypes." + variant.name,
                    "differs from what PreemptiblePriceFactor would make of " + name + ": kept as it is");
    }
  }
  types.merge(variants);
}

}  // namespace berth::config
