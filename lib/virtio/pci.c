/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "virtio/pci_common.h"

#define NO_VECTOR 0xffffu

/* Commands that may go with the start. */
#define START_COMMANDS 3u

/* Queues that one call takes care of: some hundred system calls at most. */
#define QUEUES_A_CALL 16u
/* Looks at a device that is dropped, which cannot wait. */
#define DROP_LOOKS 4

/* Two halves, the lower first. */
static bool
set64(const struct folio_virtio_pci *p, uint32_t offset, uint64_t value)
{
	return folio_pci_set(p, offset, 4, (uint32_t)value) &&
	       folio_pci_set(p, offset + 4, 4, (uint32_t)(value >> 32));
}

/* Switch these bits of the command register on or off, and see that it was done. */
static int
set_command(struct folio_virtio_pci *p, uint32_t on, uint32_t off, struct folio_error *err)
{
	uint16_t now = 0;
	int ret = folio_pci_command(&p->access, (uint16_t)on, (uint16_t)off, &now);

	if (ret == -ENODEV)
		return folio_pci_gone(p, err);
	if (ret != 0)
		return folio_fail(err, -EIO,
				  "%s: its command register is 0x%04x: decoding or bus mastering "
				  "cannot be switched",
				  p->name, now);
	return 0;
}

/* Until the reset is done the device may still use its queues (section 4.1.4.3.2). */
static int
await_reset(struct folio_virtio_pci *p, enum folio_virtio_pci_step then, struct folio_error *err)
{
	uint32_t status;

	if (!folio_pci_get(p, PCI_DEVICE_STATUS, 1, &status) || status == STATUS_GONE)
		return folio_pci_gone(p, err);
	if (status != 0)
		return folio_fail(err, -EAGAIN,
				  "%s has not finished its reset: its status is 0x%02x", p->name,
				  status);
	p->step = then;
	return set_command(p, 0, FOLIO_PCI_MASTER, err);
}

static int
open_function(struct folio_virtio_pci *p, struct folio_error *err)
{
	p->lost = false;
	p->step = FOLIO_VIRTIO_PCI_BEGIN;
	p->regs.access = NULL; /* where the registers are is not known yet */
	return p->cfg.opener(&p->access, &p->cfg.place, p->cfg.shm, p->name, err);
}

static int
find(struct folio_virtio_pci *p, struct folio_error *err)
{
	uint8_t config[FOLIO_PCI_CONFIG_BYTES];
	int ret;

	if (p->access.ops == NULL) {
		ret = open_function(p, err);
		if (ret != 0)
			return ret;
	}
	if (!folio_pci_read(&p->access, FOLIO_PCI_CONFIG, 0, config, sizeof(config)))
		return folio_pci_gone(p, err);
	ret = folio_pci_regs_find(&p->regs, &p->access, config, p->name, err);
	return ret != 0 ? ret : set_command(p, FOLIO_PCI_MEMORY, 0, err);
}

static int
pci_reach(void *transport, struct folio_error *err)
{
	struct folio_virtio_pci *p = transport;
	int ret;

	if (p->step == FOLIO_VIRTIO_PCI_RESET)
		return await_reset(p, FOLIO_VIRTIO_PCI_ASK, err);
	ret = find(p, err);
	if (ret != 0)
		return ret;
	p->step = FOLIO_VIRTIO_PCI_RESET;
	if (!folio_pci_set(p, PCI_DEVICE_STATUS, 1, 0))
		return folio_pci_gone(p, err);
	return await_reset(p, FOLIO_VIRTIO_PCI_ASK, err);
}

/* The owner's mistakes, not the device's. */
static int
check_plan(const struct folio_virtio_pci *p, const struct folio_virtio_plan *plan,
	   struct folio_error *err)
{
	uint64_t many = FEATURE(NET_F_CTRL_VQ) | FEATURE(NET_F_MQ);

	if ((plan->features & ~p->offered) != 0 || plan->pairs == 0 || plan->pairs > p->pairs ||
	    plan->pairs > FOLIO_VIRTIO_PAIRS_MAX || plan->size > p->queue_max)
		return folio_fail(err, -EINVAL,
				  "%s: features 0x%" PRIx64 ", %u pairs of queues of %u are "
				  "more than it offers: 0x%" PRIx64 ", %u of %u",
				  p->name, plan->features, plan->pairs, plan->size, p->offered,
				  p->pairs, p->queue_max);
	if (plan->pairs > 1 && (plan->features & many) != many)
		return folio_fail(err, -EINVAL, "%s: %u pairs without MQ and CTRL_VQ", p->name,
				  plan->pairs);
	return 0;
}

