/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>

#include "virtio/queue.h"

/* Flags and index of either ring end a line, so that what follows begins one. */
#define BEFORE_LINE (FOLIO_VIRTQ_LINE - 4u)

static uint32_t
whole_lines(uint32_t bytes)
{
	return (bytes + FOLIO_VIRTQ_LINE - 1) & ~(FOLIO_VIRTQ_LINE - 1);
}

/* Behind the entries of the split rings there is an event index, which nobody uses. */
static uint32_t
driver_area_bytes(uint32_t size)
{
	return 4 + 2 * size + 2;
}

static uint32_t
device_area_bytes(uint32_t size)
{
	return 4 + 8 * size + 2;
}

void
folio_virtq_areas(uint32_t size, struct folio_virtq_areas *a)
{
	a->desc = 0;
	a->driver = whole_lines(size * (uint32_t)sizeof(struct folio_virtq_desc)) + BEFORE_LINE;
	/* Elements of 8 bytes follow after 4: each is loaded at once. */
	a->device = whole_lines(a->driver + driver_area_bytes(size)) + BEFORE_LINE;
}

uint32_t
folio_virtq_ring_bytes(uint32_t size)
{
	struct folio_virtq_areas a;

	folio_virtq_areas(size, &a);
	return whole_lines(a.device + device_area_bytes(size));
}

uint32_t
folio_virtq_table_bytes(uint32_t size)
{
	return size * (uint32_t)(3 * sizeof(uint16_t) + sizeof(uint32_t));
}

static void
set_tables(struct folio_virtq *q, const struct folio_virtq_memory *m)
{
	uint32_t i;

	q->lens = m->tables;
	q->at = (uint16_t *)(q->lens + m->size);
	q->said = q->at + m->size;
	q->note = q->said + m->size;
	q->addr = m->addr;
	for (i = 0; i < m->size; i++) {
		q->lens[i] = 0;
		q->at[i] = (uint16_t)i;
		q->said[i] = UINT16_MAX; /* nothing: no id is so large */
		q->note[i] = 0;
	}
}

static void
set_rings(struct folio_virtq *q, const struct folio_virtq_memory *m)
{
	struct folio_virtq_areas a;
	uint8_t *rings = m->rings;

	folio_virtq_areas(m->size, &a);
	q->desc = (struct folio_virtq_desc *)(rings + a.desc);
	q->ring = (struct folio_split_avail *)(rings + a.driver);
	q->event = (struct folio_packed_event *)(rings + a.driver);
	q->back = (const struct folio_split_used *)(rings + a.device);
	q->dev_event = (const struct folio_packed_event *)(rings + a.device);
	q->elem = (const folio_shared_u64 *)(rings + a.device + sizeof(*q->back));
	memset(rings, 0, folio_virtq_ring_bytes(m->size));
}

void
folio_virtq_attach(struct folio_virtq *q, const struct folio_virtq_memory *m)
{
	q->head = 0;
	q->tail = 0;
	q->size = m->size;
	q->mask = m->size - 1;
	q->stride = m->stride;
	q->room = m->stride - FOLIO_VIRTQ_LINE;
	q->max_frame = m->max_frame;
	q->plain_max = m->max_frame < q->room ? m->max_frame : q->room;
	__atomic_store_n(&q->broken, 0, __ATOMIC_RELAXED);
	q->weak = 0;
	q->doorbell = 1; /* until the device says otherwise */
	q->shuffled = 0;
	q->in_order = false;
	q->mergeable = false;
	q->avail = 0;
	q->seen = 0;
	q->used = 0;
	q->held = false;
	q->bufs = m->bufs;
	set_tables(q, m);
	set_rings(q, m);
	memset(q->bufs, 0, (size_t)m->size * m->stride);
}

/* Every buffer is in `at` once, and where it was at first if none ever changed places. */
static bool
is_permutation(const struct folio_virtq *q)
{
	uint8_t found[VIRTQ_SIZE_MAX / 8] = {0};
	uint32_t i;

	for (i = 0; i < q->size; i++) {
		uint16_t id = q->at[i];

		if (q->shuffled == 0 && id != i)
			return false;
		if (id > q->mask || (found[id / 8] >> id % 8 & 1) != 0)
			return false;
		found[id / 8] |= (uint8_t)(1u << id % 8);
	}
	return true;
}

/* The chains that the device has end where they should. A free buffer heads none. */
static bool
are_chains(const struct folio_virtq *q)
{
	uint32_t s = q->tail - q->size, n = 0;

	while (n < q->size) {
		uint32_t more = q->note[q->at[(s + n) & q->mask]] & FOLIO_VIRTQ_MORE;

		if (more != 0 && s + n - q->head >= q->tail - q->head)
			return false;
		n += 1 + more;
	}
	return n == q->size;
}

bool
folio_virtq_valid(const struct folio_virtq *q)
{
	uint32_t known = (uint16_t)(q->seen - q->used);

	return q->size > 0 && q->size <= VIRTQ_SIZE_MAX && (q->size & (q->size - 1)) == 0 &&
	       q->mask == q->size - 1 && q->room + FOLIO_VIRTQ_LINE == q->stride &&
	       q->plain_max <= q->room && q->plain_max <= q->max_frame &&
	       q->plain_max >= FOLIO_VIRTQ_FRAME_MIN &&
	       q->tail - q->head <= q->size && known <= (uint16_t)(q->avail - q->used) &&
	       (q->broken == 0 || (known == 0 && q->tail - q->head == q->size)) &&
	       is_permutation(q) && are_chains(q);
}

