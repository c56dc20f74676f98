/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdio.h>
#include <string.h>

#include "canary.h"
#include "peer.h"

static uint8_t payload[2 * CANARY_FRAME_MAX];
static uint32_t serial;

/* Bytes 0x20 to 0x3f: no canary, and no address of a Linux process on x86-64. */
static void
make_payload(void)
{
	uint64_t seed = 20261125;
	size_t i;

	for (i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(0x20 + peer_random(&seed) % 0x20);
}

static void
fill_canary(struct rte_mempool *pool, void *arg, void *obj, unsigned int i)
{
	struct rte_mbuf *m = obj;

	(void)pool;
	(void)arg;
	(void)i;
	memset(m->buf_addr, CANARY, m->buf_len);
}

void
canary_fill(struct rte_mbuf *m)
{
	fill_canary(NULL, NULL, m, 0);
}

static struct rte_mbuf *
canary_mbuf(uint32_t headroom)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(common_pool);

	assert_non_null(m);
	fill_canary(NULL, NULL, m, 0);
	m->data_off = (uint16_t)headroom;
	/* Fields that only offloads would read, and that say something. */
	m->vlan_tci = 0xc5c5;
	m->vlan_tci_outer = 0xc5c5;
	m->hash.rss = 0xc5c5c5c5;
	m->tx_offload = UINT64_C(0xc5c5c5c5c5c5c5c5);
	memset(m->dynfield1, CANARY, sizeof(m->dynfield1));
	return m;
}

/* A frame of this form; its mbufs go to `all`. */
struct rte_mbuf *
canary_make(const struct canary_form *form, uint32_t len, struct rte_mbuf **all,
	    unsigned int *count)
{
	struct rte_mbuf *head = NULL, *last = NULL;
	const uint8_t *data = payload + len % CANARY_FRAME_MAX;
	uint32_t done = 0;

	while (done < len) {
		uint32_t part = RTE_MIN(len - done, head == NULL ? form->first : form->rest);
		struct rte_mbuf *m = canary_mbuf(serial++ % 3 == 0 ? 0 : RTE_PKTMBUF_HEADROOM);

		memcpy(rte_pktmbuf_append(m, (uint16_t)part), data + done, part);
		done += part;
		if (head == NULL) {
			head = m;
			/*
			 * Every flag of transmit, one or two at a time. The port has none of them.
			 */
			m->ol_flags = UINT64_C(3) << (40 + serial % 20);
		} else {
			last->next = m;
			head->nb_segs++;
			head->pkt_len += part;
		}
		last = m;
		assert_true(*count < CANARY_MBUFS);
		all[(*count)++] = m;
	}
	return head;
}

/* What was received is what was sent, and no field of an offload came along (V7). */
void
canary_take(uint16_t port, uint32_t len)
{
	struct rte_mbuf *m = receive_one(port, 0);
	const uint8_t *data = payload + len % CANARY_FRAME_MAX;
	const struct rte_mbuf *s;
	uint32_t done = 0;

	assert_int_equal(m->pkt_len, len);
	assert_int_equal(m->ol_flags, 0);
	for (s = m; s != NULL; s = s->next) {
		assert_memory_equal(rte_pktmbuf_mtod(s, void *), data + done, s->data_len);
		done += s->data_len;
	}
	assert_int_equal(done, len);
	for (s = m; s != NULL; s = s->next)
		memset(s->buf_addr, CANARY, s->buf_len);
	rte_pktmbuf_free(m);
}

bool
canary_is_zero(const uint8_t *mem, size_t len)
{
	return len == 0 || (mem[0] == 0 && memcmp(mem, mem + 1, len - 1) == 0);
}

unsigned int
canary_ranges(struct canary_range *r, unsigned int max)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long long from, to;
	char mode[8], line[512];
	unsigned int n = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%llx-%llx %7s", &from, &to, mode) == 3 && mode[0] == 'r' &&
		    n < max)
			r[n++] = (struct canary_range){from, to};
	}
	fclose(maps);
	return n;
}

int
canary_setup(void **state)
{
	int ret = eal_setup(state);

	if (ret == 0)
		rte_mempool_obj_iter(common_pool, fill_canary, NULL);
	make_payload();
	return ret;
}
