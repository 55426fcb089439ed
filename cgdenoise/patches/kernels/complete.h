/* A group's patches taken as draws from one normal distribution, and the nearest of them completed by what is known of each. */

#define ROUNDING 1e-6f /* added to the variance of known values, in parts of their own, as in composed.py */

/* What to complete, and how; the arrays are those of the whole image, and the groups' guide is what the distributions are of. */
typedef struct {
    Groups groups;
    const float *values, *known; /* 1 where a value is known; what it is elsewhere does not matter */
    float *sums, *counts;        /* weighted estimates and weights, to be added to */
    int completed;               /* patches of a group, the nearest */
    float variance;              /* of the noise */
    const float *unshown;        /* covariance of a patch's values beside what a group shows; its diagonal is constant */
} Completion;

/* What a thread completes in. */
typedef struct {
    Found found;
    float *values, *known, *sums, *counts;     /* planes of the tile's area */
    int32_t *offsets, *indices;                /* of a patch's values from its place, and which of them are known */
    float *deviations, *mean, *covariance;     /* of a group; rows are padded to the width, with zeros */
    float *gains, *estimate, *uncertainty;     /* of a patch */
} CompletionWork;

/* The mean and the covariance of the patches at some places, [width] and [values][width]. */
static void distribution(const float *restrict pilot, const int32_t *places, int count, const int32_t *restrict offsets, int values,
                         int width, const float *restrict unshown, float *restrict deviations, float *restrict mean,
                         float *restrict covariance) {
    memset(mean, 0, width * sizeof *mean);
    for (int m = 0; m < count; m++) {
        float *restrict row = deviations + m * width;
        const float *restrict patch = pilot + places[m];
        for (int v = 0; v < values; v++) row[v] = patch[offsets[v]];
        for (int l = 0; l < width; l++) mean[l] += row[l];
    }
    for (int l = 0; l < width; l++) mean[l] /= (float)count;
    for (int m = 0; m < count; m++)
        for (int l = 0; l < width; l++) deviations[m * width + l] -= mean[l];
    const int rows = (int)padded(values, HIGH);
    memset(covariance, 0, (size_t)rows * width * sizeof *covariance);
    add_multiply(deviations, 1, width, deviations, covariance, rows, width, count);
    for (int i = 0; i < rows * width; i++) covariance[i] /= (float)count;
    for (int v = 0; v < values; v++)
        for (int w = 0; w < values; w++) covariance[v * width + w] += unshown[v * values + w];
}

/* explain for some blocks of columns, from `column` on; their number is a constant where it is called. */
static WITHIN void explain_blocks(const float *restrict covariance, const int32_t *indices, int found, int width, int column,
                                  float *restrict gains, const int blocks) {
    Block sums[HIGH][MOST];
    for (int i = 0; i < HIGH; i++)
        for (int b = 0; b < blocks; b++) load(&sums[i][b], covariance + indices[i] * width + column + b * BLOCK);
    const float *row = gains;
    for (int s = 0; s < found; s++, row += width)
        for (int i = 0; i < HIGH; i++) {
            const float factor = -row[indices[i]];
            for (int b = 0; b < blocks; b++) add_product(&sums[i][b], factor, row + column + b * BLOCK);
        }
    float *to = gains + found * width + column;
    for (int i = 0; i < HIGH; i++)
        for (int b = 0; b < blocks; b++) store(to + i * width + b * BLOCK, &sums[i][b]);
}

/* The covariance's rows of HIGH known values, less what the `found` values before them explain, into gains[found..][width]. */
static APART void explain(const float *restrict covariance, const int32_t *indices, int found, int width, float *restrict gains) {
    for (int column = 0, blocks; column < width; column += blocks * BLOCK) {
        blocks = blocks_of(width - column);
        if (blocks == 1) explain_blocks(covariance, indices, found, width, column, gains, 1);
        if (blocks == 2) explain_blocks(covariance, indices, found, width, column, gains, 2);
        if (blocks == 3) explain_blocks(covariance, indices, found, width, column, gains, 3);
    }
}

/* Condition a normal distribution on some of a patch's values, one after the other.
 *
 * The gain of each is its covariance with all values given those before, by its deviation: row by row the factor W of
 * C K'(K C K' + variance I)^-1 K C = W'W. `indices` has HIGH valid ones more than are known, `gains` rows for as many. */
