/* A tile of an image: the references of a rectangle, and the area that all patches within reach of them cover. */

typedef struct {
    int first_row, rows, first_column, columns; /* of the references */
    int top, left, height, width;               /* of the area, in pixels */
    int64_t stride;
} Tile;

static Tile tile_of(const Job *job, const int32_t *bounds) {
    Tile tile = {.first_row = bounds[0], .rows = bounds[1] - bounds[0], .first_column = bounds[2],
                 .columns = bounds[3] - bounds[2]};
    const int reach = job->reach, margin = reach + job->patch;
    const int bottom = job->rows[bounds[1] - 1] + margin, right = job->columns[bounds[3] - 1] + margin;
    tile.top = job->rows[bounds[0]] > reach ? job->rows[bounds[0]] - reach : 0;
    tile.left = job->columns[bounds[2]] > reach ? job->columns[bounds[2]] - reach : 0;
    tile.height = (bottom < job->height ? bottom : job->height) - tile.top;
    tile.width = (right < job->width ? right : job->width) - tile.left;
    tile.stride = tile.width + SPAN;
    return tile;
}

/* Copy a tile's area of each plane, rows `stride` apart. */
static void cut_out(const Job *job, const Tile *tile, const float *image, int channels, float *area) {
    for (int c = 0; c < channels; c++)
        for (int y = 0; y < tile->height; y++, area += tile->stride)
            memcpy(area, image + ((int64_t)c * job->height + tile->top + y) * job->width + tile->left, tile->width * sizeof *area);
}

/* Find the groups of a tile's references. */
static void find_members(const Job *job, const Tile *tile, Work *work) {
    int32_t *members = work->members;
    for (int r = 0; r < tile->rows; r++)
        for (int c = 0; c < tile->columns; c++, members += job->count) {
            const int y = job->rows[tile->first_row + r] - tile->top, x = job->columns[tile->first_column + c] - tile->left;
            nearest(work->guide, job->guide_channels, tile->height * tile->stride, tile->stride, tile->height, tile->width,
                    job->patch, job->reach, y, x, job->count, work->distances, work->heap);
            for (int m = 0; m < job->count; m++) members[m] = work->heap[m].place;
        }
}

/* Filter up to LANES groups, the channels of one group after the other, and put them back. */
static void filter_groups(const Job *job, const Tile *tile, Work *work, int first, int groups) {
    const Shape shape = shape_of(job);
    const int64_t plane = tile->height * tile->stride;
    const int count = job->count, patch = job->patch;
    float traces[LANES];
    if (job->method == PROJECTION) {
        memset(work->lanes, 0, (size_t)count * count * LANES * sizeof *work->lanes);
        for (int lane = 0; lane < groups; lane++) {
            const int32_t *places = work->members + (first + lane) / job->channels * (int64_t)count;
            gather(work->noisy + (first + lane) % job->channels * plane, tile->stride, places, patch, count, shape.width, work->x,
                   work->means);
            traces[lane] = add_lane(work->x, &shape, count, lane, work->theta, work->lanes);
        }
        eigen(work->lanes, work->vectors, count);
    }
    for (int lane = 0; lane < groups; lane++) {
        const int channel = (first + lane) % job->channels;
        const int32_t *places = work->members + (first + lane) / job->channels * (int64_t)count;
        const float variance = job->variances[channel];
        if (job->method == PROJECTION)
            projection(work->lanes, work->vectors, lane, job->edge * (float)shape.pixels * variance / traces[lane], &shape, count,
                       work->theta, work->x);
        else {
            gather(work->pilot + channel * plane, tile->stride, places, patch, count, shape.width, work->x, work->means);
            ridge(work->x, variance, &shape, count, work->theta, work->pivots);
        }
        gather(work->noisy + channel * plane, tile->stride, places, patch, count, shape.width, work->y, work->means);
        put_back(work->y, work->means, work->theta, &shape, places, tile->stride, patch, count, work->estimates,
                 work->confidence, work->sums + channel * plane, work->weights + channel * plane);
    }
}

/* Add a tile's sums and weights to the image's, the weights of the patches' corners to all their pixels. */
static void add_tile(const Job *job, const Tile *tile, Work *work) {
    const int64_t plane = tile->height * tile->stride;
    for (int c = 0; c < job->channels; c++) {
        const float *sums = work->sums + c * plane, *weights = work->weights + c * plane;
        for (int y = 0; y < tile->height; y++) {
            const int64_t row = ((int64_t)c * job->height + tile->top + y) * job->width + tile->left;
            float *across = work->distances; /* a row of weights, summed down the patches */
            memset(across, 0, tile->width * sizeof *across);
            for (int i = 0; i < job->patch && i <= y; i++)
                for (int x = 0; x < tile->width; x++) across[x] += weights[(y - i) * tile->stride + x];
            for (int x = 0; x < tile->width; x++) job->sums[row + x] += sums[y * tile->stride + x];
            for (int j = 0; j < job->patch; j++)
                for (int x = j; x < tile->width; x++) job->counts[row + x] += across[x - j];
        }
    }
}

static void filter_tile(const Job *job, const int32_t *bounds, Work *work) {
    const Tile tile = tile_of(job, bounds);
    const int64_t area = job->channels * tile.height * tile.stride;
    cut_out(job, &tile, job->guide, job->guide_channels, work->guide);
    cut_out(job, &tile, job->noisy, job->channels, work->noisy);
    cut_out(job, &tile, job->pilot, job->channels, work->pilot);
    memset(work->sums, 0, area * sizeof *work->sums);
    memset(work->weights, 0, area * sizeof *work->weights);
    find_members(job, &tile, work);
    const int groups = tile.rows * tile.columns * job->channels;
    for (int first = 0; first < groups; first += LANES)
        filter_groups(job, &tile, work, first, groups - first < LANES ? groups - first : LANES);
    add_tile(job, &tile, work);
}
