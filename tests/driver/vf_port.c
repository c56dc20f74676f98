/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "vf_port.h"

struct vfrig *rig;

const uint16_t vf_devices[2] = {0x10ca, 0x10ed};

void
rig_begin(uint16_t device)
{
	void *plugin = dlopen(getenv("FOLIO_PLUGIN"), RTLD_LAZY);
	void (*begin)(uint16_t) = (void (*)(uint16_t))dlsym(plugin, "vfrig_start");

	assert_non_null(begin);
	rig = dlsym(plugin, "vfrig");
	begin(device);
}

void
rig_end(void)
{
	void (*end)(void) = (void (*)(void))dlsym(dlopen(getenv("FOLIO_PLUGIN"), RTLD_LAZY),
						  "vfrig_stop");

	assert_false(vfmodel_is_master(&rig->m));
	end();
	if (rig->error != NULL || rig->m.error != NULL)
		fail_msg("the driver: %s", rig->error != NULL ? rig->error : rig->m.error);
	assert_false(rig->m.beyond);
}

/* The model's own functions are in the plugin; of those a test needs this one only. */
bool
vfmodel_is_master(const struct vfmodel *m)
{
	return (m->config[4] & 4) != 0;
}

void
rig_hold(void)
{
	pthread_mutex_lock(&rig->lock);
}

void
rig_release(void)
{
	pthread_mutex_unlock(&rig->lock);
}

/* The control thread has taken the card's bus mastering. */
void
wait_stopped(void)
{
	unsigned int i;

	for (i = 0; i < WAIT_STEPS && vfmodel_is_master(&rig->m); i++)
		rte_delay_us_sleep(1000);
	assert_false(vfmodel_is_master(&rig->m));
}

uint16_t
vf_port(const char *more, const struct port_setup *setup)
{
	char args[256];
	uint16_t port;

	snprintf(args, sizeof(args), "vf=0000:01:10.0,path=/dev/folio_alloc%s", more);
	assert_int_equal(attach("net_folio0", args, &port), 0);
	configure(port, setup);
	start(port);
	wait_link(port, true);
	return port;
}

/* There and back. What is shorter than a card sends comes back with zeroes behind it. */
void
vf_one(uint16_t port, uint16_t queue, uint32_t len, uint32_t seed, uint32_t segs)
{
	struct rte_mbuf *m = make_frame(common_pool, len, seed, segs);
	uint32_t i;

	send_one(port, queue, m);
	m = receive_one(port, queue);
	if (len < 60) {
		assert_int_equal(m->pkt_len, 60);
		for (i = len; i < 60; i++)
			assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[i], 0);
		rte_pktmbuf_trim(m, (uint16_t)(60 - len));
	}
	check_frame(m, len, seed);
	rte_pktmbuf_free(m);
}

void
expect_no_violation(uint16_t port)
{
	static const char *const names[] = {
		"violation_rx_bad_length", "violation_rx_bad_chain", "rx_bad_frame",
		"violation_bad_answers", "resets", "stalls", "ended_bursts",
	};
	size_t i;

	for (i = 0; i < RTE_DIM(names); i++)
		assert_int_equal(xstat(port, names[i]), 0);
}

void
wait_counter(uint16_t port, const char *name, uint64_t least)
{
	unsigned int i;

	for (i = 0; i < WAIT_STEPS && xstat(port, name) < least; i++)
		rte_delay_us_sleep(1000);
	assert_true(xstat(port, name) >= least);
}
