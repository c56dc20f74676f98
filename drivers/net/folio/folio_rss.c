/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The RSS hash of a packet, and what the application wants of it. */

#include <rte_ip.h>
#include <rte_thash.h>

#include "folio_ethdev.h"

#define IPV4_ANY RTE_ETH_RSS_IPV4
#define IPV6_ANY (RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_IPV6_EX)

/* What an application that names no key gets: Microsoft's, which verifies against known hashes. */
static const uint8_t default_key[FOLIO_RSS_KEY] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* Which types make a packet of this kind be hashed, with its ports or without. */
struct kind {
	uint64_t ports;
	uint64_t addresses;
};

static struct kind
kind_of(uint32_t type)
{
	bool v6 = RTE_ETH_IS_IPV6_HDR(type);
	uint64_t any = v6 ? IPV6_ANY : IPV4_ANY;

	switch (type & RTE_PTYPE_L4_MASK) {
	case RTE_PTYPE_L4_TCP:
		return (struct kind){v6 ? RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_IPV6_TCP_EX
					: RTE_ETH_RSS_NONFRAG_IPV4_TCP, any};
	case RTE_PTYPE_L4_UDP:
		return (struct kind){v6 ? RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_IPV6_UDP_EX
					: RTE_ETH_RSS_NONFRAG_IPV4_UDP, any};
	case RTE_PTYPE_L4_SCTP:
		return (struct kind){v6 ? RTE_ETH_RSS_NONFRAG_IPV6_SCTP
					: RTE_ETH_RSS_NONFRAG_IPV4_SCTP, any};
	case RTE_PTYPE_L4_FRAG:
		return (struct kind){0, any | (v6 ? RTE_ETH_RSS_FRAG_IPV6 : RTE_ETH_RSS_FRAG_IPV4)};
	default:
		return (struct kind){0, any | (v6 ? RTE_ETH_RSS_NONFRAG_IPV6_OTHER
						  : RTE_ETH_RSS_NONFRAG_IPV4_OTHER)};
	}
}

/* Words of the machine, as the hash wants them. Returns how many; 0: they are not in the packet. */
static uint32_t
read_words(const struct rte_mbuf *m, uint32_t at, uint32_t len, uint32_t *words)
{
	const void *bytes = rte_pktmbuf_read(m, at, len, words);
	uint32_t i;

	if (bytes == NULL)
		return 0;
	if (bytes != words)
		memcpy(words, bytes, len);
	for (i = 0; i < len / sizeof(*words); i++)
		words[i] = rte_be_to_cpu_32(words[i]);
	return i;
}

void
folio_rss_hash(const struct folio_rss *rss, struct rte_mbuf *m, uint32_t type,
	       const struct rte_net_hdr_lens *lens)
{
	uint64_t types = __atomic_load_n(&rss->types, __ATOMIC_RELAXED);
	uint32_t current = __atomic_load_n(&rss->current, __ATOMIC_ACQUIRE);
	uint32_t tuple[RTE_THASH_V6_L4_LEN], n;
	struct kind kind;

	if (!RTE_ETH_IS_IPV4_HDR(type) && !RTE_ETH_IS_IPV6_HDR(type))
		return;
	kind = kind_of(type);
	if ((types & (kind.ports | kind.addresses)) == 0)
		return;
	if (RTE_ETH_IS_IPV4_HDR(type))
		n = read_words(m, lens->l2_len + offsetof(struct rte_ipv4_hdr, src_addr),
			       2 * sizeof(rte_be32_t), tuple);
	else
		n = read_words(m, lens->l2_len + offsetof(struct rte_ipv6_hdr, src_addr), 32, tuple);
	if (n != 0 && (types & kind.ports) != 0)
		n += read_words(m, (uint32_t)lens->l2_len + lens->l3_len, sizeof(*tuple),
				&tuple[n]);
	if (n == 0)
		return;
	m->hash.rss = rte_softrss_be(tuple, n, (const uint8_t *)rss->keys[current]);
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
}

/* Control. */

static struct folio_rss *
rss_of(const struct rte_eth_dev *dev)
{
	return &folio_adapter(dev)->rx_offload.rss;
}

bool
folio_rss_is_on(const struct rte_eth_dev *dev)
{
	return (dev->data->dev_conf.rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG) != 0;
}

