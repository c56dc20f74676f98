/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The transport for virtio-pci and an honest device: handshake, commands, doorbells. What needs a
 * real device is tested in a guest.
 */

#include <errno.h>
#include <string.h>

#include "../virtio/pcirig.h"

static const struct folio_virtio_transport *const ops = &folio_virtio_pci_transport;

static void
run_handshake(struct pcirig *e, uint64_t features, uint32_t pairs, bool has_bars)
{
	struct folio_virtio_health health;
	uint32_t q, resets;

	pcirig_begin(e, features, pairs);
	e->dev.has_bars = has_bars;
	e->pci.access.has_bars = has_bars;
	e->dev.reset_takes = 3;
	assert_int_equal(pcirig_tell(e, ALL), 0);
	assert_int_equal(e->offer.features, features);
	assert_int_equal(e->offer.queue_max, 256);
	assert_int_equal(e->offer.pairs, (features & BIT(NET_F_MQ)) != 0 ? pairs : 1);
	assert_int_equal(e->offer.mtu, (features & BIT(NET_F_MTU)) != 0 ? 1500 : 0);
	assert_memory_equal(e->offer.mac, e->dev.net, 6);
	assert_int_equal(e->dev.status, 0x0f);
	assert_int_equal(e->dev.driver_features, features);
	assert_int_equal(e->dev.vector, 0xffff);
	assert_true(pcidev_is_master(&e->dev));
	for (q = 0; q < 2 * e->plan.pairs; q++) {
		const struct pcidev_queue *dq = &e->dev.queue[q];

		assert_int_equal(dq->size, 128);
		assert_int_equal(dq->vector, 0xffff);
		assert_int_equal(dq->enable, 1);
		assert_int_equal(dq->area[0], e->plan.ring[q].desc);
		assert_int_equal(dq->area[1], e->plan.ring[q].driver);
		assert_int_equal(dq->area[2], e->plan.ring[q].device);
		ops->notify(&e->pci, q);
		assert_int_equal(dq->rung, 1);
	}
	assert_int_equal(pcirig_watch(e, &health), 0);
	assert_true(health.link);
	assert_false(health.announce);
	resets = e->dev.resets;
	e->dev.reset_takes = 1;
	while (ops->part(&e->pci, &e->err) == -EAGAIN)
		;
	assert_int_equal(e->dev.resets, resets + 1);
	assert_int_equal(e->dev.status, 0);
	assert_false(pcidev_is_master(&e->dev));
	/* Once more, from the start. */
	assert_int_equal(pcirig_tell(e, ALL), 0);
	assert_int_equal(e->dev.status, 0x0f);
	pcirig_end(e);
	assert_int_equal(e->dev.status, 0);
}

static void
test_handshake(void **state)
{
	int has_bars;

	for (has_bars = 0; has_bars < 2; has_bars++) {
		run_handshake(*state, PLAIN, 1, has_bars);
		run_handshake(*state, ALL & ~BIT(F_RING_PACKED), 1, has_bars);
		run_handshake(*state, ALL & ~BIT(F_RING_PACKED), 4, has_bars);
		run_handshake(*state, ALL, 64, has_bars);
		run_handshake(*state, ALL & ~BIT(NET_F_STATUS) & ~BIT(NET_F_GUEST_ANNOUNCE), 3,
			      has_bars);
	}
}

/* QEMU without disable-legacy=on. */
static void
test_transitional_device(void **state)
{
	struct pcirig *e = *state;

	pcirig_begin(e, ALL, 1);
	pcidev_put(&e->dev, 2, 2, 0x1000);
	assert_int_equal(pcirig_tell(e, ALL), 0);
	pcirig_end(e);
}

static void
test_plan_of_more_than_is_offered(void **state)
{
	struct pcirig *e = *state;

	pcirig_begin(e, ALL & ~BIT(F_RING_PACKED), 2);
	assert_int_equal(pcirig_ask(e), 0);
	e->plan = (struct folio_virtio_plan){.features = ALL, .pairs = 1, .size = 64};
	pcirig_check(e, pcirig_tell_more(e), -EINVAL, "are more than it offers");
	assert_int_equal(pcirig_ask(e), 0);
	e->plan.features = e->offer.features;
	e->plan.pairs = 3;
	pcirig_check(e, pcirig_tell_more(e), -EINVAL, "3 pairs of queues");
	assert_int_equal(pcirig_ask(e), 0);
	e->plan.pairs = 2;
	e->plan.size = 512;
	pcirig_check(e, pcirig_tell_more(e), -EINVAL, "queues of 512");
	assert_int_equal(pcirig_ask(e), 0);
	e->plan.size = 64;
	e->plan.features &= ~BIT(NET_F_MQ);
	pcirig_check(e, pcirig_tell_more(e), -EINVAL, "2 pairs without MQ");
	pcirig_end(e);
}

