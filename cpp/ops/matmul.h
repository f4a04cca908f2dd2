// c = a b with an optional epilogue. The only file that knows about blocking.
#pragma once
#include "core/arena.h"
#include "core/context.h"
#include "core/view.h"
#include "ops/epilogue.h"

namespace densekit {

template <class T> Bytes matmul_scratch_bytes(const Context& context, index m, index n, index k);
// Enough for any product of at most these sizes, whichever road it takes.
template <class T> Bytes matmul_most_scratch_bytes(const Context& context, index m, index n, index k);

// a (m, k) and b (k, n) by strides; c (m, n) contiguous, overwritten, apart from a and b.
template <class T> void matmul(const Context& context, View<T> a, View<T> b, T* c, const Epilogue<T>& epilogue, void* scratch);

}  // namespace densekit
