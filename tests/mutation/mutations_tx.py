# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Deliberate bugs of the transmit offloads, as in mutations.py: (name, test, file, old, new)."""

LAYER = "drivers/net/folio/folio_offload_tx.c"
PACKET = "drivers/net/folio/folio_offload_tx_packet.c"
TSO = "drivers/net/folio/folio_offload_tx_tso.c"
CKSUM = "drivers/net/folio/folio_cksum.h"
HERE, CUT = "driver:test_offload_tx", "driver:test_tso"

TX_BUGS = [
    # Checksums.
    ("a segment of odd length is summed as one of even", HERE, CKSUM,
     "all += odd ? rte_bswap16(s) : s;", "all += s + 0u * odd;"),
    ("a carry is lost", HERE, CKSUM, "return sum + (sum < word);", "return sum;"),
    ("the last bytes are not summed", HERE, CKSUM, "if (len > 0) {", "if (len > 1) {"),
    ("what stood in the checksum is summed", HERE, PACKET,
     "memset(field, 0, sizeof(uint16_t));\n\t\tstore_sum(field, sum_l4(",
     "store_sum(field, sum_l4("),
    ("what stood in the IPv4 checksum is summed", HERE, PACKET,
     "memset(field, 0, sizeof(uint16_t));\n\t\tstore_sum(field, folio_sum_bytes(",
     "store_sum(field, folio_sum_bytes("),
    ("padding is summed", HERE, PACKET, "ip->payload = total - l3_len;",
     "ip->payload = room - l3_len;"),
    ("UDP checksum 0 is sent", HERE, PACKET, "if (cksum == 0 && udp)", "if (cksum == 1 && udp)"),
    ("TCP checksum 0 is sent as 0xffff", HERE, PACKET, "if (cksum == 0 && udp)",
     "if (cksum == 0 + 0 * udp)"),
    ("flags stay when it is done", HERE, PACKET, "\tm->ol_flags &= ~FOLIO_TX_WORK | left;\n", "\t(void)left;\n"),
    # Tags.
    ("the inner tag is the outer", HERE, PACKET, "put16(p + 2, m->vlan_tci);",
     "put16(p + 2, m->vlan_tci_outer);"),
    ("the outer tag is a plain one", HERE, PACKET, "put16(p, RTE_ETHER_TYPE_QINQ);",
     "put16(p, RTE_ETHER_TYPE_VLAN);"),
    ("a tag without headroom", HERE, LAYER, "rte_pktmbuf_headroom(m) >= 2 * RTE_VLAN_HLEN);", "true);"),
    # Whose the packet is.
    ("an indirect mbuf is written to", HERE, LAYER, "RTE_MBUF_DIRECT(m) && ", ""),
    ("a shared mbuf is written to", HERE, LAYER, "rte_mbuf_refcnt_read(m) == 1 &&", "true &&"),
    ("headers beyond the first segment", HERE, LAYER,
     "m->data_len >= folio_offload_tx_need(m) &&", "m->pkt_len >= folio_offload_tx_need(m) &&"),
    ("copies are freed to the application's pool", HERE, LAYER,
     "q->fast_free = q->offload->fast_free && c->copies == 0;",
     "q->fast_free = q->offload->fast_free;"),
    ("the packet of a copy is kept", HERE, LAYER, "rte_pktmbuf_free(i < sent ? pkts[i] : c->out[i]);",
     "if (i >= sent)\n\t\t\t\trte_pktmbuf_free(c->out[i]);"),
    ("the copy of a packet that was not sent is kept", HERE, LAYER,
     "rte_pktmbuf_free(i < sent ? pkts[i] : c->out[i]);",
     "if (i < sent)\n\t\t\t\trte_pktmbuf_free(pkts[i]);"),
    ("nobody waits for the layer", "driver:test_stop", LAYER,
     "if (!folio_gate_close(&q->offload->gate))", "if (q->offload->gate.open > 1)"),
    # What is asked for.
    ("lengths are believed", HERE, PACKET, "len >= need &&", "len + 1000 >= need &&"),
    ("a network header of any length", HERE, PACKET, "&& m->l3_len < ip)", "&& m->l3_len < ip / 100)"),
    ("the total length is believed", HERE, PACKET, "l3_len <= total && total <= room;",
     "l3_len <= total;"),
    ("a total length below the header", HERE, PACKET, "return l3_len <= total && total <= room;",
     "return total <= room;"),
    ("segments need not add up", HERE, PACKET, "segs == 0 && sum == len;", "segs == 0 && sum >= len;"),
    ("any flag", HERE, PACKET, "if ((flags & FOLIO_TX_WORK & ~SUPPORTED) != 0 ||", "if ("),
    ("any version of IP", HERE, PACKET, "p[0] >> 4 != 4 || ", ""),
    ("bad requests are not counted", HERE, LAYER, "\tq->stats.bad_offload++;\n", ""),
    # Segments.
    ("every segment has the first's sequence number", CUT, TSO, "get32(field) + i * t->size;",
     "get32(field);"),
    ("every segment has the first's IP id", CUT, TSO, "get16(field) + i);", "get16(field));"),
    ("every segment ends the connection", CUT, TSO, "if (i + 1 < t->count)", "if (i > t->count)"),
    ("every segment says that the window is smaller", CUT, TSO, "\tif (i > 0)\n", "\tif (i > t->count)\n"),
    ("a fragment is cut", CUT, TSO, "(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)) == 0;",
     "0) == 0;"),
    ("l4_len is believed", CUT, TSO, " >> 4) * 4u != m->l4_len)", " >> 4) * 4u == 1)"),
    ("a packet is begun without room", CUT, LAYER,
     "!l->datapath->tx_has_room(q, t->count, t->header + t->size))", "false)"),
    ("what did not go is forgotten", CUT, LAYER, "if (sent < n || n == 0)\n\t\t\treturn false;",
     "if (n == 0)\n\t\t\treturn false;\n\t\tif (sent < n)\n\t\t\tbreak;"),
    ("segments that did not go are skipped", CUT, LAYER, "t->next += sent;", "t->next += n;"),
    ("a stopped queue keeps a packet", CUT, LAYER, "\trte_pktmbuf_free(q->offload->tso.pkt);\n", ""),
    ("others overtake the rest of a packet", CUT, LAYER,
     "if (likely(q->offload->tso.pkt == NULL) || send_segments(q))",
     "if (send_segments(q) || q->offload->tso.pkt != NULL)"),
]

