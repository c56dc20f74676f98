# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Deliberate bugs of the receive offloads, as in mutations.py: (name, test, file, old, new)."""

LAYER = "drivers/net/folio/folio_offload_rx.c"
PARSE = "drivers/net/folio/folio_offload_rx_parse.c"
LAYERS = "drivers/net/folio/folio_layers.c"
HERE = "driver:test_offload_rx"

RX_BUGS = [
    # Checksums.
    ("every IPv4 checksum is good", HERE, PARSE, "RTE_MBUF_F_RX_IP_CKSUM_BAD;",
     "RTE_MBUF_F_RX_IP_CKSUM_GOOD;"),
    ("every L4 checksum is good", HERE, PARSE, ": RTE_MBUF_F_RX_L4_CKSUM_BAD;",
     ": RTE_MBUF_F_RX_L4_CKSUM_GOOD;"),
    ("IPv4 addresses are not summed", HERE, PARSE,
     "c->len = total - lens->l3_len;\n\tc->sum = folio_sum_bytes(&ip->src_addr, "
     "2 * sizeof(ip->src_addr));\n\treturn true;",
     "c->len = total - lens->l3_len;\n\tc->sum = 0;\n\treturn true;"),
    ("padding is summed", HERE, PARSE, "sum += folio_sum_packet(m, c->l4, len);",
     "sum += folio_sum_packet(m, c->l4, m->pkt_len);"),
    ("UDP without a checksum is judged", HERE, PARSE, "udp == NULL || udp->dgram_cksum == 0",
     "udp == NULL"),
    ("UDP's length is not looked at", HERE, PARSE, "len < sizeof(*udp) || len > c->len", "false"),
    ("the total length may be beyond the packet", HERE, PARSE,
     "if (total < lens->l3_len || total > m->pkt_len - lens->l2_len)\n\t\treturn false;\n"
     "\tc->l4 = lens->l2_len + lens->l3_len;\n\tc->len = total - lens->l3_len;\n"
     "\tc->sum = folio_sum_bytes(&ip->src_addr, 2 * sizeof(ip->src_addr));\n\treturn true;",
     "if (total < lens->l3_len)\n\t\treturn false;\n"
     "\tc->l4 = lens->l2_len + lens->l3_len;\n\tc->len = total - lens->l3_len;\n"
     "\tc->sum = folio_sum_bytes(&ip->src_addr, 2 * sizeof(ip->src_addr));\n\treturn true;"),
    ("a short TCP packet is judged", HERE, PARSE, " &&\n\t    c->len >= sizeof(struct rte_tcp_hdr))",
     ")"),
    ("a routing header is any other", HERE, PARSE, "proto == IPPROTO_ROUTING || ", ""),
    ("TCP's checksum is verified for whoever asks for UDP's", HERE, PARSE,
     "type == RTE_PTYPE_L4_TCP && (work & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) != 0",
     "type == RTE_PTYPE_L4_TCP"),
    ("IPv4's checksum is verified for whoever asks for another", HERE, PARSE,
     "if ((work & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0)\n", ""),
    # Packet types.
    ("types that nobody wants are set", HERE, PARSE, "type & __atomic_load_n(&o->ptypes, __ATOMIC_RELAXED);",
     "type;"),
    ("types come with checksums only", HERE, LAYER, "\t\twork |= FOLIO_RX_PTYPES;\n", "\t\t;\n"),
    ("a port that runs goes on as it was", HERE, LAYERS, "if (ops->rx_pkt_burst == old)",
     "if (ops->rx_pkt_burst != old)"),
]

FILTER = "drivers/net/folio/folio_filter.c"
SORTED = "driver:test_filter"

RX_BUGS += [
    # Filters.
    ("a port that is not promiscuous takes everything", SORTED, FILTER, "if (!f->selective)\n",
     "if (f->selective || !f->selective)\n"),
    ("groups are taken though not all are wanted", SORTED, FILTER,
     "((work & FOLIO_RX_SOME_GROUPS) == 0 || ", "(true || "),
    ("broadcasts are not taken", SORTED, FILTER, " || rte_is_broadcast_ether_addr(&eth->dst_addr)",
     ""),
    ("the list of groups is not used", SORTED, FILTER, "\t\tadd(t, &n, &f->groups[i]);\n", "\t\t;\n"),
    ("only the first address is used", SORTED, FILTER, "for (i = 0; i < FOLIO_MACS; i++)",
     "for (i = 0; i < 1; i++)"),
    ("a removed address stays", SORTED, FILTER,
     "folio_adapter(dev)->macs[index] = (struct rte_ether_addr){0};\n\tfolio_filter_update(dev);",
     "folio_adapter(dev)->macs[index] = (struct rte_ether_addr){0};"),
    ("any group is an address", SORTED, FILTER, "if (!rte_is_multicast_ether_addr(&list[i])) {",
     "if (rte_is_zero_ether_addr(&list[i])) {"),
    ("a long list of groups", SORTED, FILTER, "if (n > FOLIO_GROUPS) {", "if (n > FOLIO_GROUPS + 1) {"),
    ("what is not wanted counts as received", SORTED, FILTER, "\t\tstats->packets--;\n", ""),
    ("what is not wanted counts as bytes received", SORTED, FILTER,
     "\t\tstats->bytes -= m->pkt_len;\n", ""),
    ("what is not wanted leaks", SORTED, FILTER, "\t\trte_pktmbuf_free(m);\n", ""),
    ("a tag of a priority only is filtered", SORTED, FILTER, "return id == 0 || ", "return "),
    ("a tag that is cut off passes", SORTED, FILTER,
     "sizeof(*eth) + sizeof(*tag))\n\t\treturn false;",
     "sizeof(*eth) + sizeof(*tag))\n\t\treturn true;"),
    ("the outer tag of two is not filtered", SORTED, FILTER,
     " &&\n\t    eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_QINQ))", ")"),
    # Tags.
    ("a tag that is cut off is stripped", SORTED, LAYER,
     "\t\t   m->data_len >= sizeof(*eth) + sizeof(*tags)) {", "\t\t   m->data_len > 0) {"),
    ("two tags that are cut off are stripped", SORTED, LAYER,
     "m->data_len >= sizeof(*eth) + 2 * sizeof(*tags) &&", "m->data_len >= sizeof(*eth) + 4 &&"),
    ("any second tag is stripped", SORTED, LAYER,
     " &&\n\t    tags[0].eth_proto == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN)) {", ") {"),
    ("the two tags are mixed up", SORTED, LAYER,
     "m->vlan_tci_outer = rte_be_to_cpu_16(tags[0].vlan_tci);",
     "m->vlan_tci_outer = rte_be_to_cpu_16(tags[1].vlan_tci);"),
    ("VLAN modes of a port that runs wait for a start", SORTED, LAYER,
     "\tRTE_SET_USED(mask);\n\tfolio_offload_rx_update(dev);", "\tRTE_SET_USED(mask);\n\tRTE_SET_USED(dev);"),
]

