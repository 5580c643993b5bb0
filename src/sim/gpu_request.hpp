#pragma once

#include "berth/base/result.hpp"
#include "berth/model/container.hpp"

namespace berth {

/// Fills in what a workload leaves out of a request for GPUs: stack cuda, any driver, any CUDA device. Without GPUs the
/// rest says nothing and is dropped. Errors: invalid, "gpu_FIELD: what is wrong".
Result<void> complete_gpu_request(GpuConstraints& gpu);

}  // namespace berth
