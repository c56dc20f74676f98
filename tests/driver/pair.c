/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "pair.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_version.h>

#define MBUFS 8191
#define WAIT_STEP_US 1000

struct rte_mempool *common_pool;
static unsigned int mbufs_lost; /* by tests that failed before */
static char folder[] = "/dev/shm/folio-driver-XXXXXX";

static int
set_up(bool telemetry)
{
	const char *plugin = getenv("FOLIO_PLUGIN"), *simd = getenv("FOLIO_SIMD_BITS");
	char prefix[32], bits[40];
	char *argv[] = {
		(char *)(uintptr_t)"driver-test", (char *)(uintptr_t)"--no-huge",
		(char *)(uintptr_t)"-m", (char *)(uintptr_t)"512", (char *)(uintptr_t)"--no-pci",
		(char *)(uintptr_t)(telemetry ? "--telemetry" : "--no-telemetry"),
		(char *)(uintptr_t)"-l",
		(char *)(uintptr_t)"0,1", (char *)(uintptr_t)"--file-prefix", prefix,
		(char *)(uintptr_t)"-d", (char *)(uintptr_t)plugin, bits,
	};

	if (plugin == NULL) {
		fprintf(stderr, "FOLIO_PLUGIN must name librte_net_folio.so\n");
		return -1;
	}
	snprintf(prefix, sizeof(prefix), "folio-driver-%d", (int)getpid());
	/* Which copy kernels to use; without it EAL has its own idea. */
	if (simd != NULL)
		snprintf(bits, sizeof(bits), "--force-max-simd-bitwidth=%s", simd);
	if (mkdtemp(folder) == NULL || rte_eal_init((int)RTE_DIM(argv) - (simd == NULL), argv) < 0)
		return -1;
	common_pool = rte_pktmbuf_pool_create("common", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					      SOCKET_ID_ANY);
	return common_pool == NULL ? -1 : 0;
}

int
eal_setup(void **state)
{
	(void)state;
	return set_up(false);
}

int
eal_setup_telemetry(void **state)
{
	(void)state;
	return set_up(true);
}

