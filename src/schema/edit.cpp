// Times in editors: numbers as an Object holds them, text as a Value does.
#include "schema/edit.h"

#include "base/encoding.h"

namespace sampan::schema {

void Edit::put_time(const char* field, int64_t seconds) const {
  std::string text;
  append_time(text, seconds);
  put_text(field, text);
}

void Edit::put_micro_time(const char* field, int64_t microseconds) const {
  std::string text;
  append_micro_time(text, microseconds);
  put_text(field, text);
}

}  // namespace sampan::schema