RSS = "drivers/net/folio/folio_rss.c"
SPREAD = "drivers/net/folio/folio_spread.c"
CONTROL = "drivers/net/folio/folio_ethdev.c"
HASHED = "driver:test_rss"

RX_BUGS += [
    # The hash.
    ("ports are not hashed", HASHED, RSS, "if (n != 0 && (types & kind.ports) != 0)",
     "if (n == 0 && (types & kind.ports) != 0)"),
    ("fragments are hashed as anything else is", HASHED, RSS, "case RTE_PTYPE_L4_FRAG:",
     "case RTE_PTYPE_L4_IGMP:"),
    ("every IP packet is hashed", HASHED, RSS, "if ((types & (kind.ports | kind.addresses)) == 0)",
     "if (types == 0)"),
    ("a key of any length", HASHED, RSS, "conf->rss_key_len == 0 || ", "true || "),
    ("a new key is not used", HASHED, RSS,
     "\trte_convert_rss_key(aligned, rss->keys[next], FOLIO_RSS_KEY);\n", ""),
    ("the mask of a table is not looked at", HASHED, RSS, "\t\tif (is_masked(reta, i))\n\t\t\t__atomic",
     "\t\t__atomic"),
    ("a table of any size", HASHED, RSS, "if (n == FOLIO_RSS_RETA)", "if (n != 0)"),
    ("new types of a port that runs wait for a start", HASHED, RSS,
     "conf->rss_hf, __ATOMIC_RELAXED);\n\tfolio_offload_rx_update(dev);",
     "conf->rss_hf, __ATOMIC_RELAXED);"),
    # Queues.
    ("a full ring keeps the packet", HASHED, SPREAD, "\t\t\trte_pktmbuf_free(m);\n\t\t}\n", "\t\t}\n"),
    ("what is dropped for want of room is not counted", HASHED, SPREAD,
     "\t\t\tq->stats.missed++;\n", ""),
    ("a packet counts for the queue that received it", HASHED, SPREAD,
     "\t\tq->stats.packets--;\n", ""),
    ("bytes count for the queue that received them", HASHED, SPREAD,
     "\t\tq->stats.bytes -= m->pkt_len;\n", ""),
    ("what a burst leaves in a ring is forgotten", HASHED, SPREAD,
     "\t\tif (left > 0)\n\t\t\tagain |= RTE_BIT64(from);\n", ""),
    ("a stopped queue gets packets", HASHED, SPREAD,
     "\tif (!on)\n\t\t__atomic_store_n(&s->to[queue].open, false, __ATOMIC_RELAXED);\n", ""),
    ("a queue that stops keeps what waits for it", HASHED, SPREAD, "\tdrain(s, queue);\n", ""),
    ("a port that is closed keeps what waits", HASHED, SPREAD,
     "\twhile (r != NULL && rte_ring_sc_dequeue(r, &m) == 0)\n", "\twhile (r == s->rings[0] && r != NULL && rte_ring_sc_dequeue(r, &m) == 0)\n"),
    ("the queues of the last start", HASHED, SPREAD, " && rss->spread->queues == queues)", ")"),
    ("RSS that is switched off goes on", HASHED, SPREAD,
     "if (__atomic_load_n(&rss->types, __ATOMIC_RELAXED) == 0)", "if (n == 0)"),
]

RX_BUGS += [
    # Segments.
    ("what is hashed is in the first segment", "compiled:test_rx_parse", RSS,
     "rte_pktmbuf_read(m, at, len, words);", "rte_pktmbuf_mtod_offset(m, const void *, at);"),
    ("UDP's header is in the first segment", "compiled:test_rx_parse", PARSE,
     "udp = rte_pktmbuf_read(m, c->l4, sizeof(copy), &copy);",
     "(void)copy;\n\tudp = rte_pktmbuf_mtod_offset(m, const void *, c->l4);"),
]
