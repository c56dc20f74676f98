/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdlib.h>
#include <string.h>

#include "model.h"

#define AVAIL_FLAG (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED_FLAG (1u << VRING_PACKED_DESC_F_USED)

bool
model_init(struct model_queue *q, bool packed, bool receive, uint32_t size, void *desc,
	   void *driver, void *device, const struct model_region *regions, unsigned int n_regions)
{
	uint32_t i;

	memset(q, 0, sizeof(*q));
	q->packed = packed;
	q->receive = receive;
	q->size = size;
	q->desc = desc;
	q->ring = desc;
	q->avail = driver;
	q->used = device;
	q->event = device;
	q->regions = regions;
	q->n_regions = n_regions;
	q->chains = calloc(size, sizeof(*q->chains));
	q->held = calloc(size, sizeof(*q->held));
	q->given = calloc(UINT16_MAX + 1, sizeof(*q->given));
	if (q->chains == NULL || q->held == NULL || q->given == NULL)
		return false;
	for (i = 0; i < size; i++)
		q->held[i] = &q->chains[i];
	model_reset(q);
	return true;
}

void
model_free(struct model_queue *q)
{
	free(q->held);
	free(q->chains);
	free(q->given);
}

void
model_reset(struct model_queue *q)
{
	q->next_avail = 0;
	q->next_used = 0;
	q->avail_wrap = true;
	q->used_wrap = true;
	q->pending = false;
	while (q->n_held > 0)
		q->given[q->held[--q->n_held]->id] = false;
	q->error = NULL;
}

static int
refuse(struct model_queue *q, const char *why)
{
	q->error = why;
	return -1;
}

static uint8_t *
reach(const struct model_queue *q, uint64_t addr, uint32_t len)
{
	unsigned int i;

	for (i = 0; i < q->n_regions; i++) {
		const struct model_region *r = &q->regions[i];

		if (addr >= r->addr && len <= r->len && addr - r->addr <= r->len - len)
			return r->mem + (addr - r->addr);
	}
	return NULL;
}

static int
add_part(struct model_queue *q, struct model_chain *c, uint64_t addr, uint32_t len,
	 unsigned int flags, uint16_t id)
{
	struct model_part *p = &c->part[c->n];

	if (c->n == MODEL_PARTS || c->n == q->size)
		return refuse(q, "a chain too long, or endless");
	if ((flags & VRING_DESC_F_INDIRECT) != 0)
		return refuse(q, "an indirect descriptor, which was not offered");
	if (((flags & VRING_DESC_F_WRITE) != 0) != q->receive)
		return refuse(q, "a buffer for the wrong direction");
	p->mem = reach(q, addr, len);
	p->len = len;
	p->id = id;
	if (p->mem == NULL)
		return refuse(q, "a buffer outside of the driver's memory");
	c->n++;
	c->bytes += len;
	return 1;
}

static int
next_split(struct model_queue *q, struct model_chain *c)
{
	uint16_t idx = __atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE);
	uint16_t id;

	if (idx == q->next_avail)
		return 0;
	if ((uint16_t)(idx - q->next_avail) > q->size)
		return refuse(q, "an index ahead by more than the ring");
	id = q->avail->ring[q->next_avail & (q->size - 1)];
	q->next_avail++;
	c->id = id;
	for (;;) {
		struct vring_desc d;

		if (id >= q->size)
			return refuse(q, "a descriptor number beyond the ring");
		d = q->desc[id];
		if (add_part(q, c, d.addr, d.len, d.flags, id) < 0)
			return -1;
		if ((d.flags & VRING_DESC_F_NEXT) == 0)
			return 1;
		id = d.next;
	}
}

static void
step(struct model_queue *q, uint16_t *place, bool *wrap, uint32_t n)
{
	uint32_t at = *place + n;

	if (at >= q->size) {
		at -= q->size;
		*wrap = !*wrap;
	}
	*place = (uint16_t)at;
}

static int
next_packed(struct model_queue *q, struct model_chain *c)
{
	uint16_t at = q->next_avail, flags = __atomic_load_n(&q->ring[at].flags, __ATOMIC_ACQUIRE);
	bool wrap = q->avail_wrap;

	if (((flags & AVAIL_FLAG) != 0) != wrap || ((flags & USED_FLAG) != 0) == wrap)
		return 0;
	for (;;) {
		struct vring_packed_desc d = q->ring[at];

		c->id = d.id;
		if (add_part(q, c, d.addr, d.len, d.flags, at) < 0)
			return -1;
		if (((d.flags & AVAIL_FLAG) != 0) != wrap || ((d.flags & USED_FLAG) != 0) == wrap)
			return refuse(q, "a chain whose rest was not given");
		step(q, &at, &wrap, 1);
		if ((d.flags & VRING_DESC_F_NEXT) == 0)
			break;
	}
	q->next_avail = at;
	q->avail_wrap = wrap;
	return 1;
}

static int
next_chain(struct model_queue *q)
{
	struct model_chain *c;
	int found;

	if (q->n_held == q->size)
		return 0;
	c = q->held[q->n_held];
	c->n = 0;
	c->bytes = 0;
	found = q->packed ? next_packed(q, c) : next_split(q, c);
	if (found <= 0)
		return found;
	if (q->given[c->id])
		return refuse(q, "a buffer that was given already");
	q->given[c->id] = true;
	q->n_held++;
	return 1;
}

