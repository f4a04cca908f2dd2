/* What the OpenMP library offers to core/parallel: plain C, so that the two may come from different compilers. */
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes with the meaning of the fields below. */
#define DENSEKIT_OPENMP_TABLE 1

typedef void (*densekit_task_function)(const void* body, ptrdiff_t task, int worker);

typedef struct densekit_openmp_table {
  int number;          /* DENSEKIT_OPENMP_TABLE of the library */
  const char* version; /* of densekit */
  /* Runs function(body, task, worker) for each task in [0, tasks) on up to `workers` threads, the caller included as worker 0.
     0: nothing was run, because the caller is inside a parallel region. */
  int (*run)(ptrdiff_t tasks, int workers, densekit_task_function function, const void* body);
  /* What threadpoolctl or omp_set_num_threads said; 0: nobody said anything. */
  int (*limit)(void);
} densekit_openmp_table;

/* The one function that the library exports; its name is "densekit_openmp". */
const densekit_openmp_table* densekit_openmp(void);

#ifdef __cplusplus
}
#endif
