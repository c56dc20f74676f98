/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SHARED_H
#define FOLIO_SHARED_H

/*
 * The only ways to touch an integer in shared memory. A fetch is one load into a private value,
 * which the compiler can neither repeat nor tear; the caller bounds the value before use. A put is
 * one store. The acquire of an index pairs with the release that published it.
 */

#include <folio_wire.h>

#ifndef FOLIO_LOAD /* the fuzzers bring their own: tests/fuzz/load.h */
#define FOLIO_LOAD(p, order) __atomic_load_n(&(p)->raw, order)
#endif

/* A 16-bit little-endian integer in shared memory. The native format has none; virtio does. */
typedef struct {
	uint16_t raw;
} folio_shared_u16;

static inline uint16_t
folio_fetch16(const folio_shared_u16 *p)
{
	return FOLIO_LOAD(p, __ATOMIC_RELAXED);
}

static inline uint16_t
folio_fetch16_acquire(const folio_shared_u16 *p)
{
	return FOLIO_LOAD(p, __ATOMIC_ACQUIRE);
}

static inline uint32_t
folio_fetch32(const folio_shared_u32 *p)
{
	return FOLIO_LOAD(p, __ATOMIC_RELAXED);
}

static inline uint32_t
folio_fetch32_acquire(const folio_shared_u32 *p)
{
	return FOLIO_LOAD(p, __ATOMIC_ACQUIRE);
}

static inline uint64_t
folio_fetch64(const folio_shared_u64 *p)
{
	return FOLIO_LOAD(p, __ATOMIC_RELAXED);
}

static inline uint64_t
folio_fetch64_acquire(const folio_shared_u64 *p)
{
	return FOLIO_LOAD(p, __ATOMIC_ACQUIRE);
}

static inline void
folio_put16(folio_shared_u16 *p, uint16_t v)
{
	__atomic_store_n(&p->raw, v, __ATOMIC_RELAXED);
}

static inline void
folio_put16_release(folio_shared_u16 *p, uint16_t v)
{
	__atomic_store_n(&p->raw, v, __ATOMIC_RELEASE);
}

static inline void
folio_put32(folio_shared_u32 *p, uint32_t v)
{
	__atomic_store_n(&p->raw, v, __ATOMIC_RELAXED);
}

static inline void
folio_put32_release(folio_shared_u32 *p, uint32_t v)
{
	__atomic_store_n(&p->raw, v, __ATOMIC_RELEASE);
}

static inline void
folio_put64(folio_shared_u64 *p, uint64_t v)
{
	__atomic_store_n(&p->raw, v, __ATOMIC_RELAXED);
}

static inline void
folio_put64_release(folio_shared_u64 *p, uint64_t v)
{
	__atomic_store_n(&p->raw, v, __ATOMIC_RELEASE);
}

/*
 * Memory that is mapped write-combining keeps no order of its own: stores wait in buffers and loads
 * are done early, whatever acquire and release say. This drains and waits.
 */
static inline void
folio_shared_fence(void)
{
#ifdef __x86_64__
	__builtin_ia32_mfence();
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* Loads of what is cached stay before the loads behind this one. Processors of x86 do so anyway. */
static inline void
folio_read_fence(void)
{
#ifdef __x86_64__
	__atomic_signal_fence(__ATOMIC_ACQUIRE);
#else
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

#endif /* FOLIO_SHARED_H */
