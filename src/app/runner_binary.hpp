#pragma once

#include <span>
#include <string>
#include <string_view>

#include "berth/base/result.hpp"

namespace berth {

/// Where the multi-call binary of the reference's packages is (facts §6.9).
std::span<const std::string_view> packaged_runners();

/// The file that `Containers.CloudVMs.DeployRunnerBinary` means: the default `/proc/self/exe` is the first of
/// `packaged` that exists (facts §6.9); empty stays empty: nothing is deployed. Errors: failed, with the path and the
/// system's text.
Result<std::string> find_runner_binary(const std::string& configured,
                                       std::span<const std::string_view> packaged = packaged_runners());

}  // namespace berth
