/* A group's patches as the columns of a matrix, filtered by a symmetric matrix theta. */

/* What to filter, and how; the arrays are those of the whole image. */
typedef struct {
    Groups groups;
    const float *noisy, *pilot; /* to filter, and to find theta by; may be the same */
    const float *variances;     /* of the noise, at each pixel of each channel */
    float *sums, *counts;       /* weighted estimates and weights, to be added to */
    int channels, purified; /* how often theta is purified */
    float edge;             /* power of a direction that keeps half, in parts of the noise's in a patch */
} Filter;

/* What a thread filters in. */
typedef struct {
    Found found;
    float *noisy, *pilot, *variances, *sums, *weights;              /* planes of the tile's area */
    float *x, *y, *means, *estimates, *theta, *pivots, *confidence; /* of one group in one channel */
} FilterWork;

/* Sizes of a group's matrices: pixels in a patch, and members and pixels as they are padded. */
typedef struct {
    int pixels, members, high, width;
} Shape;

static Shape shape_of(const Groups *groups) {
    const int pixels = groups->patch * groups->patch, members = (int)padded(groups->count, HIGH);
    return (Shape){pixels, members, (int)padded(pixels, HIGH), (int)padded(members, WIDE)};
}

/* x = the patches at the members' places, less their mean: [pixels][width], a member in each column; means [pixels]. */
static void gather(const float *restrict plane, int64_t stride, const int32_t *restrict places, int patch, int count,
                   int width, float *restrict x, float *restrict means) {
    for (int i = 0; i < patch; i++)
        for (int j = 0; j < patch; j++, x += width) {
            const float *from = plane + i * stride + j;
            float parts[WIDE] = {0}, sum = 0;
            for (int m = 0; m < count; m++) x[m] = from[places[m]];
            for (int m = count; m < width; m++) x[m] = 0;
            for (int m = 0; m < width; m += WIDE)
                for (int l = 0; l < WIDE; l++) parts[l] += x[m + l];
            for (int l = 0; l < WIDE; l++) sum += parts[l];
            const float mean = sum / (float)count;
            *means++ = mean;
            for (int m = 0; m < count; m++) x[m] -= mean;
        }
}

/* The variance of a group's noise: the mean over its patches of that in their middles. */
static float variance_of(const float *restrict variances, int64_t stride, const int32_t *restrict places, int patch, int count) {
    const float *middles = variances + patch / 2 * stride + patch / 2;
    float sum = 0;
    for (int m = 0; m < count; m++) sum += middles[places[m]];
    return sum / (float)count;
}

/* theta = X'X (X'X + n variance I)^-1, of X [n][width], as `composed._ridge` has it. */
static void ridge(const float *restrict x, float variance, const Shape *shape, int count, float *restrict theta,
                  float *restrict pivots) {
    const int width = shape->width;
    memset(theta, 0, (size_t)shape->members * width * sizeof *theta);
    add_multiply(x, 1, width, x, theta, shape->members, width, shape->pixels);
    float trace = 0;
    for (int i = 0; i < count; i++) trace += theta[i * width + i];
    const float noise = (float)shape->pixels * variance, added = noise + 8 * FLT_EPSILON * trace + FLT_MIN;
    for (int i = 0; i < shape->members; i++) {
        for (int l = 0; l < width; l++) theta[i * width + l] /= added;
        theta[i * width + i] += 1;
    }
    invert(theta, pivots, shape->members, width);
    const float share = noise / added;
    for (int i = 0; i < count; i++) {
        for (int l = 0; l < width; l++) theta[i * width + l] *= -share;
        theta[i * width + i] += 1;
    }
}

/* theta = 3 theta^2 - 2 theta^3, which takes shares beside 1/2 towards 0 and 1 (McWeeny's purification). work has HIGH rows,
 * and pure as many as theta. */
static void purify(float *restrict theta, const Shape *shape, int count, float *restrict work, float *restrict pure) {
    const int width = shape->width;
    for (int r = 0; r < shape->members; r += HIGH) {
        float *square = work, *to = pure + r * width;
        memset(square, 0, HIGH * width * sizeof *square);
        add_multiply(theta + r * width, width, 1, theta, square, HIGH, width, count);
        for (int l = 0; l < HIGH * width; l++) {
            to[l] = 3 * square[l];
            square[l] *= -2;
        }
        add_multiply(square, width, 1, theta, to, HIGH, width, count);
    }
    memcpy(theta, pure, (size_t)shape->members * width * sizeof *theta);
}

/* Put Y theta back where the patches are, Y [n][width]: a member counts by the inverse of the noise that theta lets through.
 * The weights go to the patches' corners only; `add_tile` takes them to all their pixels. */