static void condition(const float *restrict covariance, const float *patch, const int32_t *offsets, const int32_t *indices,
                      int known, float variance, int width, float *restrict gains, float *restrict estimate,
                      float *restrict uncertainty) {
    for (int first = 0; first < known; first += HIGH) {
        explain(covariance, indices + first, first, width, gains);
        const int end = first + HIGH < known ? first + HIGH : known;
        for (int t = first; t < end; t++) {
            float *restrict gain = gains + t * width;
            const int i = indices[t];
            const float scale = 1 / sqrtf(gain[i] + ROUNDING * covariance[i * width + i] + variance);
            const float surprise = (patch[offsets[i]] - estimate[i]) * scale;
#pragma omp simd
            for (int l = 0; l < width; l++) {
                gain[l] *= scale;
                estimate[l] += surprise * gain[l];
                uncertainty[l] -= gain[l] * gain[l];
            }
            for (int u = t + 1; u < end; u++) {
                float *restrict later = gains + u * width;
                const float factor = gain[indices[u]];
#pragma omp simd
                for (int l = 0; l < width; l++) later[l] -= factor * gain[l];
            }
        }
    }
}

/* Complete the nearest patches of a group and put them back: a value counts by the inverse of its variance. */
static void complete_group(const Completion *completion, const int32_t *places, int values, int width, CompletionWork *work) {
    const float uncertain = completion->unshown[0];
    float *restrict weights = work->uncertainty, *restrict estimate = work->estimate;
    const int32_t *restrict offsets = work->offsets;
    distribution(work->found.guide, places, completion->groups.count, offsets, values, width, completion->unshown,
                 work->deviations, work->mean, work->covariance);
    for (int m = 0; m < completion->completed; m++) {
        int known = 0;
        for (int v = 0; v < values; v++) {
            work->indices[known] = v;
            known += work->known[places[m] + offsets[v]] > 0;
        }
        for (int i = 0; i < HIGH; i++) work->indices[known + i] = 0;
        memcpy(estimate, work->mean, width * sizeof *estimate);
        for (int v = 0; v < values; v++) weights[v] = work->covariance[v * width + v];
        condition(work->covariance, work->values + places[m], offsets, work->indices, known, completion->variance, width,
                  work->gains, estimate, weights);
        for (int l = 0; l < width; l++) {
            weights[l] = 1 / ((weights[l] > 0 ? weights[l] : 0) + uncertain);
            estimate[l] *= weights[l];
        }
        float *restrict sums = work->sums + places[m], *restrict counts = work->counts + places[m];
        for (int v = 0; v < values; v++) {
            sums[offsets[v]] += estimate[v];
            counts[offsets[v]] += weights[v];
        }
    }
}

static void complete_tile(const Completion *completion, const int32_t *bounds, CompletionWork *work) {
    const Groups *groups = &completion->groups;
    const Tile tile = tile_of(groups, bounds);
    const int64_t plane = tile.height * tile.stride;
    const int channels = groups->guide_channels, patch = groups->patch, values = channels * patch * patch;
    cut_out(groups, &tile, completion->values, channels, work->values);
    cut_out(groups, &tile, completion->known, channels, work->known);
    memset(work->sums, 0, channels * plane * sizeof *work->sums);
    memset(work->counts, 0, channels * plane * sizeof *work->counts);
    for (int v = 0; v < values; v++)
        work->offsets[v] = (int32_t)(v / (patch * patch) * plane + v / patch % patch * tile.stride + v % patch);
    find_members(groups, &tile, &work->found);
    for (int g = 0; g < tile.rows * tile.columns; g++)
        complete_group(completion, work->found.members + g * (int64_t)groups->count, values, (int)padded(values, WIDE), work);
    for (int c = 0; c < channels; c++)
        for (int y = 0; y < tile.height; y++) {
            const int64_t to = row_of(groups, &tile, c, y), from = c * plane + y * tile.stride;
            for (int x = 0; x < tile.width; x++) {
                completion->sums[to + x] += work->sums[from + x];
                completion->counts[to + x] += work->counts[from + x];
            }
        }
}

static void *memory_to_complete(const Completion *completion, int side, CompletionWork *work) {
    const Groups *groups = &completion->groups;
    const int values = groups->guide_channels * groups->patch * groups->patch;
    const int64_t planes = groups->guide_channels * most_pixels(groups, side), width = padded(values, WIDE);
    const int64_t rows = padded(values, HIGH);
    const Part parts[] = {
        {&work->values, planes},
        {&work->known, planes},
        {&work->sums, planes},
        {&work->counts, planes},
        {&work->offsets, values},
        {&work->indices, values + HIGH},
        {&work->deviations, (groups->count + 1) * width},
        {&work->mean, width},
        {&work->covariance, rows * width},
        {&work->gains, rows * width},
        {&work->estimate, width},
        {&work->uncertainty, width},
    };
    return allot(parts, sizeof parts / sizeof *parts);
}
