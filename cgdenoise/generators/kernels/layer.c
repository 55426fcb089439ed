/* A decoder level after its convolution, in one pass over memory: channel normalisation, bilinear doubling, ReLU.
 *
 * Pictures are [height][width][channels], channels innermost, in float32 or bfloat16; arithmetic is in float32 and sums over
 * the picture are in double. layer_typed.h holds the functions and is included once for each type.
 *
 * Rows are shared out by OpenMP, always in the same way, so that the same number of threads gives the same bytes. What is
 * done to a row is in functions that exist once for each instruction set; the loader picks.
 */
#include "portable.h"

typedef float float32;
typedef uint16_t bfloat16;

static inline float widen_bfloat16(bfloat16 bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static inline bfloat16 narrow_bfloat16(float value) { /* to nearest, ties to even */
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bfloat16)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static inline float widen_float32(float value) { return value; }
static inline float narrow_float32(float value) { return value; }

/* The adjoint of a ReLU that gave `out`. */
static inline float32 kept_float32(float32 grad, float32 out) { return out != 0 ? grad : 0; }
static inline bfloat16 kept_bfloat16(bfloat16 grad, bfloat16 out) { return out != 0 ? grad : 0; }

static inline int64_t clamp(int64_t i, int64_t last) { return i < 0 ? 0 : i > last ? last : i; }

/* sums[0..count) = the threads' partial sums, added in the order of the threads. */
static void add_up(const double *partial, double *sums, int64_t count, int threads) {
    memset(sums, 0, count * sizeof *sums);
    for (int t = 0; t < threads; t++)
        for (int64_t i = 0; i < count; i++) sums[i] += partial[t * count + i];
}

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

#define T float32
#include "layer_typed.h"
#undef T
#define T bfloat16
#include "layer_typed.h"
