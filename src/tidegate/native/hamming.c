/* Which stored hashes of 256 bits lie within a Hamming distance of a query: the exact answer.
 *
 * Either all hashes are compared, or the few that a multi-index names. Its tables are read
 * from files, so each number of theirs is checked before it is used: a damaged table gives
 * TG_DAMAGED or a wrong answer, never an access out of bounds. The cost of a probe is a
 * cache miss, so memory is asked for long before it is read.
 *
 * Source: Norouzi, Punjani and Fleet, "Fast Exact Search in Hamming Space with Multi-Index
 * Hashing" (2014).
 */
#include "cpu.h"

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "hashes are read as little-endian words"
#endif

enum { WORDS = 4, BLOCK = 64, RING = 128, AHEAD = 64, SCAN_SHARE = 10 };

/* Answers that are no number of hits. */
enum { TG_DAMAGED = -1 };

/* A query and a stored hash that met. */
struct hit {
    uint32_t query;
    uint32_t row;
    uint32_t distance;
};

/* A chunk is bits consecutive bits. Its table holds 2^bits + 1 starts, then the numbers of
 * all hashes, ordered by the value of the chunk: those of value v lie between start v and
 * start v + 1. A query is held against the values that differ in up to radius[chunk] bits:
 * probes[chunk] masks, which begin with the fewest bits. A radius of -1 skips the chunk. */
struct multi_index {
    const uint64_t *hashes;
    const uint32_t *const *tables;
    const uint32_t *masks;
    const int32_t *radius;
    const uint32_t *probes;
    uint32_t count;
    uint32_t chunks;
    uint32_t bits;
};

/* A bucket of a chunk: where its start is, and once that is read, where its numbers are. */
struct bucket {
    const uint32_t *at;
    uint32_t size;
    uint32_t chunk;
};

/* Where the hits go. All are counted, those that fit are stored. */
struct sink {
    struct hit *hits;
    int64_t room;
    int64_t found;
};

TG_INLINE void put(struct sink *sink, uint32_t query, uint32_t row, uint32_t distance)
{
    if (sink->found < sink->room)
        sink->hits[sink->found] = (struct hit){query, row, distance};
    sink->found++;
}

TG_INLINE uint32_t distance_of(const uint64_t *a, const uint64_t *b)
{
    return (uint32_t)(__builtin_popcountll(a[0] ^ b[0]) + __builtin_popcountll(a[1] ^ b[1]) +
                      __builtin_popcountll(a[2] ^ b[2]) + __builtin_popcountll(a[3] ^ b[3]));
}

/* The value of the chunk that begins at a bit; bit 0 is the lowest of the first byte. */
TG_INLINE uint32_t value_of(const uint64_t *hash, uint32_t first, uint32_t bits)
{
    uint32_t word = first / 64, shift = first % 64;
    uint64_t value = hash[word] >> shift;
    if (shift + bits > 64)
        value |= hash[word + 1] << (64 - shift);
    return (uint32_t)(value & ((UINT64_C(1) << bits) - 1));
}

/* Compare one block of hashes with a query. */
TG_INLINE void scan_block(const uint64_t *hashes, uint32_t first, uint32_t size,
                          const uint64_t *asked, uint32_t query, uint32_t radius,
                          struct sink *sink)
{
    uint32_t distance[BLOCK], nearest = UINT32_MAX;
    for (uint32_t i = 0; i < size; i++) {
        distance[i] = distance_of(hashes + (size_t)i * WORDS, asked);
        nearest = distance[i] < nearest ? distance[i] : nearest;
    }
    if (nearest > radius)
        return;
    for (uint32_t i = 0; i < size; i++)
        if (distance[i] <= radius)
            put(sink, query, first + i, distance[i]);
}

/* A tile of hashes stays in the nearest cache while all queries are held against it. */
TG_INLINE void scan(const uint64_t *hashes, uint32_t count, const uint64_t *queries,
                    uint32_t asked, uint32_t radius, struct sink *sink)
{
    const uint32_t tile = 8 * BLOCK;
    for (uint32_t start = 0; start < count;) {
        uint32_t stop = count - start < tile ? count : start + tile;
        for (uint32_t query = 0; query < asked; query++) {
            const uint64_t *words = queries + (size_t)query * WORDS;
            uint32_t row = start;
            for (; stop - row >= BLOCK; row += BLOCK)
                scan_block(hashes + (size_t)row * WORDS, row, BLOCK, words, query, radius, sink);
            scan_block(hashes + (size_t)row * WORDS, row, stop - row, words, query, radius, sink);
        }
        start = stop;
    }
}

