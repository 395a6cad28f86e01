// The table of callbacks that llhttp is given for a parser of whole messages; requests have a target besides.
#pragma once
#include <llhttp.h>

namespace sampan::net {

template <class Callbacks>
const llhttp_settings_t* message_callbacks() {
  static const llhttp_settings_t table = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    if constexpr (requires { &Callbacks::url; }) s.on_url = Callbacks::url;
    s.on_header_field = Callbacks::field;
    s.on_header_value = Callbacks::value;
    s.on_header_value_complete = Callbacks::value_complete;
    s.on_headers_complete = Callbacks::headers_complete;
    s.on_body = Callbacks::body;
    s.on_message_complete = Callbacks::message_complete;
    s.on_chunk_extension_name = Callbacks::extension;
    s.on_chunk_extension_value = Callbacks::extension;
    return s;
  }();
  return &table;
}

}  // namespace sampan::net
