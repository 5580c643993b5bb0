#include "tags.hpp"

#include <array>

namespace berth {

TagKeys::TagKeys(const std::string& prefix)
    : instance_set_id(prefix + "InstanceSetID"),
      instance_type(prefix + "InstanceType"),
      idle_behavior(prefix + "IdleBehavior"),
      instance_secret(prefix + "InstanceSecret") {}

const std::string& tag_value(const InstanceTags& tags, const std::string& key) {
  static const std::string none;
  const auto found = tags.find(key);
  return found == tags.end() ? none : found->second;
}

IdleBehavior tagged_idle_behavior(const InstanceTags& tags, const TagKeys& keys) {
  return parse_idle_behavior(tag_value(tags, keys.idle_behavior)).value_or(IdleBehavior::run);
}

std::string make_instance_secret(Runtime& runtime) {
  std::array<unsigned char, 20> bytes{};
  runtime.secret_bytes(bytes.data(), bytes.size());
  std::string secret;
  for (const unsigned char byte : bytes) {
    secret += "0123456789abcdef"[byte >> 4];
    secret += "0123456789abcdef"[byte & 15];
  }
  return secret;
}

std::string make_init_command(std::string_view secret, std::string_view configured) {
  return "umask 0177 && echo -n \"" + std::string(secret) + "\" >/var/run/arvados-instance-secret\n" +
         std::string(configured);
}

}  // namespace berth
