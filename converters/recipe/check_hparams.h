// Bounds that every recipe relies on, whatever the source said.
#pragma once

#include "converters/models/arch.h"
#include "runnel/status.h"

namespace runnel {

// corrupt_file for sizes that are 0, do not divide, or exceed what a graph can hold.
Status check_hparams(const HParams& h);

}  // namespace runnel
