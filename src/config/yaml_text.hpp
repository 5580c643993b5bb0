#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace berth::config {

/// A document as YAML in block style. Strings are quoted, so that no reader takes one for a number or a boolean.
std::string yaml_text(const nlohmann::json& document);

}  // namespace berth::config
