/* What differs between compilers and systems. Each library is one C file that includes this once, before anything else.
 *
 * Sizes and indices are int64_t: `long` has 32 bits on Windows. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

/* Functions that exist once for each instruction set; the loader picks. That takes glibc, and "default" is any x86-64. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute)
#if __has_attribute(target_clones)
#define EACH_CPU __attribute__((target_clones("default", "arch=haswell", "arch=skylake-avx512")))
#endif
#endif
#ifndef EACH_CPU
#define EACH_CPU
#endif

/* Threads are to be those of torch's own OpenMP runtime. clang brings LLVM's: a second pool beside GNU's, which torch has on
 * Linux; beside another copy of LLVM's, which torch has on macOS, it ends the process. build.py then compiles without. */
#ifdef _OPENMP
#ifdef __clang__
#error "not with the OpenMP of clang"
#endif
#include <omp.h>
#else
static inline int omp_get_thread_num(void) { return 0; }
#endif

EXPORT const uint32_t sources = SOURCES; /* their checksum, from build.py: a library of other sources is not used */

EXPORT int threaded(void) { /* whether loops are shared out to threads; else a call runs on the caller's alone */
#ifdef _OPENMP
    return 1;
#else
    return 0;
#endif
}
