#pragma once

#include <string>
#include <string_view>

#include "berth/base/runtime.hpp"
#include "berth/cloud/driver.hpp"
#include "berth/model/instance.hpp"

namespace berth {

/// The keys of the pool's instance tags (facts §6.1).
struct TagKeys {
  explicit TagKeys(const std::string& prefix);
  std::string instance_set_id;
  std::string instance_type;
  std::string idle_behavior;
  std::string instance_secret;
};

/// The tag's value; empty if it is not there.
const std::string& tag_value(const InstanceTags& tags, const std::string& key);
/// The behaviour that the tag says; `run` if it is absent or says something else (facts §6.4).
IdleBehavior tagged_idle_behavior(const InstanceTags& tags, const TagKeys& keys);

/// 40 lower-case hex digits: 160 random bits (facts §6.1).
std::string make_instance_secret(Runtime& runtime);
/// Shell text that leaves the secret, without newline, in a file that only root can read, then runs `configured` (facts
/// §6.2).
std::string make_init_command(std::string_view secret, std::string_view configured);

}  // namespace berth
