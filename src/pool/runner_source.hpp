#pragma once

#include <memory>
#include <string>

#include "berth/base/result.hpp"

namespace berth {

/// The runner that workers shall use (facts §6.9).
struct RunnerSource {
  std::string command;  ///< shell text
  std::string path;     ///< where it is deployed on workers; empty: nothing to deploy
  std::string md5;      ///< lower-case hex
  std::shared_ptr<const std::string> binary;
};

/// Reads the binary to deploy. Blocks. Errors: failed, naming the file.
Result<RunnerSource> read_runner(const std::string& binary_path, const std::string& deploy_directory);

}  // namespace berth
