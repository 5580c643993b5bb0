#include "brief_list.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace berth {

namespace {

using Json = nlohmann::json;

/// Takes what the parser meets; false ends it.
class BriefListHandler final : public nlohmann::json_sax<Json> {
 public:
  bool null() override {
    if (field_ == Field::priority) field_ = Field::none;  // null is zero
    return scalar();
  }
  bool boolean(bool) override { return scalar(); }
  bool number_integer(number_integer_t value) override { return integer(value); }
  bool number_unsigned(number_unsigned_t value) override {
    const bool fits = value <= static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max());
    return fits ? integer(static_cast<std::int64_t>(value)) : scalar();
  }
  bool number_float(number_float_t, const string_t&) override { return scalar(); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& value) override {
    switch (field_) {
      case Field::uuid:
        field_ = Field::none;
        containers_.back().uuid = value;
        return is_container_uuid(containers_.back().uuid);
      case Field::state:
        field_ = Field::none;
        return take_state(value);
      default:
        return scalar();
    }
  }

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::before:
        place_ = Place::answer;
        return true;
      case Place::items:
        place_ = Place::record;
        containers_.emplace_back();
        has_state_ = false;
        return true;
      default:
        return begin_passing_over();
    }
  }
  bool start_array(std::size_t) override {
    if (place_ == Place::answer && field_ == Field::items) {
      field_ = Field::none;
      place_ = Place::items;
      return !std::exchange(has_items_, true);
    }
    return begin_passing_over();
  }
  bool key(string_t& name) override {
    if (place_ == Place::answer)
      field_ = name == "items" ? Field::items : Field::none;
    else if (place_ == Place::record)
      field_ = field_of(name);
    return true;
  }
  bool end_object() override {
    if (place_ == Place::passed_over) return end_passing_over();
    if (place_ == Place::answer) {
      place_ = Place::after;
      return true;
    }
    place_ = Place::items;
    return has_state_ && !containers_.back().uuid.empty();
  }
  bool end_array() override {
    if (place_ == Place::passed_over) return end_passing_over();
    place_ = Place::answer;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  bool complete() const { return place_ == Place::after && has_items_; }
  std::vector<Container> take() { return std::move(containers_); }

 private:
  enum class Place { before, answer, items, record, passed_over, after };
  enum class Field { none, items, uuid, state, priority };

  static Field field_of(const std::string& name) {
    if (name == "uuid") return Field::uuid;
    if (name == "state") return Field::state;
    return name == "priority" ? Field::priority : Field::none;
  }
  bool is_value_place() const { return place_ == Place::answer || place_ == Place::record; }
  /// A value that is of no interest where it stands.
  bool scalar() { return place_ == Place::passed_over || (is_value_place() && field_ == Field::none); }
  bool integer(std::int64_t value) {
    if (place_ != Place::record || field_ != Field::priority) return scalar();
    field_ = Field::none;
    containers_.back().priority = value;
    return true;
  }
  bool take_state(const std::string& text) {
    const auto state = parse_container_state(text);
    if (!state) return false;
    containers_.back().state = *state;
    has_state_ = true;
    return true;
  }
  bool begin_passing_over() {
    if (place_ != Place::passed_over) {
      if (!is_value_place() || field_ != Field::none) return false;
      back_to_ = std::exchange(place_, Place::passed_over);
    }
    return ++depth_ <= max_depth;
  }
  bool end_passing_over() {
    if (--depth_ == 0) place_ = back_to_;
    return true;
  }

  static constexpr int max_depth = 60;
  Place place_ = Place::before;
  Place back_to_ = Place::before;
  Field field_ = Field::none;
  int depth_ = 0;  // within what is passed over
  bool has_items_ = false;
  bool has_state_ = false;
  std::vector<Container> containers_;
};

}  // namespace

std::optional<std::vector<Container>> read_brief_list(std::string_view text) {
  BriefListHandler handler;
  if (!Json::sax_parse(text, &handler) || !handler.complete()) return std::nullopt;
  return handler.take();
}

}  // namespace berth
