// Answers in the messages of a WebSocket, for browsers, which can read no endless body: logs in pieces, watches event by event.
#pragma once
#include "apiserver/context.h"

namespace sampan::apiserver {

enum class Pieces : uint8_t {
  AsTheyCome,  // in messages of bytes, or of base64 where the client asked for that; an empty one comes first
  Lines,       // each in a message of text
  Lengths,     // what each says after its length of four bytes, in a message of bytes
};

// The 101 for a client that asked for it (net::asks_for_websocket), whose messages are what `answer` says.
HandlerResult in_messages(Context& context, net::Response answer, Pieces pieces);

}  // namespace sampan::apiserver