/* While the window is in use a doorbell waits, and is rung by its user. */
static void
test_doorbell_waits_for_the_window(void **state)
{
	struct folio_virtio_health health = {.link = true};
	struct pcirig *e = *state;
	uint32_t q;

	pcirig_begin(e, ALL, 64);
	assert_int_equal(pcirig_tell(e, ALL), 0);
	e->pci.window_busy = 1;
	for (q = 0; q < 128; q += 9)
		ops->notify(&e->pci, q);
	assert_int_equal(e->dev.queue[9].rung, 0);
	assert_int_equal(pcirig_watch(e, &health), -EAGAIN);
	assert_true(health.link);
	e->pci.window_busy = 0;
	assert_int_equal(pcirig_watch(e, &health), 0);
	for (q = 0; q < 128; q++)
		assert_int_equal(e->dev.queue[q].rung, q % 9 == 0);
	ops->notify(&e->pci, 9);
	assert_int_equal(e->dev.queue[9].rung, 2);
	pcirig_end(e);
}

#define RINGS 20000

/* What was given to a queue before its doorbell, and what the device saw behind the last. */
static struct {
	struct folio_virtio_pci *pci;
	uint32_t given, seen;
} rings[2];

static void
note_doorbell(uint32_t q)
{
	if (q < 2)
		rings[q].seen = __atomic_load_n(&rings[q].given, __ATOMIC_ACQUIRE);
}

static void *
ring_doorbells(void *arg)
{
	uint32_t q = (uint32_t)(uintptr_t)arg, i;

	for (i = 1; i <= RINGS; i++) {
		__atomic_store_n(&rings[q].given, i, __ATOMIC_RELEASE);
		ops->notify(rings[q].pci, q);
	}
	return NULL;
}

/* The device hears of all that was given, and no doorbell gets into the read of a register. */
static void
test_doorbells_while_it_is_watched(void **state)
{
	struct folio_virtio_health health;
	struct pcirig *e = *state;
	pthread_t thread[2];
	uint32_t q, seen = 0;
	int ret;

	pcirig_begin(e, ALL, 1);
	assert_int_equal(pcirig_tell(e, ALL), 0);
	e->dev.rang = note_doorbell;
	for (q = 0; q < 2; q++) {
		rings[q].pci = &e->pci;
		rings[q].given = rings[q].seen = 0;
		assert_int_equal(
			pthread_create(&thread[q], NULL, ring_doorbells, (void *)(uintptr_t)q), 0);
	}
	while (seen < 2 * RINGS) {
		ret = pcirig_watch(e, &health);
		assert_true(ret == -EAGAIN || (ret == 0 && health.link && !health.announce));
		seen = __atomic_load_n(&rings[0].given, __ATOMIC_RELAXED) +
		       __atomic_load_n(&rings[1].given, __ATOMIC_RELAXED);
	}
	for (q = 0; q < 2; q++)
		pthread_join(thread[q], NULL);
	for (q = 0; q < 2; q++)
		assert_int_equal(rings[q].seen, RINGS);
	pcirig_end(e);
}

static void
test_device_that_goes_away(void **state)
{
	struct folio_virtio_health health;
	struct pcirig *e = *state;
	int mute;

	for (mute = 0; mute < 2; mute++) {
		pcirig_begin(e, ALL, 1);
		assert_int_equal(pcirig_tell(e, ALL), 0);
		e->dev.gone = mute == 0;
		e->dev.mute = mute == 1;
		ops->notify(&e->pci, 0);
		pcirig_check(e, pcirig_watch(e, &health), -ENODEV, "the device is gone");
		pcirig_check(e, pcirig_reach(e), -ENODEV, "does not answer");
		ops->drop(&e->pci);
		/* Another one in its place. */
		e->dev.gone = false;
		e->dev.mute = false;
		assert_int_equal(pcirig_tell(e, ALL), 0);
		pcirig_end(e);
	}
}

static void
test_link_and_announcements(void **state)
{
	struct folio_virtio_health health;
	struct pcirig *e = *state;

	pcirig_begin(e, ALL, 1);
	assert_int_equal(pcirig_tell(e, ALL), 0);
	e->dev.net[6] = 0;
	assert_int_equal(pcirig_watch(e, &health), 0);
	assert_false(health.link);
	e->dev.net[6] = 3;
	e->dev.answer = PCIDEV_LATE;
	assert_int_equal(pcirig_watch(e, &health), 0);
	assert_true(health.link);
	assert_true(health.announce);
	assert_int_equal(pcirig_watch(e, &health), 0);
	assert_false(health.announce); /* once for each time it is asked */
	pcidev_answer_now(&e->dev);
	assert_int_equal(e->dev.last, FOLIO_CONTROL_ANNOUNCED);
	assert_int_equal(e->dev.data_len, 0);
	e->dev.net[6] = 1;
	assert_int_equal(pcirig_watch(e, &health), 0);
	assert_false(health.announce);
	pcirig_end(e);
	/* Not agreed on: the bits mean nothing. */
	pcirig_begin(e, ALL, 1);
	assert_int_equal(pcirig_tell(e, ALL & ~BIT(NET_F_GUEST_ANNOUNCE) & ~BIT(NET_F_STATUS)), 0);
	e->dev.net[6] = 2;
	assert_int_equal(pcirig_watch(e, &health), 0);
	assert_true(health.link);
	assert_false(health.announce);
	pcirig_end(e);
}

