// Workload files: the first byte chooses the format; any bytes must give a workload that keeps its bounds, or an error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "read_workload.hpp"

namespace {

void check(const berth::WorkloadSource& workload, const berth::WorkloadOptions& options) {
  const std::size_t count = workload.containers.size();
  if (count == 0 || count > options.limits.containers || workload.names.size() != count) std::abort();
  for (const berth::WorkloadContainer& c : workload.containers) {
    if (c.submit < berth::Duration::zero() || c.submit > options.limits.span) std::abort();
    if (c.run_time < berth::Duration::zero() || c.run_time > options.limits.run_time) std::abort();
    if (c.constraints.vcpus < 1 || c.constraints.ram < 0 || c.constraints.ram > options.limits.bytes) std::abort();
    const berth::GpuConstraints& gpu = c.constraints.gpu;
    if (gpu.device_count < 0 || gpu.device_count > options.limits.gpus || gpu.vram < 0) std::abort();
    if (gpu.device_count > 0 && (gpu.stack.empty() || gpu.hardware_target.empty())) std::abort();
    for (const std::uint32_t other : c.after)
      if (other >= count) std::abort();
    if (c.parent && !workload.containers.at(*c.parent).scheduling.supervisor) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto format = static_cast<berth::WorkloadFormat>(data[0] % 3);
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const berth::WorkloadOptions options;
  const auto workload = berth::read_workload_text(text, format, options);
  if (workload)
    check(*workload, options);
  else if (workload.error().message.empty() || workload.error().message.size() > 1000)
    std::abort();
  return 0;
}
