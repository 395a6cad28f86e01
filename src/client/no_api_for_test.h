// An Api that answers nothing: a test says what it needs of it.
#pragma once
#include "client/api.h"

namespace sampan::client {

class NoApi : public Api {
 public:
  Result<ObjectRef> get(const Resource&, std::string_view, std::string_view) override { return refused(); }
  Result<std::vector<ObjectRef>> list(const Resource&, std::string_view, std::string_view, std::string_view) override { return refused(); }
  Result<ObjectRef> create(const Resource&, std::string_view, Value, const Options&) override { return refused(); }
  Result<ObjectRef> update(const Resource&, Value, const Options&) override { return refused(); }
  Result<ObjectRef> patch(const Resource&, std::string_view, std::string_view, PatchType, Value, const Options&) override { return refused(); }
  Result<void> remove(const Resource&, std::string_view, std::string_view, const DeleteOptions&) override { return refused(); }
  Result<Value> post(const Resource&, std::string_view, std::string_view, std::string_view, Value, Arena&) override { return refused(); }
  Result<std::vector<const Resource*>> resources() override { return refused(); }

 private:
  static std::unexpected<Error> refused() { return fail(internal_error("not here")); }
};

}  // namespace sampan::client
