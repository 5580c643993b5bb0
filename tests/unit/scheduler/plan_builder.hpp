#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "berth/scheduler/plan.hpp"

namespace berth {

/// Builds a PlanInput from names and reads a Plan back in names.
class PlanBuilder {
 public:
  PlanInput input;

  std::uint32_t type(const std::string& name, double price, Resources size) {
    types_[name] = static_cast<std::uint32_t>(input.types.size());
    type_names_.push_back(name);
    input.types.push_back({price, size});
    input.limits.blocked_types.push_back(false);
    return types_[name];
  }
  /// `eligible`: type names, cheapest first.
  PlanContainer& container(const std::string& uuid, ContainerState state, std::int64_t priority, Resources need,
                           const std::vector<std::string>& eligible) {
    std::vector<std::uint32_t> list;
    for (const std::string& name : eligible) list.push_back(types_.at(name));
    input.type_lists.push_back(list);
    input.needs.push_back({need, static_cast<std::uint32_t>(input.type_lists.size() - 1)});
    PlanContainer c;
    c.uuid = strings_.emplace_back(uuid);
    c.need = static_cast<std::uint32_t>(input.needs.size() - 1);
    c.state = state;
    c.priority = priority;
    c.first_seen = WallTime(std::chrono::seconds(1000 + input.containers.size()));
    containers_[uuid] = static_cast<std::uint32_t>(input.containers.size());
    input.containers.push_back(c);
    return input.containers.back();
  }
  /// `listed`: uuids; those that are no containers count as unknown. Marks the others as in the pool.
  PlanInstance& instance(const std::string& id, const std::string& type, WorkerState state,
                         const std::vector<std::string>& listed = {}) {
    PlanInstance i;
    i.id = strings_.emplace_back(id);
    i.type = types_.at(type);
    i.state = state;
    for (const std::string& uuid : listed) {
      const auto c = containers_.find(uuid);
      if (c == containers_.end()) {
        ++i.unknown_containers;
      } else {
        i.containers.push_back(c->second);
        input.containers[c->second].in_pool = true;
      }
      ++input.limits.running;
    }
    if (!id.empty()) ++input.limits.total_instances;
    input.instances.push_back(i);
    return input.instances.back();
  }
  PlanContainer& find(const std::string& uuid) { return input.containers[containers_.at(uuid)]; }
  void block(const std::string& type) { input.limits.blocked_types[types_.at(type)] = true; }

  std::string uuid(std::uint32_t container) const { return std::string(input.containers[container].uuid); }
  std::vector<std::string> uuids(const std::vector<std::uint32_t>& containers) const {
    std::vector<std::string> names;
    for (std::uint32_t c : containers) names.push_back(uuid(c));
    return names;
  }
  std::string type_name(std::uint32_t type) const { return type_names_[type]; }
  std::vector<std::string> creates(const Plan& plan) const {
    std::vector<std::string> names;
    for (std::uint32_t t : plan.creates) names.push_back(type_names_[t]);
    return names;
  }
  /// `uuid@id`.
  std::vector<std::string> starts(const Plan& plan) const {
    std::vector<std::string> names;
    for (const PlanStart& s : plan.starts) names.push_back(uuid(s.container) + "@" + id(s.instance));
    return names;
  }
  std::vector<std::string> shutdowns(const Plan& plan) const {
    std::vector<std::string> names;
    for (std::uint32_t i : plan.shutdowns) names.push_back(id(i));
    return names;
  }
  std::string id(std::uint32_t instance) const { return std::string(input.instances[instance].id); }
  /// `reason` or `reason position`.
  std::string status(const Plan& plan, const std::string& uuid) const {
    const ContainerStatus& s = plan.statuses[containers_.at(uuid)];
    return std::string(to_string(s.reason)) + (s.position > 0 ? " " + std::to_string(s.position) : "");
  }

 private:
  std::map<std::string, std::uint32_t> types_;
  std::vector<std::string> type_names_;
  std::map<std::string, std::uint32_t> containers_;
  std::deque<std::string> strings_;
};

}  // namespace berth
