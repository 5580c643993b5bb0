#include "request.hpp"

#include <nlohmann/json.hpp>

#include "berth/base/units.hpp"

namespace berth {

namespace {

using Json = nlohmann::json;

constexpr std::size_t max_query_bytes = 999;

std::string encode(const ApiParameters& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out += form_encode(name) + '=' + form_encode(value);
  }
  return out;
}

// Bytes that are not UTF-8 are replaced: dumping must not throw.
std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string filters_text(const std::vector<ContainerQuery::Filter>& filters) {
  Json out = Json::array();
  for (const auto& filter : filters) {
    Json operand = filter.operand;
    if (filter.op == "in") operand = filter.uuids;
    Json triple = Json::array();
    triple.push_back(filter.field);
    triple.push_back(filter.op);
    triple.push_back(std::move(operand));
    out.push_back(std::move(triple));
  }
  return dump(out);
}

/// Those that all lists have.
ApiParameters page_parameters(const std::vector<ContainerQuery::Filter>& filters, std::int64_t limit,
                              std::int64_t offset) {
  ApiParameters out{{"count", "none"}, {"filters", filters_text(filters)}};
  if (limit > 0) out.emplace_back("limit", std::to_string(limit));
  if (offset > 0) out.emplace_back("offset", std::to_string(offset));
  return out;
}

}  // namespace

ApiParameters list_parameters(const ContainerQuery& query) {
  Json select = {"uuid", "state", "priority"};
  if (!query.brief)
    for (const char* field : {"runtime_constraints", "container_image", "scheduling_parameters", "created_at"})
      select.push_back(field);
  if (query.with_mounts) select.push_back("mounts");
  ApiParameters out = page_parameters(query.filters, query.limit, query.offset);
  if (!query.order.empty()) out.emplace_back("order", query.order);
  out.emplace_back("select", dump(select));
  return out;
}

ApiParameters list_parameters(const ModifiedQuery& query) {
  using Of = ModifiedQuery::Of;
  std::vector<ContainerQuery::Filter> filters;
  if (query.of == Of::containers)
    filters.push_back({"state", "in", "", {"Queued", "Cancelled"}});
  else
    filters.push_back({"state", "=", "Committed", {}});
  if (query.uuids.empty())
    filters.push_back({"modified_at", ">=", format_time(query.since), {}});
  else
    filters.push_back({"uuid", "in", "", query.uuids});
  if (!query.after.empty()) filters.push_back({"uuid", ">", query.after, {}});
  const char* select = query.of == Of::containers ? R"(["uuid","modified_at","state","priority"])"
                                                  : R"(["uuid","modified_at","container_uuid"])";
  ApiParameters out = page_parameters(filters, query.limit, 0);
  out.emplace_back("order", "uuid");
  out.emplace_back("select", select);
  return out;
}

ApiParameters list_parameters(const FinishedQuery& query) {
  const std::vector<ContainerQuery::Filter> filters{{"state", "=", "Complete", {}},
                                                    {"modified_at", ">=", format_time(query.since), {}},
                                                    {"modified_at", "<=", format_time(query.until), {}}};
  ApiParameters out = page_parameters(filters, query.limit, query.offset);
  out.emplace_back("order", "modified_at desc");
  out.emplace_back("select",
                   R"(["uuid","state","container_image","runtime_constraints","mounts","started_at","finished_at"])");
  return out;
}

HttpRequest make_request(std::string_view base_url, const ApiCall& call) {
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  HttpRequest request;
  request.method = call.method;
  request.url = std::string(base_url) + "/" + call.path;
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  std::string form = encode(call.parameters);
  const bool get = call.method == "GET";
  if (get && form.size() <= max_query_bytes) {
    if (!form.empty()) request.url += "?" + form;
    return request;
  }
  if (get) {
    request.method = "POST";
    request.headers.emplace_back("X-Http-Method-Override", "GET");
  }
  request.body = std::move(form);
  return request;
}

std::string make_request_id(Runtime& runtime) {
  constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string id = "req-";
  for (int half = 0; half < 2; ++half) {
    std::uint64_t bits = runtime.random();
    for (int i = 0; i < 10; ++i, bits /= digits.size()) id += digits[bits % digits.size()];
  }
  return id;
}

}  // namespace berth
