/* Which patches of a tile are most like a reference: squared distances to all within reach, of which the least are kept. */

/* Shifts, compared at a time: their sums fit the vector registers. A window of 37 is three spans wide. */
#if defined(__AVX512F__)
enum { ROWS = 8, SPANS = 1, SPAN = SPANS * BLOCK };
#else
enum { ROWS = 4, SPANS = 2, SPAN = SPANS * BLOCK };
#endif

/* out[r][0..SPAN) += squared distances of a patch to those at candidates + r * stride + 0..SPAN. */
static void add_distances(const float *restrict reference, const float *restrict candidates, int64_t stride, int patch,
                                   float *restrict out, int64_t out_stride) {
    Block sums[ROWS][SPANS];
    for (int r = 0; r < ROWS; r++)
        for (int b = 0; b < SPANS; b++) load(&sums[r][b], out + r * out_stride + b * BLOCK);
    for (int i = 0; i < patch; i++)
        for (int j = 0; j < patch; j++) {
            const float value = reference[i * stride + j];
            const float *from = candidates + i * stride + j;
            for (int r = 0; r < ROWS; r++)
                for (int b = 0; b < SPANS; b++) add_square(&sums[r][b], value, from + r * stride + b * BLOCK);
        }
    for (int r = 0; r < ROWS; r++)
        for (int b = 0; b < SPANS; b++) store(out + r * out_stride + b * BLOCK, &sums[r][b]);
}

typedef struct {
    float distance;
    int32_t place;
} Candidate;

/* By distance; of equal ones the first in the picture is the nearer. */
static inline int farther(Candidate a, Candidate b) {
    return a.distance > b.distance || (a.distance == b.distance && a.place > b.place);
}

/* Let a candidate sink from the top of a heap whose farthest is at the top. */
static inline void sink(Candidate *heap, int count, Candidate candidate) {
    int i = 0;
    for (int child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && farther(heap[child + 1], heap[child])) child++;
        if (!farther(heap[child], candidate)) break;
        heap[i] = heap[child];
    }
    heap[i] = candidate;
}

static inline void rise(Candidate *heap, int i, Candidate candidate) {
    for (int parent; i && farther(candidate, heap[parent = (i - 1) / 2]); i = parent) heap[i] = heap[parent];
    heap[i] = candidate;
}

/* Sort a heap, the nearest first. */
static void sort(Candidate *heap, int count) {
    while (count-- > 1) {
        const Candidate farthest = heap[0];
        sink(heap, count, heap[count]);
        heap[count] = farthest;
    }
}

/* Tell whether any of SPAN distances is below a limit. */
static int any_below(const float *distances, float limit) {
    int found = 0;
    for (int l = 0; l < SPAN; l++) found |= distances[l] < limit;
    return found;
}

/* The places of the `count` patches nearest to a reference, itself first: [count].
 *
 * guide is [channels][height][stride], a plane of `plane` values; rows beyond the height and columns beyond the width may be
 * read, ROWS and SPAN of them, and do not matter. Places are y * stride + x of the patches' top-left corners. */
static void nearest(const float *guide, int channels, int64_t plane, int64_t stride, int height, int width, int patch, int reach,
                    int y, int x, int count, float *distances, Candidate *heap) {
    const int top = y > reach ? y - reach : 0, left = x > reach ? x - reach : 0;
    const int bottom = y + reach < height - patch ? y + reach : height - patch;
    const int right = x + reach < width - patch ? x + reach : width - patch;
    const int shifts = right - left + 1, row = (shifts + SPAN - 1) / SPAN * SPAN;
    const int64_t self = y * stride + x;
    const int bands = (bottom - top) / ROWS + 1, middle = (y - top) / ROWS;
    int found = 0;
    for (int turn = 0; turn < 2 * bands; turn++) { /* from the reference outwards: what is alike is mostly near */
        const int band = middle + (turn % 2 ? turn / 2 + 1 : -turn / 2), first = top + band * ROWS;
        if (band < 0 || band >= bands) continue;
        memset(distances, 0, ROWS * row * sizeof *distances);
        for (int c = 0; c < channels; c++)
            for (int dx = 0; dx < row; dx += SPAN)
                add_distances(guide + c * plane + self, guide + c * plane + first * stride + left + dx, stride, patch,
                              distances + dx, row);
        if (first <= y && y < first + ROWS) distances[(y - first) * row + x - left] = -1; /* before any exact copy of it */
        for (int r = 0; r < ROWS && first + r <= bottom; r++)
            for (int dx = 0; dx < shifts; dx += SPAN) {
                if (found == count && !any_below(distances + r * row + dx, heap[0].distance)) continue;
                const int end = dx + SPAN < shifts ? dx + SPAN : shifts;
                for (int shift = dx; shift < end; shift++) {
                    const int32_t place = (int32_t)((first + r) * stride + left + shift);
                    const Candidate candidate = {distances[r * row + shift], place};
                    if (found < count)
                        rise(heap, found++, candidate);
                    else if (farther(heap[0], candidate))
                        sink(heap, count, candidate);
                }
            }
    }
    sort(heap, count);
}
