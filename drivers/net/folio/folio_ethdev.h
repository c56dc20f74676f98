/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_ETHDEV_H
#define FOLIO_ETHDEV_H

#include <folio.h>
#include <folio_wire.h>
#include <rte_kvargs.h>
#include <rte_log.h>
#include <rte_mbuf.h>

#include "folio_compat.h"
#include "folio_datapath.h"
#include "folio_offload_rx.h"

extern int folio_logtype;
#define FOLIO_LOG(level, fmt, ...) \
	rte_log(RTE_LOG_##level, folio_logtype, "folio: " fmt "\n", ##__VA_ARGS__)

/* Ethernet header and two VLAN tags: what a frame has beyond its MTU. */
#define FOLIO_FRAME_OVERHEAD (RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN)

struct folio_rx_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t nombuf;	 /* bursts that ended early for want of mbufs; nothing was lost */
	uint64_t oversize;	 /* packets dropped: longer than the MTU, or than an mbuf, allows */
	uint64_t pool_too_small; /* packets dropped: they need more mbufs than the pool has */
	uint64_t missed;	 /* packets dropped: the queue that RSS has them for has no room */
	uint64_t filtered;	 /* packets that the application does not want; not in the others */
};

struct folio_tx_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t bad_length; /* packets dropped: below 14 bytes or longer than the rings carry */
	uint64_t bad_chain;  /* packets dropped: segments don't add up to pkt_len */
	uint64_t lost;	     /* packets of a burst during which the session was lost */
	uint64_t bad_offload; /* packets dropped: their flags and lengths don't fit them */
};

#define FOLIO_QUEUE_ALIGNED __attribute__((aligned(128)))

/* What queues of both directions begin with. */
struct folio_queue {
	void *end; /* of the datapath */
	uint64_t offloads;
	uint16_t port_id;
	uint16_t queue_id;
	bool deferred_start;
};

struct folio_rx_queue {
	struct folio_queue common;
	struct rte_mempool *pool;
	uint64_t rearm[2];  /* data_off, refcnt, nb_segs, port; ol_flags */
	uint16_t data_off;
	uint32_t fast_max;  /* longest frame for the fast path: one slot, one mbuf, within MTU */
	uint32_t frame_max; /* longest frame that the MTU allows */
	uint32_t room;	    /* bytes for data in an mbuf of the pool */
	bool scatter;	    /* chains were asked for */
	struct folio_rx_stats stats;
	struct folio_gate offload_gate; /* open while the queue is: around the offload layer */
	struct folio_rx_offload *offload; /* the port's */
} FOLIO_QUEUE_ALIGNED;

struct folio_tx_queue {
	struct folio_queue common;
	uint32_t max_frame; /* the longest that the port can ever carry */
	bool fast_free; /* all mbufs are of one pool and have no other reference */
	struct folio_tx_offload *offload; /* NULL: the port was asked for none in software */
	struct folio_tx_stats stats;
} FOLIO_QUEUE_ALIGNED;

/* A speed that a port may claim to have. */
struct folio_speed {
	const char *name;
	uint32_t mbps; /* RTE_ETH_SPEED_NUM_* */
	uint32_t capa; /* RTE_ETH_LINK_SPEED_* */
};

/* What a queue pair has counted, apart from the queues, which come and go. Control only. */
struct folio_kept {
	struct folio_rx_stats rx; /* while there is no receive queue: where it was */
	struct folio_rx_stats rx_base; /* at the last reset */
	struct folio_tx_stats tx;
	struct folio_tx_stats tx_base;
};

/* dev_private; in memory that secondary processes share. */
struct folio_adapter {
	void *port; /* of the datapath; NULL: closed */
	enum folio_datapath_kind kind;
	struct folio_control *control; /* the thread; primary only; NULL before the first start */
	bool loopback;
	uint16_t max_queues;
	uint32_t max_frame;
	struct folio_speed speed; /* its name: primary only */
	struct rte_ether_addr macs[FOLIO_MACS]; /* ethdev's mac_addrs */
	struct folio_rx_offload rx_offload;
	uint64_t base[FOLIO_COUNTERS_MAX]; /* the datapath's counters at the last reset */
	struct folio_kept kept[FOLIO_WIRE_QUEUES_MAX];
};

/* What the devargs say. */
struct folio_devargs {
	const char *name; /* of the port, for messages */
	enum folio_datapath_kind kind;
	struct folio_config config; /* its strings are kvlist's */
	struct rte_ether_addr mac; /* zero: not given */
	const struct folio_speed *speed;
	const char *vhost_user; /* strings are kvlist's, as the next */
	const char *virtio;
	const char *vf;
	bool server;
	bool split; /* no packed rings */
	struct rte_kvargs *kvlist;
};

static inline struct folio_adapter *
folio_adapter(const struct rte_eth_dev *dev)
{
	return dev->data->dev_private;
}

static inline const struct folio_datapath *
folio_datapath(const struct folio_adapter *a)
{
	return folio_datapaths[a->kind];
}