int
eal_teardown(void **state)
{
	char command[160];

	(void)state;
	rte_mempool_free(common_pool);
	/* EAL leaves the folder of a file prefix behind. */
	snprintf(command, sizeof(command), "rm -rf %s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	return system(command) | rmdir(folder);
}

/* After a test that failed half way: leave nothing to the next. */
static void
remove_leftovers(void)
{
	char command[128];
	uint16_t port;

	RTE_ETH_FOREACH_DEV(port)
		detach(port);
	snprintf(command, sizeof(command), "rm -rf %s/*", folder);
	if (system(command) != 0)
		print_error("cannot clean %s\n", folder);
}

int
check_nothing_left(void **state)
{
	unsigned int ports = rte_eth_dev_count_avail();
	int ret = 0;

	(void)state;
	/* Fails if anything is in the folder. */
	if (ports != 0 || rmdir(folder) != 0 || mkdir(folder, 0700) != 0) {
		print_error("%u ports, or files in %s, are left\n", ports, folder);
		remove_leftovers();
		ret = -1;
	}
	if (rte_mempool_in_use_count(common_pool) != mbufs_lost) {
		mbufs_lost = rte_mempool_in_use_count(common_pool);
		print_error("%u mbufs are missing\n", mbufs_lost);
		ret = -1;
	}
	return ret;
}

void
region_path(char *path, size_t size)
{
	static unsigned int serial;

	snprintf(path, size, "%s/region%u", folder, serial++);
}

int
attach(const char *name, const char *args, uint16_t *port)
{
	int ret = rte_eal_hotplug_add("vdev", name, args);

	if (ret == 0 && port != NULL)
		assert_int_equal(rte_eth_dev_get_port_by_name(name, port), 0);
	return ret;
}

void
detach(uint16_t port)
{
	char name[RTE_ETH_NAME_MAX_LEN];

	assert_int_equal(rte_eth_dev_get_name_by_port(port, name), 0);
	rte_eth_dev_stop(port);
	assert_int_equal(rte_eal_hotplug_remove("vdev", name), 0);
	assert_int_not_equal(rte_eth_dev_get_port_by_name(name, &port), 0);
}

static bool
pair_is(const char *word)
{
	const char *kind = getenv("FOLIO_PAIR");

	return kind != NULL && strstr(kind, word) != NULL;
}

bool
is_native(void)
{
	return getenv("FOLIO_PAIR") == NULL;
}

bool
guest_is_folio(void)
{
	return is_native() || pair_is("guest");
}

bool
host_is_folio(void)
{
	return is_native() || pair_is("host");
}

/* net_vhost does the same without saying that it can. */
static struct port_setup
as_far_as_it_can(uint16_t port, const struct port_setup *setup)
{
	struct port_setup s = *setup;
	struct rte_eth_dev_info info;

	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	if (strcmp(info.driver_name, "net_folio") == 0)
		return s;
	s.rx_offloads &= info.rx_offload_capa;
	s.tx_offloads &= info.tx_offload_capa;
	s.rss = 0;
	s.deferred = false;
	return s;
}

void
configure(uint16_t port, const struct port_setup *wanted)
{
	const struct port_setup s = as_far_as_it_can(port, wanted), *setup = &s;
	uint16_t queues = setup->queues != 0 ? setup->queues : 1;
	struct rte_mempool *pool = setup->pool != NULL ? setup->pool : common_pool;
	struct rte_eth_conf conf = {
		.rxmode = {.offloads = setup->rx_offloads, .mtu = setup->mtu},
		.txmode = {.offloads = setup->tx_offloads},
		.intr_conf = {.lsc = setup->lsc},
		.rx_adv_conf = {.rss_conf = {.rss_hf = setup->rss}},
	};
	struct rte_eth_rxconf rxconf = {
		.offloads = setup->rx_offloads, .rx_deferred_start = setup->deferred};
	struct rte_eth_txconf txconf = {
		.offloads = setup->tx_offloads, .tx_deferred_start = setup->deferred};
	uint16_t q;

	if (setup->rss != 0)
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	assert_int_equal(rte_eth_dev_configure(port, queues, queues, &conf), 0);
	for (q = 0; q < queues; q++) {
		assert_int_equal(rte_eth_rx_queue_setup(port, q, 0, 0, &rxconf, pool), 0);
		assert_int_equal(rte_eth_tx_queue_setup(port, q, 0, 0, &txconf), 0);
	}
}

void
start(uint16_t port)
{
	assert_int_equal(rte_eth_dev_start(port), 0);
}

void
wait_link(uint16_t port, bool up)
{
	struct rte_eth_link link;
	unsigned int i;

	for (i = 0; i < WAIT_STEPS; i++) {
		assert_int_equal(rte_eth_link_get_nowait(port, &link), 0);
		if (link.link_status == (up ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN))
			return;
		usleep(WAIT_STEP_US);
	}
	fail_msg("port %u: the link does not come %s", port, up ? "up" : "down");
}

static void
attach_regions(struct pair *p, const char *guest_args, const char *host_args)
{
	char args[512];

	snprintf(args, sizeof(args), "role=guest,path=%s%s", p->path, guest_args);
	assert_int_equal(attach("net_folio0", args, &p->guest), 0);
	snprintf(args, sizeof(args), "role=host,path=%s%s", p->path, host_args);
	assert_int_equal(attach("net_folio1", args, &p->host), 0);
}

static void
attach_vhost(struct pair *p, const char *folio_args, const char *vhost_args)
{
	uint16_t folio, vhost;
	char args[512];

	/* This way round: rte_vhost takes a second to look at a socket that it listens on. */
	snprintf(args, sizeof(args), "vhost_user=%s,server=1,packed=%d%s", p->path,
		 pair_is("packed"), folio_args);
	assert_int_equal(attach("net_folio0", args, &folio), 0);
	snprintf(args, sizeof(args), "iface=%s,client=1%s", p->path, vhost_args);
	assert_int_equal(attach("net_vhost0", args, &vhost), 0);
	p->guest = guest_is_folio() ? folio : vhost;
	p->host = guest_is_folio() ? vhost : folio;
}

void
pair_open(struct pair *p, const char *guest_args, const char *host_args,
	  const struct port_setup *setup)
{
	static const struct port_setup plain;

	if (setup == NULL)
		setup = &plain;
	region_path(p->path, sizeof(p->path));
	(is_native() ? attach_regions : attach_vhost)(p, guest_args, host_args);
	configure(p->guest, setup);
	configure(p->host, setup);
	start(p->guest);
	start(p->host);
	wait_link(p->guest, true);
	wait_link(p->host, true);
}

uint16_t
pair_receiver(const struct pair *p)
{
	return guest_is_folio() ? p->guest : p->host;
}

uint16_t
pair_sender(const struct pair *p)
{
	return guest_is_folio() ? p->host : p->guest;
}

void
pair_close(struct pair *p)
{
	detach(p->guest);
	detach(p->host);
}

static uint8_t
pattern(uint32_t seed, uint32_t i)
{
	return (uint8_t)((seed * 2654435761u + i * 40503u) >> 7);
}

struct rte_mbuf *
make_frame(struct rte_mempool *pool, uint32_t len, uint32_t seed, uint32_t segs)
{
	struct rte_mbuf *head = NULL, *last = NULL, *m;
	uint32_t done = 0, s, i;

	for (s = 0; s < segs; s++) {
		uint32_t part = s + 1 == segs ? len - done : len / segs;
		uint8_t *data;

		m = rte_pktmbuf_alloc(pool);
		assert_non_null(m);
		data = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)part);
		assert_non_null(data);
		for (i = 0; i < part; i++)
			data[i] = pattern(seed, done + i);
		done += part;
		if (head == NULL) {
			head = m;
		} else {
			last->next = m;
			head->nb_segs++;
			head->pkt_len += part;
		}
		last = m;
	}
	return head;
}

