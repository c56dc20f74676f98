/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <string.h>
#include <sys/mman.h>

#include "vfmodel.h"

/* V2PMAILBOX, VFMAILBOX. */
#define REQ 0x01u
#define ACK 0x02u
#define VFU 0x04u
#define PFU 0x08u
#define PFSTS 0x10u
#define PFACK 0x20u
#define ONCE (PFSTS | PFACK | VFMODEL_RSTD)

#define MSG_ACK 0x80000000u
#define MSG_NACK 0x40000000u
#define MSG_CTS 0x20000000u

#define ENABLE 0x02000000u
#define CTRL_RST 0x04000000u
#define COMMAND 4u
#define MASTER 4u

static uint32_t *
at(const struct vfmodel *m, uint32_t reg)
{
	return &m->regs[reg / 4];
}

static uint32_t
ring(const struct vfmodel *m, bool rx, uint32_t q)
{
	return (rx ? m->rx : m->tx) + q * m->step;
}

void
vfmodel_init(struct vfmodel *m, uint16_t device)
{
	static const uint8_t mac[6] = {0x02, 0x76, 0x66, 0x00, 0x00, 0x01};
	const uint16_t id[2] = {0x8086, device};

	memset(m, 0, sizeof(*m));
	m->regs = mmap(NULL, VFMODEL_REGS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);
	memcpy(m->config, id, sizeof(id));
	memcpy(m->mac, mac, sizeof(mac));
	m->ix = device != 0x10ca && device != 0x1520;
	m->mailbox = m->ix ? 0x2fc : 0xc40;
	m->memory = m->ix ? 0x200 : 0x800;
	m->rx = m->ix ? 0x1000 : 0x2800;
	m->tx = m->ix ? 0x2000 : 0x3800;
	m->step = m->ix ? 0x40 : 0x100;
	m->buffers = m->ix ? 0x14 : 0x0c;
	m->link = m->ix ? 0x10 : 0x08;
	m->link_up = m->ix ? 0x40000000 : 2;
	m->queues = m->ix ? 4 : 2;
	m->api_max = 4;
	vfmodel_set_link(m, true);
}

void
vfmodel_end(struct vfmodel *m)
{
	munmap(m->regs, VFMODEL_REGS);
}

void
vfmodel_set_link(struct vfmodel *m, bool up)
{
	*at(m, m->link) = up ? m->link_up : 0;
}

bool
vfmodel_is_master(const struct vfmodel *m)
{
	return (m->config[COMMAND] & MASTER) != 0;
}

static void
say(struct vfmodel *m, uint32_t word)
{
	*at(m, m->memory) = word;
	*at(m, m->mailbox) |= PFSTS;
}

void
vfmodel_pf_message(struct vfmodel *m, uint32_t word)
{
	say(m, word);
}

void
vfmodel_pf_reset(struct vfmodel *m)
{
	m->cts = false;
	*at(m, m->mailbox) |= VFMODEL_RSTD;
}

static void
reset(struct vfmodel *m)
{
	uint32_t q;

	m->resets++;
	m->cts = false;
	m->longest = 0;
	m->seen = 0;
	for (q = 0; q < 8; q++) {
		m->rx_head[q] = m->tx_head[q] = 0;
		*at(m, ring(m, true, q) + 0x28) = 0;
		*at(m, ring(m, false, q) + 0x28) = 0;
	}
	*at(m, m->mailbox) = m->reset_behind ? VFMODEL_RSTD : 0;
}

/* The answer to a message, in its place. Returns false if there is none. */
static bool
answer(struct vfmodel *m, uint32_t *w)
{
	const struct vfmodel_lies *l = &m->lies;
	uint32_t opcode = w[0] & 0xffff;
	bool yes = opcode >= 32 || (l->refuse >> opcode & 1) == 0;

	if (opcode < 32)
		m->seen |= 1u << opcode;
	if (opcode != 1 && !m->cts)
		yes = false;
	switch (opcode) {
	case 1:
		m->cts = true;
		memcpy(&w[1], m->mac, 6);
		if (l->mac_first != 0)
			((uint8_t *)&w[1])[0] = l->mac_first;
		if (l->zero_mac)
			memset(&w[1], 0, 6);
		break;
	case 2:
		memcpy(m->asked_mac, &w[1], 6);
		break;
	case 5:
		m->longest = w[1];
		break;
	case 8:
		yes = yes && m->ix && (w[1] == 0 || (w[1] >= 2 && w[1] <= m->api_max));
		break;
	case 9:
		yes = yes && m->ix;
		w[1] = w[2] = l->no_queues ? 0 : l->queues != 0 ? l->queues : m->queues;
		break;
	default:
		w[0] &= 0xffff; /* as Linux's igb has it */
		yes = yes && (opcode == 6 || (opcode == 12 && m->ix));
	}
	w[0] |= (yes ? MSG_ACK : MSG_NACK) | (opcode != 1 ? MSG_CTS : 0);
	w[0] ^= l->answer_xor;
	return !l->silent;
}