uint32_t
folio_virtq_give_up(struct folio_virtq *q, uint64_t *counter)
{
	folio_count(counter);
	__atomic_store_n(&q->broken, 1, __ATOMIC_RELAXED);
	folio_virtq_stay_broken(q);
	return 0;
}

void
folio_virtq_weaken(struct folio_virtq *q)
{
	q->weak = 1;
}

void
folio_virtq_before_publish(struct folio_virtq *q)
{
	if (q->broken)
		folio_virtq_stay_broken(q);
	if (q->weak)
		folio_shared_fence();
}

bool
folio_virtq_watch(struct folio_virtq *q, bool polls)
{
	uint32_t was = __atomic_load_n(&q->doorbell, __ATOMIC_RELAXED);

	__atomic_store_n(&q->doorbell, polls ? 0 : was < 2 ? was + 1 : 2, __ATOMIC_RELAXED);
	return !polls && was < 2;
}

/* Device not trusted: id is any number. */
bool
folio_virtq_find(struct folio_virtq *q, uint32_t s, uint32_t id)
{
	uint32_t i;

	/*@ loop assigns i; */
	for (i = s; i != q->tail && !q->in_order; i++) {
		uint16_t found = q->at[i & q->mask];

		if (found != id)
			continue;
		q->at[i & q->mask] = q->at[s & q->mask];
		q->at[s & q->mask] = found;
		q->shuffled = 1;
		return true;
	}
	return folio_virtq_give_up(q, &q->bad_id);
}

/* Move the n entries of `at` from place s on to the front, where the oldest are. */
static void
bring_forward(struct folio_virtq *q, uint32_t s, uint32_t n)
{
	uint32_t front = q->head, i;

	for (; n > 0; n--, s++, front++) {
		uint16_t id = q->at[s & q->mask];

		for (i = s; i != front; i--)
			q->at[i & q->mask] = q->at[(i - 1) & q->mask];
		q->at[front & q->mask] = id;
	}
}

/* The chain at place s is ours again. Returns its descriptors. */
static uint32_t
retire(struct folio_virtq *q, uint32_t s)
{
	uint16_t *note = &q->note[q->at[s & q->mask]];
	uint32_t n = 1 + (*note & FOLIO_VIRTQ_MORE);

	*note &= FOLIO_VIRTQ_DIRTY;
	return n;
}

/* Device not trusted: id is any number. */
uint32_t
folio_virtq_take(struct folio_virtq *q, uint32_t id)
{
	uint32_t s = q->head, chains = 1, i;

	while (s != q->tail && q->at[s & q->mask] != id) {
		s += 1 + (q->note[q->at[s & q->mask]] & FOLIO_VIRTQ_MORE);
		chains++;
	}
	if (s == q->tail)
		return folio_virtq_give_up(q, &q->bad_id);
	if (!q->in_order) {
		q->shuffled |= s != q->head;
		bring_forward(q, s, 1 + (q->note[q->at[s & q->mask]] & FOLIO_VIRTQ_MORE));
		chains = 1;
	}
	for (i = 0; i < chains; i++)
		q->head += retire(q, q->head);
	return chains;
}

void
folio_virtq_tx_piece(struct folio_virtq *q, uint32_t s, uint32_t offset, const void *src,
		     uint32_t len, folio_copy_fn exact)
{
	const uint8_t *from = src;
	uint32_t more = q->room + VIRTIO_NET_HDR_LEN;
	uint32_t start = FOLIO_VIRTQ_LINE, end = q->room;

	if (offset >= q->room) {
		s += 1 + (offset - q->room) / more;
		offset = (offset - q->room) % more;
		start = FOLIO_VIRTQ_HEADER;
		end = more;
	}
	/*@ loop invariant inside: offset < end && start + end == q->stride && start >= 52;
	    loop invariant left: len <= \at(len, Pre);
	    loop invariant there: from == (const uint8_t *)src + (\at(len, Pre) - len);
	    loop assigns s, offset, from, len, start, end, q->note[0 .. q->mask],
	      q->bufs[0 .. q->size * q->stride - 1];
	    loop variant len;
	*/
	while (len > 0) {
		uint16_t id = folio_virtq_at(q, s);
		uint32_t part = end - offset < len ? end - offset : len;

		if (start == FOLIO_VIRTQ_HEADER)
			q->note[id] |= FOLIO_VIRTQ_DIRTY;
		exact(folio_virtq_buf(q, id) + start + offset, from, part);
		from += part;
		len -= part;
		s++;
		offset = 0;
		start = FOLIO_VIRTQ_HEADER;
		end = more;
	}
}

void
folio_virtq_rx_piece(const struct folio_virtq *q, uint32_t s, uint32_t offset, void *dst,
		     uint32_t len, folio_copy_fn exact)
{
	uint8_t *to = dst;
	uint32_t i, skip = VIRTIO_NET_HDR_LEN;

	/* lens counts the header in the first buffer's. */
	/*@ loop invariant first: skip == 0 || (skip == 12 && i == 0);
	    loop invariant left: len <= \at(len, Pre);
	    loop invariant there: to == (uint8_t *)dst + (\at(len, Pre) - len);
	    loop assigns i, s, skip, offset, to, len, ((uint8_t *)dst)[0 .. \at(len, Pre) - 1];
	*/
	for (i = 0; len > 0; i++, s++, skip = 0) {
		uint32_t has = q->lens[i & q->mask] - skip;
		uint32_t part;

		if (offset >= has) {
			offset -= has;
			continue;
		}
		part = has - offset < len ? has - offset : len;
		exact(to, folio_virtq_buf(q, folio_virtq_at(q, s)) + FOLIO_VIRTQ_HEADER + skip +
		      offset, part);
		to += part;
		len -= part;
		offset = 0;
	}
}
