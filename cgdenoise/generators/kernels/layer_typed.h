/* Included by layer.c with T defined. Every function returns 0, or 1 if memory ran out. */
#define NAMED(name) JOIN(name, T)
#define WIDEN JOIN(widen, T)
#define NARROW JOIN(narrow, T)
#define KEPT JOIN(kept, T)

/* Add a row's sums of a and of a (b - pivot) to sums[0..channels) and sums[channels..2 channels). */
EACH_CPU static void NAMED(row_sums)(const T *restrict a, const T *restrict b, const T *restrict pivot, double *restrict sums,
                                     float *restrict work, int64_t width, int64_t channels) {
    float *restrict plain = work, *restrict product = work + channels;
    memset(work, 0, 2 * channels * sizeof *work);
    for (int64_t x = 0; x < width; x++, a += channels, b += channels)
        for (int64_t c = 0; c < channels; c++) {
            float value = WIDEN(a[c]);
            plain[c] += value;
            product[c] += value * (WIDEN(b[c]) - WIDEN(pivot[c]));
        }
    for (int64_t c = 0; c < 2 * channels; c++) sums[c] += work[c];
}

/* Add a row's sums of a - pivot and of (a - pivot)², likewise. */
EACH_CPU static void NAMED(row_moments)(const T *restrict a, const T *restrict pivot, double *restrict sums,
                                        float *restrict work, int64_t width, int64_t channels) {
    float *restrict plain = work, *restrict square = work + channels;
    memset(work, 0, 2 * channels * sizeof *work);
    for (int64_t x = 0; x < width; x++, a += channels)
        for (int64_t c = 0; c < channels; c++) {
            float value = WIDEN(a[c]) - WIDEN(pivot[c]);
            plain[c] += value;
            square[c] += value * value;
        }
    for (int64_t c = 0; c < 2 * channels; c++) sums[c] += work[c];
}

/* sums = over the picture, of a - pivot and of (a - pivot)², channel by channel: [2][channels]. The pivot, the picture's first
 * pixel, keeps the digits of a deviation that is small beside its mean. */
EXPORT int NAMED(moments)(const T *a, double *sums, int64_t height, int64_t width, int64_t channels, int threads) {
    int failed = 0;
    double *partial = calloc(threads * 2 * channels, sizeof *partial);
    if (!partial) return 1;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        float *work = malloc(2 * channels * sizeof *work);
        failed = !work;
#pragma omp for schedule(static)
        for (int64_t y = 0; y < height; y++)
            if (work)
                NAMED(row_moments)(a + y * width * channels, a, partial + omp_get_thread_num() * 2 * channels, work, width,
                                   channels);
        free(work);
    }
    add_up(partial, sums, 2 * channels, threads);
    free(partial);
    return failed;
}

/* out = ReLU(gain a + shift), value by value. */
EACH_CPU static void NAMED(row_rectified)(const T *restrict a, const float *restrict gain, const float *restrict shift,
                                          T *restrict out, int64_t width, int64_t channels) {
    for (int64_t x = 0; x < width; x++, a += channels, out += channels)
        for (int64_t c = 0; c < channels; c++) {
            float value = gain[c] * WIDEN(a[c]) + shift[c];
            out[c] = NARROW(value < 0 ? 0 : value);
        }
}

/* out = ReLU(gain U(far / 4 + 3 near / 4) + shift): a row of the doubled picture between two rows of the picture. */
EACH_CPU static void NAMED(row_doubled)(const T *restrict far, const T *restrict near, const float *restrict gain,
                                        const float *restrict shift, T *restrict out, float *restrict work, int64_t width,
                                        int64_t channels) {
    for (int64_t x = 0; x < width; x++)
        for (int64_t c = 0; c < channels; c++) {
            int64_t i = x * channels + c;
            work[i] = gain[c] * (0.25f * WIDEN(far[i]) + 0.75f * WIDEN(near[i])) + shift[c];
        }
    for (int64_t x = 0; x < width; x++) {
        const float *here = work + x * channels, *left = work + clamp(x - 1, width - 1) * channels;
        const float *right = work + clamp(x + 1, width - 1) * channels;
        T *restrict even = out + 2 * x * channels, *restrict odd = even + channels;
        for (int64_t c = 0; c < channels; c++) {
            float first = 0.25f * left[c] + 0.75f * here[c], second = 0.75f * here[c] + 0.25f * right[c];
            even[c] = NARROW(first < 0 ? 0 : first);
            odd[c] = NARROW(second < 0 ? 0 : second);
        }
    }
}

