#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "berth/base/result.hpp"
#include "berth/model/container.hpp"
#include "berth/model/instance_type.hpp"
#include "berth/model/resources.hpp"

namespace berth {

struct ChooseTypesOptions {
  std::int64_t reserve_extra_ram = 0;  ///< bytes
  std::int64_t local_keep_blob_buffers_per_vcpu = 0;
  double maximum_price_factor = 1.5;
};

/// Needed resources (facts §4.1). Absurd numbers saturate instead of overflowing, so that they fit nowhere; negative
/// ones in a record count as 0, so that they make no room for anything else.
Resources needed_resources(const Container& container, const ChooseTypesOptions& options);

/// Eligible types, cheapest first (facts §4.2, §4.3). A ceiling made of a free type is 0, so only free types remain
/// (facts §16). Errors: ErrorKind::failed, "no types configured" or "constraints not satisfiable" with what was needed
/// and what there is.
Result<std::vector<InstanceType>> choose_types(const Container& container,
                                               const std::map<std::string, InstanceType>& types,
                                               const ChooseTypesOptions& options);

/// The names of all types that hold `needed` and suit the container otherwise, cheapest first, whatever they cost.
std::vector<std::string> fitting_types(const ContainerSpec& container, const Resources& needed,
                                       const std::map<std::string, InstanceType>& types);

}  // namespace berth
