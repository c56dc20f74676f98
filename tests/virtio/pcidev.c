/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <linux/virtio_net.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "pcidev.h"

#define AVAIL_FLAG (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED_FLAG (1u << VRING_PACKED_DESC_F_USED)

#define COMMAND 4u
#define MASTER 4u

/* The window's fields, from its capability on. */
#define WINDOW_BAR 4u
#define WINDOW_OFFSET 8u
#define WINDOW_LENGTH 12u
#define WINDOW_DATA 16u

static uint32_t
get(const uint8_t *from, uint32_t len)
{
	uint32_t value = 0;

	memcpy(&value, from, len);
	return value;
}

void
pcidev_put(struct pcidev *d, uint32_t offset, uint32_t len, uint32_t value)
{
	memcpy(d->config + offset, &value, len);
}

static void
put_cap(struct pcidev *d, uint32_t at, uint32_t next, uint32_t len, uint32_t type, uint32_t offset,
	uint32_t length)
{
	d->config[at] = 0x09;
	d->config[at + 1] = (uint8_t)next;
	d->config[at + 2] = (uint8_t)len;
	d->config[at + 3] = (uint8_t)type;
	d->config[at + 4] = PCIDEV_BAR;
	pcidev_put(d, at + 8, 4, offset);
	pcidev_put(d, at + 12, 4, length);
}

static void
reset(struct pcidev *d)
{
	uint32_t q;

	d->driver_features = 0;
	d->device_select = d->driver_select = 0;
	d->selected = 0;
	d->at = 0;
	d->pending = false;
	d->resets++;
	for (q = 0; q < PCIDEV_QUEUES; q++) {
		d->queue[q].size = d->queue[q].limit;
		d->queue[q].enable = 0;
		memset(d->queue[q].area, 0, sizeof(d->queue[q].area));
	}
}

void
pcidev_init(struct pcidev *d, uint64_t features, uint32_t pairs)
{
	static const uint8_t mac[6] = {0x02, 1, 2, 3, 4, 5};
	uint32_t q;

	memset(d, 0, sizeof(*d));
	pthread_mutex_init(&d->lock, NULL);
	d->features = features;
	pcidev_put(d, 0, 4, 0x10411af4);
	pcidev_put(d, 6, 2, 0x10);
	d->config[0x34] = PCIDEV_CAP_OTHER;
	d->config[PCIDEV_CAP_OTHER] = 0x11; /* MSI-X */
	d->config[PCIDEV_CAP_OTHER + 1] = PCIDEV_CAP_COMMON;
	put_cap(d, PCIDEV_CAP_COMMON, PCIDEV_CAP_NOTIFY, 16, VIRTIO_PCI_CAP_COMMON_CFG,
		PCIDEV_COMMON, 0x1000);
	put_cap(d, PCIDEV_CAP_NOTIFY, PCIDEV_CAP_NET, 20, VIRTIO_PCI_CAP_NOTIFY_CFG, PCIDEV_NOTIFY,
		0x1000);
	pcidev_put(d, PCIDEV_CAP_NOTIFY + 16, 4, PCIDEV_MULTIPLIER);
	put_cap(d, PCIDEV_CAP_NET, PCIDEV_CAP_WINDOW, 16, VIRTIO_PCI_CAP_DEVICE_CFG, PCIDEV_NET,
		PCIDEV_NET_BYTES);
	put_cap(d, PCIDEV_CAP_WINDOW, 0, 20, VIRTIO_PCI_CAP_PCI_CFG, 0, 0);
	d->config[PCIDEV_CAP_WINDOW + WINDOW_BAR] = 0;
	memcpy(d->net, mac, sizeof(mac));
	d->net[6] = VIRTIO_NET_S_LINK_UP;
	d->net[8] = (uint8_t)pairs;
	d->net[10] = 1500 & 0xff;
	d->net[11] = 1500 >> 8;
	d->num_queues = (uint16_t)(2 * pairs + 1);
	for (q = 0; q < d->num_queues; q++) {
		d->queue[q].limit = q == 2 * pairs ? 64 : 256;
		d->queue[q].notify_off = (uint16_t)q;
	}
	/* A boot loader left it running. */
	d->status = 0x0f;
	d->control = 2 * pairs;
}