static int
write_features(struct folio_virtio_pci *p, uint64_t features, struct folio_error *err)
{
	uint32_t status;

	if (!folio_pci_set(p, PCI_DRIVER_FEATURE_SELECT, 4, 0) ||
	    !folio_pci_set(p, PCI_DRIVER_FEATURE, 4, (uint32_t)features) ||
	    !folio_pci_set(p, PCI_DRIVER_FEATURE_SELECT, 4, 1) ||
	    !folio_pci_set(p, PCI_DRIVER_FEATURE, 4, (uint32_t)(features >> 32)) ||
	    !folio_pci_set(p, PCI_DEVICE_STATUS, 1, STATUS_NEGOTIATING | STATUS_FEATURES_OK) ||
	    !folio_pci_get(p, PCI_DEVICE_STATUS, 1, &status) || status == STATUS_GONE)
		return folio_pci_gone(p, err);
	if ((status & STATUS_FEATURES_OK) == 0)
		return folio_fail(err, -EPROTO,
				  "%s refuses features 0x%" PRIx64 " of its 0x%" PRIx64
				  ": FEATURES_OK stays off (status 0x%02x)%s",
				  p->name, features, p->offered, status,
				  (p->offered & ~features & FEATURE(F_ACCESS_PLATFORM)) != 0 ?
					  ": it wants ACCESS_PLATFORM" :
					  "");
	if (!folio_pci_set(p, PCI_CONFIG_VECTOR, 2, NO_VECTOR))
		return folio_pci_gone(p, err);
	return 0;
}

/* Behind all pairs that it has. Without MQ it is a device of one pair. */
static uint32_t
control_index(const struct folio_virtio_pci *p)
{
	return (p->features & FEATURE(NET_F_MQ)) != 0 ? 2 * p->pairs : 2;
}

static int
check_queue_count(struct folio_virtio_pci *p, uint32_t pairs, struct folio_error *err)
{
	bool control = (p->features & FEATURE(NET_F_CTRL_VQ)) != 0;
	uint32_t has, need = control ? control_index(p) + 1 : 2 * pairs;

	if (!folio_pci_get(p, PCI_NUM_QUEUES, 2, &has))
		return folio_pci_gone(p, err);
	if (has >= need)
		return 0;
	return folio_fail(err, -EPROTO, "%s has %u queues: %u pairs%s need %u", p->name, has,
			  p->pairs, control ? " and a control queue" : "", need);
}

static int
read_doorbell(struct folio_virtio_pci *p, uint32_t q, uint32_t *doorbell, struct folio_error *err)
{
	uint32_t len = p->regs.part[FOLIO_PCI_NOTIFY].len, offset;
	uint64_t at;

	if (!folio_pci_get(p, PCI_QUEUE_NOTIFY_OFF, 2, &offset))
		return folio_pci_gone(p, err);
	at = (uint64_t)offset * p->regs.multiplier;
	if (at + 2 > len)
		return folio_fail(err, -EPROTO,
				  "%s: the doorbell of queue %u is at %" PRIu64
				  " of a notify configuration of %u bytes",
				  p->name, q, at, len);
	*doorbell = (uint32_t)at;
	return 0;
}

static int
set_up_queue(struct folio_virtio_pci *p, uint32_t q, uint32_t size,
	     const struct folio_virtio_ring *ring, uint32_t *doorbell, struct folio_error *err)
{
	uint32_t limit, taken, enabled;
	int ret;

	if (!folio_pci_set(p, PCI_QUEUE_SELECT, 2, q) ||
	    !folio_pci_get(p, PCI_QUEUE_SIZE, 2, &limit))
		return folio_pci_gone(p, err);
	if (limit < size)
		return folio_fail(err, -EPROTO,
				  "%s: its queue %u has %u descriptors at most: needed are %u",
				  p->name, q, limit, size);
	ret = read_doorbell(p, q, doorbell, err);
	if (ret != 0)
		return ret;
	if (!folio_pci_set(p, PCI_QUEUE_SIZE, 2, size) ||
	    !folio_pci_set(p, PCI_QUEUE_VECTOR, 2, NO_VECTOR) ||
	    !set64(p, PCI_QUEUE_DESC, ring->desc) || !set64(p, PCI_QUEUE_DRIVER, ring->driver) ||
	    !set64(p, PCI_QUEUE_DEVICE, ring->device) ||
	    !folio_pci_get(p, PCI_QUEUE_SIZE, 2, &taken) ||
	    !folio_pci_set(p, PCI_QUEUE_ENABLE, 2, 1) ||
	    !folio_pci_get(p, PCI_QUEUE_ENABLE, 2, &enabled))
		return folio_pci_gone(p, err);
	if (taken != size || enabled != 1)
		return folio_fail(err, -EPROTO,
				  "%s does not take queue %u with %u descriptors: its size is "
				  "%u, enabled %u",
				  p->name, q, size, taken, enabled);
	return 0;
}

