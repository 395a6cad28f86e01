// The errors of a revision that cannot be read, the same from every backend.
#pragma once
#include "base/status.h"
#include "store/store.h"

namespace sampan::store {

Error revision_compacted(Revision revision, Revision oldest);   // Reason::Expired
Error revision_in_future(Revision revision, Revision current);  // Reason::Timeout, as kube-apiserver answers it

}  // namespace sampan::store
