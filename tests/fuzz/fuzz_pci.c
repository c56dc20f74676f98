/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The transport for virtio-pci and the device of tests/virtio/pcidev.h, of which the fuzzer chooses
 * any byte of configuration space, what registers read as, and what it writes to shared memory;
 * through BARs, and through the window. The calls come in any order that their contract allows.
 */

#include <errno.h>

#include "../virtio/pcidev.h"
#include "check.h"
#include "input.h"

#define MAX_OPS 60
#define MEM_ADDR UINT64_C(0x1f8000000)
/* A call does some hundred accesses: sixteen queues, or a configuration that is read 16 times. */
#define ACCESSES_MAX 1200u
#define LIES 8

#define ops (&folio_virtio_pci_transport)

static struct {
	struct pcidev dev;
	struct folio_virtio_pci pci;
	struct folio_virtio_offer offer;
	struct folio_virtio_plan plan;
	uint8_t *mem;
	enum { REACH, ASK, TELL, RUN, PARTING } state;
	struct {
		uint32_t at, value;
	} lie[LIES]; /* what these registers read as */
	uint32_t lies;
	bool left; /* it went away: nobody can switch off what comes back */
} t;

static uint32_t
lie(struct pcidev *d, enum folio_pci_part part, uint32_t offset, uint32_t value)
{
	uint32_t i;

	(void)d;
	for (i = 0; i < t.lies; i++) {
		if (t.lie[i].at == (part << 8 | offset))
			value = t.lie[i].value;
	}
	return value;
}

static void
begin_device(uint64_t features, uint32_t pairs, bool has_bars)
{
	pcidev_init(&t.dev, features, pairs);
	t.dev.has_bars = has_bars;
	t.dev.mem = t.mem;
	t.dev.mem_addr = MEM_ADDR;
	t.dev.mem_len = FOLIO_CONTROL_BYTES;
}

static int
call(int ret, const struct folio_error *err)
{
	size_t len = strnlen(err->text, sizeof(err->text));

	CHECK(ret <= 0);
	CHECK(len < sizeof(err->text) && (ret == 0 || len > 0));
	CHECK(t.dev.accesses <= ACCESSES_MAX);
	/* The device's window is where it was made; one that is elsewhere makes no sense of what it
	 * gets. */
	CHECK(!t.dev.beyond || (!t.dev.has_bars && t.pci.regs.window != PCIDEV_CAP_WINDOW));
	t.dev.accesses = 0;
	if (ret != 0 && ret != -EAGAIN) {
		ops->drop(&t.pci);
		t.state = REACH;
	}
	return ret;
}

/* As its owner plans, whatever it offers. */
static void
make_plan(uint64_t wanted)
{
	uint64_t many = UINT64_C(1) << VIRTIO_NET_F_MQ | UINT64_C(1) << VIRTIO_NET_F_CTRL_VQ;

	memset(&t.plan, 0, sizeof(t.plan));
	t.plan.features = t.offer.features & wanted;
	t.plan.pairs = (t.plan.features & many) == many ? t.offer.pairs : 1;
	if (t.plan.pairs > FOLIO_VIRTIO_PAIRS_MAX)
		t.plan.pairs = FOLIO_VIRTIO_PAIRS_MAX;
	t.plan.size = t.offer.queue_max < 128 ? t.offer.queue_max : 128;
	t.plan.mac[0] = 2;
}

/* The next call of a session. Returns what it did. */
static int
step(uint64_t wanted)
{
	struct folio_virtio_health health;
	struct folio_error err = {.text = ""};
	uint32_t q;
	int ret;

	switch (t.state) {
	case REACH:
		ret = call(ops->reach(&t.pci, &err), &err);
		t.state = ret == 0 ? ASK : REACH;
		return ret;
	case ASK:
		ret = call(ops->ask(&t.pci, &t.offer, &err), &err);
		if (ret == 0) {
			CHECK(t.offer.queue_max > 0);
			make_plan(wanted);
			t.state = TELL;
		}
		return ret;
	case TELL:
		ret = call(ops->tell(&t.pci, &t.plan, &err), &err);
		if (ret == 0)
			t.state = RUN;
		return ret;
	case RUN:
		for (q = 0; q < 2 * t.plan.pairs; q++) {
			CHECK(t.pci.doorbell[q] + 2 <= t.pci.regs.part[FOLIO_PCI_NOTIFY].len);
			ops->notify(&t.pci, q);
		}
		return call(ops->watch(&t.pci, &health, &err), &err);
	default:
		ret = call(ops->part(&t.pci, &err), &err);
		t.state = ret == 0 ? REACH : t.state;
		return ret;
	}
}

