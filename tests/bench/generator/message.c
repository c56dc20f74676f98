/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include "message.h"

#define MAGIC 0x666f6c62 /* "folb" */
#define VERSION 1

struct wire {
	struct rte_ether_hdr eth;
	rte_be32_t magic;
	uint8_t version;
	uint8_t kind;
	uint8_t op;
	uint8_t refused;
	rte_be32_t asker;
	rte_be32_t sequence;
	rte_be32_t frame;
	rte_be32_t value[MESSAGE_VALUES];
	rte_be64_t rx_packets;
	rte_be64_t rx_bytes;
	rte_be64_t tx_packets;
	rte_be64_t tx_bytes;
	rte_be64_t tx_dropped;
	rte_be64_t ns;
} __attribute__((packed, aligned(2)));

void
message_write(uint8_t *frame, const struct message *m)
{
	struct wire w = {
		.eth = {
			.dst_addr = m->dst,
			.src_addr = m->src,
			.ether_type = RTE_BE16(MESSAGE_ETHER_TYPE),
		},
		.magic = RTE_BE32(MAGIC),
		.version = VERSION,
		.kind = (uint8_t)m->kind,
		.op = (uint8_t)m->op,
		.refused = m->refused,
		.asker = rte_cpu_to_be_32(m->asker),
		.sequence = rte_cpu_to_be_32(m->sequence),
		.frame = rte_cpu_to_be_32(m->frame),
		.rx_packets = rte_cpu_to_be_64(m->count.rx_packets),
		.rx_bytes = rte_cpu_to_be_64(m->count.rx_bytes),
		.tx_packets = rte_cpu_to_be_64(m->count.tx_packets),
		.tx_bytes = rte_cpu_to_be_64(m->count.tx_bytes),
		.tx_dropped = rte_cpu_to_be_64(m->count.tx_dropped),
		.ns = rte_cpu_to_be_64(m->ns),
	};
	uint32_t i;

	RTE_BUILD_BUG_ON(sizeof(w) > MESSAGE_LEN);
	for (i = 0; i < MESSAGE_VALUES; i++)
		w.value[i] = rte_cpu_to_be_32(m->value[i]);
	memset(frame, 0, MESSAGE_LEN);
	memcpy(frame, &w, sizeof(w));
}

bool
message_read(const uint8_t *frame, uint32_t len, struct message *m)
{
	struct wire w;
	uint32_t i;

	if (len < MESSAGE_LEN)
		return false;
	memcpy(&w, frame, sizeof(w));
	if (w.eth.ether_type != RTE_BE16(MESSAGE_ETHER_TYPE) || w.magic != RTE_BE32(MAGIC) ||
	    w.version != VERSION || !rte_is_unicast_ether_addr(&w.eth.src_addr) ||
	    (w.kind != MESSAGE_REQUEST && w.kind != MESSAGE_ANSWER) ||
	    w.op < MESSAGE_RECEIVE || w.op > MESSAGE_QUIT ||
	    w.refused > (w.kind == MESSAGE_ANSWER ? 1 : 0))
		return false;
	*m = (struct message){
		.kind = w.kind,
		.op = w.op,
		.refused = w.refused != 0,
		.asker = rte_be_to_cpu_32(w.asker),
		.sequence = rte_be_to_cpu_32(w.sequence),
		.frame = rte_be_to_cpu_32(w.frame),
		.count = {
			.rx_packets = rte_be_to_cpu_64(w.rx_packets),
			.rx_bytes = rte_be_to_cpu_64(w.rx_bytes),
			.tx_packets = rte_be_to_cpu_64(w.tx_packets),
			.tx_bytes = rte_be_to_cpu_64(w.tx_bytes),
			.tx_dropped = rte_be_to_cpu_64(w.tx_dropped),
		},
		.ns = rte_be_to_cpu_64(w.ns),
		.src = w.eth.src_addr,
		.dst = w.eth.dst_addr,
	};
	for (i = 0; i < MESSAGE_VALUES; i++)
		m->value[i] = rte_be_to_cpu_32(w.value[i]);
	return true;
}
