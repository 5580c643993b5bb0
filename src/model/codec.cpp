#include <nlohmann/json.hpp>

#include "berth/model/instance_type.hpp"

namespace berth {

nlohmann::ordered_json to_json(const InstanceType& type) {
  return {{"ProviderType", type.provider_type},
          {"VCPUs", type.vcpus},
          {"RAM", type.ram},
          {"IncludedScratch", type.included_scratch},
          {"AddedScratch", type.added_scratch},
          {"Price", type.price},
          {"Preemptible", type.preemptible},
          {"GPU",
           {{"Stack", type.gpu.stack},
            {"DriverVersion", type.gpu.driver_version},
            {"HardwareTarget", type.gpu.hardware_target},
            {"DeviceCount", type.gpu.device_count},
            {"VRAM", type.gpu.vram}}}};
}

}  // namespace berth