uint64_t
folio_rss_work(const struct rte_eth_dev *dev)
{
	const struct folio_rss *rss = rss_of(dev);
	bool asked = (dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH) != 0;
	uint64_t work = rss->spread != NULL ? FOLIO_RX_SPREAD : 0;

	if (folio_rss_is_on(dev) && rss->types != 0 && (asked || rss->spread != NULL))
		work |= FOLIO_RX_HASH;
	return work;
}

static void
set_key(struct folio_rss *rss, const uint8_t *key)
{
	uint32_t next = 1 - rss->current, aligned[FOLIO_RSS_KEY / sizeof(uint32_t)];

	memcpy(rss->key, key, FOLIO_RSS_KEY);
	memcpy(aligned, key, FOLIO_RSS_KEY);
	rte_convert_rss_key(aligned, rss->keys[next], FOLIO_RSS_KEY);
	__atomic_store_n(&rss->current, next, __ATOMIC_RELEASE);
}

/* Without a length, as many programs leave it, a key has the one that the port says. */
static int
check_key(const struct rte_eth_dev *dev, const struct rte_eth_rss_conf *conf)
{
	if (conf->rss_key == NULL || conf->rss_key_len == 0 || conf->rss_key_len == FOLIO_RSS_KEY)
		return 0;
	FOLIO_LOG(ERR, "%s: rss_key_len=%u: allowed is %u", dev->data->name, conf->rss_key_len,
		  FOLIO_RSS_KEY);
	return -EINVAL;
}

int
folio_rss_configure(struct rte_eth_dev *dev)
{
	const struct rte_eth_rss_conf *conf = &dev->data->dev_conf.rx_adv_conf.rss_conf;
	struct folio_rss *rss = rss_of(dev);
	uint16_t i;
	int ret;

	if (!folio_rss_is_on(dev))
		return 0;
	ret = check_key(dev, conf);
	if (ret != 0)
		return ret;
	set_key(rss, conf->rss_key != NULL ? conf->rss_key : default_key);
	__atomic_store_n(&rss->types, conf->rss_hf, __ATOMIC_RELAXED);
	for (i = 0; i < FOLIO_RSS_RETA && dev->data->nb_rx_queues > 0; i++)
		__atomic_store_n(&rss->reta[i], i % dev->data->nb_rx_queues, __ATOMIC_RELAXED);
	return 0;
}

int
folio_rss_hash_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	struct folio_rss *rss = rss_of(dev);
	int ret = check_key(dev, conf);

	if (ret != 0)
		return ret;
	if (conf->rss_key != NULL)
		set_key(rss, conf->rss_key);
	__atomic_store_n(&rss->types, conf->rss_hf, __ATOMIC_RELAXED);
	folio_offload_rx_update(dev);
	return 0;
}

int
folio_rss_hash_conf_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	const struct folio_rss *rss = rss_of(dev);

	if (conf->rss_key != NULL && conf->rss_key_len >= FOLIO_RSS_KEY)
		memcpy(conf->rss_key, rss->key, FOLIO_RSS_KEY);
	conf->rss_key_len = FOLIO_RSS_KEY;
	conf->rss_hf = folio_rss_is_on(dev) ? rss->types : 0;
	return 0;
}

static int
check_reta_size(const struct rte_eth_dev *dev, uint16_t n)
{
	if (n == FOLIO_RSS_RETA)
		return 0;
	FOLIO_LOG(ERR, "%s: an RSS table of %u entries: allowed are %u", dev->data->name, n,
		  FOLIO_RSS_RETA);
	return -EINVAL;
}

static bool
is_masked(const struct rte_eth_rss_reta_entry64 *reta, uint16_t i)
{
	return (reta[i / RTE_ETH_RETA_GROUP_SIZE].mask >> i % RTE_ETH_RETA_GROUP_SIZE & 1) != 0;
}

/* ethdev has looked at the queues that are named. */
int
folio_reta_update(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta, uint16_t n)
{
	struct folio_rss *rss = rss_of(dev);
	uint16_t i;

	if (check_reta_size(dev, n) != 0)
		return -EINVAL;
	for (i = 0; i < n; i++) {
		uint16_t queue = reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];

		if (is_masked(reta, i))
			__atomic_store_n(&rss->reta[i], queue, __ATOMIC_RELAXED);
	}
	return 0;
}

int
folio_reta_query(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta, uint16_t n)
{
	const struct folio_rss *rss = rss_of(dev);
	uint16_t i;

	if (check_reta_size(dev, n) != 0)
		return -EINVAL;
	for (i = 0; i < n; i++) {
		if (is_masked(reta, i))
			reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
				rss->reta[i];
	}
	return 0;
}