static void
test_commands_at_the_start(void **state)
{
	static const uint8_t mac[6] = {0x06, 5, 4, 3, 2, 1};
	uint64_t features = ALL;
	struct pcirig *e = *state;
	int packed;

	for (packed = 0; packed < 2; packed++, features &= ~BIT(F_RING_PACKED)) {
		pcirig_begin(e, features, 4);
		e->dev.answer = PCIDEV_LATE;
		assert_int_equal(pcirig_tell(e, ALL), -EAGAIN);
		assert_non_null(strstr(e->err.text, "not answered on its control queue yet"));
		assert_int_equal(e->dev.control, 8);
		pcidev_answer_now(&e->dev);
		assert_int_equal(e->dev.last, FOLIO_CONTROL_PAIRS);
		assert_int_equal(e->dev.data_len, 2);
		assert_int_equal(e->dev.data[0] | e->dev.data[1] << 8, 4);
		memcpy(e->plan.mac, mac, sizeof(mac));
		assert_int_equal(pcirig_tell_more(e), -EAGAIN);
		pcidev_answer_now(&e->dev);
		assert_int_equal(e->dev.last, FOLIO_CONTROL_PROMISC);
		assert_int_equal(e->dev.data_len, 1);
		assert_int_equal(e->dev.data[0], 1);
		assert_int_equal(pcirig_tell_more(e), -EAGAIN);
		pcidev_answer_now(&e->dev);
		assert_int_equal(e->dev.last, FOLIO_CONTROL_MAC);
		assert_int_equal(e->dev.data_len, 6);
		assert_memory_equal(e->dev.data, mac, 6);
		assert_int_equal(pcirig_tell_more(e), 0);
		assert_int_equal(e->dev.commands, 3);
		assert_int_equal(e->pci.refused, 0);
		pcirig_end(e);
	}
}

/* One pair of several: the control queue stays behind all of them; without MQ it is the third. */
static void
test_place_of_the_control_queue(void **state)
{
	struct pcirig *e = *state;

	pcirig_begin(e, ALL, 4);
	assert_int_equal(pcirig_tell(e, ALL & ~BIT(NET_F_CTRL_VQ) & ~BIT(NET_F_MQ)), 0);
	assert_int_equal(e->dev.commands, 0);
	e->dev.control = 2;
	e->dev.queue[2].limit = 64;
	assert_int_equal(pcirig_tell(e, ALL & ~BIT(NET_F_MQ)), 0);
	assert_int_equal(e->dev.commands, 1);
	assert_int_equal(e->dev.queue[2].rung, 1);
	pcirig_end(e);
}

static void
test_optional_commands_may_be_refused(void **state)
{
	struct pcirig *e = *state;

	pcirig_begin(e, ALL & ~BIT(NET_F_MQ), 1);
	e->dev.answer = PCIDEV_REFUSE;
	assert_int_equal(pcirig_tell(e, ALL), 0);
	assert_int_equal(e->pci.refused, 1);
	pcirig_end(e);
}

/* Many commands: indices and wrap counters go round. */
static void
test_many_commands(void **state)
{
	struct folio_virtio_health health;
	uint64_t features = ALL;
	struct pcirig *e = *state;
	uint32_t i, packed;

	for (packed = 0; packed < 2; packed++, features &= ~BIT(F_RING_PACKED)) {
		pcirig_begin(e, features, 1);
		assert_int_equal(pcirig_tell(e, ALL), 0);
		e->dev.net[6] = 3;
		for (i = 0; i < 70000; i++) {
			assert_int_equal(pcirig_watch(e, &health), 0);
			assert_true(health.announce);
		}
		assert_int_equal(e->dev.commands, 70001);
		pcirig_end(e);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_transitional_device),
		cmocka_unit_test(test_plan_of_more_than_is_offered),
		cmocka_unit_test(test_doorbell_waits_for_the_window),
		cmocka_unit_test(test_doorbells_while_it_is_watched),
		cmocka_unit_test(test_device_that_goes_away),
		cmocka_unit_test(test_link_and_announcements),
		cmocka_unit_test(test_commands_at_the_start),
		cmocka_unit_test(test_place_of_the_control_queue),
		cmocka_unit_test(test_optional_commands_may_be_refused),
		cmocka_unit_test(test_many_commands),
	};

	return cmocka_run_group_tests(tests, pcirig_setup, pcirig_teardown);
}