/* Name all buckets that hold hashes near the query; return how many. */
TG_INLINE uint32_t name_buckets(const struct multi_index *index, const uint64_t *asked,
                                struct bucket *buckets)
{
    uint32_t named = 0;
    for (uint32_t chunk = 0; chunk < index->chunks; chunk++) {
        uint32_t value = value_of(asked, chunk * index->bits, index->bits);
        for (uint32_t i = 0; i < index->probes[chunk]; i++)
            buckets[named++] =
                (struct bucket){index->tables[chunk] + (value ^ index->masks[i]), 0, chunk};
    }
    return named;
}

/* Drop the empty buckets. Return the size of the others together, or TG_DAMAGED. */
TG_INLINE int64_t size_buckets(const struct multi_index *index, struct bucket *buckets,
                               uint32_t *named)
{
    const size_t starts = ((size_t)1 << index->bits) + 1;
    int64_t total = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *named && i < AHEAD; i++)
        __builtin_prefetch(buckets[i].at);
    for (uint32_t i = 0; i < *named; i++) {
        if (*named - i > AHEAD)
            __builtin_prefetch(buckets[i + AHEAD].at);
        uint32_t first = buckets[i].at[0], last = buckets[i].at[1], chunk = buckets[i].chunk;
        if (first > last || last > index->count)
            return TG_DAMAGED;
        if (first < last) {
            buckets[kept++] =
                (struct bucket){index->tables[chunk] + starts + first, last - first, chunk};
            total += last - first;
        }
    }
    *named = kept;
    return total;
}

/* Whether an earlier chunk leads to the hash too: then it has been reported. */
TG_INLINE int met_before(const struct multi_index *index, const uint64_t *hash,
                         const uint64_t *asked, uint32_t chunk)
{
    for (uint32_t earlier = 0; earlier < chunk; earlier++) {
        uint32_t first = earlier * index->bits;
        uint32_t differing =
            value_of(hash, first, index->bits) ^ value_of(asked, first, index->bits);
        if (__builtin_popcount(differing) <= index->radius[earlier])
            return 1;
    }
    return 0;
}

/* Hold a candidate, whose hash has been asked for, against the query. */
TG_INLINE void compare(const struct multi_index *index, uint32_t row, uint32_t chunk,
                       const uint64_t *asked, uint32_t query, uint32_t radius, struct sink *sink)
{
    const uint64_t *hash = index->hashes + (size_t)row * WORDS;
    uint32_t distance = distance_of(hash, asked);
    if (distance <= radius && !met_before(index, hash, asked, chunk))
        put(sink, query, row, distance);
}

/* Compare all candidates; each waits in a ring while its hash is on the way from memory. */
TG_INLINE int compare_buckets(const struct multi_index *index, const struct bucket *buckets,
                              uint32_t named, const uint64_t *asked, uint32_t query,
                              uint32_t radius, struct sink *sink)
{
    uint32_t rows[RING], chunks[RING], met = 0;
    for (uint32_t i = 0; i < named && i < AHEAD; i++)
        __builtin_prefetch(buckets[i].at);
    for (uint32_t i = 0; i < named; i++) {
        if (named - i > AHEAD)
            __builtin_prefetch(buckets[i + AHEAD].at);
        for (uint32_t k = 0; k < buckets[i].size; k++, met++) {
            uint32_t row = buckets[i].at[k], place = met % RING;
            if (row >= index->count)
                return TG_DAMAGED;
            __builtin_prefetch(index->hashes + (size_t)row * WORDS);
            if (met >= RING)
                compare(index, rows[place], chunks[place], asked, query, radius, sink);
            rows[place] = row;
            chunks[place] = buckets[i].chunk;
        }
    }
    for (uint32_t i = met > RING ? met - RING : 0; i < met; i++)
        compare(index, rows[i % RING], chunks[i % RING], asked, query, radius, sink);
    return 0;
}

TG_INLINE int64_t probe(const struct multi_index *index, const uint64_t *queries, uint32_t asked,
                        uint32_t radius, struct bucket *buckets, uint8_t *crowded,
                        struct sink *sink)
{
    for (uint32_t query = 0; query < asked; query++) {
        const uint64_t *words = queries + (size_t)query * WORDS;
        uint32_t named = name_buckets(index, words, buckets);
        int64_t total = size_buckets(index, buckets, &named);
        if (total < 0)
            return total;
        crowded[query] = total > index->count / SCAN_SHARE;
        if (!crowded[query] &&
            compare_buckets(index, buckets, named, words, query, radius, sink) < 0)
            return TG_DAMAGED;
    }
    return sink->found;
}

