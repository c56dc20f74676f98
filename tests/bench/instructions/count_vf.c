/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Usage: count_vf folio -d PLUGIN --vdev=net_folio0,vf=ADDRESS,path=PATH EAL-OPTIONS
 *        count_vf igbvf -d librte_net_e1000.so --iova-mode=va EAL-OPTIONS
 *
 * Instructions of the bursts of folio's vf datapath, or of DPDK's own driver for the same card, on
 * the model of the card in tests/vf, which sends back what it gets. Prints a line for each kind of
 * frame and burst, "steps RX 64 32 1234", instructions of 256 frames: see count_steps.h. With folio
 * also "steps padded 64 12" and "exact", those of one copy. PLUGIN has the model in it, the other
 * driver is given a device whose registers are the model's.
 */

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <bus_pci_driver.h>

#include "../../../lib/boundary/copy.h"
#include "../../vf/vfrig.h"
#include "count_steps.h"

#define FRAMES 256
#define SIZE 64
#define BURST_MAX 32
#define WARM_UP 2048
#define MBUFS 8191
#define CACHE 250
#define RING 1024

static struct rte_mempool *pool;
static struct vfmodel *card;
static uint64_t received, sent;

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s failed\n", what);
	exit(1);
}

/* DPDK's driver: it is kept from the bus, and is given a device of ours. */
static struct rte_pci_driver *igbvf;
static struct rte_pci_device device;
static struct vfmodel model;

void rte_pci_register(struct rte_pci_driver *driver);

void
rte_pci_register(struct rte_pci_driver *driver)
{
	if (strcmp(driver->driver.name, "net_e1000_igb_vf") == 0)
		igbvf = driver;
}

static void
echo(struct vfmodel *m, uint32_t q, const uint8_t *frame, uint32_t len)
{
	(void)vfmodel_deliver(m, q, frame, len);
}

/* Its registers are plain memory: what was written is looked at whenever the driver waits. */
static void
look_at_registers(unsigned int us)
{
	static const uint32_t regs[] = {0x0000, 0x0c40};
	uint32_t i, value;

	(void)us;
	for (i = 0; i < 2; i++) {
		value = model.regs[regs[i] / 4];
		if ((i == 0 && (value & 0x04000000) != 0) || (i == 1 && (value & 3) != 0)) {
			model.regs[regs[i] / 4] = i == 0 ? 0 : 4;
			(void)vfmodel_write(&model, regs[i], value);
		}
	}
}

static void
open_igbvf(void)
{
	vfmodel_init(&model, 0x10ca);
	model.reset_behind = true;
	model.len = UINT64_MAX; /* all of this process, at its own addresses */
	model.config[4] = 4;
	model.sent = echo;
	card = &model;
	check(igbvf != NULL, "finding DPDK's driver");
	rte_delay_us_callback_register(look_at_registers);
	device.device.name = device.name;
	strcpy(device.name, "0000:01:10.0");
	device.id = (struct rte_pci_id){.vendor_id = 0x8086, .device_id = 0x10ca};
	device.mem_resource[0].addr = model.regs;
	device.mem_resource[0].len = VFMODEL_REGS;
	device.intr_handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	device.driver = igbvf;
	device.device.driver = &igbvf->driver;
	check(device.intr_handle != NULL && rte_intr_fd_set(device.intr_handle, -1) == 0,
	      "a handle of no interrupt");
	check(igbvf->probe(igbvf, &device) == 0, "the probe");
}

static struct vfrig *rig;

static void
open_folio(const char *plugin)
{
	void *dl = dlopen(plugin, RTLD_LAZY);
	void (*begin)(uint16_t) = dl == NULL ? NULL : (void (*)(uint16_t))dlsym(dl, "vfrig_start");

	check(begin != NULL, "loading the plugin");
	begin(0x10ca);
	rig = dlsym(dl, "vfrig");
	card = &rig->m;
}

/* From now on the card does what it does between two bursts, and at no other time. */
static void
hold_folio(void)
{
	struct rte_eth_link link = {0};
	unsigned int i;

	for (i = 0; i < 1000 && link.link_status == RTE_ETH_LINK_DOWN; i++) {
		check(rte_eth_link_get_nowait(0, &link) == 0, "rte_eth_link_get_nowait");
		usleep(10000);
	}
	check(link.link_status == RTE_ETH_LINK_UP, "finding the card");
	pthread_mutex_lock(&rig->lock);
}

