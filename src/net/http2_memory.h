// nghttp2's memory. It keeps a frame buffer of 16 KB for each session, of which an idle one uses a fraction: large blocks are
// mapped by themselves, so that what is not touched costs nothing.
#pragma once
#include <nghttp2/nghttp2.h>

namespace sampan::net {

nghttp2_mem* sparse_memory();

}  // namespace sampan::net
