#include "list_reader.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "berth/base/units.hpp"

namespace berth {

namespace {

using Json = nlohmann::json;

/// Takes what the parser meets; false ends it.
class ListHandler final : public nlohmann::json_sax<Json> {
 public:
  bool null() override {
    if (place_ == Place::passed_over) return true;
    const Target target = std::exchange(target_, Nothing{});
    const Part* part = std::get_if<Part>(&target);
    const bool may_be_null = !part || (part->place != Place::items && part->place != Place::mount);
    return is_object(place_) && may_be_null && count();
  }
  bool boolean(bool value) override { return take(value); }
  bool number_integer(number_integer_t value) override { return take(std::int64_t{value}); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) return take(Nothing{});
    return take(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t, const string_t&) override { return take(Nothing{}); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& value) override {
    if (place_ != Place::strings) return take<const std::string&>(value);
    strings_->push_back(value);
    return count();
  }
  bool key(string_t& name) override;
  bool start_object(std::size_t) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  bool complete() const { return place_ == Place::after && has_items_; }
  std::vector<Container> take_containers() { return std::move(containers_); }

 private:
  /// What the parser is inside of.
  enum class Place : std::uint8_t {
    before,
    answer,
    items,
    record,
    constraints,
    gpu,
    scheduling,
    mounts,
    mount,
    strings,
    passed_over,
    after
  };
  /// Where the value of the last key goes: nowhere, to a scalar, to a list, or into an object (or the items).
  struct Nothing {};
  struct Part {
    Place place;
  };
  using Target = std::variant<Nothing, std::string*, std::int64_t*, bool*, std::vector<std::string>*, Part>;
  struct Field {
    std::string_view name;
    Target (*target)(ListHandler&);
  };

  static bool is_object(Place place) {
    return place == Place::answer || (place >= Place::record && place <= Place::mount);
  }
  static std::span<const Field> fields_of(Place place);
  bool count() { return ++values_ <= max_values; }

  template <class T>
  bool take(T value) {
    if (place_ == Place::passed_over) return count();
    if (!is_object(place_) || !count()) return false;
    const Target target = std::exchange(target_, Nothing{});
    if (std::holds_alternative<Nothing>(target)) return true;
    if constexpr (!std::is_same_v<T, Nothing>) {
      if (auto* const* out = std::get_if<std::remove_cvref_t<T>*>(&target)) {
        **out = value;
        return true;
      }
    }
    return false;
  }
  void enter(Place place) {
    place_ = place;
    seen_[static_cast<std::size_t>(place)] = 0;
  }
  bool begin_passing_over() {
    if (place_ != Place::passed_over) back_to_ = std::exchange(place_, Place::passed_over);
    return ++depth_ <= max_depth && count();
  }
  bool end_passing_over() {
    if (--depth_ == 0) place_ = back_to_;
    return true;
  }
  bool begin_record();
  bool end_record();

  // The bounds of parse_json(), or less.
  static constexpr int max_depth = 50;
  static constexpr std::size_t max_values = 1'000'000;

