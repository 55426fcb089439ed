/* A group's patches as the columns of a matrix, filtered by a symmetric matrix theta. */

enum { RIDGE, PROJECTION }; /* how theta is found */

/* How the groups of an image are formed and filtered; the arrays are those of the whole image. */
typedef struct {
    const float *guide, *noisy, *pilot; /* to compare patches in, to filter, and to find theta by */
    const float *variances;             /* of the noise in each channel */
    float *sums, *counts;               /* weighted estimates and weights, [channels][height][width], to be added to */
    const int32_t *rows, *columns;      /* the references' top-left corners: each row with each column */
    int guide_channels, channels, height, width, patch, count, reach, method;
    float edge; /* least eigenvalue of a direction that is kept, in units of the noise's in a patch; for PROJECTION */
} Job;

/* What a thread works in. */
typedef struct {
    int32_t *members; /* [references][count], places in the tile's area */
    Candidate *heap;
    float *distances, *guide, *noisy, *pilot, *sums, *weights;     /* planes of the tile's area */
    float *x, *y, *means, *estimates, *theta, *pivots, *confidence; /* of one group in one channel */
    float *lanes, *vectors;                                        /* of LANES of them */
} Work;

/* Sizes of a group's matrices: pixels in a patch, and members and pixels as they are padded. */
typedef struct {
    int pixels, members, high, width;
} Shape;

static Shape shape_of(const Job *job) {
    const int pixels = job->patch * job->patch, members = padded(job->count, HIGH);
    return (Shape){pixels, members, padded(pixels, HIGH), padded(members, WIDE)};
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

/* theta = X'X (X'X + n variance I)^-1, of X [n][width], as `ridge._ridge` has it. */
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

/* lanes[..][lane] = X'X / its trace, as far as the upper triangle; returns the trace. */
static float add_lane(const float *restrict x, const Shape *shape, int count, int lane, float *restrict gram,
                      float *restrict lanes) {
    const int width = shape->width;
    memset(gram, 0, (size_t)shape->members * width * sizeof *gram);
    add_multiply(x, 1, width, x, gram, shape->members, width, shape->pixels);
    float trace = FLT_MIN;
    for (int i = 0; i < count; i++) trace += gram[i * width + i];
    for (int i = 0; i < count; i++)
        for (int j = i; j < count; j++) lanes[(i * count + j) * LANES + lane] = gram[i * width + j] / trace;
    return trace;
}

/* theta = the projection onto those of a lane's eigenvectors whose eigenvalues are above a limit. */
static void projection(const float *restrict powers, const float *restrict vectors, int lane, float limit, const Shape *shape,
                       int count, float *restrict theta, float *restrict kept) {
    const int width = shape->width;
    int found = 0;
    for (int e = 0; e < count; e++) {
        if (!(powers[(e * count + e) * LANES + lane] > limit)) continue;
        float *row = kept + found++ * width;
        for (int i = 0; i < count; i++) row[i] = vectors[(e * count + i) * LANES + lane];
        for (int i = count; i < width; i++) row[i] = 0;
    }
    memset(theta, 0, (size_t)shape->members * width * sizeof *theta);
    add_multiply(kept, 1, width, kept, theta, shape->members, width, found);
}

/* Put Y theta back where the patches are, Y [n][width]: a member counts by the inverse of the noise that theta lets through.
 * The weights go to the patches' corners only; `spread` takes them to all their pixels. */
static void put_back(const float *restrict y, const float *restrict means, const float *restrict theta,
                              const Shape *shape, const int32_t *restrict places, int64_t stride, int patch, int count,
                              float *restrict estimates, float *restrict confidence, float *restrict sums,
                              float *restrict weights) {
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
