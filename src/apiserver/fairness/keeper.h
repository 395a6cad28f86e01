// Keeps flow control and its objects together: follows the FlowSchemas and PriorityLevelConfigurations, tells of schemas whose level is not there, keeps the
// standard objects, and adjusts what levels lend.
#pragma once
#include <memory>

#include "apiserver/catalog.h"
#include "apiserver/fairness/flow_control.h"

namespace sampan::apiserver::fairness {

// From its making, which has read all there is, until its end.
class Keeper {
 public:
  virtual ~Keeper() = default;
  static std::unique_ptr<Keeper> start(FlowControl& control, Catalog& catalog, Clock& clock);
};

}  // namespace sampan::apiserver::fairness
