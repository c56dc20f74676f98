/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_PROOF_SHIM_H
#define FOLIO_PROOF_SHIM_H

/*
 * Put in front of every file under proof. What GCC has built in is said in C that Frama-C knows. An
 * atomic load is a read of something volatile: any value, and another one each time. What the
 * program itself stored is thereby forgotten, which only makes the peer stronger.
 */

#define __atomic_load_n(p, order) (*(const volatile __typeof__(*(p)) *)(p))
#define __atomic_store_n(p, v, order) ((void)(*(p) = (v)))
#define __atomic_exchange_n(p, v, order) ((void)(*(p) = (v)))
#define __atomic_signal_fence(order) ((void)0)
/* A fence changes no value: order is the models' part. */
#define __builtin_ia32_mfence() ((void)0)
#define __atomic_thread_fence(order) ((void)0)
#define __builtin_expect(x, likely) (x)
#define __builtin_prefetch(p, write, locality) ((void)(p))

/* Of a power of two. */
static inline int
proof_ctz(unsigned int x)
{
	int n = 0;

	/*@ loop unroll 32; */
	while ((x & 1) == 0 && n < 31) {
		x >>= 1;
		n++;
	}
	return n;
}

#define __builtin_ctz(x) proof_ctz(x)

/* Frama-C's C library lacks it. */
#define GRND_NONBLOCK 1

#endif /* FOLIO_PROOF_SHIM_H */
