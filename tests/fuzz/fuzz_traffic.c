/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * As fuzz_port.c, but for opening, closing and the file: two ports whose link is up are made once,
 * and copied. Before each input their private memory, what they share and the simulated time become
 * what they were then, which takes a fraction of opening a pair. An input after which something was
 * mapped, opened or removed that the copy does not have costs a new pair.
 */

#include "port_sides.h"

#define MEMORY (64u << 10) /* of two ports, private */
#define PIECES 6	   /* in which they ask for it */
#define APART 128u	   /* poisoned bytes between two of them */
#define HALF_BYTES (256u << 10)
#define HASTE 3		   /* rows of ticks are an eighth: silence is for fuzz_port.c */
#define FEW 64		   /* of so many inputs one ends with peers that behave */

static uint8_t memory[MEMORY] __attribute__((aligned(128)));

static struct {
	size_t at, len;
} pieces[PIECES];

static unsigned int n_pieces;

static struct {
	bool taken;
	uint8_t memory[MEMORY];
	uint8_t half[2][HALF_BYTES];
	uint8_t *alias[2];
	size_t used[2];
	struct side side[SIDES];
	uint32_t number;
	unsigned long changes;
} picture;

/* Never given back but all at once. */
static void *
piece_alloc(size_t size, size_t align, void *ctx)
{
	size_t end = n_pieces > 0 ? pieces[n_pieces - 1].at + pieces[n_pieces - 1].len : 0;
	size_t at = (end + APART + align - 1) / align * align;

	(void)ctx;
	CHECK(n_pieces < PIECES && align <= 128 && at + size + APART <= MEMORY);
	pieces[n_pieces].at = at;
	pieces[n_pieces++].len = size;
	system_allow(memory + at, memory + at + size);
	return memset(memory + at, 0, size);
}

static void
piece_free(void *mem, void *ctx)
{
	(void)mem;
	(void)ctx;
}

static void
remove_file(void)
{
	(void)unlink(t.path);
}

/* Two instruction sets of copy kernels; fuzz_ring.c has them all. */
static void
make_pair(void)
{
	const struct folio_config guest = {.role = FOLIO_GUEST, .queues = 2, .ring_size = 64,
					   .slot_size = 256, .isa = FOLIO_ISA_SSE,
					   .alloc = piece_alloc, .free = piece_free};
	const struct folio_config host = {.role = FOLIO_HOST, .queues = 2,
					  .alloc = piece_alloc, .free = piece_free};

	hook_reset(1);
	system_reset();
	system_on_sleep(others_run);
	memset(t.side, 0, sizeof(t.side));
	t.number = 0;
	n_pieces = 0;
	system_forbid(memory, memory + MEMORY);
	open_side(&t.side[0], guest);
	open_side(&t.side[1], host);
	sides_link();
}

static void
copy_pieces(uint8_t *to, const uint8_t *from)
{
	unsigned int i;

	for (i = 0; i < n_pieces; i++)
		memcpy(to + pieces[i].at, from + pieces[i].at, pieces[i].len);
}

static void
take_picture(void)
{
	struct folio_layout l;
	int i;

	copy_pieces(picture.memory, memory);
	for (i = 0; i < 2; i++) {
		picture.alias[i] = raw_half(&t.side[i], &l, false);
		CHECK(picture.alias[i] != NULL && l.used <= HALF_BYTES);
		picture.used[i] = l.used;
		memcpy(picture.half[i], picture.alias[i], l.used);
	}
	memcpy(picture.side, t.side, sizeof(t.side));
	picture.number = t.number;
	picture.changes = system_changes();
	picture.taken = true;
	system_keep();
}

static void
put_back(uint64_t seed)
{
	int i;

	copy_pieces(memory, picture.memory);
	for (i = 0; i < 2; i++)
		memcpy(picture.alias[i], picture.half[i], picture.used[i]);
	memcpy(t.side, picture.side, sizeof(t.side));
	t.number = picture.number;
	system_go_back();
	hook_begin(seed);
}

/* They close as any others do. */
static void
drop_pair(void)
{
	int i;

	for (i = 0; i < 2; i++)
		close_side(&t.side[i]);
	CHECK(hook_span(0) == NULL);
	(void)unlink(t.path);
	picture.taken = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = {bytes, len};
	uint32_t seed = input_u32(&in);
	int i;

	if (t.before == NULL) {
		sides_prepare();
		CHECK(atexit(remove_file) == 0);
		t.haste = HASTE;
	}
	if (!picture.taken) {
		make_pair();
		take_picture();
	}
	put_back(seed);
	for (i = 0; i < MAX_OPS && in.left > 0; i++) {
		uint8_t op = input_u8(&in);

		traffic_op(&in, &t.side[op % 2], op / 8);
	}
	tick_all(1);
	if (seed % FEW == 0)
		frames_must_flow();
	if (system_changes() != picture.changes)
		drop_pair();
	return 0;
}