/* The queues, some a call, and the control queue last. */
static int
set_up_queues(struct folio_virtio_pci *p, const struct folio_virtio_plan *plan,
	      struct folio_error *err)
{
	uint32_t n;
	int ret;

	for (n = 0; n < QUEUES_A_CALL && p->next < 2 * plan->pairs; n++, p->next++) {
		ret = set_up_queue(p, p->next, plan->size, &plan->ring[p->next],
				   &p->doorbell[p->next], err);
		if (ret != 0)
			return ret;
	}
	if (p->next < 2 * plan->pairs)
		return folio_fail(err, -EAGAIN, "%s: %u of %u queues are set up", p->name, p->next,
				  2 * plan->pairs);
	if ((plan->features & FEATURE(NET_F_CTRL_VQ)) == 0)
		return 0;
	folio_control_attach(&p->control, (plan->features & FEATURE(F_RING_PACKED)) != 0,
			     p->cfg.control, p->cfg.control_addr, FOLIO_VIRTIO_PCI_LOOKS,
			     &p->control_ring);
	return set_up_queue(p, control_index(p), FOLIO_CONTROL_SIZE, &p->control_ring,
			    &p->control_doorbell, err);
}

static int
give_command(struct folio_virtio_pci *p, uint32_t command, const void *data, uint32_t len,
	     struct folio_error *err)
{
	folio_control_give(&p->control, command, data, len);
	if (!folio_pci_reg_write(&p->regs, FOLIO_PCI_NOTIFY, p->control_doorbell, 2,
				 control_index(p)))
		return folio_pci_gone(p, err);
	return 0;
}

/* 0: idle, whatever was answered last; -EAGAIN: not answered yet. */
static int
look_for_answer(struct folio_virtio_pci *p, enum folio_control_answer *answer,
		struct folio_error *err)
{
	*answer = folio_control_look(&p->control);
	switch (*answer) {
	case FOLIO_CONTROL_PENDING:
		return folio_fail(err, -EAGAIN, "%s has not answered on its control queue yet",
				  p->name);
	case FOLIO_CONTROL_REFUSED:
		p->refused++;
		return 0;
	case FOLIO_CONTROL_BROKEN:
		return folio_fail(err, -EPROTO,
				  "%s answers on its control queue what was not asked", p->name);
	case FOLIO_CONTROL_SILENT:
		return folio_fail(err, -ETIMEDOUT, "%s does not answer on its control queue",
				  p->name);
	default:
		return 0;
	}
}

/* The n-th command that goes with the start. False: it is not needed. */
static bool
start_command(const struct folio_virtio_pci *p, const struct folio_virtio_plan *plan, uint32_t n,
	      uint32_t *command, uint8_t *data, uint32_t *len)
{
	static const uint8_t none[6];

	switch (n) {
	case 0:
		*command = FOLIO_CONTROL_PAIRS;
		data[0] = (uint8_t)plan->pairs;
		data[1] = (uint8_t)(plan->pairs >> 8);
		*len = 2;
		return plan->pairs > 1;
	case 1:
		*command = FOLIO_CONTROL_PROMISC;
		data[0] = 1;
		*len = 1;
		return (p->features & FEATURE(NET_F_CTRL_RX)) != 0;
	default:
		*command = FOLIO_CONTROL_MAC;
		memcpy(data, plan->mac, sizeof(plan->mac));
		*len = sizeof(plan->mac);
		return (p->features & FEATURE(NET_F_CTRL_MAC_ADDR)) != 0 &&
		       memcmp(plan->mac, none, sizeof(none)) != 0;
	}
}