static void
serve(struct vfmodel *m)
{
	uint32_t *box = at(m, m->mailbox), *w = at(m, m->memory), copy[16];

	if (m->lies.mute)
		return;
	memcpy(copy, w, sizeof(copy));
	*box = (*box & ~(REQ | VFU)) | PFACK;
	if (!answer(m, copy))
		return;
	memcpy(w, copy, sizeof(copy));
	*box |= PFSTS;
	if (m->lies.controls > 0) {
		/* The answer waits until the driver has had a message that nobody asked for. */
		m->lies.controls--;
		memcpy(at(m, 0x3f00), copy, sizeof(copy));
		w[0] = 0x100 | MSG_CTS;
		m->lies.controls |= 0x80000000u;
	}
}

static void
acknowledged(struct vfmodel *m)
{
	*at(m, m->mailbox) &= ~VFU;
	if ((m->lies.controls & 0x80000000u) != 0) {
		m->lies.controls &= ~0x80000000u;
		memcpy(at(m, m->memory), at(m, 0x3f00), 64);
		*at(m, m->mailbox) |= PFSTS;
	}
}

bool
vfmodel_read(struct vfmodel *m, uint32_t reg, uint32_t *value)
{
	if (reg % 4 != 0 || reg >= VFMODEL_REGS) {
		m->error = "a register beyond the BAR";
		return false;
	}
	*value = *at(m, reg);
	if (m->lies.gone) {
		*value = UINT32_MAX;
	} else if (reg == m->mailbox) {
		*at(m, reg) &= ~ONCE;
		if (m->lies.in_reset)
			*value |= VFMODEL_RSTI;
	} else if ((reg & 0x3f) == 0x10 || (reg & 0x3f) == 0x18) {
		if (reg >= 0x1000)
			m->error = "reads a head or a tail";
	}
	return true;
}

static void
write_mailbox(struct vfmodel *m, uint32_t value)
{
	uint32_t *box = at(m, m->mailbox);

	if ((value & VFU) != 0 && !m->lies.pfu)
		*box |= VFU;
	if ((value & REQ) != 0) {
		if ((*box & VFU) == 0)
			m->error = "sends a message without the memory being its own";
		serve(m);
	}
	if ((value & ACK) != 0)
		acknowledged(m);
}

static void
write_ring_control(struct vfmodel *m, bool rx, uint32_t q, uint32_t value)
{
	uint32_t base = ring(m, rx, q), bytes = *at(m, base + 8);

	if ((value & ENABLE) != 0) {
		if (bytes == 0 || bytes % 128 != 0 || *at(m, base) % 128 != 0)
			m->error = "a ring that is not whole lines";
		if (rx && (*at(m, base + m->buffers) & 0x0e000000) != 0x02000000)
			m->error = "a receive queue without advanced descriptors";
		if (!m->cts)
			m->error = "a queue is enabled before the physical function knows us";
		(rx ? m->rx_head : m->tx_head)[q] = 0;
	}
	*at(m, base + 0x28) = m->lies.no_enable ? value & ~ENABLE : value;
}

bool
vfmodel_write(struct vfmodel *m, uint32_t reg, uint32_t value)
{
	uint32_t q;

	if (reg % 4 != 0 || reg >= VFMODEL_REGS) {
		m->error = "a register beyond the BAR";
		return false;
	}
	if (m->lies.gone)
		return true;
	if (reg == m->mailbox) {
		write_mailbox(m, value);
		return true;
	}
	if (reg == 0) {
		if ((value & CTRL_RST) != 0)
			reset(m);
		return true;
	}
	for (q = 0; q < 8; q++) {
		bool rx = reg == ring(m, true, q) + 0x28;

		if (q < (m->ix ? 8u : 2u) && (rx || reg == ring(m, false, q) + 0x28)) {
			write_ring_control(m, rx, q, value);
			return true;
		}
	}
	__atomic_store_n(at(m, reg), value, __ATOMIC_RELEASE);
	return true;
}

bool
vfmodel_runs(const struct vfmodel *m, bool rx, uint32_t q)
{
	return vfmodel_is_master(m) && (*at(m, ring(m, rx, q) + 0x28) & ENABLE) != 0;
}

