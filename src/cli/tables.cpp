#include "tables.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>

namespace berth {
namespace {

using Json = nlohmann::json;

/// Columns of a terminal, one for each code point.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string printable(std::string text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  std::replace_if(text.begin(), text.end(), is_control, '?');
  return text;
}

/// At most so many columns; what is missing is marked.
std::string shortened(std::string text, std::size_t most) {
  if (columns(text) <= most) return text;
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end)
    if ((static_cast<unsigned char>(text[end]) & 0xc0U) != 0x80U && ++seen == most) break;
  return text.substr(0, end) + "…";
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

/// `21:48:31` of `2026-11-24T21:48:31.295Z`.
std::string time_of_day(const std::string& time) {
  return time.size() < 19 ? "-" : time.substr(11, 8);
}

std::string name_of(const NamesByContainer& names, const std::string& uuid) {
  const auto name = names.find(uuid);
  return name == names.end() ? "-" : or_dash(name->second);
}

std::string joined(const Json& list, const std::function<std::string(const Json&)>& text) {
  std::string all;
  for (const Json& item : list) all += (all.empty() ? "" : ",") + text(item);
  return all;
}

Json container_in(const Json& item) {
  return item.is_object() ? item.value("container", Json()) : Json();
}

TableRow queue_row(const Json& item, const NamesByContainer& names) {
  const Json container = container_in(item);
  const std::string uuid = text_of(container, "uuid");
  const auto types = joined(items_of(item, "instance_types"), [](const Json& t) { return text_of(t, "ProviderType"); });
  return {uuid,
          text_of(container, "state"),
          user_priority(container),
          time_of_day(text_of(item, "first_seen_at")),
          or_dash(types),
          name_of(names, uuid),
          text_of(item, "scheduling_status")};
}

TableRow held_back_row(const Json& record, const NamesByContainer& names) {
  const std::string uuid = text_of(record, "uuid");
  return {uuid,
          text_of(record, "state"),
          "0",
          time_of_day(text_of(record, "created_at")),
          "-",
          name_of(names, uuid),
          "Held back: its priority is 0."};
}

TableRow ended_row(const Json& record, const NamesByContainer& names) {
  const std::string uuid = text_of(record, "uuid");
  return {uuid, text_of(record, "state"), user_priority(record), time_of_day(text_of(record, "created_at")),
          "-",  name_of(names, uuid),     ending(record)};
}

TableRow instance_row(const Json& item) {
  const auto running = joined(items_of(item, "running_container_uuids"),
                              [](const Json& uuid) { return uuid.is_string() ? uuid.get<std::string>() : "?"; });
  const bool priced = item.is_object() && item.contains("price") && item["price"].is_number();
  return {or_dash(text_of(item, "instance")),     text_of(item, "worker_state"),       text_of(item, "idle_behavior"),
          text_of(item, "arvados_instance_type"), priced ? item["price"].dump() : "-", or_dash(running)};
}

}  // namespace

std::string render_table(const std::vector<TableRow>& rows) {
  std::vector<std::size_t> width;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (width.size() <= i) width.push_back(0);
      width[i] = std::max(width[i], columns(row[i]));
    }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += printable(row[i]);
      if (i + 1 < row.size()) line.append(width[i] - columns(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::string text_of(const Json& object, std::string_view key) {
  if (!object.is_object()) return {};
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

const Json& items_of(const Json& object, std::string_view key) {
  static const Json none = Json::array();
  if (!object.is_object()) return none;
  const auto at = object.find(key);
  return at != object.end() && at->is_array() ? *at : none;
}

std::string ending(const Json& record) {
  if (text_of(record, "state") == "Complete") {
    const auto exit_code = record.find("exit_code");
    return "exit " + (exit_code != record.end() && exit_code->is_number() ? exit_code->dump() : "-");
  }
  return record.is_object() && record.contains("runtime_status") ? text_of(record["runtime_status"], "error") : "";
}

std::string user_priority(const Json& record) {
  const auto at = record.is_object() ? record.find("priority") : record.end();
  if (at == record.end() || !at->is_number_integer()) return "-";
  constexpr std::int64_t step = std::int64_t{1} << 50U;
  const auto priority = at->get<std::int64_t>();
  return std::to_string(priority <= 0 ? 0 : priority / step + (priority % step != 0 ? 1 : 0));
}

QueueView merge_queue(const Json& queue, const Json& held_back, const Json& ended) {
  QueueView view{Json::array(), Json::array(), Json::array(), {}};
  std::set<std::string> seen;
  const auto add = [&](Json& list, const Json& item, const std::string& uuid) {
    if (!seen.insert(uuid).second) return;
    list.push_back(item);
    view.containers.push_back(uuid);
  };
  for (const Json& item : items_of(queue)) {
    const Json container = container_in(item);
    const std::string state = text_of(container, "state");
    const bool is_held_back = state == "Queued" && user_priority(container) == "0";
    if (state != "Complete" && state != "Cancelled" && !is_held_back)
      add(view.waiting, item, text_of(container, "uuid"));
  }
  for (const Json& record : items_of(held_back)) add(view.held_back, record, text_of(record, "uuid"));
  for (const Json& record : items_of(ended)) add(view.ended, record, text_of(record, "uuid"));
  return view;
}

std::vector<TableRow> queue_rows(const QueueView& view, const NamesByContainer& names, std::size_t status_columns) {
  std::vector<TableRow> rows{{"CONTAINER", "STATE", "PRIORITY", "SEEN", "TYPES", "NAME", "STATUS"}};
  for (const Json& item : view.waiting) rows.push_back(queue_row(item, names));
  for (const Json& record : view.held_back) rows.push_back(held_back_row(record, names));
  for (const Json& record : view.ended) rows.push_back(ended_row(record, names));
  for (TableRow& row : rows) row.back() = shortened(std::move(row.back()), status_columns);
  return rows;
}

std::vector<TableRow> instance_rows(const Json& answer) {
  std::vector<TableRow> rows{{"INSTANCE", "STATE", "IDLE", "TYPE", "$/H", "RUNNING"}};
  for (const Json& item : items_of(answer)) rows.push_back(instance_row(item));
  return rows;
}

}  // namespace berth
