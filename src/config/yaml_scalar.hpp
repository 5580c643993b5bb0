#pragma once

#include <string>
#include <string_view>

#include "tree.hpp"

namespace berth::config {

/// What an unquoted scalar means (YAML 1.1, facts §1.1): null, a boolean, a number or a string. Numbers pass through a
/// double, as they do in the reference. Infinities and NaN have no JSON form: they stay strings.
Node resolve_plain_scalar(std::string_view text);

/// How a number prints as a map key or in a message: without fraction if it is whole.
std::string number_text(double number);

}  // namespace berth::config
