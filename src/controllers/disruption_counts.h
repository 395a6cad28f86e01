// The status of a disruption budget.
#pragma once
#include <map>
#include <string>

#include "base/status.h"
#include "schema/object.h"
#include "schema/value.h"

namespace sampan::controllers {

struct BudgetCounts {
  int64_t healthy = 0, desired = 0, expected = 0;
  std::map<std::string, int64_t> disrupted;  // pods that are about to be deleted: when that was decided

  int64_t allowed() const { return expected <= 0 || healthy <= desired ? 0 : healthy - desired; }
};

// A number, or a percentage of `total`, rounded up.
Result<int64_t> scaled_value(const schema::IntOrString& value, int64_t total);

bool is_up_to_date(const schema::Object& budget, const BudgetCounts& counts);
void write_counts(schema::Value budget, const BudgetCounts& counts, int64_t now_seconds);

}  // namespace sampan::controllers
