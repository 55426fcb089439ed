/* Groups of similar patches in a tile of an image: a rectangle of references, and the area that patches within reach cover. */

/* How the groups of an image are formed. */
typedef struct {
    const float *guide;            /* to compare patches in, [channels][height][width] as all images */
    const int32_t *rows, *columns; /* the references' top-left corners: each row with each column */
    int guide_channels, height, width, patch, count, reach;
} Groups;

/* What a thread finds the groups of a tile in. */
typedef struct {
    int32_t *members; /* [references][count], places in the tile's area */
    Candidate *heap;
    float *distances, *guide;
} Found;

typedef struct {
    int first_row, rows, first_column, columns; /* of the references */
    int top, left, height, width;               /* of the area, in pixels */
    int64_t stride;
} Tile;

/* A part of a thread's memory: where its address goes, and its size in numbers of 4 bytes. */
typedef struct {
    void *at;
    int64_t count;
} Part;

/* Give each part its piece of one allocation of zeros, which is returned; NULL if memory is lacking. */
static void *allot(const Part *parts, int count) {
    int64_t total = 0;
    for (int i = 0; i < count; i++) total += padded(parts[i].count, WIDE);
    float *memory = calloc(total, sizeof *memory), *next = memory;
    for (int i = 0; memory && i < count; i++) {
        *(void **)parts[i].at = next;
        next += padded(parts[i].count, WIDE);
    }
    return memory;
}

/* Columns, and so rows, of the area of a tile whose references are at most a patch apart, with what matching reads beyond. */
static int64_t most_columns(const Groups *groups, int side) {
    return side * (int64_t)groups->patch + 2 * groups->reach + 1 + groups->patch + SPAN;
}

static int64_t most_pixels(const Groups *groups, int side) {
    const int64_t columns = most_columns(groups, side);
    return columns * columns;
}

static void *memory_to_find(const Groups *groups, int side, Found *found) {
    const int64_t columns = most_columns(groups, side), beyond = (ROWS + 1) * columns + SPAN;
    const Part parts[] = {
        {&found->members, (int64_t)side * side * groups->count},
        {&found->heap, 2 * (int64_t)groups->count},
        {&found->distances, ROWS * padded(columns, SPAN)},
        {&found->guide, groups->guide_channels * most_pixels(groups, side) + beyond},
    };
    return allot(parts, sizeof parts / sizeof *parts);
}

static Tile tile_of(const Groups *groups, const int32_t *bounds) {
    Tile tile = {.first_row = bounds[0], .rows = bounds[1] - bounds[0], .first_column = bounds[2],
                 .columns = bounds[3] - bounds[2]};
    const int reach = groups->reach, margin = reach + groups->patch;
    const int bottom = groups->rows[bounds[1] - 1] + margin, right = groups->columns[bounds[3] - 1] + margin;
    tile.top = groups->rows[bounds[0]] > reach ? groups->rows[bounds[0]] - reach : 0;
    tile.left = groups->columns[bounds[2]] > reach ? groups->columns[bounds[2]] - reach : 0;
    tile.height = (bottom < groups->height ? bottom : groups->height) - tile.top;
    tile.width = (right < groups->width ? right : groups->width) - tile.left;
    tile.stride = tile.width + SPAN;
    return tile;
}

/* Where a row of a tile's area begins in the image. */
static inline int64_t row_of(const Groups *groups, const Tile *tile, int channel, int y) {
    return ((int64_t)channel * groups->height + tile->top + y) * groups->width + tile->left;
}

/* Copy a tile's area of each plane, rows `stride` apart. */
static void cut_out(const Groups *groups, const Tile *tile, const float *image, int channels, float *area) {
    for (int c = 0; c < channels; c++)
        for (int y = 0; y < tile->height; y++, area += tile->stride)
            memcpy(area, image + row_of(groups, tile, c, y), tile->width * sizeof *area);
}

/* Find the groups of a tile's references. */
static void find_members(const Groups *groups, const Tile *tile, Found *found) {
    int32_t *members = found->members;
    cut_out(groups, tile, groups->guide, groups->guide_channels, found->guide);
    for (int r = 0; r < tile->rows; r++)
        for (int c = 0; c < tile->columns; c++, members += groups->count) {
            const int y = groups->rows[tile->first_row + r] - tile->top, x = groups->columns[tile->first_column + c] - tile->left;
            nearest(found->guide, groups->guide_channels, tile->height * tile->stride, tile->stride, tile->height, tile->width,
                    groups->patch, groups->reach, y, x, groups->count, found->distances, found->heap);
            for (int m = 0; m < groups->count; m++) members[m] = found->heap[m].place;
        }
}
