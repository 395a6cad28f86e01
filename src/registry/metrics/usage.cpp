// NodeMetrics and PodMetrics: what is used, as a table shows it.
#include "base/encoding.h"
#include "registry/columns.h"
#include "registry/rules.h"
#include "schema/quantity.h"

namespace sampan::registry {

namespace {

using schema::AnyView;
using schema::Quantity;

constexpr Column kColumns[] = {
    {"Name", "string", "name", "Name of the resource"},
    {"cpu", "string", "quantity", ""},
    {"memory", "string", "quantity", ""},
    {"Window", "string", "duration", ""},
};

void window_cell(const Object& object, Row& row) {
  std::string window;
  append_duration(window, object["window"].as_int());
  row.text(window);
}

void node_row(const Object& object, Row& row) {
  name_cell(object, row);
  for (std::string_view name : {"cpu", "memory"}) row.text(Quantity::stored(object["usage"][name].as_string()).text());
  window_cell(object, row);
}

void pod_row(const Object& object, Row& row) {
  name_cell(object, row);
  AnyView containers = object["containers"];
  for (std::string_view name : {"cpu", "memory"}) {
    Quantity sum;
    for (uint32_t i = 0; i < containers.size(); i++) sum += Quantity::stored(containers.item(i)["usage"][name].as_string());
    row.text(sum.text());
  }
  window_cell(object, row);
}

}  // namespace

extern const Rules kNodeMetricsRules{.group = "metrics.k8s.io", .kind = "NodeMetrics", .columns = kColumns, .row = node_row, .has_generation = false};
extern const Rules kPodMetricsRules{.group = "metrics.k8s.io", .kind = "PodMetrics", .columns = kColumns, .row = pod_row, .has_generation = false};

}  // namespace sampan::registry
