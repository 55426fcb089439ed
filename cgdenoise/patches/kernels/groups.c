/* Groups of similar patches: found, filtered or completed, and averaged where they overlap, tile by tile of an image.
 *
 * Images are planes of float32, [channels][height][width]. Registers are used by name (block.h), for which the whole file is
 * compiled once for each kind of processor. Tiles are shared out by OpenMP: each is four numbers, its references' rows and
 * columns, from and to, and `side` is the most rows or columns of references in any. Those of one call must lie so far
 * apart that no two of them touch the same pixel: the sums are then the same for any number of threads.
 * Functions return 0, or 1 if memory ran out.
 */
#include "portable.h"

#include <float.h>
#include <math.h>

#include "block.h"
#include "matching.h"
#include "algebra.h"
#include "tile.h"
#include "filter.h"
#include "complete.h"

/* Add the filtered groups of some tiles: see Groups and Filter. */
EXPORT int filter_tiles(const float *guide, const int32_t *rows, const int32_t *columns, int guide_channels, int height, int width,
                        int patch, int count, int reach, const float *noisy, const float *pilot, const float *variances,
                        float *sums, float *weights, int channels, int purified, float edge, const int32_t *tiles, int tile_count,
                        int side, int threads) {
    const Groups groups = {guide, rows, columns, guide_channels, height, width, patch, count, reach};
    const Filter filter = {groups, noisy, pilot, variances, sums, weights, channels, purified, edge};
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        FilterWork work;
        void *first = memory_to_find(&groups, side, &work.found), *second = memory_to_filter(&filter, side, &work);
        failed = !first || !second;
#pragma omp for schedule(dynamic)
        for (int t = 0; t < tile_count; t++)
            if (!failed) filter_tile(&filter, tiles + 4 * t, &work);
        free(first);
        free(second);
    }
    return failed;
}

/* Add the completed patches of some tiles: see Groups and Completion. */
EXPORT int complete_tiles(const float *guide, const int32_t *rows, const int32_t *columns, int guide_channels, int height,
                          int width, int patch, int count, int reach, const float *values, const float *known, float *sums,
                          float *weights, int completed, float variance, const float *unshown, const int32_t *tiles,
                          int tile_count, int side, int threads) {
    const Groups groups = {guide, rows, columns, guide_channels, height, width, patch, count, reach};
    const Completion completion = {groups, values, known, sums, weights, completed, variance, unshown};
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        CompletionWork work;
        void *first = memory_to_find(&groups, side, &work.found), *second = memory_to_complete(&completion, side, &work);
        failed = !first || !second;
#pragma omp for schedule(dynamic)
        for (int t = 0; t < tile_count; t++)
            if (!failed) complete_tile(&completion, tiles + 4 * t, &work);
        free(first);
        free(second);
    }
    return failed;
}
