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
    ("types that nobody wants are set", HERE, PARSE, "type & ptypes;", "type & (ptypes | ~0u);"),
    ("types come with checksums only", HERE, LAYER, "\t\twork |= FOLIO_RX_PTYPES;\n", "\t\t;\n"),
    ("a port that runs goes on as it was", HERE, LAYERS, "if (ops->rx_pkt_burst == old)",
     "if (ops->rx_pkt_burst != old)"),
]
