#pragma once

#include <string_view>

namespace berth {

/// `docs/openapi.yaml`, as served at `/openapi.yaml`.
std::string_view openapi_text();
/// The page at `/`.
std::string_view index_page();

}  // namespace berth
