/* Finds out once what the processor can do. */
#include "cpu.h"

#include <stdatomic.h>
#include <stdint.h>

static atomic_int lowered = TG_AVX512;

static int detected(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt")) {
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512vpopcntdq"))
            return TG_AVX512;
        return TG_AVX2;
    }
#endif
    return TG_BASELINE;
}

TG_EXPORT int tg_level(void)
{
    static atomic_int known = -1;
    int level = atomic_load_explicit(&known, memory_order_relaxed);
    if (level < 0) {
        level = detected();
        atomic_store_explicit(&known, level, memory_order_relaxed);
    }
    int most = atomic_load_explicit(&lowered, memory_order_relaxed);
    return level < most ? level : most;
}

/* Use at most this level; for tests of the others on one machine. Returns what is in use. */
TG_EXPORT int tg_use_level(int most)
{
    atomic_store_explicit(&lowered, most, memory_order_relaxed);
    return tg_level();
}

/* The state of the sources that this library was made of. */
TG_EXPORT uint32_t tg_sources(void)
{
    return TG_SOURCES;
}