/* One command a call, so that what the device answers is read once. */
static int
do_commands(struct folio_virtio_pci *p, const struct folio_virtio_plan *plan,
	    struct folio_error *err)
{
	uint8_t data[FOLIO_CONTROL_DATA];
	enum folio_control_answer answer;
	uint32_t command, len;
	int ret;

	while (!start_command(p, plan, p->next, &command, data, &len)) {
		if (++p->next >= START_COMMANDS)
			return 0;
	}
	if (!p->control.busy) {
		ret = give_command(p, command, data, len, err);
		if (ret != 0)
			return ret;
	}
	ret = look_for_answer(p, &answer, err);
	if (ret != 0)
		return ret;
	if (answer == FOLIO_CONTROL_REFUSED && command == FOLIO_CONTROL_PAIRS)
		return folio_fail(err, -EPROTO, "%s refuses %u queue pairs of its %u", p->name,
				  plan->pairs, p->pairs);
	if (++p->next >= START_COMMANDS)
		return 0;
	return folio_fail(err, -EAGAIN, "%s has answered %u commands of its start", p->name,
			  p->control.given);
}

static int
start(struct folio_virtio_pci *p, struct folio_error *err)
{
	int ret = set_command(p, FOLIO_PCI_MEMORY | FOLIO_PCI_MASTER, 0, err);

	if (ret != 0)
		return ret;
	if (!folio_pci_set(p, PCI_DEVICE_STATUS, 1, STATUS_RUNNING))
		return folio_pci_gone(p, err);
	return folio_pci_check_status(p, STATUS_RUNNING, err);
}

static int
pci_tell(void *transport, const struct folio_virtio_plan *plan, struct folio_error *err)
{
	struct folio_virtio_pci *p = transport;
	int ret;

	if (p->step == FOLIO_VIRTIO_PCI_TELL) {
		ret = check_plan(p, plan, err);
		if (ret == 0)
			ret = write_features(p, plan->features, err);
		p->features = plan->features;
		memset(p->waiting, 0, sizeof(p->waiting)); /* an earlier session's */
		if (ret == 0)
			ret = check_queue_count(p, plan->pairs, err);
		if (ret != 0)
			return ret;
		p->next = 0;
		p->step = FOLIO_VIRTIO_PCI_QUEUES;
	}
	if (p->step == FOLIO_VIRTIO_PCI_QUEUES) {
		ret = set_up_queues(p, plan, err);
		if (ret == 0)
			ret = start(p, err);
		if (ret != 0)
			return ret;
		p->next = 0;
		p->step = FOLIO_VIRTIO_PCI_COMMANDS;
	}
	ret = (p->features & FEATURE(NET_F_CTRL_VQ)) != 0 ? do_commands(p, plan, err) : 0;
	if (ret == 0)
		p->step = FOLIO_VIRTIO_PCI_RUN;
	return ret;
}

static int
look(struct folio_virtio_pci *p, struct folio_virtio_health *health, struct folio_error *err)
{
	const uint64_t announced = FEATURE(NET_F_GUEST_ANNOUNCE) | FEATURE(NET_F_CTRL_VQ);
	enum folio_control_answer answer;
	uint32_t status;
	int ret;

	health->link = true;
	health->announce = false;
	ret = folio_pci_check_status(p, STATUS_RUNNING, err);
	if (ret == 0 && (p->features & FEATURE(NET_F_CTRL_VQ)) != 0)
		ret = look_for_answer(p, &answer, err);
	if (ret != 0 && ret != -EAGAIN)
		return ret;
	if ((p->features & FEATURE(NET_F_STATUS)) == 0)
		return 0;
	if (!folio_pci_net_get(p, NET_STATUS, 2, &status))
		return folio_pci_gone(p, err);
	health->link = (status & NET_S_LINK_UP) != 0;
	/* The bit stays until the device has seen the answer to it. */
	if ((status & NET_S_ANNOUNCE) == 0 || (p->features & announced) != announced || ret != 0)
		return 0;
	health->announce = true;
	return give_command(p, FOLIO_CONTROL_ANNOUNCED, NULL, 0, err);
}

/* A window's user moves it: one at a time, and nobody waits for it. */
static bool
take_window(struct folio_virtio_pci *p)
{
	return p->access.has_bars || __atomic_exchange_n(&p->window_busy, 1, __ATOMIC_SEQ_CST) == 0;
}