/* The primary may close a port while a secondary looks at it. */
static inline bool
folio_is_closed(const struct rte_eth_dev *dev)
{
	return folio_adapter(dev) == NULL || folio_adapter(dev)->port == NULL;
}

/*
 * folio_devargs.c: parse strictly; logs one line and returns a negative errno if anything is off.
 */
int folio_devargs_parse(const char *name, const char *args, struct folio_devargs *out);
void folio_devargs_free(struct folio_devargs *out);

/* folio_speed.c: the speed of this name; NULL: the default; and all names, for messages. */
const struct folio_speed *folio_speed_find(const char *name);
const char *folio_speed_names(void);

/* folio_configure.c: refuse what the port cannot do, a line for each. */
int folio_configure(struct rte_eth_dev *dev);

/* folio_dump.c: rte_eth_dev_priv_dump(). */
int folio_priv_dump(struct rte_eth_dev *dev, FILE *file);

/*
 * folio_registry.c: the open ports of this process, for threads that ethdev does not keep from
 * looking at a port that is being closed. A port that is held stays open until it is released;
 * to close it waits for that. -ENODEV: there is no such port; -ENOTSUP: it is not folio's.
 */
struct folio_registered {
	const struct folio_datapath *datapath;
	void *port;
};
void folio_registry_add(uint16_t port_id, const struct folio_adapter *a);
void folio_registry_remove(uint16_t port_id);
int folio_registry_hold(uint16_t port_id, struct folio_registered *found);
void folio_registry_release(uint16_t port_id);

/* folio_queue.c: what queues of both directions have in common. */
void *folio_queue_new(struct rte_eth_dev *dev, enum folio_direction dir, uint16_t qid, size_t size,
		      unsigned int socket);
void folio_queues_start(struct rte_eth_dev *dev);
int folio_queues_stop(struct rte_eth_dev *dev);
void folio_queues_release(struct rte_eth_dev *dev);
void folio_rx_queue_release(struct rte_eth_dev *dev, uint16_t qid);
int folio_rx_queue_start(struct rte_eth_dev *dev, uint16_t qid);
int folio_rx_queue_stop(struct rte_eth_dev *dev, uint16_t qid);
void folio_tx_queue_release(struct rte_eth_dev *dev, uint16_t qid);
int folio_tx_queue_start(struct rte_eth_dev *dev, uint16_t qid);
int folio_tx_queue_stop(struct rte_eth_dev *dev, uint16_t qid);
int folio_rx_burst_mode_get(struct rte_eth_dev *dev, uint16_t qid, struct rte_eth_burst_mode *mode);
int folio_tx_burst_mode_get(struct rte_eth_dev *dev, uint16_t qid, struct rte_eth_burst_mode *mode);
folio_queue_count_t folio_rx_queue_count(void *queue);
int folio_rx_descriptor_status(void *queue, uint16_t offset);
int folio_tx_descriptor_status(void *queue, uint16_t offset);

/* folio_rx.c, folio_tx.c */
int folio_rx_queue_setup(struct rte_eth_dev *dev, uint16_t qid, uint16_t nb_desc,
			 unsigned int socket, const struct rte_eth_rxconf *conf,
			 struct rte_mempool *pool);
void folio_rxq_info_get(struct rte_eth_dev *dev, uint16_t qid, struct rte_eth_rxq_info *info);
uint32_t folio_rx_longest_frame(const struct rte_eth_dev *dev);
void folio_rx_update_limits(struct rte_eth_dev *dev);
int folio_rx_check_mtu(const struct rte_eth_dev *dev, uint16_t mtu);
int folio_tx_queue_setup(struct rte_eth_dev *dev, uint16_t qid, uint16_t nb_desc,
			 unsigned int socket, const struct rte_eth_txconf *conf);
void folio_txq_info_get(struct rte_eth_dev *dev, uint16_t qid, struct rte_eth_txq_info *info);
int folio_tx_done_cleanup(void *queue, uint32_t free_cnt);

/*
 * How many of n packets a transmit burst would send, if it had room; rte_errno says what is wrong.
 */
uint16_t folio_tx_check(const struct folio_tx_queue *q, struct rte_mbuf *const *pkts, uint16_t n,
			uint32_t max_frame);

/* folio_stats.c */
int folio_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats FOLIO_STATS_QUEUE_ARG);
int folio_stats_reset(struct rte_eth_dev *dev);
int folio_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n);
int folio_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names,
			   unsigned int n);

/*
 * folio_control.c: the control thread. folio_control_start() makes it if there is none, and has it
 * look at the port at once, as folio_control_kick() does. It tells the application of the link.
 * Closing waits until it is out of its work and of the application's callback, unless called from
 * there.
 */
int folio_control_start(struct rte_eth_dev *dev);
void folio_control_kick(struct rte_eth_dev *dev);
void folio_control_close(struct rte_eth_dev *dev);
int folio_link_update(struct rte_eth_dev *dev, int wait);

#endif /* FOLIO_ETHDEV_H */