/* The device becomes something else. */
static void
disturb(struct input *in)
{
	uint32_t at = input_u8(in);

	switch (input_below(in, 9)) {
	case 0:
		t.dev.config[at] = input_u8(in);
		break;
	case 1: /* near a field of a capability */
		pcidev_put(&t.dev, 0x40 + at % 0x5c, 4, input_u32(in));
		break;
	case 2:
		t.lie[t.lies % LIES].at = (at % 2) << 9 | input_below(in, 0x38);
		t.lie[t.lies % LIES].value = input_u32(in);
		t.lies = t.lies < LIES ? t.lies + 1 : LIES;
		break;
	case 3:
		t.lies = 0;
		break;
	case 4:
		t.dev.queue[at % PCIDEV_QUEUES].limit = input_u16(in);
		t.dev.queue[at % PCIDEV_QUEUES].notify_off = input_u16(in);
		break;
	case 5:
		t.dev.net[at % PCIDEV_NET_BYTES] = input_u8(in);
		break;
	case 6:
		t.dev.answer = at % (PCIDEV_SCRIBBLE + 1);
		break;
	case 7:
		t.mem[(at << 1 | input_u8(in) % 2) % FOLIO_CONTROL_BYTES] = input_u8(in);
		break;
	default:
		t.dev.num_queues = input_u16(in);
		t.dev.gone = at % 8 == 0;
		t.dev.mute = at % 8 == 1;
		t.dev.reset_takes = at % 4;
		t.left |= t.dev.gone || t.dev.mute;
	}
}

/* A device that behaves in its place: it comes up, and is left alone at the end. */
static void
recover(bool has_bars)
{
	int i, ret;

	ops->drop(&t.pci);
	CHECK(t.left || !pcidev_is_master(&t.dev));
	pcidev_end(&t.dev);
	begin_device(FOLIO_VIRTIO_PCI_FEATURES | UINT64_C(1) << VIRTIO_F_VERSION_1, 2, has_bars);
	t.lies = 0;
	t.state = REACH;
	for (i = 0; i < 8 && t.state != RUN; i++) {
		ret = step(UINT64_MAX);
		CHECK(ret == 0 || ret == -EAGAIN);
	}
	CHECK(step(UINT64_MAX) == 0 && t.dev.status == 0x0f && t.dev.queue[0].rung == 1);
	CHECK_MSG(t.dev.error == NULL, "%s", t.dev.error);
	folio_virtio_pci_close(&t.pci);
	CHECK(!pcidev_is_master(&t.dev) && t.dev.status == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = {bytes, len};
	uint8_t how = input_u8(&in);
	uint64_t features = input_u64(&in);
	struct folio_virtio_pci_config cfg = {
		.place = {.address = "0000:00:03.0", .sysfs = (const char *)&t.dev},
		.control_addr = MEM_ADDR,
		.opener = pcidev_open,
	};
	int i;

	memset(&t, 0, sizeof(t));
	t.mem = calloc(1, FOLIO_CONTROL_BYTES); /* whoever writes beyond it is found */
	CHECK(t.mem != NULL);
	cfg.control = t.mem;
	/* All that it knows, in most cases. */
	if (how % 4 != 0)
		features |= FOLIO_VIRTIO_PCI_FEATURES | UINT64_C(1) << VIRTIO_F_VERSION_1;
	begin_device(features, 1 + how / 8 % 4, how & 4);
	t.dev.lie = lie;
	CHECK(folio_virtio_pci_open(&t.pci, &cfg, NULL) == 0);
	for (i = 0; i < MAX_OPS && in.left > 0; i++) {
		uint8_t op = input_u8(&in);

		if (op % 4 == 0)
			disturb(&in);
		else if (op == 0xff && t.state == RUN)
			t.state = PARTING;
		else if (op == 0xfd)
			pcidev_answer_now(&t.dev);
		else
			(void)step(UINT64_MAX);
	}
	recover(how & 4);
	pcidev_end(&t.dev);
	free(t.mem);
	return 0;
}
