#include "entries.hpp"

#include <nlohmann/json.hpp>

#include "berth/base/units.hpp"

namespace berth {
namespace {

using Json = nlohmann::ordered_json;

std::string render(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json runtime_constraints(const RuntimeConstraints& rc) {
  return {{"API", rc.api},
          {"vcpus", rc.vcpus},
          {"ram", rc.ram},
          {"keep_cache_ram", rc.keep_cache_ram},
          {"keep_cache_disk", rc.keep_cache_disk},
          {"gpu",
           {{"stack", rc.gpu.stack},
            {"driver_version", rc.gpu.driver_version},
            {"hardware_target", rc.gpu.hardware_target},
            {"device_count", rc.gpu.device_count},
            {"vram", rc.gpu.vram}}}};
}

Json scheduling_parameters(const SchedulingParameters& sp) {
  return {{"partitions", sp.partitions.empty() ? Json(nullptr) : Json(sp.partitions)},
          {"preemptible", sp.preemptible},
          {"max_run_time", sp.max_run_time},
          {"supervisor", sp.supervisor}};
}

/// The record with every key of its type; what the dispatcher does not load is zero or null.
Json container_record(const QueueEntry& entry) {
  const QueuedContainer& c = entry.container;
  const ContainerSpec& spec = entry.spec->container;
  constexpr const char* zero_time = "0001-01-01T00:00:00Z";
  return {{"uuid", c.uuid},
          {"etag", ""},
          {"created_at", format_time_nano(c.created_at)},
          {"modified_by_user_uuid", ""},
          {"modified_at", zero_time},
          {"command", nullptr},
          {"container_image", spec.container_image},
          {"cwd", ""},
          {"environment", nullptr},
          {"locked_by_uuid", c.locked_by_uuid},
          {"lock_count", 0},
          {"mounts", nullptr},
          {"output", ""},
          {"output_path", ""},
          {"output_glob", nullptr},
          {"priority", c.priority},
          {"runtime_constraints", runtime_constraints(spec.runtime_constraints)},
          {"state", to_string(c.state)},
          {"scheduling_parameters", scheduling_parameters(spec.scheduling_parameters)},
          {"exit_code", 0},
          {"runtime_status", nullptr},
          {"started_at", nullptr},
          {"finished_at", nullptr},
          {"gateway_address", ""},
          {"interactive_session_started", false},
          {"output_storage_classes", nullptr},
          {"runtime_user_uuid", ""},
          {"runtime_auth_scopes", nullptr},
          {"runtime_token", ""},
          {"auth_uuid", ""},
          {"log", ""},
          {"cost", 0},
          {"subrequests_cost", 0},
          {"service", false},
          {"published_ports", nullptr}};
}

Json eligible_types(const QueueEntry& entry, const std::map<std::string, InstanceType>& types) {
  Json list = Json::array();
  for (const std::string& name : entry.instance_types())
    if (const auto type = types.find(name); type != types.end()) list.push_back(to_json(type->second));
  return list.empty() ? Json(nullptr) : list;
}

}  // namespace

std::string quote(const std::string& text) {
  return render(Json(text));
}

std::string container_entry(const ScheduledContainer& scheduled, const std::map<std::string, InstanceType>& types) {
  const QueueEntry& entry = *scheduled.entry;
  const Resources& needed = entry.needed();
  return render({{"container", container_record(entry)},
                 {"instance_resources",
                  {{"VCPUs", needed.vcpus},
                   {"RAM", needed.ram},
                   {"Scratch", needed.scratch},
                   {"GPUs", needed.gpus},
                   {"GPUVRAM", needed.gpu_vram}}},
                 {"instance_types", eligible_types(entry, types)},
                 {"first_seen_at", format_time_nano(entry.first_seen)},
                 {"scheduling_status", status_text(scheduled)},
                 {"reason", to_string(scheduled.reason)}});
}

std::string instance_entry(const PoolInstance& instance) {
  const bool pending = instance.id.empty();
  return render({{"instance", instance.id},
                 {"address", instance.address},
                 {"price", instance.price},
                 {"arvados_instance_type", instance.type},
                 {"provider_instance_type", instance.provider_type},
                 {"last_container_uuid", instance.last_container},
                 {"last_busy", format_time_nano(instance.last_busy)},
                 {"running_container_uuids", pending ? Json(nullptr) : Json(instance.containers)},
                 {"worker_state", to_string(instance.state)},
                 {"idle_behavior", to_string(instance.idle_behavior)}});
}

}  // namespace berth