QUEUE_H, HEADER_H = "lib/virtio/queue.h", "lib/virtio/header.h"
WANTS, OFFER = "lib/virtio/vport_wants.c", "lib/virtio/offer.c"
DEVICE = "driver:test_virtio_offload"

TX_BUGS += [
    # What is left to a device.
    ("a header is for ever", DEVICE, QUEUE_H,
     "\tfolio_header_put(folio_virtq_header(q, id), meta);\n\tq->note[id] |= FOLIO_VIRTQ_DIRTY;\n",
     "\tfolio_header_put(folio_virtq_header(q, id), meta);\n"),
    ("a header at the wrong buffer", DEVICE, QUEUE_H,
     "uint16_t id = folio_virtq_at(q, s);\n\n\tfolio_header_put",
     "uint16_t id = folio_virtq_at(q, s + 1);\n\n\tfolio_header_put"),
    ("a device is asked for nothing", DEVICE, HEADER_H,
     "csum | gso << 8 |", "0 * csum | gso << 8 |"),
    ("IPv6 segments are said to be IPv4's", DEVICE, HEADER_H, "gso = VIRTIO_NET_HDR_GSO_TCPV6;",
     "gso = VIRTIO_NET_HDR_GSO_TCPV4;"),
    ("every port agrees on checksums", DEVICE, WANTS,
     "if ((v->leaves & (FOLIO_VQ_CSUM | FOLIO_VQ_TSO4 | FOLIO_VQ_TSO6)) != 0)", "if (true)"),
    ("a device cuts segments but completes no checksum", DEVICE, OFFER,
     "bad |= features & (BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6));", "bad |= 0;"),
    ("flags of what is left are cleared", DEVICE, PACKET, "&= ~FOLIO_TX_WORK | left;",
     "&= ~FOLIO_TX_WORK;"),
    ("a smaller window is said by a device", DEVICE, PACKET,
     "(*flags & RTE_TCP_CWR_FLAG) == 0 &&", "true &&"),
    ("a device cuts what it did not agree to", DEVICE, PACKET,
     "if ((o->other_does & (v6 ? FOLIO_TX_TSO6 : FOLIO_TX_TSO4)) == 0 ||",
     "if (o->other_does == 0 ||"),
    ("the length of a packet to be cut is the application's", "driver:test_virtio_offload", PACKET,
     "put16(ip + offsetof(struct rte_ipv4_hdr, total_length), (uint16_t)len);", "(void)len;"),
]
