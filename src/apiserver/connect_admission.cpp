#include "apiserver/connect_admission.h"

#include "apiserver/admission.h"
#include "apiserver/write.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Value;

Result<Value> admitted_connection(Context& context, Arena& arena, std::string_view path) {
  const Query& query = context.query;
  std::string_view subresource = context.info.subresource;
  Value options = Value::object(arena, 8);
  if (subresource == "proxy") {
    if (!path.empty()) options.set("path", arena.copy(path));
  } else if (subresource == "portforward") {
    for (auto text : query.all("ports"))
      if (int64_t port; parse_int(text, port)) options.ensure_list("ports").push(port);
  } else {
    for (std::string_view name : {"stdin", "stdout", "stderr", "tty"})
      if (query.has(name) && query.is_true(name)) options.set(name, true);
    if (auto container = query.get("container"); !container.empty()) options.set("container", container);
    if (subresource == "exec")
      for (auto word : query.all("command")) options.ensure_list("command").push(word);
  }
  auto attributes = attributes_of(context, Operation::Connect, false);
  TRY(context.services.admission->mutate(attributes, options, nullptr));
  auto admitted = TRY(schema::freeze(options, *attributes.what.type));
  TRY(context.services.admission->validate(attributes, admitted.get(), nullptr));
  return options;
}

}  // namespace sampan::apiserver
