#include <nlohmann/json.hpp>

#include "berth/cloud/driver.hpp"

#include "loopback/loopback.hpp"
#include "loopback/parameters.hpp"

namespace berth {

Result<DriverFactory> find_driver(std::string_view name) {
  if (name == "loopback") return DriverFactory(make_loopback_set);
  const std::string has = "this build has: loopback";
  if (name == "ec2" || name == "azure")
    return fail(
        ErrorKind::unsupported,
        "driver \"" + std::string(name) + "\" is one of arvados-dispatch-cloud that this build does not have; " + has);
  return fail(ErrorKind::invalid, "unknown driver \"" + std::string(name) + "\"; " + has);
}

std::vector<ParameterProblem> check_driver(std::string_view name, const nlohmann::json& parameters) {
  if (const auto factory = find_driver(name); !factory) return {{"", factory.error().message}};
  return loopback::check_parameters(parameters);
}

}  // namespace berth
