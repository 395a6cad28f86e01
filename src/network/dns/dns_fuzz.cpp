// Any bytes as a query, and as an answer of an upstream server.
#include "network/dns/answers.h"
#include "network/dns/resolver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan::network::dns;
  static Index index;
  static Resolver resolver(index, {});
  static bool filled = [] {
    index.set_namespace("default", true);
    return true;
  }();
  (void)filled;
  std::string_view message(reinterpret_cast<const char*>(data), size);
  Question question;
  char out[4096];
  Parsed parsed = parse_query(message, question);
  if (parsed == Parsed::Good) resolver.resolve(message, question, out, question.udp_bytes < sizeof out ? question.udp_bytes : sizeof out, 1);
  else if (parsed != Parsed::Ignore) Resolver::refuse(message, question, FormatError, out, sizeof out);
  Answer answer;
  if (parse_answer(message, answer)) {
    AnswerCache cache;
    cache.put("key", message, answer, 0);
    std::string again;
    cache.find("key", 1'000'000, again);
    Writer writer(out, sizeof out);
    if (parsed == Parsed::Good) {
      writer.begin(message, question, false);
      copy_addresses(message, writer);
      writer.finish(NoError);
    }
  }
  return 0;
}
