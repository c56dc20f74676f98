/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_COPY_KERNEL_H
#define FOLIO_COPY_KERNEL_H

/*
 * The copy kernels of one instruction set, inlined into the file that includes this. Which set is
 * decided by the flags that the file is compiled with; -DFOLIO_COPY_PORTABLE asks for plain C.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <folio.h>

#if defined(FOLIO_COPY_PORTABLE) || !defined(__SSE2__)

#define FOLIO_KERNEL_ISA FOLIO_ISA_PORTABLE

static inline void
folio_kernel_exact(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
}

static inline void
folio_kernel_padded(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, (len + 63) & ~(size_t)63);
}

#elif defined(__AVX512F__) && defined(__AVX512BW__)

#include <immintrin.h>

#define FOLIO_KERNEL_ISA FOLIO_ISA_AVX512

static inline void
folio_kernel_exact(void *dst, const void *src, size_t len)
{
	const uint8_t *s = src;
	uint8_t *d = dst;
	__mmask64 tail;

	while (len > 256) {
		__m512i a = _mm512_loadu_si512(s);
		__m512i b = _mm512_loadu_si512(s + 64);
		__m512i c = _mm512_loadu_si512(s + 128);
		__m512i e = _mm512_loadu_si512(s + 192);

		_mm512_storeu_si512(d, a);
		_mm512_storeu_si512(d + 64, b);
		_mm512_storeu_si512(d + 128, c);
		_mm512_storeu_si512(d + 192, e);
		s += 256;
		d += 256;
		len -= 256;
	}
	while (len > 64) {
		_mm512_storeu_si512(d, _mm512_loadu_si512(s));
		s += 64;
		d += 64;
		len -= 64;
	}
	/* Masked-off bytes are neither read nor written. */
	tail = _bzhi_u64(UINT64_MAX, (uint32_t)len);
	_mm512_mask_storeu_epi8(d, tail, _mm512_maskz_loadu_epi8(tail, s));
}

static inline void
folio_kernel_padded(void *dst, const void *src, size_t len)
{
	const uint8_t *s = src;
	uint8_t *d = dst;
	size_t i;

	for (i = 0; i < len; i += 64)
		_mm512_storeu_si512(d + i, _mm512_loadu_si512(s + i));
}

#else

#include <immintrin.h>

/* Up to 16 bytes, by two loads that may overlap. */
static inline void
folio_kernel_small(uint8_t *d, const uint8_t *s, size_t len)
{
	uint64_t a8, b8;
	uint32_t a4, b4;
	uint16_t a2, b2;

	if (len >= 8) {
		memcpy(&a8, s, 8);
		memcpy(&b8, s + len - 8, 8);
		memcpy(d, &a8, 8);
		memcpy(d + len - 8, &b8, 8);
	} else if (len >= 4) {
		memcpy(&a4, s, 4);
		memcpy(&b4, s + len - 4, 4);
		memcpy(d, &a4, 4);
		memcpy(d + len - 4, &b4, 4);
	} else if (len >= 2) {
		memcpy(&a2, s, 2);
		memcpy(&b2, s + len - 2, 2);
		memcpy(d, &a2, 2);
		memcpy(d + len - 2, &b2, 2);
	} else if (len == 1) {
		*d = *s;
	}
}

static inline void
folio_kernel_move16(uint8_t *d, const uint8_t *s)
{
	_mm_storeu_si128((__m128i *)d, _mm_loadu_si128((const __m128i *)s));
}

#ifdef __AVX2__

#define FOLIO_KERNEL_ISA FOLIO_ISA_AVX2
#define FOLIO_KERNEL_WIDTH 32

static inline void
folio_kernel_move(uint8_t *d, const uint8_t *s)
{
	_mm256_storeu_si256((__m256i *)d, _mm256_loadu_si256((const __m256i *)s));
}

#else

#define FOLIO_KERNEL_ISA FOLIO_ISA_SSE
#define FOLIO_KERNEL_WIDTH 16
#define folio_kernel_move folio_kernel_move16

#endif

static inline void
folio_kernel_exact(void *dst, const void *src, size_t len)
{
	const uint8_t *s = src;
	uint8_t *d = dst;

	if (len < FOLIO_KERNEL_WIDTH) {
		if (FOLIO_KERNEL_WIDTH > 16 && len >= 16) {
			folio_kernel_move16(d, s);
			folio_kernel_move16(d + len - 16, s + len - 16);
		} else {
			folio_kernel_small(d, s, len);
		}
		return;
	}
	while (len > 4 * FOLIO_KERNEL_WIDTH) {
		folio_kernel_move(d, s);
		folio_kernel_move(d + FOLIO_KERNEL_WIDTH, s + FOLIO_KERNEL_WIDTH);
		folio_kernel_move(d + 2 * FOLIO_KERNEL_WIDTH, s + 2 * FOLIO_KERNEL_WIDTH);
		folio_kernel_move(d + 3 * FOLIO_KERNEL_WIDTH, s + 3 * FOLIO_KERNEL_WIDTH);
		s += 4 * FOLIO_KERNEL_WIDTH;
		d += 4 * FOLIO_KERNEL_WIDTH;
		len -= 4 * FOLIO_KERNEL_WIDTH;
	}
	while (len > FOLIO_KERNEL_WIDTH) {
		folio_kernel_move(d, s);
		s += FOLIO_KERNEL_WIDTH;
		d += FOLIO_KERNEL_WIDTH;
		len -= FOLIO_KERNEL_WIDTH;
	}
	/*
	 * The last 1 to WIDTH bytes, as the whole vector that ends there: at least one vector of
	 * this frame lies before s + len, so nothing in front of the frame is touched.
	 */
	folio_kernel_move(d + len - FOLIO_KERNEL_WIDTH, s + len - FOLIO_KERNEL_WIDTH);
}

static inline void
folio_kernel_padded(void *dst, const void *src, size_t len)
{
	const uint8_t *s = src;
	uint8_t *d = dst;
	size_t i, j;

	for (i = 0; i < len; i += 64) {
		for (j = 0; j < 64; j += FOLIO_KERNEL_WIDTH)
			folio_kernel_move(d + i + j, s + i + j);
	}
}

#endif

#endif /* FOLIO_COPY_KERNEL_H */