static void
leave_window(struct folio_virtio_pci *p)
{
	__atomic_store_n(&p->window_busy, 0, __ATOMIC_SEQ_CST);
}

static bool
any_waits(const struct folio_virtio_pci *p)
{
	uint64_t any = 0;
	uint32_t i;

	for (i = 0; i < FOLIO_VIRTIO_QUEUES_MAX / 64; i++)
		any |= __atomic_load_n(&p->waiting[i], __ATOMIC_SEQ_CST);
	return any != 0;
}

static void
ring(struct folio_virtio_pci *p, uint32_t q)
{
	/* An error is found by watch(). */
	(void)folio_pci_reg_write(&p->regs, FOLIO_PCI_NOTIFY, p->doorbell[q], 2, q);
}

/*
 * Ring what waits. Who finds the window in use leaves his doorbell to its user, who looks here when
 * he has left it.
 */
static void
ring_waiting(struct folio_virtio_pci *p)
{
	uint32_t i;

	while (any_waits(p) && take_window(p)) {
		for (i = 0; i < FOLIO_VIRTIO_QUEUES_MAX / 64; i++) {
			uint64_t bits = __atomic_exchange_n(&p->waiting[i], 0, __ATOMIC_SEQ_CST);

			for (; bits != 0; bits &= bits - 1)
				ring(p, 64 * i + (uint32_t)__builtin_ctzll(bits));
		}
		leave_window(p);
	}
}

static int
pci_watch(void *transport, struct folio_virtio_health *health, struct folio_error *err)
{
	struct folio_virtio_pci *p = transport;
	int ret;

	if (!take_window(p))
		return folio_fail(err, -EAGAIN, "%s: its doorbells are rung", p->name);
	ret = look(p, health, err);
	leave_window(p);
	ring_waiting(p);
	return ret;
}

static int
pci_part(void *transport, struct folio_error *err)
{
	struct folio_virtio_pci *p = transport;

	if (p->step != FOLIO_VIRTIO_PCI_PART) {
		p->step = FOLIO_VIRTIO_PCI_PART;
		if (!folio_pci_set(p, PCI_DEVICE_STATUS, 1, 0))
			return folio_pci_gone(p, err);
	}
	return await_reset(p, FOLIO_VIRTIO_PCI_BEGIN, err);
}

static void
pci_drop(void *transport)
{
	struct folio_virtio_pci *p = transport;
	uint32_t status = STATUS_GONE;
	int i;

	p->step = FOLIO_VIRTIO_PCI_BEGIN;
	if (p->access.ops == NULL)
		return;
	/* Without bus mastering it reaches no memory, whatever it makes of the reset. */
	if (p->regs.access != NULL && folio_pci_set(p, PCI_DEVICE_STATUS, 1, 0)) {
		for (i = 0; i < DROP_LOOKS && status != 0; i++) {
			if (!folio_pci_get(p, PCI_DEVICE_STATUS, 1, &status))
				break;
		}
	}
	(void)set_command(p, 0, FOLIO_PCI_MASTER, NULL);
	if (p->lost)
		folio_pci_access_close(&p->access);
}

static void
pci_notify(void *transport, uint32_t q)
{
	struct folio_virtio_pci *p = transport;

	if (q >= FOLIO_VIRTIO_QUEUES_MAX)
		return;
	if (p->access.has_bars) {
		ring(p, q);
		return;
	}
	__atomic_fetch_or(&p->waiting[q / 64], UINT64_C(1) << q % 64, __ATOMIC_SEQ_CST);
	ring_waiting(p);
}

const struct folio_virtio_transport folio_virtio_pci_transport = {
	.name = "virtio",
	.reach = pci_reach,
	.ask = folio_pci_ask,
	.tell = pci_tell,
	.watch = pci_watch,
	.part = pci_part,
	.drop = pci_drop,
	.notify = pci_notify,
};

int
folio_virtio_pci_open(struct folio_virtio_pci *p, const struct folio_virtio_pci_config *cfg,
		      struct folio_error *err)
{
	memset(p, 0, sizeof(*p));
	p->cfg = *cfg;
	if (p->cfg.opener == NULL)
		p->cfg.opener = folio_pci_access_open;
	snprintf(p->name, sizeof(p->name), "virtio=%s", cfg->place.address);
	return open_function(p, err);
}

void
folio_virtio_pci_close(struct folio_virtio_pci *p)
{
	pci_drop(p);
	folio_pci_access_close(&p->access);
}