void
pcidev_end(struct pcidev *d)
{
	pthread_mutex_destroy(&d->lock);
}

bool
pcidev_is_master(const struct pcidev *d)
{
	return (d->config[COMMAND] & MASTER) != 0;
}

/* Shared memory at a device address. */
static void *
reach(struct pcidev *d, uint64_t addr, uint32_t len)
{
	if (addr < d->mem_addr || len > d->mem_len || addr - d->mem_addr > d->mem_len - len) {
		d->error = "a control queue outside of the memory";
		return d->mem;
	}
	return d->mem + (addr - d->mem_addr);
}

/* A part of the command; returns whether the device writes it. */
static bool
take_part(struct pcidev *d, uint64_t addr, uint32_t len, uint32_t flags, uint8_t **ack)
{
	uint8_t *mem = reach(d, addr, len);

	if ((flags & VRING_DESC_F_WRITE) != 0) {
		*ack = mem;
		if (len != 1)
			d->error = "an answer of more than its byte";
		return true;
	}
	if (len < 2 || len > 2 + FOLIO_CONTROL_DATA) {
		d->error = "a command of no command's length";
		return false;
	}
	d->last = (uint32_t)mem[0] << 8 | mem[1];
	d->data_len = len - 2;
	memcpy(d->data, mem + 2, d->data_len);
	return false;
}

static void
return_split(struct pcidev *d, uint32_t id, uint32_t len)
{
	struct pcidev_queue *q = &d->queue[d->control];
	struct vring_used *used = reach(d, q->area[2], 4 + 8 * FOLIO_CONTROL_SIZE);
	uint16_t idx = (uint16_t)(d->at + 1);

	used->ring[d->at % FOLIO_CONTROL_SIZE] = (struct vring_used_elem){id, len};
	if (d->answer == PCIDEV_TWICE)
		idx++;
	if (d->answer == PCIDEV_BACK)
		idx = (uint16_t)(d->at - 1);
	__atomic_store_n(&used->idx, idx, __ATOMIC_RELEASE);
	d->at++;
}

static void
return_packed(struct pcidev *d, uint32_t id, uint32_t len)
{
	struct vring_packed_desc *ring =
		reach(d, d->queue[d->control].area[0], sizeof(*ring) * FOLIO_CONTROL_SIZE);
	struct vring_packed_desc *at = &ring[d->at % FOLIO_CONTROL_SIZE];

	at->id = (uint16_t)id;
	at->len = len;
	__atomic_store_n(&at->flags,
			 d->at / FOLIO_CONTROL_SIZE % 2 == 0 ? AVAIL_FLAG | USED_FLAG : 0,
			 __ATOMIC_RELEASE);
	d->at += 2;
}

static bool
is_packed(const struct pcidev *d)
{
	return (d->driver_features >> VIRTIO_F_RING_PACKED & 1) != 0;
}

/* The command's parts. False: there is none. */
static bool
take_command(struct pcidev *d, uint8_t **ack)
{
	const uint64_t *area = d->queue[d->control].area;
	bool written = false;
	uint32_t i;

	if (is_packed(d)) {
		struct vring_packed_desc *ring =
			reach(d, area[0], sizeof(*ring) * FOLIO_CONTROL_SIZE);
		uint32_t mine = d->at / FOLIO_CONTROL_SIZE % 2 == 0 ? AVAIL_FLAG : USED_FLAG;

		for (i = 0; i < 2; i++) {
			struct vring_packed_desc *at = &ring[(d->at + i) % FOLIO_CONTROL_SIZE];

			if ((at->flags & (AVAIL_FLAG | USED_FLAG)) != mine)
				return false;
			written = take_part(d, at->addr, at->len, at->flags, ack);
		}
	} else {
		struct vring_desc *desc = reach(d, area[0], sizeof(*desc) * FOLIO_CONTROL_SIZE);
		struct vring_avail *avail = reach(d, area[1], 4 + 2 * FOLIO_CONTROL_SIZE);

		if (avail->idx != (uint16_t)(d->at + 1))
			return false;
		i = avail->ring[d->at % FOLIO_CONTROL_SIZE];
		written = take_part(d, desc[i].addr, desc[i].len, desc[i].flags, ack);
		i = desc[i].next;
		written = take_part(d, desc[i].addr, desc[i].len, desc[i].flags, ack);
	}
	if (!written || *ack == NULL)
		d->error = "a command without a byte for its answer";
	return d->error == NULL;
}