/* out = ReLU(gain a + shift), or of the doubled picture, [2 height][2 width][channels]. */
EXPORT int NAMED(forward)(const T *a, const float *gain, const float *shift, T *out, int64_t height, int64_t width,
                          int64_t channels, int doubled, int threads) {
    int64_t row = width * channels;
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        float *work = doubled ? malloc(row * sizeof *work) : NULL;
        failed = doubled && !work;
#pragma omp for schedule(static)
        for (int64_t y = 0; y < height; y++)
            if (!doubled)
                NAMED(row_rectified)(a + y * row, gain, shift, out + y * row, width, channels);
            else if (work)
                for (int odd = 0; odd < 2; odd++)
                    NAMED(row_doubled)(a + clamp(odd ? y + 1 : y - 1, height - 1) * row, a + y * row, gain, shift,
                                       out + (2 * y + odd) * 2 * row, work, width, channels);
        free(work);
    }
    return failed;
}

/* The adjoint of the ReLU: grad where out is not 0. */
EACH_CPU static void NAMED(row_masked)(const T *restrict grad, const T *restrict out, T *restrict result, int64_t count) {
    for (int64_t i = 0; i < count; i++) result[i] = KEPT(grad[i], out[i]);
}

/* The adjoint of ReLU and doubling: from four rows of the doubled picture, outer two first, to one row of the picture. */
EACH_CPU static void NAMED(row_halved)(const T *const grad[4], const T *const out[4], T *restrict result,
                                       float *restrict work, int64_t width, int64_t channels) {
    const T *restrict g0 = grad[0], *restrict g1 = grad[1], *restrict g2 = grad[2], *restrict g3 = grad[3];
    const T *restrict o0 = out[0], *restrict o1 = out[1], *restrict o2 = out[2], *restrict o3 = out[3];
    for (int64_t i = 0; i < 2 * width * channels; i++) {
        float outer = WIDEN(KEPT(g0[i], o0[i])) + WIDEN(KEPT(g1[i], o1[i]));
        float inner = WIDEN(KEPT(g2[i], o2[i])) + WIDEN(KEPT(g3[i], o3[i]));
        work[i] = 0.25f * outer + 0.75f * inner;
    }
    for (int64_t x = 0; x < width; x++) {
        const float *left = work + clamp(2 * x - 1, 2 * width - 1) * channels, *even = work + 2 * x * channels;
        const float *odd = even + channels, *right = work + clamp(2 * x + 2, 2 * width - 1) * channels;
        for (int64_t c = 0; c < channels; c++)
            result[x * channels + c] = NARROW(0.25f * (left[c] + right[c]) + 0.75f * (even[c] + odd[c]));
    }
}

/* result = gradient for gain a + shift, from grad for `out`; sums = of result and of
 * result * (a - the pivot of moments), [2][channels]. */
EXPORT int NAMED(backward)(const T *grad, const T *out, const T *a, T *result, double *sums, int64_t height, int64_t width,
                           int64_t channels, int doubled, int threads) {
    int64_t row = width * channels;
    int failed = 0;
    double *partial = calloc(threads * 2 * channels, sizeof *partial);
    if (!partial) return 1;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        float *work = malloc((2 * row + 2 * channels) * sizeof *work);
        failed = !work;
#pragma omp for schedule(static)
        for (int64_t y = 0; y < height; y++) {
            if (!work) continue;
            if (doubled) {
                const int64_t last = 2 * height - 1;
                const int64_t rows[4] = {clamp(2 * y - 1, last), clamp(2 * y + 2, last), 2 * y, 2 * y + 1};
                const T *from[4], *made[4];
                for (int k = 0; k < 4; k++) from[k] = grad + rows[k] * 2 * row, made[k] = out + rows[k] * 2 * row;
                NAMED(row_halved)(from, made, result + y * row, work + 2 * channels, width, channels);
            } else
                NAMED(row_masked)(grad + y * row, out + y * row, result + y * row, row);
            NAMED(row_sums)(result + y * row, a + y * row, a, partial + omp_get_thread_num() * 2 * channels, work, width,
                            channels);
        }
        free(work);
    }
    add_up(partial, sums, 2 * channels, threads);
    free(partial);
    return failed;
}

/* result = p result + q a + r, channel by channel. */
EACH_CPU static void NAMED(row_combined)(T *restrict result, const T *restrict a, const float *restrict p,
                                         const float *restrict q, const float *restrict r, int64_t width, int64_t channels) {
    for (int64_t x = 0; x < width; x++, result += channels, a += channels)
        for (int64_t c = 0; c < channels; c++) result[c] = NARROW(p[c] * WIDEN(result[c]) + q[c] * WIDEN(a[c]) + r[c]);
}

EXPORT int NAMED(combine)(T *result, const T *a, const float *pqr, int64_t height, int64_t width, int64_t channels,
                          int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t y = 0; y < height; y++)
        NAMED(row_combined)(result + y * width * channels, a + y * width * channels, pqr, pqr + channels, pqr + 2 * channels,
                            width, channels);
    return 0;
}

#undef NAMED
#undef WIDEN
#undef NARROW
#undef KEPT
