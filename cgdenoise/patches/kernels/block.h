/* As many floats as a vector register holds: sixteen with AVX-512, eight with AVX2, four with SSE and NEON. */

#ifdef __AVX512F__
enum { BLOCK = 16 };
#elif defined(__AVX__)
enum { BLOCK = 8 };
#else
enum { BLOCK = 4 };
#endif

#ifdef __GNUC__
typedef float Block __attribute__((vector_size(BLOCK * sizeof(float))));
typedef float Unaligned __attribute__((vector_size(BLOCK * sizeof(float)), aligned(sizeof(float)), may_alias));

static inline void load(Block *block, const float *from) { *block = *(const Unaligned *)from; }
static inline void store(float *to, const Block *block) { *(Unaligned *)to = *block; }
static inline void add_product(Block *sum, float factor, const float *values) { *sum += factor * *(const Unaligned *)values; }
static inline void add_square(Block *sum, float value, const float *values) {
    const Block difference = *(const Unaligned *)values - value;
    *sum += difference * difference;
}
#else
typedef struct {
    float at[BLOCK];
} Block;

static inline void load(Block *block, const float *from) { memcpy(block, from, sizeof *block); }
static inline void store(float *to, const Block *block) { memcpy(to, block, sizeof *block); }
static inline void add_product(Block *sum, float factor, const float *values) {
    for (int l = 0; l < BLOCK; l++) sum->at[l] += factor * values[l];
}
static inline void add_square(Block *sum, float value, const float *values) {
    for (int l = 0; l < BLOCK; l++) sum->at[l] += (values[l] - value) * (values[l] - value);
}
#endif