#define SCAN_ARGUMENTS                                                                           \
    const uint64_t *hashes, uint32_t count, const uint64_t *queries, uint32_t asked,             \
        uint32_t radius, struct sink *sink
#define PROBE_ARGUMENTS                                                                          \
    const struct multi_index *index, const uint64_t *queries, uint32_t asked, uint32_t radius,   \
        struct bucket *buckets, uint8_t *crowded, struct sink *sink
#define VARIANT(suffix, target)                                                                  \
    target static void scan_##suffix(SCAN_ARGUMENTS)                                             \
    {                                                                                            \
        scan(hashes, count, queries, asked, radius, sink);                                       \
    }                                                                                            \
    target static int64_t probe_##suffix(PROBE_ARGUMENTS)                                        \
    {                                                                                            \
        return probe(index, queries, asked, radius, buckets, crowded, sink);                     \
    }

VARIANT(baseline, )
#if defined(__x86_64__)
VARIANT(avx2, TG_TARGET_AVX2)
VARIANT(avx512, TG_TARGET_AVX512)
#else
#define scan_avx2 scan_baseline
#define scan_avx512 scan_baseline
#define probe_avx2 probe_baseline
#define probe_avx512 probe_baseline
#endif

/* Compare all hashes with all queries. Return the number of hits; those beyond the room for
 * them are not stored. They come in no order. */
TG_EXPORT int64_t tg_scan(const uint64_t *hashes, uint32_t count, const uint64_t *queries,
                          uint32_t asked, uint32_t radius, struct hit *hits, int64_t room)
{
    static void (*const variants[])(SCAN_ARGUMENTS) = {scan_baseline, scan_avx2, scan_avx512};
    struct sink sink = {hits, room, 0};
    variants[tg_level()](hashes, count, queries, asked, radius, &sink);
    return sink.found;
}

/* As tg_scan, by a multi-index, or TG_DAMAGED. A query whose candidates are more than a
 * SCAN_SHARE-th of the hashes is marked as crowded and has no hits: a scan costs less.
 * There is room in buckets for all probes of a query. */
TG_EXPORT int64_t tg_probe(const struct multi_index *index, const uint64_t *queries,
                           uint32_t asked, uint32_t radius, struct bucket *buckets,
                           uint8_t *crowded, struct hit *hits, int64_t room)
{
    static int64_t (*const variants[])(PROBE_ARGUMENTS) = {probe_baseline, probe_avx2,
                                                           probe_avx512};
    struct sink sink = {hits, room, 0};
    return variants[tg_level()](index, queries, asked, radius, buckets, crowded, &sink);
}

/* Fill the table of the chunk that begins at a bit, see struct multi_index. */
TG_EXPORT void tg_chunk_table(const uint64_t *hashes, uint32_t count, uint32_t first,
                              uint32_t bits, uint32_t *table)
{
    const size_t values = (size_t)1 << bits;
    uint32_t *rows = table + values + 1;
    memset(table, 0, (values + 1) * sizeof *table);
    for (uint32_t row = 0; row < count; row++)
        table[value_of(hashes + (size_t)row * WORDS, first, bits) + 1]++;
    for (size_t value = 0; value < values; value++)
        table[value + 1] += table[value];
    /* Each start moves to the end of its bucket, which is the start of the next. */
    for (uint32_t row = 0; row < count; row++)
        rows[table[value_of(hashes + (size_t)row * WORDS, first, bits)]++] = row;
    memmove(table + 1, table, values * sizeof *table);
    table[0] = 0;
}

/* Bit i of each result is bit order[i] of the hash, which may lie anywhere in memory. */
TG_EXPORT void tg_permute(const uint8_t *hashes, uint64_t count, const uint8_t *order,
                          uint64_t *permuted)
{
    for (uint64_t row = 0; row < count; row++) {
        uint64_t hash[WORDS];
        memcpy(hash, hashes + row * sizeof hash, sizeof hash);
        for (uint32_t word = 0; word < WORDS; word++) {
            uint64_t value = 0;
            for (uint32_t bit = 0; bit < 64; bit++) {
                uint32_t from = order[word * 64 + bit];
                value |= (hash[from / 64] >> from % 64 & 1) << bit;
            }
            permuted[row * WORDS + word] = value;
        }
    }
}
