/* Which instructions this processor has.
 *
 * The library is compiled for the plainest processor of its kind. A function that gains
 * from wider vectors is written once, as an always-inlined body, and compiled once more
 * for each level; which of them is called is decided at run time. On aarch64 NEON is
 * part of the plainest processor, so there is one level only.
 */
#ifndef TIDEGATE_CPU_H
#define TIDEGATE_CPU_H

#define TG_EXPORT __attribute__((visibility("default")))
#define TG_INLINE static inline __attribute__((always_inline))

enum { TG_BASELINE = 0, TG_AVX2 = 1, TG_AVX512 = 2 };

#if defined(__x86_64__)
#define TG_TARGET_AVX2 __attribute__((target("avx2,popcnt")))
#define TG_TARGET_AVX512                                                                     \
    __attribute__((target("avx2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq")))
#endif

/* The level in use: that of the processor, unless tg_use_level lowered it. */
int tg_level(void);

#endif
