// What the control groups of this process allow it (Linux): a container's or a service's limit.
#pragma once

namespace densekit {

// The processors that the quotas of its group and of all groups above allow, rounded up; 0: no quota.
int processors_by_quota();

}  // namespace densekit
