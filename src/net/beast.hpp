#pragma once

// Beast is compiled once, in beast_impl.cpp (see CMakeLists.txt).
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace berth {
namespace beast = boost::beast;
namespace http = boost::beast::http;
}  // namespace berth
