#pragma once

#include <map>
#include <string>
#include <vector>

#include "berth/model/instance_type.hpp"

namespace berth {

/// Containers of equal needs, together.
struct WorkOfClass {
  Resources need;
  bool preemptible = false;
  double hours = 0;  ///< sum of their run times
};

/// No schedule whatever pays less for this work, in $: each container runs once, for its run time, on types that it
/// fits (the price ceiling aside), and no type gives more CPU, RAM or scratch than it has. Left out are boots, idle
/// time, whole instances, limits and the order of arrival, all of which only add to it. `prices` in $/hour by type
/// name, else the type's own. Work that fits on no type is left out.
///
/// It is the value of a feasible solution of that linear program's dual, found by subgradient steps: for each type a
/// split of its price between its resources; a container costs at least its cheapest share.
double cost_lower_bound(const std::vector<WorkOfClass>& work, const std::map<std::string, InstanceType>& types,
                        const std::map<std::string, double>& prices);

}  // namespace berth
