/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

#define PATIENCE 300 /* waits until the victim has done what it should have */
#define FRAME_LEN 60

uint64_t
peer_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static uint64_t
align_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) / to * to;
}

/* docs/wire-format.md in code, a second time. */
static void
lay_out(struct peer *p, const struct geometry *g)
{
	uint32_t lines = (g->slot_size + FOLIO_WIRE_LINE - 1) / FOLIO_WIRE_LINE;
	uint64_t ring;

	p->geom = *g;
	p->stride = (lines % 2 == 0 ? lines + 1 : lines) * FOLIO_WIRE_LINE;
	ring = (uint64_t)g->ring_size * p->stride;
	p->max_frame = ring < FOLIO_WIRE_FRAME_MAX ? (uint32_t)ring : FOLIO_WIRE_FRAME_MAX;
	p->desc_len = align_up(g->ring_size * UINT64_C(8), FOLIO_WIRE_PAGE);
	p->meta_len = align_up(g->ring_size * UINT64_C(32), FOLIO_WIRE_PAGE);
	p->data_len = align_up(ring, FOLIO_WIRE_PAGE);
	p->index_off = FOLIO_WIRE_PAGE;
	p->desc_off = p->index_off + align_up(g->queues * UINT64_C(256), FOLIO_WIRE_PAGE);
	p->meta_off = p->desc_off + g->queues * p->desc_len;
	p->data_off = p->meta_off + g->queues * p->meta_len;
	p->used = p->data_off + g->queues * p->data_len;
	p->area_size = align_up(p->used, UINT64_C(1) << g->page_shift);
	p->size = 2 * p->area_size;
}

struct folio_wire_header *
peer_header(uint8_t *area)
{
	return (struct folio_wire_header *)area;
}

struct folio_wire_index *
peer_index(const struct peer *p, uint8_t *area)
{
	return (struct folio_wire_index *)(area + p->index_off);
}

folio_wire_desc *
peer_desc(const struct peer *p, uint8_t *area, uint32_t i)
{
	return (folio_wire_desc *)(area + p->desc_off) + i % p->geom.ring_size;
}

uint8_t *
peer_slot(const struct peer *p, uint8_t *area, uint32_t i)
{
	return area + p->data_off + (uint64_t)(i % p->geom.ring_size) * p->stride;
}

/* The geometry that a guest's header in the file shows. */
static bool
read_geometry(int fd, struct geometry *g)
{
	struct folio_wire_header h;

	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) || h.magic.raw != FOLIO_WIRE_MAGIC ||
	    h.queues.raw == 0)
		return false;
	*g = (struct geometry){.queues = h.queues.raw, .ring_size = h.ring_size.raw,
			       .slot_size = h.slot_size.raw, .page_shift = h.page_shift.raw};
	return true;
}

bool
peer_open(struct peer *p, const char *path, bool is_guest, const struct geometry *geom)
{
	struct geometry g;
	struct stat st;

	snprintf(p->path, sizeof(p->path), "%s", path);
	p->is_guest = is_guest;
	p->mem = NULL;
	p->fd = open(path, O_RDWR | O_CLOEXEC | (is_guest ? O_CREAT : 0), 0600);
	if (p->fd < 0)
		return false;
	if (is_guest)
		g = *geom;
	else if (!read_geometry(p->fd, &g))
		goto fail;
	lay_out(p, &g);
	if (fstat(p->fd, &st) != 0)
		goto fail;
	if ((uint64_t)st.st_size < p->size &&
	    (!is_guest || ftruncate(p->fd, (off_t)p->size) != 0))
		goto fail;
	p->mem = mmap(NULL, p->size, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	if (p->mem == MAP_FAILED)
		goto fail;
	p->own = is_guest ? p->mem : p->mem + p->area_size;
	p->victim = is_guest ? p->mem + p->area_size : p->mem;
	p->generation = 0;
	return true;
fail:
	p->mem = NULL;
	close(p->fd);
	p->fd = -1;
	return false;
}

void
peer_close(struct peer *p)
{
	if (p->mem == NULL)
		return;
	munmap(p->mem, p->size);
	close(p->fd);
	p->mem = NULL;
	p->fd = -1;
}

void
peer_offer(struct peer *p)
{
	struct folio_wire_header *h = peer_header(p->own);

	do
		p->generation = peer_random(&p->seed);
	while (p->generation == 0);
	p->produced = 0;
	p->consumed = 0;
	p->seen = 0;
	memset(p->own, 0, p->index_off);
	memset(p->own + p->index_off, 0, p->meta_off - p->index_off);
	memset(p->own + p->data_off, 0, p->used - p->data_off);
	store64(&h->magic, FOLIO_WIRE_MAGIC);
	store32(&h->version, FOLIO_WIRE_VERSION);
	store32(&h->role, p->is_guest ? FOLIO_WIRE_ROLE_GUEST : FOLIO_WIRE_ROLE_HOST);
	store32(&h->queues, p->geom.queues);
	store32(&h->ring_size, p->geom.ring_size);
	store32(&h->slot_size, p->geom.slot_size);
	store32(&h->page_shift, p->geom.page_shift);
	store32(&h->heartbeat, ++p->heartbeat);
	store64(&h->generation, p->generation);
	store32(&h->state, FOLIO_WIRE_STATE_STARTED);
}

void
peer_beat(struct peer *p)
{
	store32(&peer_header(p->own)->heartbeat, ++p->heartbeat);
}

void
peer_answer(struct peer *p)
{
	const struct folio_wire_header *v = peer_header(p->victim);
	struct folio_wire_header *h = peer_header(p->own);
	bool there = load64(&v->magic) == FOLIO_WIRE_MAGIC &&
		     load32(&v->state) == FOLIO_WIRE_STATE_STARTED;

	store64(&h->ack, there ? load64(&v->generation) : 0);
}

bool
peer_is_up(const struct peer *p)
{
	const struct folio_wire_header *v = peer_header(p->victim), *h = peer_header(p->own);

	return p->generation != 0 && load32(&v->state) == FOLIO_WIRE_STATE_STARTED &&
	       load64(&v->ack) == p->generation && load64(&h->generation) == p->generation &&
	       load64(&v->generation) != 0 && load64(&h->ack) == load64(&v->generation);
}

void
peer_let_go(struct peer *p)
{
	struct folio_wire_header *h = peer_header(p->own), *v = peer_header(p->victim);
	int i;

	store64(&h->ack, 0);
	store32(&h->state, FOLIO_WIRE_STATE_STOPPED);
	for (i = 0; i < PATIENCE && p->generation != 0 && load64(&v->ack) == p->generation; i++)
		p->wait(p->ctx);
}

bool
peer_connect(struct peer *p)
{
	int i;

	peer_let_go(p);
	peer_offer(p);
	for (i = 0; i < PATIENCE && !peer_is_up(p); i++) {
		p->wait(p->ctx);
		peer_beat(p);
		peer_answer(p);
	}
	/* The victim opens its rings in the step in which it sees our answer. */
	for (i = 0; i < 3; i++) {
		peer_beat(p);
		p->wait(p->ctx);
	}
	return peer_is_up(p);
}

uint32_t
peer_pending(const struct peer *p)
{
	return p->produced - load32(&peer_index(p, p->victim)->consumed);
}

void
peer_put(struct peer *p, uint64_t desc, uint32_t slots)
{
	store64(peer_desc(p, p->own, p->produced), desc);
	p->produced += slots;
	store32(&peer_index(p, p->own)->produced, p->produced);
}

void
peer_frame_make(uint8_t *data, uint32_t len, uint32_t number)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		data[i] = (uint8_t)(number + i * 7 + (i >> 8));
	memcpy(data, &number, sizeof(number));
	memcpy(data + sizeof(number), &len, sizeof(len));
}

