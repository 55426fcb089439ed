/* Groups of similar patches: found, filtered and averaged where they overlap, tile by tile of an image.
 *
 * Images are planes of float32, [channels][height][width]. Registers are used by name (block.h), for which the whole file is
 * compiled once for each kind of processor. Tiles are shared out by OpenMP. Those of one call must lie so far
 * apart that no two of them touch the same pixel: the sums are then the same for any number of threads.
 */
#include "portable.h"

#include <float.h>
#include <math.h>

#include "block.h"
#include "matching.h"
#include "algebra.h"
#include "filter.h"
#include "tile.h"

/* Give each array of a thread's work its part of one allocation, which is returned; NULL if memory is lacking. */
static void *work_for(const Job *job, int side, Work *work) {
    const Shape shape = shape_of(job);
    const int64_t reach = 2 * job->reach + 1, members = shape.members;
    /* The area of a tile whose references are at most a patch apart; what matching reads beyond it comes on top. */
    const int64_t across = side * (int64_t)job->patch + reach + job->patch + SPAN, plane = across * across;
    const int64_t beyond = (ROWS + 1) * across + SPAN, matrix = (members + HIGH) * shape.width;
    const int64_t lanes = job->method == PROJECTION ? (int64_t)job->count * job->count * LANES : 0;
    const struct {
        void *at;
        int64_t count; /* of 4 bytes each */
    } parts[] = {
        {&work->members, (int64_t)side * side * job->count},
        {&work->heap, 2 * (int64_t)job->count},
        {&work->distances, ROWS * padded((int)(reach > across ? reach : across), SPAN)},
        {&work->guide, job->guide_channels * plane + beyond},
        {&work->noisy, job->channels * plane},
        {&work->pilot, job->channels * plane},
        {&work->sums, job->channels * plane},
        {&work->weights, job->channels * plane},
        {&work->x, (int64_t)(shape.high > members ? shape.high : members) * shape.width + shape.width},
        {&work->y, (int64_t)shape.high * shape.width},
        {&work->means, shape.high},
        {&work->estimates, (int64_t)shape.high * shape.width},
        {&work->theta, matrix},
        {&work->pivots, 2 * HIGH * (int64_t)shape.width},
        {&work->confidence, 2 * (int64_t)shape.width},
        {&work->lanes, lanes},
        {&work->vectors, lanes},
    };
    const int count = sizeof parts / sizeof *parts;
    int64_t total = 0;
    for (int i = 0; i < count; i++) total += padded64(parts[i].count);
    float *memory = calloc(total, sizeof *memory), *next = memory;
    for (int i = 0; memory && i < count; i++) {
        *(void **)parts[i].at = next;
        next += padded64(parts[i].count);
    }
    return memory;
}

/* Add the estimates of the groups of some tiles: see Job. A tile is four numbers: its references' rows and columns, from and to.
 * `side` is the most rows or columns of references in any. Returns 0, or 1 if memory ran out. */
EXPORT int filter_tiles(const float *guide, const float *noisy, const float *pilot, const float *variances, float *sums,
                        float *counts, const int32_t *rows, const int32_t *columns, const int32_t *tiles, int guide_channels,
                        int channels, int height, int width, int patch, int count, int reach, int method, int tile_count,
                        int side, float edge, int threads) {
    const Job job = {guide, noisy,  pilot, variances, sums,  counts, rows,   columns, guide_channels,
                     channels, height, width, patch,     count, reach,  method, edge};
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        Work work;
        void *memory = work_for(&job, side, &work);
        failed = !memory;
#pragma omp for schedule(dynamic)
        for (int t = 0; t < tile_count; t++)
            if (memory) filter_tile(&job, tiles + 4 * t, &work);
        free(memory);
    }
    return failed;
}
