/* PDQ: from the pixels of a picture to 256 bits.
 *
 * The reference's downscale is linear along each axis: sample s of 64 is a weighted sum of
 * a short run of pixels. The weights are whole numbers (see hashing/downscale.py), so all
 * sums here are exact and no order of summation, vector width or processor can change
 * them. The NumPy path computes the same integers.
 *
 * Source: Meta, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing
 * Algorithm" (2019).
 */
#include "cpu.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64, SAMPLES = SIDE * SIDE, KEPT = 16, BITS = KEPT * KEPT, POSITIONS = 8, ROWS = 4 };

/* Values of the transform count in steps of 1 / GRID. What is equal in truth, as in a
 * chessboard, then stays equal whatever the rounding errors of a way to compute it. */
static const double GRID = 65536.0;

/* One axis of the downscale. Sample s weighs entries first[s] to first[s] + count[s] - 1 of
 * a line with the weights from offset[s] on; they sum to scale[s]. */
struct axis {
    const int64_t *first;
    const int64_t *count;
    const int64_t *offset;
    const int32_t *weights;
    const double *scale;
};

/* A picture. size is the bytes of a line, stride those from one line to the next. */
struct picture {
    const uint8_t *pixels;
    int64_t stride;
    int64_t size;
};

/* Add ROWS lines of pixels to the sums, each with its weight. */
TG_INLINE void add_rows(int32_t *restrict sums, const uint8_t *const *rows, const int32_t *weights,
                        int64_t size)
{
    const uint8_t *restrict a = rows[0], *restrict b = rows[1], *restrict c = rows[2],
                  *restrict d = rows[3];
    int32_t p = weights[0], q = weights[1], r = weights[2], s = weights[3];
    for (int64_t x = 0; x < size; x++)
        sums[x] += p * a[x] + q * b[x] + r * c[x] + s * d[x];
}

/* Weigh the lines of one sample into sums. */
TG_INLINE void weigh_lines(const struct picture *picture, const struct axis *down, int sample,
                           int32_t *restrict sums)
{
    const uint8_t *line = picture->pixels + down->first[sample] * picture->stride;
    const int32_t *weights = down->weights + down->offset[sample];
    int64_t count = down->count[sample];
    memset(sums, 0, (size_t)picture->size * sizeof *sums);
    for (int64_t y = 0; y < count; y += ROWS) {
        const uint8_t *rows[ROWS];
        int32_t row_weights[ROWS];
        for (int64_t k = 0; k < ROWS; k++) {
            int inside = y + k < count;
            rows[k] = line + (inside ? y + k : y) * picture->stride;
            row_weights[k] = inside ? weights[y + k] : 0;
        }
        add_rows(sums, rows, row_weights, picture->size);
    }
}

/* Compute (mirrorings, mirrorings, 64, 64) samples. The second of two axes is that of the
 * mirrored picture, listed from the same end as the first, and so stored backwards. The
 * axes across weigh bytes: they also make luma of colours. */
TG_INLINE void downscale(const struct picture *picture, const struct axis *down,
                         const struct axis *across, int mirrorings, int32_t *restrict sums,
                         double *restrict samples)
{
    for (int s = 0; s < SIDE; s++)
        for (int v = 0; v < mirrorings; v++) {
            weigh_lines(picture, down + v, s, sums);
            for (int h = 0; h < mirrorings; h++) {
                const struct axis *axis = across + h;
                int y = v ? SIDE - 1 - s : s;
                double *row = samples + (v * mirrorings + h) * SAMPLES + y * SIDE;
                for (int t = 0; t < SIDE; t++) {
                    const int32_t *part = sums + axis->first[t];
                    const int32_t *weights = axis->weights + axis->offset[t];
                    int64_t total = 0;
                    for (int64_t x = 0; x < axis->count[t]; x++)
                        total += (int64_t)part[x] * weights[x];
                    row[h ? SIDE - 1 - t : t] = (double)total / (down[v].scale[s] * axis->scale[t]);
                }
            }
        }
}

typedef void downscale_function(const struct picture *, const struct axis *, const struct axis *,
                                int, int32_t *, double *);

static void downscale_baseline(const struct picture *picture, const struct axis *down,
                               const struct axis *across, int mirrorings, int32_t *sums,
                               double *samples)
{
    downscale(picture, down, across, mirrorings, sums, samples);
}