static void
answer(struct pcidev *d)
{
	uint8_t *ack = NULL;

	if (!take_command(d, &ack))
		return;
	d->commands++;
	if (d->answer == PCIDEV_SCRIBBLE) {
		memset(d->mem, 0xa5, d->mem_len);
		reach(d, d->queue[d->control].area[2], 4);
	}
	if (d->answer != PCIDEV_NOTHING)
		*ack = d->answer == PCIDEV_REFUSE ? VIRTIO_NET_ERR : VIRTIO_NET_OK;
	(is_packed(d) ? return_packed : return_split)(d, d->answer == PCIDEV_ID ? 1 : 0,
						      d->answer == PCIDEV_LENGTH ? 2 : 1);
}

void
pcidev_answer_now(struct pcidev *d)
{
	if (d->pending)
		answer(d);
	d->pending = false;
}

static void
ring_doorbell(struct pcidev *d, uint32_t offset, uint32_t len, uint32_t value)
{
	if (len != 2 || value >= d->num_queues || !d->queue[value].enable ||
	    offset != d->queue[value].notify_off * PCIDEV_MULTIPLIER) {
		d->error = "a doorbell that is none";
		return;
	}
	d->queue[value].rung++;
	if (d->rang != NULL)
		d->rang(value);
	if (value != d->control)
		return;
	if (!pcidev_is_master(d) || (d->status & 4) == 0)
		d->error = "a command before the device runs";
	d->pending = true;
	if (d->answer != PCIDEV_LATE)
		pcidev_answer_now(d);
}

static void
set_status(struct pcidev *d, uint8_t status)
{
	if (status == 0) {
		reset(d);
		if (d->reset_takes == 0)
			d->status = 0;
		return;
	}
	if ((status & d->status) != d->status)
		d->error = "a status bit taken back";
	if ((status & 8) != 0 && (d->status & 8) == 0 && (d->driver_features & ~d->features) != 0)
		status &= (uint8_t)~8;
	if ((status & 4) != 0 && (status & 8) == 0)
		d->error = "DRIVER_OK without FEATURES_OK";
	if ((status & 4) != 0 && !pcidev_is_master(d))
		d->error = "DRIVER_OK without bus mastering";
	d->status = status;
}

/* Width of a register of the common configuration, by its offset. */
static uint32_t
width(uint32_t offset)
{
	if (offset < PCI_CONFIG_VECTOR || offset >= PCI_QUEUE_DESC)
		return 4;
	return offset == PCI_DEVICE_STATUS || offset == PCI_CONFIG_GENERATION ? 1 : 2;
}

static void
put_half(uint64_t *to, bool upper, uint32_t value)
{
	*to = upper ? (*to & UINT32_MAX) | (uint64_t)value << 32 :
		      (*to & ~(uint64_t)UINT32_MAX) | value;
}

