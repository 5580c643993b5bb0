#include "field_reader.hpp"

#include <limits>
#include <utility>

#include "text.hpp"

namespace berth {

namespace {

using Json = nlohmann::json;

const Json null_value;

std::string describe(const Json& value) {
  if (value.is_number_float() || value.is_number_unsigned()) return "the number " + value.dump();
  return value.type_name();
}

}  // namespace

FieldReader::FieldReader(const Json& value, std::string path) : value_(value), path_(std::move(path)) {
  if (!value.is_object() && !value.is_null()) mismatch(path_.empty() ? "record" : path_, "an object", value);
}

const Json& FieldReader::at(const char* name) const {
  if (!value_.is_object()) return null_value;
  const auto field = value_.find(name);
  return field == value_.end() ? null_value : *field;
}

FieldReader FieldReader::object(const char* name) const {
  return {at(name), path_of(name)};
}

std::string FieldReader::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void FieldReader::mismatch(std::string_view path, std::string_view wanted, const Json& got) {
  fail_with(safe_excerpt(path) + ": want " + std::string(wanted) + ", got " + describe(got));
}

void FieldReader::fail_with(std::string message) {
  if (error_.empty()) error_ = std::move(message);
}

void FieldReader::absorb(const FieldReader& part) {
  if (part.failed()) fail_with(part.error());
}

void FieldReader::read(const char* name, std::string& out) {
  const Json& field = at(name);
  if (field.is_null()) return;
  if (!field.is_string()) return mismatch(path_of(name), "a string", field);
  out = field.get_ref<const std::string&>();
}

void FieldReader::read(const char* name, std::int64_t& out) {
  const Json& field = at(name);
  if (field.is_null()) return;
  const bool fits =
      field.is_number_integer() &&
      (!field.is_number_unsigned() ||
       field.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  if (!fits) return mismatch(path_of(name), "an integer of 64 bits", field);
  out = field.get<std::int64_t>();
}

void FieldReader::read(const char* name, bool& out) {
  const Json& field = at(name);
  if (field.is_null()) return;
  if (!field.is_boolean()) return mismatch(path_of(name), "true or false", field);
  out = field.get<bool>();
}

void FieldReader::read(const char* name, std::vector<std::string>& out) {
  const Json& field = at(name);
  if (field.is_null()) return;
  if (!field.is_array()) return mismatch(path_of(name), "an array of strings", field);
  for (std::size_t i = 0; i < field.size(); ++i) {
    const Json& item = field[i];
    const std::string item_path = path_of(name) + "[" + std::to_string(i) + "]";
    if (!item.is_string() && !item.is_null()) return mismatch(item_path, "a string", item);
    out.push_back(item.is_null() ? std::string() : item.get<std::string>());
  }
}

void FieldReader::check_object(const char* name) {
  absorb(object(name));
}

}  // namespace berth
