/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Which metadata of a frame may be acted on. */

#include <string.h>

#include "boundary/meta.h"
#include "util.h"

#define LEN 1000u

static const struct folio_meta nothing;
static const struct folio_meta csum = {
	.flags = FOLIO_META_CSUM,
	.csum_start = 34,
	.csum_offset = 16,
};
static const struct folio_meta gso = {
	.flags = FOLIO_META_CSUM,
	.gso_type = FOLIO_GSO_TCP6,
	.csum_start = 54,
	.csum_offset = 16,
	.hdr_len = 74,
	.gso_size = 100,
};

/* One field of a valid entry becomes `value`. */
#define CHECK(expected, base, field, value)                      \
	do {                                                     \
		struct folio_meta meta = base;                   \
								 \
		assert_true(folio_meta_valid(&meta, LEN));       \
		meta.field = (value);                            \
		assert_int_equal(folio_meta_valid(&meta, LEN), expected); \
	} while (0)

static void
test_flags(void **state)
{
	(void)state;
	CHECK(false, nothing, flags, 2);
	CHECK(false, nothing, flags, 0x80);
	CHECK(false, csum, flags, 3);
	CHECK(false, gso, gso_type, FOLIO_GSO_TCP6 + 1);
	CHECK(false, gso, gso_type, 0xff);
	CHECK(true, gso, gso_type, FOLIO_GSO_TCP4);
}

static void
test_checksum_field(void **state)
{
	(void)state;
	CHECK(true, csum, csum_start, FOLIO_META_START_MIN);
	CHECK(false, csum, csum_start, FOLIO_META_START_MIN - 1);
	CHECK(false, csum, csum_start, 0);
	CHECK(true, csum, csum_start, LEN - 18);
	CHECK(false, csum, csum_start, LEN - 17);
	CHECK(false, csum, csum_start, 0xffff);
	CHECK(true, csum, csum_offset, LEN - 36);
	CHECK(false, csum, csum_offset, LEN - 35);
	CHECK(false, csum, csum_offset, 0xffff - 34); /* the sum has more than 16 bits */
	CHECK(false, csum, csum_offset, 0xffff);
	/* Without a checksum to complete. */
	CHECK(false, nothing, csum_start, 34);
	CHECK(false, nothing, csum_offset, 16);
}

static void
test_header(void **state)
{
	(void)state;
	CHECK(true, nothing, hdr_len, LEN);
	CHECK(false, nothing, hdr_len, LEN + 1);
	CHECK(true, gso, hdr_len, 0);
	CHECK(false, gso, hdr_len, 0xffff);
}

static void
test_segments(void **state)
{
	(void)state;
	CHECK(false, gso, gso_size, 0);
	CHECK(true, gso, gso_size, 0xffff);
	CHECK(false, csum, gso_size, 1); /* of no type */
	CHECK(false, gso, flags, 0);
	CHECK(false, gso, csum_offset, 6);
	CHECK(true, gso, csum_start, LEN - FOLIO_META_TCP_LEN - 1);
	CHECK(false, gso, csum_start, LEN - FOLIO_META_TCP_LEN);
}

/* Whatever the fields: what is valid stays within the frame. */
static void
test_any(void **state)
{
	uint32_t seed = 1, valid = 0;
	struct folio_meta meta;
	int i;

	(void)state;
	for (i = 0; i < 1000000; i++) {
		uint32_t len;

		seed = seed * 1664525 + 1013904223;
		len = 14 + (seed >> 8) % 120;
		memset(&meta, 0, sizeof(meta));
		meta.flags = (uint8_t)(seed >> 31);
		meta.gso_type = (uint8_t)(seed >> 29 & 3);
		meta.csum_start = (uint16_t)(seed >> 3 & 0x7f);
		meta.csum_offset = (uint16_t)(seed >> 10 & 0x1f);
		meta.hdr_len = (uint16_t)(seed >> 15 & 0x7f);
		meta.gso_size = (uint16_t)(seed >> 22 & 1);
		if (!folio_meta_valid(&meta, len))
			continue;
		valid++;
		assert_true(meta.hdr_len <= len);
		if (meta.flags != 0)
			assert_true(meta.csum_start + meta.csum_offset + 2u <= len);
		if (meta.gso_type != 0)
			assert_true(meta.gso_size > 0 && meta.flags != 0);
	}
	assert_true(valid > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_checksum_field),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