static void
write_common(struct pcidev *d, uint32_t offset, uint32_t len, uint32_t value)
{
	struct pcidev_queue *q = &d->queue[d->selected < PCIDEV_QUEUES ? d->selected : 0];

	if (len != width(offset))
		d->error = "a register written with another width";
	if (offset >= PCI_QUEUE_SIZE && ((d->status & 8) == 0 || q->enable != 0))
		d->error = "a queue set up before FEATURES_OK, or in use";
	switch (offset) {
	case PCI_DEVICE_FEATURE_SELECT:
		d->device_select = value;
		break;
	case PCI_DRIVER_FEATURE_SELECT:
		d->driver_select = value;
		break;
	case PCI_DRIVER_FEATURE:
		if ((d->status & 8) != 0 || d->driver_select > 1)
			d->error = "features written too late, or beyond";
		put_half(&d->driver_features, d->driver_select == 1, value);
		break;
	case PCI_CONFIG_VECTOR:
		d->vector = (uint16_t)value;
		break;
	case PCI_DEVICE_STATUS:
		set_status(d, (uint8_t)value);
		break;
	case PCI_QUEUE_SELECT:
		d->selected = (uint16_t)value;
		break;
	case PCI_QUEUE_SIZE:
		q->size = (uint16_t)value;
		break;
	case PCI_QUEUE_VECTOR:
		q->vector = (uint16_t)value;
		break;
	case PCI_QUEUE_ENABLE:
		q->enable = (uint16_t)value;
		break;
	default:
		if (offset >= PCI_QUEUE_DESC && offset < PCI_COMMON_BYTES)
			put_half(&q->area[(offset - PCI_QUEUE_DESC) / 8], offset % 8 != 0, value);
		else
			d->error = "a register written that is none, or read-only";
	}
}

static uint32_t
read_status(struct pcidev *d)
{
	if (d->reset_takes > 0 && d->resets > 0 && --d->reset_takes == 0)
		d->status = 0;
	return d->status;
}

static uint32_t
read_common(struct pcidev *d, uint32_t offset, uint32_t len)
{
	static const struct pcidev_queue none;
	const struct pcidev_queue *q = d->selected < PCIDEV_QUEUES ? &d->queue[d->selected] : &none;

	if (len != width(offset))
		d->error = "a register read with another width";
	switch (offset) {
	case PCI_DEVICE_FEATURE:
		return d->device_select > 1 ? 0 : (uint32_t)(d->features >> 32 * d->device_select);
	case PCI_NUM_QUEUES:
		return d->num_queues;
	case PCI_DEVICE_STATUS:
		return read_status(d);
	case PCI_CONFIG_GENERATION:
		return d->generation;
	case PCI_QUEUE_SIZE:
		return q->size;
	case PCI_QUEUE_ENABLE:
		return q->enable;
	case PCI_QUEUE_NOTIFY_OFF:
		return q->notify_off;
	default:
		d->error = "a register read that is of no use";
		return 0;
	}
}

static void
bar_write(struct pcidev *d, uint32_t offset, uint32_t len, uint32_t value)
{
	d->beyond |= offset > PCIDEV_BAR_BYTES - len;
	if (offset < PCIDEV_NET)
		write_common(d, offset, len, value);
	else if (offset >= PCIDEV_NOTIFY && offset < PCIDEV_BAR_BYTES)
		ring_doorbell(d, offset - PCIDEV_NOTIFY, len, value);
	else
		d->error = "the configuration written";
}

static uint32_t
bar_read(struct pcidev *d, uint32_t offset, uint32_t len)
{
	enum folio_pci_part part = FOLIO_PCI_COMMON;
	uint32_t value = 0;

	d->beyond |= offset > PCIDEV_BAR_BYTES - len;
	if (offset < PCIDEV_NET) {
		value = read_common(d, offset, len);
	} else if (offset - PCIDEV_NET <= PCIDEV_NET_BYTES - len) {
		part = FOLIO_PCI_DEVICE;
		offset -= PCIDEV_NET;
		value = get(d->net + offset, len);
	} else if (offset < PCIDEV_NOTIFY) {
		d->error = "a read beyond the configuration";
	}
	return d->lie != NULL ? d->lie(d, part, offset, value) : value;
}

/* The window's length, if it is one; 0: nothing happens. */
static uint32_t
window_length(const struct pcidev *d)
{
	uint32_t len = get(d->config + PCIDEV_CAP_WINDOW + WINDOW_LENGTH, 4);

	return d->config[PCIDEV_CAP_WINDOW + WINDOW_BAR] == PCIDEV_BAR &&
			       (len == 1 || len == 2 || len == 4) ?
		       len :
		       0;
}

