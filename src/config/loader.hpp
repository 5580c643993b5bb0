#pragma once

#include <string_view>

#include "berth/config/load.hpp"

#include "host_facts.hpp"

namespace berth::config {

/// `load_config_text` with the host's facts from elsewhere, for tests.
LoadedConfig load_text(std::string_view text, std::string_view name, const HostFactsSource& host,
                       const ApiEnvironment& environment = {});

}  // namespace berth::config