static void
send_burst(unsigned int size, uint16_t burst, bool counts)
{
	burst_fn fn = rte_eth_fp_ops[0].tx_pkt_burst;
	void *queue = rte_eth_fp_ops[0].txq.data[0];
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t i, n = burst;

	check(rte_pktmbuf_alloc_bulk(pool, pkts, burst) == 0, "rte_pktmbuf_alloc_bulk");
	for (i = 0; i < burst; i++) {
		pkts[i]->data_len = (uint16_t)size;
		pkts[i]->pkt_len = size;
	}
	if (counts)
		sent += count_steps_of(fn, queue, pkts, &n);
	else
		n = fn(queue, pkts, n);
	check(n == burst, "a burst to send");
}

static void
receive_burst(unsigned int size, uint16_t burst, bool counts)
{
	burst_fn fn = rte_eth_fp_ops[0].rx_pkt_burst;
	void *queue = rte_eth_fp_ops[0].rxq.data[0];
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t n = burst;

	if (counts)
		received += count_steps_of(fn, queue, pkts, &n);
	else
		n = fn(queue, pkts, n);
	check(n == burst, "a burst to receive");
	check(pkts[burst - 1]->pkt_len == size, "a frame's length");
	rte_pktmbuf_free_bulk(pkts, burst);
}

static void
count(unsigned int size, uint16_t burst)
{
	unsigned int done;

	received = sent = 0;
	for (done = 0; done < WARM_UP + FRAMES; done += burst) {
		send_burst(size, burst, done >= WARM_UP);
		/* The plugin has a model of its own. */
		(void)(rig != NULL ? rig->run(card) : vfmodel_run(card));
		receive_burst(size, burst, done >= WARM_UP);
	}
	printf("steps RX %u %u %" PRIu64 "\nsteps TX %u %u %" PRIu64 "\n", size, burst, received,
	       size, burst, sent);
}

static __rte_noinline uint64_t
steps_of_copy(folio_copy_fn copy, void *to, const void *from, size_t len)
{
	count_steps_begin();
	copy(to, from, len);
	return count_steps_end();
}

static void
copies_nothing(void *to, const void *from, size_t len)
{
	(void)to;
	(void)from;
	(void)len;
}

static void
count_copies(unsigned int size)
{
	static uint8_t from[2048] __rte_aligned(64), to[2048] __rte_aligned(64);
	const struct folio_copy *copy = folio_copy_select(FOLIO_ISA_AUTO);
	uint64_t call = steps_of_copy(copies_nothing, to, from, size);

	printf("steps padded %u %" PRIu64 "\nsteps exact %u %" PRIu64 "\n", size,
	       steps_of_copy(copy->padded, to, from, size) - call, size,
	       steps_of_copy(copy->exact, to, from, size) - call);
}

static void
set_up(void)
{
	struct rte_eth_conf conf = {.txmode = {.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE}};
	struct rte_eth_dev_info info;

	pool = rte_pktmbuf_pool_create("count", MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	check(pool != NULL, "rte_pktmbuf_pool_create");
	check(rte_eth_dev_info_get(0, &info) == 0, "rte_eth_dev_info_get");
	conf.txmode.offloads &= info.tx_offload_capa;
	check(rte_eth_dev_configure(0, 1, 1, &conf) == 0 &&
	      rte_eth_rx_queue_setup(0, 0, RING, SOCKET_ID_ANY, NULL, pool) == 0 &&
	      rte_eth_tx_queue_setup(0, 0, RING, SOCKET_ID_ANY, NULL) == 0, "configuring the port");
	check(rte_eth_dev_start(0) == 0, "rte_eth_dev_start");
}

int
main(int argc, char **argv)
{
	static const uint16_t bursts[] = {1, 8, 32};
	bool folio = argc > 3 && strcmp(argv[1], "folio") == 0;
	size_t b;

	check(argc > 3, "usage: folio or igbvf, and a plugin");
	if (folio)
		open_folio(argv[3]);
	argv[1] = argv[0];
	check(rte_eal_init(argc - 1, argv + 1) >= 0, "rte_eal_init");
	if (!folio)
		open_igbvf();
	set_up();
	if (folio)
		hold_folio();
	for (b = 0; b < RTE_DIM(bursts); b++)
		count(SIZE, bursts[b]);
	if (folio)
		count_copies(SIZE);
	fflush(stdout);
	if (folio)
		pthread_mutex_unlock(&rig->lock);
	_exit(0); /* the other driver's device is nobody's to clean up */
}
