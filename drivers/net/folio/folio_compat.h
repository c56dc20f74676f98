/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_COMPAT_H
#define FOLIO_COMPAT_H

/* Every difference between the DPDK releases that the driver builds against, 22.11 to 26.07. */

#include <pthread.h>

#include <bus_vdev_driver.h>
#include <ethdev_driver.h>
#include <ethdev_vdev.h>
#include <rte_lcore.h>
#include <rte_version.h>

/* 25.11: per-queue statistics moved out of rte_eth_stats; rx_queue_count returns int. */
#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
#define FOLIO_STATS_QUEUE_ARG , struct eth_queue_stats *queue_stats
#define FOLIO_STATS_QUEUES(stats) queue_stats
#define FOLIO_HAVE_QUEUE_STATS(stats) (queue_stats != NULL)
typedef int folio_queue_count_t;
#else
#define FOLIO_STATS_QUEUE_ARG
#define FOLIO_STATS_QUEUES(stats) (stats)
#define FOLIO_HAVE_QUEUE_STATS(stats) true
typedef uint32_t folio_queue_count_t;
#endif

/* 23.11: a speed more. */
#ifdef RTE_ETH_LINK_SPEED_400G
#define FOLIO_HAVE_400G 1
#endif

/* 24.03: the list of packet types has a length instead of an end mark. */
#if RTE_VERSION >= RTE_VERSION_NUM(24, 3, 0, 0)
#define FOLIO_PTYPES_ARG , size_t *count
#define FOLIO_PTYPES_SET(n) (*count = (n))
#else
#define FOLIO_PTYPES_ARG
#define FOLIO_PTYPES_SET(n) RTE_SET_USED(n)
#endif

/* 23.11: a driver's control threads have a call, and a prefix to their names, of their own. */
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
typedef uint32_t folio_thread_result;
#else
typedef void *folio_thread_result;
#endif

/* name has at most 10 characters. Returns 0 or a negative errno. */
static inline int
folio_thread_create(pthread_t *thread, const char *name, folio_thread_result (*run)(void *arg),
		    void *arg)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
	rte_thread_t id;
	int ret = rte_thread_create_internal_control(&id, name, run, arg);

	if (ret == 0)
		*thread = (pthread_t)id.opaque_id;
	return ret > 0 ? -ret : ret;
#else
	int ret = rte_ctrl_thread_create(thread, name, NULL, run, arg);

	return ret > 0 ? -ret : ret;
#endif
}

/* 23.11: the largest buffer that receive makes use of. */
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
#define FOLIO_SET_MAX_RX_BUFSIZE(info, v) ((info)->max_rx_bufsize = (v))
#else
#define FOLIO_SET_MAX_RX_BUFSIZE(info, v) RTE_SET_USED(v)
#endif

/* 23.11: a port says which hash functions it has. */
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
#define FOLIO_SET_RSS_TOEPLITZ(info) \
	((info)->rss_algo_capa |= RTE_ETH_HASH_ALGO_CAPA_MASK(TOEPLITZ))
#else
#define FOLIO_SET_RSS_TOEPLITZ(info) RTE_SET_USED(info)
#endif

/* 23.03: telemetry's unsigned values were renamed. */
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
#define folio_tel_add_uint rte_tel_data_add_dict_uint
#else
#define folio_tel_add_uint rte_tel_data_add_dict_u64
#endif

/* 26.11 takes RTE_DEV_TO_VDEV away: the driver has no use for it. */

#endif /* FOLIO_COMPAT_H */