int
model_collect(struct model_queue *q)
{
	int n = 0, found;

	while ((found = next_chain(q)) > 0)
		n++;
	return found < 0 ? found : n;
}

int
model_read(struct model_queue *q, uint8_t *to, uint32_t room, uint8_t header[MODEL_HEADER])
{
	const struct model_chain *c;
	uint32_t done = 0, i, j;
	int found = next_chain(q);

	if (found <= 0)
		return found;
	c = q->held[q->n_held - 1];
	if (c->bytes <= MODEL_HEADER || c->bytes - MODEL_HEADER > room)
		return refuse(q, "a frame too short, or too long");
	for (i = 0; i < c->n; i++) {
		for (j = 0; j < c->part[i].len; j++, done++) {
			if (done < MODEL_HEADER)
				header[done] = c->part[i].mem[j];
			else
				to[done - MODEL_HEADER] = c->part[i].mem[j];
		}
	}
	return (int)(done - MODEL_HEADER);
}

void
model_say_used(struct model_queue *q, uint32_t id, uint32_t len, uint32_t n)
{
	struct vring_packed_desc d = {.len = len, .id = (uint16_t)id};
	uint64_t word;

	if (!q->packed) {
		vring_used_elem_t *e = &q->used->ring[q->next_used & (q->size - 1)];

		__atomic_store_n(&e->id, id, __ATOMIC_RELAXED);
		__atomic_store_n(&e->len, len, __ATOMIC_RELAXED);
		q->next_used = (uint16_t)(q->next_used + n);
		q->pending = true;
		return;
	}
	d.flags = q->used_wrap ? AVAIL_FLAG | USED_FLAG : 0;
	if (q->pending) {
		memcpy(&word, &d.len, sizeof(word));
		__atomic_store_n((uint64_t *)&q->ring[q->next_used].len, word, __ATOMIC_RELAXED);
	} else {
		q->first = d;
		q->first_at = q->next_used;
		q->pending = true;
	}
	step(q, &q->next_used, &q->used_wrap, n);
}

void
model_publish(struct model_queue *q)
{
	uint64_t word;

	if (!q->pending)
		return;
	q->pending = false;
	if (!q->packed) {
		__atomic_store_n(&q->used->idx, q->next_used, __ATOMIC_RELEASE);
		return;
	}
	memcpy(&word, &q->first.len, sizeof(word));
	__atomic_store_n((uint64_t *)&q->ring[q->first_at].len, word, __ATOMIC_RELEASE);
}

static void
forget(struct model_queue *q, uint32_t which)
{
	struct model_chain *c = q->held[which];

	q->given[c->id] = false;
	q->n_held--;
	memmove(q->held + which, q->held + which + 1, (q->n_held - which) * sizeof(*q->held));
	q->held[q->n_held] = c;
}

void
model_return(struct model_queue *q, uint32_t which, uint32_t len)
{
	const struct model_chain *c = q->held[which];

	model_say_used(q, c->id, len, q->packed ? c->n : 1);
	forget(q, which);
}

void
model_return_batch(struct model_queue *q, uint32_t n)
{
	uint32_t i, places = 0;

	for (i = 0; i < n; i++)
		places += q->packed ? q->held[i]->n : 1;
	model_say_used(q, q->held[n - 1]->id, 0, places);
	for (i = 0; i < n; i++)
		forget(q, 0);
}

/* Bytes [offset, offset + len) of what lies in a chain. */
static void
write_chain(const struct model_chain *c, const uint8_t *from, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < c->n && len > 0; i++) {
		uint32_t part = c->part[i].len < len ? c->part[i].len : len;

		memcpy(c->part[i].mem, from, part);
		from += part;
		len -= part;
	}
}

bool
model_deliver(struct model_queue *q, uint32_t which, const uint8_t *data, uint32_t len,
	      const uint8_t *header)
{
	uint32_t all = len + MODEL_HEADER, room = 0, done, n = 0;
	uint16_t buffers;
	uint8_t *frame;

	while (room < all && which + n < q->n_held && (n == 0 || q->mergeable))
		room += q->held[which + n++]->bytes;
	frame = malloc(all);
	if (room < all || frame == NULL) {
		free(frame);
		return false;
	}
	memset(frame, 0, MODEL_HEADER);
	if (header != NULL)
		memcpy(frame, header, MODEL_HEADER);
	buffers = (uint16_t)n;
	memcpy(frame + MODEL_HEADER - sizeof(buffers), &buffers, sizeof(buffers));
	memcpy(frame + MODEL_HEADER, data, len);
	for (done = 0; n > 0; n--) {
		const struct model_chain *c = q->held[which];
		uint32_t part = c->bytes < all - done ? c->bytes : all - done;

		write_chain(c, frame + done, part);
		done += part;
		model_return(q, which, part);
	}
	free(frame);
	return true;
}

void
model_want_doorbell(struct model_queue *q, bool wanted)
{
	if (q->packed)
		__atomic_store_n(&q->event->flags, wanted ? VRING_PACKED_EVENT_FLAG_ENABLE
							  : VRING_PACKED_EVENT_FLAG_DISABLE,
				 __ATOMIC_RELAXED);
	else
		__atomic_store_n(&q->used->flags, wanted ? 0 : VRING_USED_F_NO_NOTIFY,
				 __ATOMIC_RELAXED);
}
