/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>

#include "backend_state.h"

void
backend_forget_memory(struct backend *b)
{
	b->n_regions = 0;
	while (b->n_maps > 0) {
		b->n_maps--;
		munmap(b->map[b->n_maps], b->map_len[b->n_maps]);
	}
}

static void
describe(struct backend_region *to, const struct region *r, int fd, uint8_t *mem)
{
	char link[40];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	*to = (struct backend_region){
		.guest_addr = r->guest_addr,
		.user_addr = r->user_addr,
		.size = r->size,
		.offset = r->offset,
		.seals = fcntl(fd, F_GET_SEALS),
		.mem = mem,
	};
	n = readlink(link, to->file, sizeof(to->file) - 1);
	to->file[n > 0 ? n : 0] = '\0';
}

bool
backend_set_memory(struct backend *b)
{
	unsigned int i, n = b->in.memory.n;

	/* Rings that run go on where they are. */
	if (b->counts.started == 0)
		backend_forget_memory(b);
	b->n_regions = 0;
	b->counts.regions = n;
	b->counts.memory = 0;
	if (n > MAPS - b->n_maps)
		return backend_complain(b, "another memory table, again and again");
	if (n > REGIONS || b->n_fds != n || b->in.header.size != 8 + n * sizeof(struct region))
		return backend_complain(b, "a memory table without a descriptor for each region");
	for (i = 0; i < n; i++) {
		const struct region r = b->in.memory.region[i];
		size_t len = r.size + r.offset;
		uint8_t *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, b->fds[i], 0);

		if (mem == MAP_FAILED)
			return backend_complain(b, "memory that cannot be mapped");
		b->map[b->n_maps] = mem;
		b->map_len[b->n_maps++] = len;
		b->guest[i] = (struct model_region){r.guest_addr, r.size, mem + r.offset};
		b->user[i] = (struct model_region){r.user_addr, r.size, mem + r.offset};
		describe(&b->region[i], &r, b->fds[i], mem + r.offset);
		b->n_regions++;
		b->counts.memory += r.size;
	}
	return true;
}

void
backend_stop_ring(struct backend *b, struct ring *r)
{
	if (r->running) {
		model_free(&r->q);
		b->counts.started--;
	}
	r->running = false;
	r->kicked = false;
	backend_close_fd(&r->kick);
	backend_close_fd(&r->hostage);
}

static void *
find_ring(const struct backend *b, uint64_t addr, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < b->n_regions; i++) {
		const struct model_region *r = &b->user[i];

		if (addr >= r->addr && len <= r->len && addr - r->addr <= r->len - len)
			return r->mem + (addr - r->addr);
	}
	return NULL;
}

/* A ring begins with its first kick. */
static bool
start_ring(struct backend *b, struct ring *r, bool receive)
{
	const bool packed = (b->features & (UINT64_C(1) << VIRTIO_F_RING_PACKED)) != 0;
	const uint64_t n = r->num;
	void *desc, *driver, *device;

	if (n == 0 || n > 32768 || (n & (n - 1)) != 0 || !r->has_addr)
		return backend_complain(b, "a ring without size or addresses");
	/* Packed: the places of what is given and of what is used; some say the first only. */
	if (packed ? r->base != 0x80008000u && r->base != 0x8000u : r->base != 0)
		return backend_complain(b, "a ring that does not begin at its beginning");
	desc = find_ring(b, r->addr.desc_user_addr, 16 * n);
	driver = find_ring(b, r->addr.avail_user_addr, packed ? 4 : 4 + 2 * n);
	device = find_ring(b, r->addr.used_user_addr, packed ? 4 : 4 + 8 * n);
	if (desc == NULL || driver == NULL || device == NULL)
		return backend_complain(b, "a ring outside of the memory");
	if (!model_init(&r->q, packed, receive, r->num, desc, driver, device, b->guest,
			b->n_regions))
		return backend_complain(b, "out of memory");
	/* A driver that goes on with its rings behind a new connection: as rte_vhost takes it. */
	if (!packed)
		r->q.next_avail = r->q.next_used = r->q.used->idx;
	r->q.mergeable = (b->features & (UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF)) != 0;
	if (b->cfg.polls)
		model_want_doorbell(&r->q, false);
	r->running = true;
	b->counts.started++;
	return true;
}

static bool
look_at_kick(struct backend *b, struct ring *r)
{
	uint64_t n;

	if (r->kick < 0 || read(r->kick, &n, sizeof(n)) != (ssize_t)sizeof(n))
		return false;
	r->kicked = true;
	b->counts.kicks++;
	return true;
}

static bool
echo(struct backend *b, struct ring *tx, struct ring *rx)
{
	static uint8_t frame[FRAME_MAX];
	uint8_t header[MODEL_HEADER];
	uint32_t n;
	int len = 0;

	if (model_collect(&rx->q) < 0)
		return backend_complain(b, rx->q.error);
	for (n = 0; n < STEP_FRAMES && rx->q.n_held > 0; n++) {
		len = model_read(&tx->q, frame, sizeof(frame), header);
		if (len <= 0)
			break;
		if (!model_deliver(&rx->q, 0, frame, (uint32_t)len, NULL))
			break;
		b->counts.frames++;
	}
	if (len < 0)
		return backend_complain(b, tx->q.error);
	while (tx->q.n_held > 0)
		model_return(&tx->q, 0, 0);
	model_publish(&rx->q);
	model_publish(&tx->q);
	return n > 0;
}

static bool
serve(struct backend *b, unsigned int pair, struct ring *tx, struct ring *rx)
{
	bool busy = b->cfg.serve(b->cfg.serve_ctx, pair, &rx->q, &tx->q);

	if (rx->q.error != NULL || tx->q.error != NULL)
		return backend_complain(b, rx->q.error != NULL ? rx->q.error : tx->q.error);
	return busy;
}

bool
backend_serve_rings(struct backend *b)
{
	const bool always = (b->features & PROTOCOL_FEATURES) == 0;
	bool busy = false;
	unsigned int i;

	for (i = 0; i < RINGS; i++) {
		struct ring *r = &b->ring[i];

		busy |= look_at_kick(b, r);
		if (!r->running && r->kicked && (always || r->enabled) && b->error == NULL)
			busy |= start_ring(b, r, i % 2 == 0);
	}
	for (i = 0; i < RINGS && b->error == NULL; i += 2) {
		struct ring *rx = &b->ring[i], *tx = &b->ring[i + 1];

		if (!rx->running || !tx->running || (!always && (!rx->enabled || !tx->enabled)))
			continue;
		if (b->cfg.serve == NULL)
			busy |= echo(b, tx, rx);
		else
			busy |= serve(b, i / 2, tx, rx);
	}
	return busy;
}
