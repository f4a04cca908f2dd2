// Forward and backward: a plan run over a workspace.
#pragma once
#include "train/plan.h"
#include "train/run.h"
#include "train/workspace.h"

namespace densekit {

// Runs operations [0, end) on workspace.buffers[0]; what each puts out is in its buffer. Throws Interrupted.
template <class T> void forward(const Run<T>& run, Workspace<T>& workspace, int end);

// Runs operations (end, first] backward, from the gradient in slot 0: that of the output of operation end - 1. gradients:
// segments that are trained are overwritten. first: Plan::first_trained, or 0 if the gradient of the input is wanted.
template <class T> void backward(const Run<T>& run, Workspace<T>& workspace, int end, int first, bool want_input, T* gradients);

// Running statistics from the batch that a forward pass in training saw.
template <class T> void commit_statistics(const Run<T>& run, const Workspace<T>& workspace, T* statistics);
// The statistics of that batch instead of the running ones.
template <class T> void replace_statistics(const Run<T>& run, const Workspace<T>& workspace, T* statistics);

// The layer that put out the first number that is not finite although what went in was finite; "" if there is none.
template <class T> std::string first_not_finite(const Run<T>& run, const Workspace<T>& workspace, int end);

}  // namespace densekit