void
check_frame(const struct rte_mbuf *m, uint32_t len, uint32_t seed)
{
	uint32_t pos = 0, i;

	assert_int_equal(m->pkt_len, len);
	rte_mbuf_sanity_check(m, 1);
	for (; m != NULL; m = m->next) {
		const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

		for (i = 0; i < m->data_len; i++, pos++) {
			if (data[i] != pattern(seed, pos))
				fail_msg("byte %u of a frame of %u is wrong", pos, len);
		}
	}
	assert_int_equal(pos, len);
}

void
send_one(uint16_t port, uint16_t queue, struct rte_mbuf *m)
{
	assert_int_equal(rte_eth_tx_burst(port, queue, &m, 1), 1);
}

struct rte_mbuf *
receive_one(uint16_t port, uint16_t queue)
{
	struct rte_mbuf *m;
	unsigned int i;

	for (i = 0; i < WAIT_STEPS; i++) {
		if (rte_eth_rx_burst(port, queue, &m, 1) == 1)
			return m;
		usleep(WAIT_STEP_US);
	}
	fail_msg("port %u queue %u: nothing received", port, queue);
	return NULL;
}

void
exchange(const struct pair *p, uint16_t queue, uint32_t len, uint32_t seed, uint32_t segs)
{
	struct rte_mbuf *m;

	send_one(p->guest, queue, make_frame(common_pool, len, seed, segs));
	m = receive_one(p->host, queue);
	check_frame(m, len, seed);
	rte_pktmbuf_free(m);
	send_one(p->host, queue, make_frame(common_pool, len, seed + 1, segs));
	m = receive_one(p->guest, queue);
	check_frame(m, len, seed + 1);
	rte_pktmbuf_free(m);
}

void
expect_silence(uint16_t port, uint16_t queue)
{
	struct rte_mbuf *m;

	assert_int_equal(rte_eth_rx_burst(port, queue, &m, 1), 0);
}

status_fn *
status_function(void)
{
	status_fn *get = (status_fn *)dlsym(dlopen(getenv("FOLIO_PLUGIN"), RTLD_LAZY),
					    "rte_pmd_folio_status_get");

	assert_non_null(get);
	return get;
}

enum folio_link
link_state(uint16_t port)
{
	struct folio_status st;

	assert_int_equal(status_function()(port, &st, sizeof(st)), 0);
	return st.link;
}

uint64_t
xstat(uint16_t port, const char *name)
{
	uint64_t id, value;

	assert_int_equal(rte_eth_xstats_get_id_by_name(port, name, &id), 0);
	assert_int_equal(rte_eth_xstats_get_by_id(port, &id, &value, 1), 1);
	return value;
}

uint64_t
queue_packets(uint16_t port, uint16_t queue)
{
#if RTE_VERSION < RTE_VERSION_NUM(25, 11, 0, 0)
	struct rte_eth_stats stats;

	assert_int_equal(rte_eth_stats_get(port, &stats), 0);
	return stats.q_ipackets[queue];
#else
	char name[32];

	snprintf(name, sizeof(name), "rx_q%u_packets", queue);
	return xstat(port, name);
#endif
}

void
pair_open_with_old_news(struct pair *p, struct rte_mbuf **m)
{
	unsigned int i;

	pair_open(p, ",ring_size=64,slot_size=256", "", NULL);
	for (i = 0; i < 16; i++)
		send_one(p->guest, 0, make_frame(common_pool, 500, i, 1));
	for (i = 0; i < 16; i++) {
		m[0] = receive_one(p->host, 0);
		check_frame(m[0], 500, i);
		rte_pktmbuf_free(m[0]);
	}
	expect_silence(p->host, 0);
	for (i = 0; i < 32; i++)
		m[i] = make_frame(common_pool, 500, i, 1);
}
