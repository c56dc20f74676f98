/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>

#include "virtio/control.h"
#include "virtio/queue.h"

/* Of the device, in the byte that it writes. */
#define ACK_OK 0u
#define ACK_NONE 0xffffffffu

/* Descriptors of a command: what the device reads, and the byte that it writes. */
#define DESCS 2u

void
folio_control_attach(struct folio_control *c, bool packed, void *mem, uint64_t addr, uint32_t limit,
		     struct folio_virtio_ring *ring)
{
	uint32_t behind = folio_virtq_ring_bytes(FOLIO_CONTROL_SIZE);
	struct folio_virtq_areas at;
	uint8_t *base = mem;

	folio_virtq_areas(FOLIO_CONTROL_SIZE, &at);
	memset(mem, 0, FOLIO_CONTROL_BYTES);
	*c = (struct folio_control){
		.desc = (struct folio_virtq_desc *)(base + at.desc),
		.ring = (struct folio_split_avail *)(base + at.driver),
		.back = (const struct folio_split_used *)(base + at.device),
		.elem = (const folio_shared_u64 *)(base + at.device + sizeof(*c->back)),
		.command = (folio_shared_u64 *)(base + behind),
		.ack = (folio_shared_u32 *)(base + behind + FOLIO_VIRTQ_LINE),
		.command_addr = addr + behind,
		.ack_addr = addr + behind + FOLIO_VIRTQ_LINE,
		.packed = packed,
		.limit = limit,
	};
	ring->desc = addr + at.desc;
	ring->driver = addr + at.driver;
	ring->device = addr + at.device;
	if (packed)
		folio_put16(&((struct folio_packed_event *)(base + at.driver))->flags,
			    VIRTQ_EVENT_DISABLE);
	else
		folio_put16(&c->ring->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
}

/* Where the n-th command begins in a packed ring, and its wrap counter. */
static uint32_t
packed_place(uint16_t n)
{
	return n * DESCS & (FOLIO_CONTROL_SIZE - 1);
}

static bool
packed_wrap(uint16_t n)
{
	return n * DESCS / FOLIO_CONTROL_SIZE % 2 == 0;
}

static void
give_packed(struct folio_control *c, uint32_t len)
{
	struct folio_virtq_desc *d = &c->desc[packed_place(c->given)];
	uint64_t mine = packed_wrap(c->given) ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;

	/* All ids are 0: there is one command. The first descriptor's flags give both. */
	folio_put64(&d[1].addr, c->ack_addr);
	folio_put64(&d[1].rest, (mine | VIRTQ_DESC_F_WRITE) << 48 | 1);
	folio_put64(&d[0].addr, c->command_addr);
	folio_shared_fence();
	folio_put64_release(&d[0].rest, (mine | VIRTQ_DESC_F_NEXT) << 48 | len);
}

/* Descriptors 0 and 1, always. */
static void
give_split(struct folio_control *c, uint32_t len)
{
	struct folio_virtq_desc *d = c->desc;

	folio_put64(&d[0].addr, c->command_addr);
	folio_put64(&d[0].rest, UINT64_C(1) << 48 | (uint64_t)VIRTQ_DESC_F_NEXT << 32 | len);
	folio_put64(&d[1].addr, c->ack_addr);
	folio_put64(&d[1].rest, (uint64_t)VIRTQ_DESC_F_WRITE << 32 | 1);
	folio_put16(&c->ring->ring[c->given & (FOLIO_CONTROL_SIZE - 1)], 0);
	folio_shared_fence();
	folio_put16_release(&c->ring->idx, (uint16_t)(c->given + 1));
}

void
folio_control_give(struct folio_control *c, uint32_t command, const void *data, uint32_t len)
{
	uint64_t words[(2 + FOLIO_CONTROL_DATA + 7) / 8] = {0};
	uint8_t *bytes = (uint8_t *)words;
	uint32_t i;

	bytes[0] = (uint8_t)(command >> 8);
	bytes[1] = (uint8_t)command;
	if (len > 0)
		memcpy(bytes + 2, data, len);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		folio_put64(&c->command[i], words[i]);
	folio_put32(c->ack, ACK_NONE);
	if (c->packed)
		give_packed(c, 2 + len);
	else
		give_split(c, 2 + len);
	folio_shared_fence(); /* the doorbell comes next */
	c->given++;
	c->busy = true;
	c->looks = 0;
}

/* PENDING; ACCEPTED: it was returned; or BROKEN. The length covers the one byte, or not even that.
 */
static enum folio_control_answer
look_packed(const struct folio_control *c)
{
	uint16_t n = (uint16_t)(c->given - 1);
	uint64_t word = folio_fetch64_acquire(&c->desc[packed_place(n)].rest);
	uint64_t both = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;

	if ((word >> 48 & both) != (packed_wrap(n) ? both : 0))
		return FOLIO_CONTROL_PENDING;
	return (uint16_t)(word >> 32) == 0 && (uint32_t)word <= 1 ? FOLIO_CONTROL_ACCEPTED :
								    FOLIO_CONTROL_BROKEN;
}

static enum folio_control_answer
look_split(const struct folio_control *c)
{
	uint16_t n = (uint16_t)(c->given - 1), idx = folio_fetch16_acquire(&c->back->idx);
	uint64_t word;

	if (idx == n)
		return FOLIO_CONTROL_PENDING;
	if (idx != c->given)
		return FOLIO_CONTROL_BROKEN;
	folio_shared_fence();
	word = folio_fetch64(&c->elem[n & (FOLIO_CONTROL_SIZE - 1)]);
	return (uint32_t)word == 0 && word >> 32 <= 1 ? FOLIO_CONTROL_ACCEPTED :
							FOLIO_CONTROL_BROKEN;
}

enum folio_control_answer
folio_control_look(struct folio_control *c)
{
	enum folio_control_answer answer;

	if (!c->busy || c->failed != FOLIO_CONTROL_IDLE)
		return c->failed;
	answer = c->packed ? look_packed(c) : look_split(c);
	if (answer == FOLIO_CONTROL_PENDING && ++c->looks < c->limit)
		return answer;
	if (answer == FOLIO_CONTROL_ACCEPTED) {
		c->busy = false;
		folio_shared_fence();
		return (folio_fetch32(c->ack) & 0xff) == ACK_OK ? FOLIO_CONTROL_ACCEPTED :
								  FOLIO_CONTROL_REFUSED;
	}
	c->failed = answer == FOLIO_CONTROL_PENDING ? FOLIO_CONTROL_SILENT : FOLIO_CONTROL_BROKEN;
	return c->failed;
}