/* Are the data of the window in this range? */
static bool
is_window(uint32_t offset, uint32_t len)
{
	return offset <= PCIDEV_CAP_WINDOW + WINDOW_DATA &&
	       offset + len > PCIDEV_CAP_WINDOW + WINDOW_DATA;
}

static void
write_config(struct pcidev *d, uint32_t offset, const uint8_t *from, uint32_t len)
{
	uint32_t i, at = PCIDEV_CAP_WINDOW, n;

	for (i = 0; i < len; i++) {
		uint32_t byte = offset + i;

		if (byte == COMMAND || byte == COMMAND + 1 || byte == at + WINDOW_BAR ||
		    (byte >= at + WINDOW_OFFSET && byte < at + WINDOW_DATA + 4))
			d->config[byte] = from[i];
	}
	n = window_length(d);
	if (is_window(offset, len) && n > 0)
		bar_write(d, get(d->config + at + WINDOW_OFFSET, 4), n,
			  get(d->config + at + WINDOW_DATA, n));
}

static void
read_config(struct pcidev *d, uint32_t offset, uint8_t *to, uint32_t len)
{
	uint32_t at = PCIDEV_CAP_WINDOW, n = window_length(d);

	/* Whoever reads all of it has no register in mind. */
	if (is_window(offset, len) && n > 0 && len < FOLIO_PCI_CONFIG_BYTES)
		pcidev_put(d, at + WINDOW_DATA, n,
			   bar_read(d, get(d->config + at + WINDOW_OFFSET, 4), n));
	memcpy(to, d->config + offset, len);
}

static bool
pcidev_write(const struct folio_pci_access *a, uint32_t space, uint64_t offset, const void *from,
	     uint32_t len)
{
	struct pcidev *d = a->device;
	bool done = !d->gone && !d->mute;

	pthread_mutex_lock(&d->lock);
	if (done && space == FOLIO_PCI_CONFIG && offset + len <= FOLIO_PCI_CONFIG_BYTES)
		write_config(d, (uint32_t)offset, from, len);
	else if (done && space == PCIDEV_BAR && d->has_bars)
		bar_write(d, (uint32_t)offset, len, get(from, len));
	else if (done)
		d->beyond = true;
	d->accesses++;
	pthread_mutex_unlock(&d->lock);
	return !d->mute;
}

static bool
pcidev_read(const struct folio_pci_access *a, uint32_t space, uint64_t offset, void *to,
	    uint32_t len)
{
	struct pcidev *d = a->device;
	uint32_t value;

	pthread_mutex_lock(&d->lock);
	memset(to, 0xff, len);
	if (d->gone || d->mute) {
		/* all ones */
	} else if (space == FOLIO_PCI_CONFIG && offset + len <= FOLIO_PCI_CONFIG_BYTES) {
		read_config(d, (uint32_t)offset, to, len);
	} else if (space == PCIDEV_BAR && d->has_bars && len <= sizeof(value)) {
		value = bar_read(d, (uint32_t)offset, len);
		memcpy(to, &value, len);
	} else {
		d->beyond = true;
	}
	d->accesses++;
	pthread_mutex_unlock(&d->lock);
	return !d->mute;
}

int
pcidev_open(struct folio_pci_access *a, const struct folio_pci_place *place,
	    const struct folio_shm *shm, const char *name, struct folio_error *err)
{
	static const struct folio_pci_access_ops ops = {.read = pcidev_read, .write = pcidev_write};
	struct pcidev *d = (struct pcidev *)(uintptr_t)place->sysfs;

	(void)shm;
	(void)name;
	(void)err;
	*a = (struct folio_pci_access){
		.ops = &ops,
		.device = d,
		.fd = -1,
		.group = -1,
		.container = -1,
		.has_bars = d->has_bars,
		.size = {[PCIDEV_BAR] = PCIDEV_BAR_BYTES,
			 [FOLIO_PCI_CONFIG] = FOLIO_PCI_CONFIG_BYTES},
	};
	return 0;
}
