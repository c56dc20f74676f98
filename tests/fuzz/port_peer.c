/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Of fuzz_port.c: what a hostile peer does. */

#include "port_sides.h"

/* The half that s writes, NULL if there is none to be had. */
uint8_t *
raw_half(struct side *s, struct folio_layout *l, bool peers)
{
	struct hook_span *span;

	if (s->f == NULL || !layout_of(s, l))
		return NULL;
	span = peers ? peer_span(s) : own_span(s);
	return span == NULL || span->cut ? NULL : span->alias;
}

void
header_op(struct input *in, struct side *s)
{
	static const uint8_t fields[] = {0, 8, 12, 16, 20, 24, 28, 32,
					 36, 40, 44, 48, 56, 60, 64, 68};
	uint8_t how = input_u8(in);
	uint32_t value = input_u32(in);
	struct folio_layout l;
	uint8_t *half = raw_half(s, &l, how % 2 != 0);
	uint8_t *at;

	if (half == NULL)
		return;
	at = half + fields[how / 2 % 16];
	if (how >= 128)
		value %= 4;
	else if (value % 2 == 0) {
		memcpy(&value, at, sizeof(value));
		value = (uint32_t)hook_evil(value, 32);
	}
	memcpy(at, &value, sizeof(value));
}

/* Near what the port believes, which is where its checks are sharp. */
void
index_op(struct input *in, struct side *s)
{
	uint8_t how = input_u8(in);
	uint32_t by = input_below(in, 7) - 3;
	struct folio_layout l;
	uint8_t *half = raw_half(s, &l, true);
	const struct folio_prod *p;
	const struct folio_cons *c;
	struct folio_wire_index *index;
	folio_wire_desc *desc;
	uint32_t q;

	if (half == NULL)
		return;
	q = input_below(in, MIN(l.geom.queues, s->cfg.queues));
	p = &folio_port_txq(s->f, q)->ring;
	c = &folio_port_rxq(s->f, q)->ring;
	index = folio_layout_index(&l, half, q);
	desc = &folio_layout_desc(&l, half, q)[(c->head + how / 8 % 4) % l.geom.ring_size];
	switch (how % 8) {
	case 0:
		index->produced.raw = c->head + l.geom.ring_size + by;
		break;
	case 1:
		index->produced.raw = c->seen + by;
		break;
	case 2:
		index->consumed.raw = p->seen + by;
		break;
	case 3:
		index->consumed.raw = p->head + by;
		break;
	case 4:
		index->produced.raw = input_u32(in);
		break;
	case 5:
		index->consumed.raw = input_u32(in);
		break;
	case 6:
		desc->raw = input_u64(in);
		break;
	default:
		desc->raw = hook_evil(desc->raw, how % 16 < 8 ? 32 : 64);
		break;
	}
}

void
bytes_op(struct input *in, struct side *s)
{
	uint8_t how = input_u8(in);
	struct folio_layout l;
	uint8_t *half = raw_half(s, &l, how % 2 != 0);
	uint32_t len = how / 2u, at;

	if (half == NULL)
		return;
	at = (input_u16(in) * 16u + input_u8(in)) % (uint32_t)(l.used - len);
	memset(half + at, input_u8(in), len);
}

/* A new generation at every tick, also with bursts in between. */
void
storm_op(struct input *in, struct side *s)
{
	uint32_t n = input_below(in, 64) >> t.haste;
	struct folio_layout l;
	uint64_t g;
	uint8_t *half;

	while (n-- > 0) {
		half = raw_half(s, &l, true);
		if (half == NULL)
			return;
		g = hook_random();
		memcpy(half + offsetof(struct folio_wire_header, generation), &g, sizeof(g));
		tick(s);
		if (n % 8 == 0)
			recv_frames(s, 0, 2048, 4, 0);
	}
}

/* Until a port has looked, a cut file is left alone: SIGBUS is not defended against. */
static void
note_cut(void)
{
	struct hook_span *span;
	struct stat st;
	unsigned int i;

	if (stat(t.path, &st) != 0)
		return;
	for (i = 0; (span = hook_span(i)) != NULL; i++)
		span->cut |= span->side != HOOK_BOTH && (uint64_t)st.st_size < 2 * span->len;
}

static void
put_file(struct input *in, const char *path)
{
	uint8_t page[FOLIO_WIRE_PAGE];
	uint8_t how = input_u8(in);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, how % 2 == 0 ? 0600 : 01600);
	uint64_t magic = FOLIO_WIRE_MAGIC;

	CHECK(fd >= 0);
	content_zero(fd, 0, (off_t)UINT32_MAX);
	CHECK(ftruncate(fd, (off_t)(input_u8(in) * 65536u) + how / 32 % 2 * 17) == 0);
	memset(page, how / 4 % 4, sizeof(page));
	if (how / 64 % 2 == 0)
		memcpy(page, &magic, sizeof(magic));
	if (how / 2 % 2 == 0)
		CHECK(content_write(fd, page, sizeof(page), 0) == (ssize_t)sizeof(page));
	close(fd);
}

static void
cut_file(off_t size)
{
	int fd = open(t.path, O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK(system_ftruncate(fd, size) == 0);
	close(fd);
}

void
file_op(struct input *in)
{
	uint8_t how = input_u8(in);
	struct stat st;
	off_t size;

	if (how % 8 == 6 && mkdir(t.spare, 0700) == 0) {
		(void)unlink(t.path);
		CHECK(rename(t.spare, t.path) == 0 || errno == ENOTEMPTY || rmdir(t.spare) == 0);
		t.file_is_odd = true;
	} else if (how % 8 == 7) {
		(void)rmdir(t.path);
		(void)unlink(t.path);
		t.file_is_odd = true;
	} else if (stat(t.path, &st) == 0 && S_ISREG(st.st_mode)) {
		switch (how % 8) {
		case 0:
			(void)unlink(t.path);
			break;
		case 1: /* replaced by another one */
			put_file(in, t.spare);
			CHECK(rename(t.spare, t.path) == 0);
			break;
		case 2:
			(void)chmod(t.path, st.st_mode ^ S_ISVTX);
			break;
		default:
			size = (off_t)(how / 8) * 4096 * 64;
			size = st.st_size + (how % 2 == 0 ? size : -size) + how / 128;
			size = size < 0 ? 0 : MIN(size, (off_t)FILE_MAX_BYTES);
			cut_file(size);
			note_cut();
			break;
		}
		t.file_is_odd = true;
		system_changed();
		if (input_u8(in) % 4 == 0) {
			stop(&t.side[0]);
			close_side(&t.side[1]);
		}
	} else if (how % 8 == 1) {
		(void)rmdir(t.path);
		put_file(in, t.path);
		t.file_is_odd = true;
	}
	system_changed();
	tick_all(1);
}

/* A thread that never leaves its burst, and what control does meanwhile. */
void
stuck_op(struct input *in, struct side *s)
{
	uint8_t how = input_u8(in);
	struct folio_gate *gate;

	if (s->f == NULL)
		return;
	gate = how % 2 == 0 ? &folio_port_txq(s->f, 0)->gate : &folio_port_rxq(s->f, 0)->gate;
	gate->busy = 1;
	if (how / 2 % 4 == 0)
		header_op(in, s);
	if (how / 2 % 4 == 1)
		stop(s);
	else
		tick(s);
	if (how / 8 % 2 == 0)
		tick(s);
	gate->busy = 0;
}
