// Which arrays are too large for the caches, and which results go past them.
#pragma once
#include "core/context.h"

namespace densekit {

// What no L3 would hold until it is read again.
template <class T> bool beyond_caches(index n) { return n * static_cast<index>(sizeof(T)) >= index{32} << 20; }

// For n elements that are only written; results over their own inputs are not.
template <class T, class... Inputs> Store store_of(index n, const T* y, const Inputs*... inputs) {
  const bool over_input = (... || (y == inputs));
  return beyond_caches<T>(n) && !over_input ? Store::past : Store::cached;
}

}  // namespace densekit
