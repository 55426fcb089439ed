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

/* Functions that are always inlined, as their arguments are to be constants, and those that never are. */
#ifdef _MSC_VER
#define WITHIN __forceinline
#define APART __declspec(noinline)
#else
#define WITHIN inline __attribute__((always_inline))
#define APART __attribute__((noinline))
#endif

/* Functions that exist once for each level of x86-64, "default" being any; the loader picks, which takes glibc. Levels are
 * picked by what a processor can do; names of processors would be by its model. Without gcc 12, whose v3 and v4 multiply and
 * add at once, by two of its features. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute)
#if __has_attribute(target_clones) && __GNUC__ >= 12
#define EACH_CPU __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#elif __has_attribute(target_clones)
#define EACH_CPU __attribute__((target_clones("default", "avx2", "avx512f")))
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