bool
peer_frame_ok(const uint8_t *data, uint32_t len)
{
	uint32_t number, said, i;

	if (len < FOLIO_WIRE_FRAME_MIN)
		return false;
	memcpy(&number, data, sizeof(number));
	memcpy(&said, data + sizeof(number), sizeof(said));
	for (i = 2 * sizeof(number); i < len; i++) {
		if (data[i] != (uint8_t)(number + i * 7 + (i >> 8)))
			return false;
	}
	return said == len;
}

/* Bytes of the ring from slot i on, wrapping at its end. */
static void
copy_in(struct peer *p, uint32_t i, const uint8_t *data, uint32_t len)
{
	uint64_t at = (uint64_t)(i % p->geom.ring_size) * p->stride;
	uint64_t ring = (uint64_t)p->geom.ring_size * p->stride;
	uint32_t first = len < ring - at ? len : (uint32_t)(ring - at);

	memcpy(p->own + p->data_off + at, data, first);
	memcpy(p->own + p->data_off, data + first, len - first);
}

static void
copy_out(const struct peer *p, uint32_t i, uint8_t *data, uint32_t len)
{
	uint64_t at = (uint64_t)(i % p->geom.ring_size) * p->stride;
	uint64_t ring = (uint64_t)p->geom.ring_size * p->stride;
	uint32_t first = len < ring - at ? len : (uint32_t)(ring - at);

	memcpy(data, p->victim + p->data_off + at, first);
	memcpy(data + first, p->victim + p->data_off, len - first);
}

bool
peer_send(struct peer *p, uint32_t len)
{
	static uint8_t frame[FOLIO_WIRE_FRAME_MAX];
	uint32_t slots = (len + p->stride - 1) / p->stride;

	if (slots > p->geom.ring_size - peer_pending(p))
		return false;
	peer_frame_make(frame, len, (uint32_t)peer_random(&p->seed));
	copy_in(p, p->produced, frame, len);
	peer_put(p, len, slots);
	p->sent++;
	return true;
}

static void
receive(struct peer *p)
{
	static uint8_t frame[FOLIO_WIRE_FRAME_MAX];
	uint32_t avail = load32(&peer_index(p, p->victim)->produced) - p->consumed;
	uint32_t slots;
	uint64_t len;

	/* A ring that was just attacked may hold anything: this program must not fall over it. */
	if (avail > p->geom.ring_size)
		return;
	while (avail > 0) {
		len = load64(peer_desc(p, p->victim, p->consumed));
		slots = (uint32_t)((len + p->stride - 1) / p->stride);
		if (len < FOLIO_WIRE_FRAME_MIN || len > p->max_frame || slots > avail) {
			p->bad++;
			break;
		}
		if (p->check) {
			copy_out(p, p->consumed, frame, (uint32_t)len);
			p->bad += !peer_frame_ok(frame, (uint32_t)len);
		}
		p->received++;
		p->consumed += slots;
		avail -= slots;
	}
	store32(&peer_index(p, p->own)->consumed, p->consumed);
}

void
peer_talk(struct peer *p, unsigned int n)
{
	receive(p);
	while (n-- > 0 && peer_send(p, FRAME_LEN))
		;
}

bool
attack_is_of(const struct attack *a, const char *row, bool victim_is_guest)
{
	size_t len = strlen(row);

	return strncmp(a->name, row, len) == 0 && (a->name[len] == '_' || a->name[len] == '\0') &&
	       (a->victims == BOTH || (a->victims == GUESTS) == victim_is_guest);
}