uint32_t
vfmodel_ring_size(const struct vfmodel *m, bool rx, uint32_t q)
{
	return *at(m, ring(m, rx, q) + 8) / 16;
}

/* Memory as the card sees it. NULL: there is none. */
static uint8_t *
reach(struct vfmodel *m, uint64_t addr, uint64_t len)
{
	if (addr < m->addr || len > m->len || addr - m->addr > m->len - len) {
		m->beyond = true;
		return NULL;
	}
	return m->mem + (addr - m->addr);
}

uint64_t *
vfmodel_desc(struct vfmodel *m, bool rx, uint32_t q, uint32_t i)
{
	uint32_t base = ring(m, rx, q);
	uint64_t addr = *at(m, base) | (uint64_t)*at(m, base + 4) << 32;

	return (uint64_t *)reach(m, addr + 16ull * i, 16);
}

static uint32_t
tail(const struct vfmodel *m, bool rx, uint32_t q)
{
	return __atomic_load_n(at(m, ring(m, rx, q) + 0x18), __ATOMIC_ACQUIRE);
}

static uint32_t
send(struct vfmodel *m, uint32_t q)
{
	uint32_t size = vfmodel_ring_size(m, false, q), stop = tail(m, false, q), n = 0;

	if (stop >= size) {
		m->error = "a transmit tail beyond the ring";
		return 0;
	}
	while (m->tx_head[q] != stop) {
		uint64_t *d = vfmodel_desc(m, false, q, m->tx_head[q]);
		uint64_t addr = d != NULL ? __atomic_load_n(&d[0], __ATOMIC_RELAXED) : 0;
		uint64_t word = d != NULL ? __atomic_load_n(&d[1], __ATOMIC_RELAXED) : 0;
		uint32_t len = (uint16_t)word;
		const uint8_t *data = d != NULL ? reach(m, addr, len) : NULL;

		if (data == NULL)
			return n;
		if ((word & 0x23300000) != 0x23300000 || word >> 46 != len || len < 60)
			m->error = "a transmit descriptor that is none";
		if (m->sent != NULL)
			m->sent(m, q, data, len);
		(*at(m, m->ix ? 0x201c : 0x0f14))++;
		if ((word & 0x08000000) != 0 && !m->lies.no_done) {
			__atomic_store_n(&d[0], 0xdeadbeefdeadbeef, __ATOMIC_RELAXED);
			__atomic_store_n(&d[1], (uint64_t)1 << 32, __ATOMIC_RELEASE);
		}
		m->tx_head[q] = (m->tx_head[q] + 1) % size;
		n++;
	}
	return n;
}

uint32_t
vfmodel_run(struct vfmodel *m)
{
	uint32_t q, n = 0;

	for (q = 0; q < (m->ix ? 8u : 2u); q++) {
		if (vfmodel_runs(m, false, q))
			n += send(m, q);
	}
	return n;
}

bool
vfmodel_deliver(struct vfmodel *m, uint32_t q, const void *frame, uint32_t len)
{
	uint32_t size, stop, room, done = 0;

	if (!vfmodel_runs(m, true, q))
		return false;
	size = vfmodel_ring_size(m, true, q);
	stop = tail(m, true, q);
	room = (*at(m, ring(m, true, q) + m->buffers) & 0x7f) * 1024;
	if (stop >= size) {
		m->error = "a receive tail beyond the ring";
		return false;
	}
	if ((stop - m->rx_head[q]) % size < (len + room - 1) / room)
		return false;
	do {
		uint32_t part = len - done < room ? len - done : room;
		uint64_t *d = vfmodel_desc(m, true, q, m->rx_head[q]);
		uint64_t word = 1 | (done + part == len ? 2 : 0) | (uint64_t)part << 32;
		uint8_t *to = d == NULL ? NULL :
			      reach(m, __atomic_load_n(&d[0], __ATOMIC_RELAXED), part);

		if (to == NULL)
			return false;
		if (__atomic_load_n(&d[1], __ATOMIC_RELAXED) != 0)
			m->error = "a receive descriptor that is not zero where the card writes";
		memcpy(to, (const uint8_t *)frame + done, part);
		__atomic_store_n(&d[0], 0xfeedfacefeedface, __ATOMIC_RELAXED);
		__atomic_store_n(&d[1], word ^ m->lies.rx_xor, __ATOMIC_RELEASE);
		m->rx_head[q] = (m->rx_head[q] + 1) % size;
		done += part;
	} while (done < len);
	(*at(m, m->ix ? 0x101c : 0x0f10))++;
	return true;
}
