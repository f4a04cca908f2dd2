#include "core/cgroup.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

namespace densekit {
namespace {

// Processors of one group, by version 2 (cpu.max: "150000 100000" or "max 100000") or version 1 of the interface; 0: no quota.
double quota_of(const std::string& folder) {
  std::string limit;
  double period = 0, micros = 0;
  if (std::ifstream v2(folder + "/cpu.max"); v2 >> limit >> period && limit != "max" && period > 0)
    return std::atof(limit.c_str()) / period;
  std::ifstream v1(folder + "/cpu.cfs_quota_us"), v1_period(folder + "/cpu.cfs_period_us");
  if (v1 >> micros && v1_period >> period && micros > 0 && period > 0) return micros / period;
  return 0;
}

void tighten(double& least, double quota) {
  if (quota > 0 && (least == 0 || quota < least)) least = quota;
}

}  // namespace

int processors_by_quota() {
  double least = 0;
  // A line is number:controllers:path; no controllers: version 2. In a container the path may be the host's, whose folders are not
  // there; then the container's own group is the root of what it sees.
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && ("," + controllers + ",").find(",cpu,") == std::string::npos) continue;
    const std::string root = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/" + controllers;
    std::string path = line.substr(second + 1);
    while (!path.empty()) {  // the group and those above it
      tighten(least, quota_of(root + path));
      const std::size_t end = path.rfind('/');
      path.resize(end == std::string::npos ? 0 : end);
    }
  }
  for (const char* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/cpu"}) tighten(least, quota_of(root));
  return least > 0 ? std::max(1, static_cast<int>(std::ceil(std::min(least, 1e6)))) : 0;
}

}  // namespace densekit