  Place place_ = Place::before;
  Place back_to_ = Place::before;  // after what is passed over, or strings
  Target target_;
  int depth_ = 0;  // within what is passed over
  std::size_t values_ = 0;
  std::array<std::uint32_t, static_cast<std::size_t>(Place::after)> seen_{};  // by place: its fields, a bit each
  bool has_items_ = false;
  std::vector<Container> containers_;
  // Of the record:
  std::string state_;
  std::string created_at_;
  std::vector<std::string>* strings_ = nullptr;
  std::string mount_path_;
  Mount* mount_ = nullptr;
  // Checked for their type alone:
  std::string any_string_;
  std::int64_t any_integer_ = 0;
  bool any_bool_ = false;
};

std::span<const ListHandler::Field> ListHandler::fields_of(Place place) {
  using H = ListHandler;
  static constexpr Field record[] = {
      {"uuid", [](H& h) -> Target { return &h.containers_.back().uuid; }},
      {"state", [](H& h) -> Target { return &h.state_; }},
      {"priority", [](H& h) -> Target { return &h.containers_.back().priority; }},
      {"locked_by_uuid", [](H& h) -> Target { return &h.containers_.back().locked_by_uuid; }},
      {"created_at", [](H& h) -> Target { return &h.created_at_; }},
      {"container_image", [](H& h) -> Target { return &h.containers_.back().container_image; }},
      {"runtime_constraints", [](H&) -> Target { return Part{Place::constraints}; }},
      {"scheduling_parameters", [](H&) -> Target { return Part{Place::scheduling}; }},
      {"mounts", [](H&) -> Target { return Part{Place::mounts}; }},
      {"lock_count", [](H& h) -> Target { return &h.any_integer_; }},
      {"runtime_status", [](H&) -> Target { return Part{Place::passed_over}; }},
  };
  static constexpr Field constraints[] = {
      {"API", [](H& h) -> Target { return &h.containers_.back().runtime_constraints.api; }},
      {"vcpus", [](H& h) -> Target { return &h.containers_.back().runtime_constraints.vcpus; }},
      {"ram", [](H& h) -> Target { return &h.containers_.back().runtime_constraints.ram; }},
      {"keep_cache_ram", [](H& h) -> Target { return &h.containers_.back().runtime_constraints.keep_cache_ram; }},
      {"keep_cache_disk", [](H& h) -> Target { return &h.containers_.back().runtime_constraints.keep_cache_disk; }},
      {"gpu", [](H&) -> Target { return Part{Place::gpu}; }},
  };
  static constexpr Field gpu[] = {
      {"stack", [](H& h) -> Target { return &h.containers_.back().runtime_constraints.gpu.stack; }},
      {"driver_version", [](H& h) -> Target { return &h.containers_.back().runtime_constraints.gpu.driver_version; }},
      {"hardware_target", [](H& h) -> Target { return &h.containers_.back().runtime_constraints.gpu.hardware_target; }},
      {"device_count", [](H& h) -> Target { return &h.containers_.back().runtime_constraints.gpu.device_count; }},
      {"vram", [](H& h) -> Target { return &h.containers_.back().runtime_constraints.gpu.vram; }},
  };
  static constexpr Field scheduling[] = {
      {"preemptible", [](H& h) -> Target { return &h.containers_.back().scheduling_parameters.preemptible; }},
      {"supervisor", [](H& h) -> Target { return &h.containers_.back().scheduling_parameters.supervisor; }},
      {"max_run_time", [](H& h) -> Target { return &h.containers_.back().scheduling_parameters.max_run_time; }},
      {"partitions", [](H& h) -> Target { return &h.containers_.back().scheduling_parameters.partitions; }},
  };
  static constexpr Field mount[] = {
      {"kind", [](H& h) -> Target { return &h.mount_->kind; }},
      {"capacity", [](H& h) -> Target { return &h.mount_->capacity; }},
      {"writable", [](H& h) -> Target { return &h.any_bool_; }},
      {"exclude_from_output", [](H& h) -> Target { return &h.any_bool_; }},
      {"portable_data_hash", [](H& h) -> Target { return &h.any_string_; }},
      {"uuid", [](H& h) -> Target { return &h.any_string_; }},
      {"device_type", [](H& h) -> Target { return &h.any_string_; }},
      {"path", [](H& h) -> Target { return &h.any_string_; }},
  };
  switch (place) {
    case Place::record:
      return record;
    case Place::constraints:
      return constraints;
    case Place::gpu:
      return gpu;
    case Place::scheduling:
      return scheduling;
    case Place::mount:
      return mount;
    default:
      return {};
  }
}

bool ListHandler::key(string_t& name) {
  target_ = Nothing{};
  if (place_ == Place::answer && name == "items") target_ = Part{Place::items};
  if (place_ == Place::mounts) {
    mount_path_ = name;
    target_ = Part{Place::mount};
  }
  const auto fields = fields_of(place_);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name != name) continue;
    std::uint32_t& seen = seen_[static_cast<std::size_t>(place_)];
    const std::uint32_t bit = std::uint32_t{1} << i;
    if ((seen & bit) != 0) return false;
    seen |= bit;
    target_ = fields[i].target(*this);
    break;
  }
  return true;
}

bool ListHandler::start_object(std::size_t) {
  if (place_ == Place::before) {
    place_ = Place::answer;
    return true;
  }
  if (place_ == Place::items) return begin_record();
  if (place_ == Place::passed_over) return begin_passing_over();
  if (!is_object(place_)) return false;
  const Target target = std::exchange(target_, Nothing{});
  if (std::holds_alternative<Nothing>(target)) return begin_passing_over();
  const Part* part = std::get_if<Part>(&target);
  if (!part || part->place == Place::items) return false;
  if (part->place == Place::passed_over) return begin_passing_over();
  if (part->place == Place::mount) {
    const auto [mount, fresh] = containers_.back().mounts.try_emplace(mount_path_);
    if (!fresh) return false;
    mount_ = &mount->second;
  }
  enter(part->place);
  return count();
}

bool ListHandler::end_object() {
  switch (place_) {
    case Place::passed_over:
      return end_passing_over();
    case Place::answer:
      place_ = Place::after;
      return true;
    case Place::record:
      return end_record();
    case Place::gpu:
      place_ = Place::constraints;
      return true;
    case Place::mount:
      place_ = Place::mounts;
      return true;
    default:
      place_ = Place::record;
      return true;
  }
}

bool ListHandler::start_array(std::size_t) {
  if (place_ == Place::passed_over) return begin_passing_over();
  if (!is_object(place_)) return false;
  const Target target = std::exchange(target_, Nothing{});
  if (std::holds_alternative<Nothing>(target)) return begin_passing_over();
  if (const auto* strings = std::get_if<std::vector<std::string>*>(&target)) {
    strings_ = *strings;
    back_to_ = std::exchange(place_, Place::strings);
    return count();
  }
  const Part* part = std::get_if<Part>(&target);
  if (!part || part->place != Place::items) return false;
  place_ = Place::items;
  return !std::exchange(has_items_, true);
}

bool ListHandler::end_array() {
  if (place_ == Place::passed_over) return end_passing_over();
  place_ = place_ == Place::strings ? back_to_ : Place::answer;
  return true;
}

bool ListHandler::begin_record() {
  containers_.emplace_back();
  state_.clear();
  created_at_.clear();
  enter(Place::record);
  return count();
}

bool ListHandler::end_record() {
  place_ = Place::items;
  Container& container = containers_.back();
  const auto state = parse_container_state(state_);
  if (!state || !is_container_uuid(container.uuid)) return false;
  container.state = *state;
  if (created_at_.empty()) return true;
  const auto created_at = parse_time(created_at_);
  if (created_at) container.created_at = *created_at;
  return created_at.has_value();
}

}  // namespace

std::optional<std::vector<Container>> read_container_list(std::string_view text) {
  ListHandler handler;
  if (!Json::sax_parse(text, &handler) || !handler.complete()) return std::nullopt;
  return handler.take_containers();
}

}  // namespace berth
