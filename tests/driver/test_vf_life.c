/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Life of a port on a virtual function, against a model of the card: down and up, and a card that is
 * reset, stalls, goes, or cannot be had.
 */

#include <stdlib.h>

#include <rte_cycles.h>

#include "vf_port.h"

/* Down and up, which is a reset of the card each; $FOLIO_VF_AGAIN says how often. */
static void
test_again(void **state)
{
	const char *again = getenv("FOLIO_VF_AGAIN");
	int i, n = again != NULL ? atoi(again) : 10;
	uint16_t port;

	(void)state;
	rig_begin(0x10ca);
	port = vf_port(",ring_size=64", &(struct port_setup){.queues = 1});
	for (i = 0; i < n; i++) {
		assert_int_equal(rte_eth_dev_stop(port), 0);
		start(port);
		wait_link(port, true);
		vf_one(port, 0, 60 + (uint32_t)i, 1, 1);
	}
	expect_no_violation(port);
	detach(port);
	rig_end();
}

/* A longer MTU is told the physical function at once; a shorter one need not be. */
static void
test_mtu(void **state)
{
	uint16_t port;
	unsigned int i;

	(void)state;
	rig_begin(0x10ed);
	port = vf_port(",ring_size=64,slot_size=9216",
		       &(struct port_setup){.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER});
	assert_int_equal(rig->m.longest, 1518);
	assert_int_equal(rte_eth_dev_set_mtu(port, 9000), 0);
	for (i = 0; i < WAIT_STEPS && rig->m.longest != 9018; i++)
		rte_delay_us_sleep(1000);
	assert_int_equal(rig->m.longest, 9018);
	wait_link(port, true);
	vf_one(port, 0, 9022, 1, 5);
	assert_int_equal(xstat(port, "resets"), 0);
	detach(port);
	rig_end();
}

/* C1: the physical function is reset, the card goes and comes back, the link does, a frame stays. */
static void
test_C1_events(void **state)
{
	struct rte_mbuf *m;
	size_t d;
	uint16_t port;
	int i;

	(void)state;
	for (d = 0; d < RTE_DIM(vf_devices); d++) {
		rig_begin(vf_devices[d]);
		port = vf_port(",ring_size=64", &(struct port_setup){.queues = 1});
		for (i = 0; i < 2; i++) {
			rig_hold();
			rig->m.cts = false;
			rig->m.regs[rig->m.mailbox / 4] |= VFMODEL_RSTD;
			rig_release();
			wait_counter(port, "resets", (uint64_t)i + 1);
			wait_link(port, true);
			vf_one(port, 0, 100, 1, 1);
		}
		rig_hold();
		rig->m.regs[rig->m.link / 4] = 0;
		rig_release();
		wait_link(port, false);
		rig_hold();
		rig->m.regs[rig->m.link / 4] = rig->m.link_up;
		rig_release();
		wait_link(port, true);
		vf_one(port, 0, 100, 2, 1);
		assert_int_equal(xstat(port, "resets"), 2);

		/* Removed: no bus mastering can be seen off; it is opened anew when it is back. */
		rig_hold();
		rig->m.lies.gone = true;
		rig->absent = true;
		i = (int)rig->m.opened;
		rig_release();
		wait_link(port, false);
		rte_delay_ms(300);
		rig_hold();
		rig->m.lies.gone = false;
		rig->absent = false;
		rig_release();
		wait_link(port, true);
		assert_true(rig->m.opened > (uint32_t)i);
		vf_one(port, 0, 100, 3, 1);

		/* It sends, or does not, and says nothing. */
		rig_hold();
		rig->m.lies.no_done = true;
		rig_release();
		m = make_frame(common_pool, 100, 4, 1);
		send_one(port, 0, m);
		wait_counter(port, "stalls", 1);
		rig_hold();
		rig->m.lies.no_done = false;
		rig_release();
		wait_link(port, false);
		wait_link(port, true);
		while (rte_eth_rx_burst(port, 0, &m, 1) == 1)
			rte_pktmbuf_free(m);
		vf_one(port, 0, 100, 5, 1);
		detach(port);
		rig_end();
	}
}

/* What cannot be opened says why, and leaves nothing behind. */
static void
test_refused(void **state)
{
	uint16_t port;

	(void)state;
	rig_begin(0x10ca);
	rig->absent = true;
	assert_int_not_equal(attach("net_folio0", "vf=01:10.0,path=/dev/folio_alloc", NULL), 0);
	rig->absent = false;
	rig->m.config[2] = 0xc9; /* a physical function */
	assert_int_not_equal(attach("net_folio0", "vf=01:10.0,path=/dev/folio_alloc", NULL), 0);
	rig->m.config[2] = 0xca;
	rig->m.lies.mute = true;
	assert_int_not_equal(attach("net_folio0", "vf=01:10.0,path=/dev/folio_alloc", NULL), 0);
	rig->m.lies.mute = false;
	assert_int_not_equal(attach("net_folio0", "vf=01:10.0,path=/dev/folio_alloc,queues=9", NULL),
			     0);
	assert_int_not_equal(attach("net_folio0", "vf=01:10.0,path=/dev/folio_alloc,ring_size=8192",
				    NULL), 0);
	assert_int_not_equal(attach("net_folio0", "vf=01:10.0,path=/dev/folio_alloc,size=4096",
				    NULL), 0);
	port = vf_port("", &(struct port_setup){.queues = 1});
	vf_one(port, 0, 60, 1, 1);
	detach(port);
	rig_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_again),
		TEST(test_mtu),
		TEST(test_C1_events),
		TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
