#pragma once

#include "findings.hpp"
#include "tree.hpp"

namespace berth::config {

/// The site's cluster over the defaults (facts §1.1): objects key by key, everything else replaced; null keys dropped;
/// `SAMPLE` entries only say what a free-form object may hold. A key that the defaults do not know is dropped with a
/// warning, except among driver parameters, where it is kept with one.
Node merge_cluster(const Node& defaults, const Node& site, Findings& findings);

}  // namespace berth::config
