/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdlib.h>
#include <string.h>

#include "ring_rig.h"

#define SLOT 256

int
rig_setup(void **state)
{
	const struct folio_geometry g = {QUEUES, RING, SLOT, FOLIO_WIRE_SHIFT_MIN};
	const struct folio_copy *k = folio_copy_select(FOLIO_ISA_AUTO);
	struct rig *r = calloc(1, sizeof(*r));

	if (r == NULL || folio_layout_init(&r->l, &g, 0, NULL) != 0)
		return -1;
	r->area = util_guarded_map(r->l.area_size);
	r->index = util_guarded_map(r->l.area_size);
	r->exact = k->exact;
	r->padded = k->padded;
	util_random_fill(r->out, sizeof(r->out), 1);
	folio_prod_attach(&r->p, &r->l, r->area, r->index, QUEUE);
	folio_cons_attach(&r->c, &r->l, r->area, r->index, QUEUE);
	folio_prod_reset(&r->p);
	folio_cons_reset(&r->c);
	*state = r;
	return 0;
}

int
rig_teardown(void **state)
{
	struct rig *r = *state;
	bool valid = folio_prod_valid(&r->p) && folio_cons_valid(&r->c);

	util_guarded_unmap(r->area, r->l.area_size);
	util_guarded_unmap(r->index, r->l.area_size);
	free(r);
	return valid ? 0 : -1; /* whatever a test did to the ends */
}

folio_shared_u32 *
rig_produced(struct rig *r)
{
	return &folio_layout_index(&r->l, r->area, QUEUE)->produced;
}

folio_shared_u32 *
rig_consumed(struct rig *r)
{
	return &folio_layout_index(&r->l, r->index, QUEUE)->consumed;
}

uint8_t *
rig_data(struct rig *r)
{
	return folio_layout_data(&r->l, r->area, QUEUE);
}

void
rig_move_to(struct rig *r, uint32_t at)
{
	folio_prod_reset(&r->p);
	folio_cons_reset(&r->c);
	r->p.head = at;
	r->p.seen = at;
	r->c.head = at;
	r->c.seen = at;
	r->c.published = at;
	folio_put32(rig_produced(r), at);
	folio_put32(rig_consumed(r), at);
}

uint64_t
rig_violations(const struct folio_cons *c)
{
	return c->bad_index + c->bad_length + c->bad_flags + c->bad_chain;
}

const uint8_t *
frame_data(const struct rig *r, uint32_t n)
{
	return r->out + n * 7 % 8192;
}

const uint32_t places[10] = {
	0, 1, RING, 12345, (1u << 31) - 3, 1u << 31, RING / 2,
	UINT32_MAX - RING, UINT32_MAX - 2, UINT32_MAX,
};

enum folio_verdict
judge(struct rig *r, uint64_t desc, struct folio_frame *frame)
{
	uint64_t fetched;

	rig_move_to(r, 0);
	folio_put32(rig_produced(r), RING);
	assert_int_equal(folio_cons_avail(&r->c, 1), RING);
	folio_put64(&folio_layout_desc(&r->l, r->area, QUEUE)[0], desc);
	fetched = folio_cons_desc(&r->c, 0);
	assert_int_equal(fetched, desc);
	memset(frame, 0x5a, sizeof(*frame));
	return folio_cons_judge(&r->c, fetched, 0, frame);
}
