/* Algebra of the small symmetric matrices that groups have. */

enum {
    HIGH = 5, /* rows that are multiplied at a time: with two blocks of columns each, they fit the registers of AVX2 */
    MOST = 3, /* blocks of columns, with as many rows: fit those of AVX-512, which alone has odd numbers of them */
    WIDE = 16 /* columns that rows are padded to */
};

static inline int64_t padded(int64_t count, int to) { return (count + to - 1) / to * to; }

/* How many blocks of columns to take next, of those that are left: two, or an odd number by three at first. */
static inline int blocks_of(int left) {
    const int odd = left / BLOCK % 2;
    return !odd ? 2 : left == BLOCK ? 1 : MOST;
}

/* add_multiply for HIGH rows and some blocks of columns, a constant where it is called. */
static WITHIN void add_multiply_blocks(const float *restrict left, int64_t a_row, int64_t a_step, const float *restrict right,
                                       float *restrict to, int width, int length, const int blocks) {
    Block sums[HIGH][MOST];
    for (int i = 0; i < HIGH; i++)
        for (int b = 0; b < blocks; b++) load(&sums[i][b], to + i * (int64_t)width + b * BLOCK);
    for (int t = 0; t < length; t++, left += a_step, right += width)
        for (int i = 0; i < HIGH; i++) {
            const float factor = left[i * a_row];
            for (int b = 0; b < blocks; b++) add_product(&sums[i][b], factor, right + b * BLOCK);
        }
    for (int i = 0; i < HIGH; i++)
        for (int b = 0; b < blocks; b++) store(to + i * (int64_t)width + b * BLOCK, &sums[i][b]);
}

/* c[r][0..width) += sum over t < length of a[r * a_row + t * a_step] b[t][0..width), for r < rows; rows is a multiple of HIGH,
 * and width of WIDE, which is how far the rows of b and c are apart. Inlined, it would lack registers. */
static APART void add_multiply(const float *restrict a, int64_t a_row, int64_t a_step, const float *restrict b,
                               float *restrict c, int rows, int width, int length) {
    for (int r = 0; r < rows; r += HIGH) {
        const float *left = a + r * a_row;
        float *to = c + r * (int64_t)width;
        for (int k = 0, blocks; k < width; k += blocks * BLOCK) {
            blocks = blocks_of(width - k);
            if (blocks == 1) add_multiply_blocks(left, a_row, a_step, b + k, to + k, width, length, 1);
            if (blocks == 2) add_multiply_blocks(left, a_row, a_step, b + k, to + k, width, length, 2);
            if (blocks == 3) add_multiply_blocks(left, a_row, a_step, b + k, to + k, width, length, 3);
        }
    }
}

/* The inverse of a symmetric positive definite matrix in its place, by Gauss and Jordan without a choice of pivots: HIGH of them
 * at a time. Its size is a multiple of HIGH; work has 2 HIGH rows. */
static void invert(float *restrict a, float *restrict work, int size, int width) {
    float *restrict rows = work, *restrict factors = work + HIGH * width;
    for (int first = 0; first < size; first += HIGH) {
        float *pivots = a + first * (int64_t)width;
        /* The pivots' own rows: their block becomes its inverse, what is beside it is multiplied by that. */
        memcpy(rows, pivots, HIGH * width * sizeof *rows);
        for (int t = 0; t < HIGH; t++) {
            const float scale = 1 / rows[t * width + first + t];
            rows[t * width + first + t] = 1;
            for (int l = 0; l < width; l++) rows[t * width + l] *= scale;
            for (int i = 0; i < HIGH; i++) {
                if (i == t) continue;
                const float factor = rows[i * width + first + t];
                rows[i * width + first + t] = 0;
                for (int l = 0; l < width; l++) rows[i * width + l] -= factor * rows[t * width + l];
            }
        }
        for (int l = 0; l < HIGH * width; l++) rows[l] = -rows[l]; /* what is added below is to be taken away */
        for (int r = 0; r < size; r += HIGH) {
            if (r == first) continue;
            float *to = a + r * (int64_t)width;
            for (int i = 0; i < HIGH; i++) {
                memcpy(factors + i * HIGH, to + i * width + first, HIGH * sizeof *factors);
                memset(to + i * width + first, 0, HIGH * sizeof *to);
            }
            add_multiply(factors, HIGH, 1, rows, to, HIGH, width, HIGH);
        }
        for (int l = 0; l < HIGH * width; l++) pivots[l] = -rows[l];
    }
}
