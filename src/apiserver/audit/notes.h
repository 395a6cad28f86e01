// Where a request's handlers tell its trail what they read and what they answer. Nothing happens, and nothing is made, without a trail.
#pragma once
#include "apiserver/admission.h"
#include "apiserver/audit/trail.h"
#include "apiserver/body.h"
#include "apiserver/context.h"
#include "net/stream.h"

namespace sampan::apiserver {

// The object that was sent, decoded; it is noted with its defaults.
void note_request(Context& context, const ExpectedKind& expected, schema::Value tree);
void note_patch(Context& context, schema::Value patch);
inline void annotate(Context& context, std::string_view key, std::string_view value) {
  if (context.audit) context.audit->annotate(key, value);
}

// An answer that goes on: the trail is complete when the last of its bytes is out, or nobody takes them any more. `executor` notes what must not
// be waited for on an I/O thread; null: it need not be.
void note_end_of(const std::shared_ptr<AuditTrail>& trail, net::Response& response, Executor* executor);

}  // namespace sampan::apiserver