#if defined(__x86_64__)
TG_TARGET_AVX2 static void downscale_avx2(const struct picture *picture, const struct axis *down,
                                          const struct axis *across, int mirrorings, int32_t *sums,
                                          double *samples)
{
    downscale(picture, down, across, mirrorings, sums, samples);
}

TG_TARGET_AVX512 static void downscale_avx512(const struct picture *picture,
                                              const struct axis *down, const struct axis *across,
                                              int mirrorings, int32_t *sums, double *samples)
{
    downscale(picture, down, across, mirrorings, sums, samples);
}
#endif

static downscale_function *best_downscale(void)
{
#if defined(__x86_64__)
    if (tg_level() >= TG_AVX512)
        return downscale_avx512;
    if (tg_level() >= TG_AVX2)
        return downscale_avx2;
#endif
    return downscale_baseline;
}

/* The 16 x 16 lowest frequencies but the mean, in whole steps of the grid. */
static void transform(const double *samples, const double *cosines, int64_t *values)
{
    double half[KEPT][SIDE] = {{0.0}};
    for (int k = 0; k < KEPT; k++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                half[k][x] += cosines[k * SIDE + y] * samples[y * SIDE + x];
    for (int k = 0; k < KEPT; k++)
        for (int l = 0; l < KEPT; l++) {
            double value = 0.5 / GRID;
            for (int x = 0; x < SIDE; x++)
                value += half[k][x] * cosines[l * SIDE + x];
            int64_t whole = (int64_t)(value * GRID);
            values[k * KEPT + l] = whole - ((double)whole > value * GRID);
        }
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Each bit says whether a value is above the median, the lower of the middle two. The first
 * value is the last bit. */
static void write_bits(const int64_t *values, int transposed, uint8_t *hash)
{
    int64_t sorted[BITS];
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, BITS, sizeof *sorted, ascending);
    int64_t median = sorted[BITS / 2 - 1];
    memset(hash, 0, BITS / 8);
    for (int i = 0; i < BITS; i++) {
        int64_t value = values[transposed ? i % KEPT * KEPT + i / KEPT : i];
        hash[BITS / 8 - 1 - i / 8] |= (uint8_t)((value > median) << i % 8);
    }
}

/* The steps between neighbours in whole hundredths of the range, in single precision as in
 * the reference: small ones, which are noise, count nothing. */
static int32_t quality_of(const double *samples)
{
    int64_t steps = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float here = (float)samples[y * SIDE + x];
            float right = x + 1 < SIDE ? (float)samples[y * SIDE + x + 1] : here;
            float below = y + 1 < SIDE ? (float)samples[(y + 1) * SIDE + x] : here;
            steps += abs((int)((right - here) * 100.0f / 255.0f));
            steps += abs((int)((below - here) * 100.0f / 255.0f));
        }
    steps /= 90;
    return steps < 100 ? (int32_t)steps : 100;
}

/* Hash a picture, in its own position or, with two mirrorings, in all eight.
 *
 * down, across  mirrorings axes each, of lines and of the bytes of a line
 * black, range  what is 0.0 and how many steps later is 255.0: 0 and 255 for full range
 * cosines       (16, 64), rows 1 to 16 of the orthonormal transform
 * positions     (8, 3): mirrored top to bottom, left to right, then transposed
 * sums          room for size values
 * samples       (mirrorings, mirrorings, 64, 64): the samples it used
 * hashes        (1 or 8, 32)
 * Returns the quality, 0 to 100. */
TG_EXPORT int32_t tg_pdq(const uint8_t *pixels, int64_t stride, int64_t size,
                         const struct axis *down, const struct axis *across, int32_t mirrorings,
                         double black, double range, const double *cosines,
                         const uint8_t *positions, int32_t *sums, double *samples, uint8_t *hashes)
{
    struct picture picture = {pixels, stride, size};
    best_downscale()(&picture, down, across, mirrorings, sums, samples);
    int pictures = mirrorings * mirrorings;
    for (int i = 0; i < pictures * SAMPLES; i++)
        samples[i] = (samples[i] - black) * 255.0 / range;
    int64_t values[4][BITS];
    for (int i = 0; i < pictures; i++)
        transform(samples + i * SAMPLES, cosines, values[i]);
    for (int i = 0; i < (mirrorings == 1 ? 1 : POSITIONS); i++) {
        const uint8_t *position = positions + 3 * i;
        write_bits(values[position[0] * 2 + position[1]], position[2], hashes + i * BITS / 8);
    }
    return quality_of(samples);
}
