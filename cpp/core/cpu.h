// Which instruction sets were built, which this machine has, and which one is in use.
#pragma once
#include <string>
#include <vector>

#include "kernels/bf16_table.h"
#include "kernels/table.h"

namespace densekit {

struct Level {
  std::string name;
  bool supported;
};

const std::vector<Level>& built_levels();  // best first; the last one runs anywhere
std::string active_level();
const Table& active_table();
const Table& baseline_table();  // on every machine the same bits
// Products of operands in one or two bfloat16 parts, where this machine computes them faster than those of float32 and level
// x86_v4 is in use; else null, as for any other number of parts.
const Bf16Kernels* bf16_kernels(int parts);
// The least parts that a precision asks for: "medium" 1, "high" 2; 0 is float32 itself.
void use_level(const std::string& name);  // std::invalid_argument lists what this machine has

}  // namespace densekit