static void put_back(const float *restrict y, const float *restrict means, const float *restrict theta,
                     const Shape *shape, const int32_t *restrict places, int64_t stride, int patch, int count,
                     float *restrict estimates, float *restrict confidence, float *restrict sums, float *restrict weights) {
    const int width = shape->width;
    float *restrict row_sums = confidence + width;
    memset(confidence, 0, 2 * width * sizeof *confidence);
    for (int i = 0; i < count; i++)
        for (int l = 0; l < width; l++) {
            const float entry = theta[i * width + l];
            confidence[l] += entry * entry;
            row_sums[l] += entry;
        }
    /* What theta's rows lack to a sum of 1 is the mean patch's, each member's by the same part. */
    for (int m = 0; m < count; m++) {
        confidence[m] = 1 / (confidence[m] + (1 - row_sums[m] * row_sums[m]) / (float)count);
        weights[places[m]] += confidence[m];
    }
    for (int p = 0; p < shape->high; p++)
        for (int l = 0; l < width; l++) estimates[p * width + l] = p < shape->pixels ? means[p] : 0;
    add_multiply(y, width, 1, theta, estimates, shape->high, width, count);
    for (int i = 0; i < patch; i++)
        for (int j = 0; j < patch; j++, estimates += width) {
            float *restrict to = sums + i * stride + j;
            for (int m = 0; m < count; m++) to[places[m]] += confidence[m] * estimates[m];
        }
}

/* Filter a group, one channel after the other, and put it back. */
static void filter_group(const Filter *filter, const Tile *tile, FilterWork *work, const int32_t *places) {
    const Shape shape = shape_of(&filter->groups);
    const int64_t plane = tile->height * tile->stride;
    const int count = filter->groups.count, patch = filter->groups.patch, alone = filter->pilot == filter->noisy;
    for (int c = 0; c < filter->channels; c++) {
        const float variance = variance_of(work->variances + c * plane, tile->stride, places, patch, count);
        if (!alone) gather(work->pilot + c * plane, tile->stride, places, patch, count, shape.width, work->x, work->means);
        gather(work->noisy + c * plane, tile->stride, places, patch, count, shape.width, work->y, work->means);
        ridge(alone ? work->y : work->x, filter->edge * variance, &shape, count, work->theta, work->pivots);
        for (int n = 0; n < filter->purified; n++) purify(work->theta, &shape, count, work->pivots, work->x);
        put_back(work->y, work->means, work->theta, &shape, places, tile->stride, patch, count, work->estimates,
                 work->confidence, work->sums + c * plane, work->weights + c * plane);
    }
}

/* Add a tile's sums and weights to the image's, the weights of the patches' corners to all their pixels. */
static void add_tile(const Filter *filter, const Tile *tile, FilterWork *work) {
    const Groups *groups = &filter->groups;
    const int64_t plane = tile->height * tile->stride;
    for (int c = 0; c < filter->channels; c++) {
        const float *sums = work->sums + c * plane, *weights = work->weights + c * plane;
        for (int y = 0; y < tile->height; y++) {
            const int64_t row = row_of(groups, tile, c, y);
            float *across = work->found.distances; /* a row of weights, summed down the patches */
            memset(across, 0, tile->width * sizeof *across);
            for (int i = 0; i < groups->patch && i <= y; i++)
                for (int x = 0; x < tile->width; x++) across[x] += weights[(y - i) * tile->stride + x];
            for (int x = 0; x < tile->width; x++) filter->sums[row + x] += sums[y * tile->stride + x];
            for (int j = 0; j < groups->patch; j++)
                for (int x = j; x < tile->width; x++) filter->counts[row + x] += across[x - j];
        }
    }
}

static void filter_tile(const Filter *filter, const int32_t *bounds, FilterWork *work) {
    const Groups *groups = &filter->groups;
    const Tile tile = tile_of(groups, bounds);
    const int64_t area = filter->channels * tile.height * tile.stride;
    cut_out(groups, &tile, filter->noisy, filter->channels, work->noisy);
    cut_out(groups, &tile, filter->pilot, filter->channels, work->pilot);
    cut_out(groups, &tile, filter->variances, filter->channels, work->variances);
    memset(work->sums, 0, area * sizeof *work->sums);
    memset(work->weights, 0, area * sizeof *work->weights);
    find_members(groups, &tile, &work->found);
    for (int group = 0; group < tile.rows * tile.columns; group++)
        filter_group(filter, &tile, work, work->found.members + group * (int64_t)groups->count);
    add_tile(filter, &tile, work);
}

static void *memory_to_filter(const Filter *filter, int side, FilterWork *work) {
    const Groups *groups = &filter->groups;
    const Shape shape = shape_of(groups);
    const int64_t members = shape.members, width = shape.width, planes = filter->channels * most_pixels(groups, side);
    const Part parts[] = {
        {&work->noisy, planes},
        {&work->pilot, planes},
        {&work->variances, planes},
        {&work->sums, planes},
        {&work->weights, planes},
        {&work->x, (shape.high > members ? shape.high : members) * width + width},
        {&work->y, shape.high * width},
        {&work->means, shape.high},
        {&work->estimates, shape.high * width},
        {&work->theta, (members + HIGH) * width},
        {&work->pivots, 2 * HIGH * width},
        {&work->confidence, 2 * width},
    };
    return allot(parts, sizeof parts / sizeof *parts);
}
