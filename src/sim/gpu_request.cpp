#include "gpu_request.hpp"

#include <charconv>
#include <cmath>

namespace berth {
namespace {

bool is_version(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

}  // namespace

Result<void> complete_gpu_request(GpuConstraints& gpu) {
  if (gpu.device_count <= 0) {
    gpu = {};
    return {};
  }
  if (gpu.stack.empty()) gpu.stack = "cuda";
  if (gpu.stack != "cuda" && gpu.stack != "rocm")
    return fail(ErrorKind::invalid, "gpu_stack: is neither cuda nor rocm");
  if (gpu.driver_version.empty()) gpu.driver_version = "0";
  if (!is_version(gpu.driver_version)) return fail(ErrorKind::invalid, "gpu_driver: is not a version such as 11.4");
  if (!gpu.hardware_target.empty()) return {};
  if (gpu.stack == "rocm") return fail(ErrorKind::invalid, "gpu_target: is missing; with rocm it says what will do");
  gpu.hardware_target = {"0"};
  return {};
}

}  // namespace berth
