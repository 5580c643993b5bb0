#include "berth/queue/choose_types.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "berth/base/units.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMiB = std::int64_t{1} << 20;

// A negative number in a record is nonsense that must not make room for something else.
constexpr std::int64_t natural(std::int64_t n) {
  return std::max<std::int64_t>(n, 0);
}

// Both take operands ≥ 0.
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return a > kMax - b ? kMax : a + b;
}
std::int64_t times(std::int64_t a, std::int64_t b) {
  return b != 0 && a > kMax / b ? kMax : a * b;
}

std::int64_t needed_ram(const RuntimeConstraints& rc, const ChooseTypesOptions& options) {
  std::int64_t ram = plus(natural(rc.ram), natural(rc.keep_cache_ram));
  ram = plus(ram, natural(options.reserve_extra_ram));
  if (const std::int64_t buffers = options.local_keep_blob_buffers_per_vcpu; buffers > 0) {
    ram = plus(ram, 220 * kMiB);
    ram = plus(ram, times(times(buffers, natural(rc.vcpus)), 64 * kMiB * 11) / 10);
  }
  return ram == kMax ? kMax : times(ram, 100) / 95;
}

/// The size in a portable data hash, `32 lower-case hex digits + size`; nothing if it is not one.
std::optional<std::int64_t> portable_data_hash_size(std::string_view image) {
  constexpr std::size_t hash_length = 32;
  if (image.size() <= hash_length + 1 || image[hash_length] != '+') return std::nullopt;
  const std::string_view hash = image.substr(0, hash_length);
  const std::string_view digits = image.substr(hash_length + 1);
  if (hash.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::int64_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  if (error != std::errc{}) return std::nullopt;
  return size;
}

/// The manifest of an image tells how many 64 MiB blocks it has: 42 bytes for each, 80 for the rest.
std::int64_t image_size(std::string_view image) {
  const std::int64_t manifest_size = portable_data_hash_size(image).value_or(0);
  if (manifest_size < 122) return 0;
  return times((manifest_size - 80) / 42, 64 * kMiB);
}

std::int64_t needed_scratch(const Container& container) {
  std::int64_t tmp = 0;
  for (const auto& [path, mount] : container.mounts) {
    if (mount.kind == "tmp") tmp = plus(tmp, natural(mount.capacity));
  }
  const std::int64_t image = image_size(container.container_image);
  // The image is there twice while it is being loaded; the second time it may lie where the output will be.
  return plus(plus(std::max(tmp, image), image), natural(container.runtime_constraints.keep_cache_disk));
}

/// A version such as `11.4` as the reference compares them: by number, so `11.10` < `11.9`.
std::optional<double> parse_version(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// Unparsable versions are below everything and above nothing.
bool version_at_least(std::string_view have, std::string_view want) {
  const std::optional<double> have_number = parse_version(have);
  const std::optional<double> want_number = parse_version(want);
  return have_number && want_number && *have_number >= *want_number;
}

bool target_suffices(const std::string& have, const GpuConstraints& want) {
  const std::vector<std::string>& targets = want.hardware_target;
  if (want.stack == "cuda" && targets.size() == 1) return version_at_least(have, targets.front());
  return std::find(targets.begin(), targets.end(), have) != targets.end();
}

bool gpu_suffices(const GpuFeatures& have, const GpuConstraints& want) {
  if (have.stack != want.stack) return false;
  if (have.device_count < want.device_count || have.vram < want.vram) return false;
  if (want.device_count <= 0) return true;
  if (!version_at_least(have.driver_version, want.driver_version)) return false;
  return want.stack.empty() || target_suffices(have.hardware_target, want);
}

bool eligible(const InstanceType& type, const Resources& need, const ContainerSpec& container) {
  return type.scratch() >= need.scratch && type.ram >= need.ram && type.vcpus >= need.vcpus &&
         type.preemptible == container.scheduling_parameters.preemptible &&
         gpu_suffices(type.gpu, container.runtime_constraints.gpu);
}

bool cheaper(const InstanceType& a, const InstanceType& b) {
  if (a.price != b.price) return a.price < b.price;
  if (a.ram != b.ram) return a.ram > b.ram;
  if (a.vcpus != b.vcpus) return a.vcpus > b.vcpus;
  if (a.scratch() != b.scratch()) return a.scratch() > b.scratch();
  return a.name < b.name;
}

/// Cheapest first; of `types`.
std::vector<const InstanceType*> all_eligible(const ContainerSpec& container, const Resources& need,
                                              const std::map<std::string, InstanceType>& types) {
  std::vector<const InstanceType*> chosen;
  for (const auto& [name, type] : types) {
    if (eligible(type, need, container)) chosen.push_back(&type);
  }
  std::sort(chosen.begin(), chosen.end(), [](const auto* a, const auto* b) { return cheaper(*a, *b); });
  return chosen;
}

/// Rounded up to whole MiB: a need is a sum to the byte, and nobody reads that.
std::string in_mib(std::int64_t bytes) {
  constexpr std::int64_t mib = std::int64_t{1} << 20;
  const std::int64_t over = bytes % mib;
  const bool has_next = bytes <= std::numeric_limits<std::int64_t>::max() - mib;
  return format_bytes(over > 0 && has_next ? bytes - over + mib : bytes);
}

std::string not_satisfiable(const Resources& need, const Container& container,
                            const std::map<std::string, InstanceType>& types) {
  constexpr std::size_t most_listed = 20;  // this sentence goes into a container record
  const GpuConstraints& gpu = container.runtime_constraints.gpu;
  std::string message = fmt::format(
      "constraints not satisfiable by any configured instance type: needs {} VCPUs, RAM {}, scratch {}, "
      "preemptible {}",
      need.vcpus, in_mib(need.ram), in_mib(need.scratch), container.scheduling_parameters.preemptible);
  if (!gpu.stack.empty() || need.gpus > 0) {
    message += fmt::format(", {} GPUs of stack \"{}\" with {} each, driver \"{}\", target {}", need.gpus, gpu.stack,
                           format_bytes(need.gpu_vram), gpu.driver_version, fmt::join(gpu.hardware_target, " or "));
  }
  message += "; configured:";
  std::size_t listed = 0;
  for (const auto& [name, type] : types) {
    if (listed++ == most_listed) return message + fmt::format(" and {} more", types.size() - most_listed);
    message +=
        fmt::format(" {} ({} VCPUs, RAM {}, scratch {}{}{});", name, type.vcpus, format_bytes(type.ram),
                    format_bytes(type.scratch()), type.preemptible ? ", preemptible" : "",
                    type.gpu.device_count > 0 ? fmt::format(", {} × {}", type.gpu.device_count, type.gpu.stack) : "");
  }
  message.pop_back();
  return message;
}

}  // namespace

Resources needed_resources(const Container& container, const ChooseTypesOptions& options) {
  const RuntimeConstraints& rc = container.runtime_constraints;
  return {natural(rc.vcpus), needed_ram(rc, options), needed_scratch(container), natural(rc.gpu.device_count),
          natural(rc.gpu.vram)};
}

Result<std::vector<InstanceType>> choose_types(const Container& container,
                                               const std::map<std::string, InstanceType>& types,
                                               const ChooseTypesOptions& options) {
  if (types.empty()) return fail(ErrorKind::failed, "no types configured");
  const GpuConstraints& gpu = container.runtime_constraints.gpu;
  if (gpu.device_count > 0 && !gpu.stack.empty() && gpu.stack != "cuda" && gpu.stack != "rocm") {
    return fail(ErrorKind::failed,
                fmt::format("constraints not satisfiable: unknown GPU stack \"{}\" (cuda or rocm)", gpu.stack));
  }
  const Resources need = needed_resources(container, options);
  const std::vector<const InstanceType*> fitting = all_eligible(container, need, types);
  if (fitting.empty()) return fail(ErrorKind::failed, not_satisfiable(need, container, types));

  const double ceiling = fitting.front()->price * std::max(options.maximum_price_factor, 1.0);
  std::vector<InstanceType> chosen;
  for (const InstanceType* type : fitting)
    if (type->price <= ceiling) chosen.push_back(*type);
  return chosen;
}

std::vector<std::string> fitting_types(const ContainerSpec& container, const Resources& needed,
                                       const std::map<std::string, InstanceType>& types) {
  std::vector<std::string> names;
  for (const InstanceType* type : all_eligible(container, needed, types)) names.push_back(type->name);
  return names;
}

}  // namespace berth
