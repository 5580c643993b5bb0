#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "berth/base/result.hpp"

namespace berth {

/// Reads the fields of one JSON object by the rules of facts §2.3: null and absent leave the target as it is, a wrong
/// type is an error that names the field. The first error stays; what is read after it is of no use.
class FieldReader {
 public:
  /// `path` goes before field names in errors.
  FieldReader(const nlohmann::json& value, std::string path);

  void read(const char* name, std::string& out);
  void read(const char* name, std::int64_t& out);
  void read(const char* name, bool& out);
  void read(const char* name, std::vector<std::string>& out);
  /// A field whose type is checked, but whose value nobody wants.
  template <class T>
  void check(const char* name) {
    T ignored{};
    read(name, ignored);
  }
  void check_object(const char* name);
  /// The value of a field, or null.
  const nlohmann::json& at(const char* name) const;
  /// A reader of the object in a field.
  FieldReader object(const char* name) const;

  std::string path_of(std::string_view name) const;
  void mismatch(std::string_view path, std::string_view wanted, const nlohmann::json& got);
  void fail_with(std::string message);
  /// Takes over an error of a reader of a part.
  void absorb(const FieldReader& part);

  bool failed() const { return !error_.empty(); }
  const std::string& error() const { return error_; }

 private:
  const nlohmann::json& value_;
  std::string path_;
  std::string error_;
};

}  // namespace berth
