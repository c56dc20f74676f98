/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * A device at a vhost-user socket, and a back end that reads what it is sent and says anything: the
 * honest answer, one with a field that is near what is right or any, any bytes, nothing, and with
 * descriptors. Whatever it says, what it is told is well-formed and holds one region, the device stays
 * within its limits, every end has a reason, and no descriptor is left over.
 */

#include <errno.h>
#include <sys/socket.h>

#include "check.h"
#include "hook.h"
#include "input.h"
#include "system.h"
#include "virtio/device.h"
#include "virtio/vhost_user.h"

#define MAX_TICKS 400
#define PAIRS 2u
#define MEMORY (UINT64_C(1) << 20)
#define REQUESTS 19u
#define BIT(n) (UINT64_C(1) << (n))

static struct {
	struct folio_vhost_user u;
	struct folio_virtio_device d;
	struct folio_shm shm;
	struct folio_virtio_transport ops;
	int far_end; /* the back end's; -1: it hung up */
	uint64_t features, protocol;
	uint64_t now;
	bool open;
} t;

static const struct folio_virtio_wants wants = {
	.features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_MQ) |
		    BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_F_RING_PACKED),
	.pairs = PAIRS,
	.size = 256,
	.min_size = 64,
};

static void
hang_up(void)
{
	if (t.far_end >= 0)
		close(t.far_end);
	t.far_end = -1;
}

/* In place of a connection by name. */
static int
reach(void *transport, struct folio_error *err)
{
	int ends[2];

	(void)err;
	folio_vhost_user_transport.drop(transport);
	hang_up();
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	folio_vhost_link_open(&t.u.link, ends[0], t.u.name);
	t.far_end = ends[1];
	return 0;
}

static void
say(const void *data, size_t len, unsigned int fds)
{
	struct iovec part = {(void *)(uintptr_t)data, len};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} room = {.bytes = {0}};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
	unsigned int i;

	if (t.far_end < 0)
		return;
	if (fds > 0) {
		msg.msg_control = room.bytes;
		msg.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		room.align.cmsg_level = SOL_SOCKET;
		room.align.cmsg_type = SCM_RIGHTS;
		room.align.cmsg_len = CMSG_LEN(fds * sizeof(int));
		for (i = 0; i < fds; i++)
			memcpy(CMSG_DATA(&room.align) + i * sizeof(int), &t.far_end, sizeof(int));
	}
	(void)sendmsg(t.far_end, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The answer to a request, or what the input makes of it. */
static void
answer(struct input *in, uint32_t request, uint64_t value)
{
	struct {
		struct folio_vhost_header header;
		uint8_t payload[16];
	} m = {.header = {request, FOLIO_VHOST_VERSION | FOLIO_VHOST_REPLY, sizeof(value)}};
	uint8_t kind = input_u8(in), len = sizeof(m.header) + sizeof(value);
	unsigned int fds = 0;

	switch (kind % 16) {
	case 0:
		m.header.request = input_below(in, 2 * REQUESTS);
		break;
	case 1:
		m.header.flags = input_u8(in);
		break;
	case 2:
		m.header.size = kind < 128 ? input_below(in, 32) : input_u32(in);
		len = sizeof(m.header) + input_below(in, sizeof(m.payload) + 1);
		break;
	case 3:
		value = input_u64(in);
		break;
	case 4:
		value ^= BIT(input_below(in, 64));
		break;
	case 5:
		fds = 1 + input_below(in, 4);
		break;
	case 6:
		len = input_below(in, len);
		break;
	case 7:
		input_bytes(in, &m.header, sizeof(m.header));
		break;
	default:
		break;
	}
	memcpy(m.payload, &value, sizeof(value));
	say(&m, len, fds);
	if (kind % 16 == 8)
		say(&m, len, fds);
	if (kind % 16 == 9)
		hang_up();
}

/* What the back end is told is in order, whatever it said before. */
static void
check_told(const struct folio_vhost_header *h, const union folio_vhost_payload *p, unsigned int fds)
{
	const uint64_t base = t.shm.piece[0].addr;

	CHECK((h->flags & ~FOLIO_VHOST_NEED_REPLY) == FOLIO_VHOST_VERSION);
	CHECK(fds == (h->request == FOLIO_VHOST_SET_MEM_TABLE ||
		      h->request == FOLIO_VHOST_SET_VRING_KICK));
	CHECK((h->flags & FOLIO_VHOST_NEED_REPLY) == 0 || (t.u.protocol & BIT(3)) != 0);
	switch (h->request) {
	case FOLIO_VHOST_SET_FEATURES:
		CHECK((p->u64 & ~(t.u.features | BIT(30))) == 0);
		CHECK((p->u64 & BIT(VIRTIO_F_VERSION_1)) != 0);
		break;
	case FOLIO_VHOST_SET_MEM_TABLE:
		CHECK(p->memory.regions == 1 && p->memory.guest_addr == base);
		CHECK(p->memory.user_addr == base && p->memory.size == MEMORY);
		CHECK(p->memory.mmap_offset == 0);
		break;
	case FOLIO_VHOST_SET_VRING_ADDR:
		CHECK(p->addr.index < 2 * PAIRS && p->addr.flags == 0 && p->addr.log == 0);
		CHECK(p->addr.desc - base < MEMORY && p->addr.driver - base < MEMORY);
		CHECK(p->addr.device - base < MEMORY);
		break;
	case FOLIO_VHOST_SET_VRING_NUM:
		CHECK(p->state.index < 2 * PAIRS && p->state.num == wants.size);
		break;
	case FOLIO_VHOST_SET_VRING_ENABLE:
	case FOLIO_VHOST_GET_VRING_BASE:
		CHECK(p->state.index < 2 * PAIRS);
		break;
	default:
		break;
	}
}

static unsigned int
close_all(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd;

	if (c == NULL)
		return 0;
	CHECK(c->cmsg_len == CMSG_LEN(sizeof(int)) && CMSG_NXTHDR(msg, c) == NULL);
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	close(fd);
	return 1;
}

/* One message of the front end. Returns whether there was one. */
static bool
listen_to_it(struct input *in)
{
	struct folio_vhost_header h;
	union folio_vhost_payload p;
	struct iovec part = {&h, sizeof(h)};
	char room[CMSG_SPACE(4 * sizeof(int))];
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room),
	};

	if (t.far_end < 0 || recvmsg(t.far_end, &msg, MSG_DONTWAIT) != (ssize_t)sizeof(h))
		return false;
	CHECK(h.request < REQUESTS && h.size <= sizeof(p));
	memset(&p, 0, sizeof(p));
	CHECK(h.size == 0 || recv(t.far_end, &p, h.size, MSG_DONTWAIT) == (ssize_t)h.size);
	check_told(&h, &p, close_all(&msg));
	switch (h.request) {
	case FOLIO_VHOST_GET_FEATURES:
		answer(in, h.request, t.features);
		break;
	case FOLIO_VHOST_GET_PROTOCOL_FEATURES:
		answer(in, h.request, t.protocol);
		break;
	case FOLIO_VHOST_GET_QUEUE_NUM:
		answer(in, h.request, PAIRS);
		break;
	case FOLIO_VHOST_GET_VRING_BASE:
		answer(in, h.request, p.state.index);
		break;
	default:
		if ((h.flags & FOLIO_VHOST_NEED_REPLY) != 0)
			answer(in, h.request, 0);
		else if (input_u8(in) == 255)
			answer(in, h.request, 0); /* not asked for */
		break;
	}
	return true;
}

static void
set_up(void)
{
	struct folio_virtio_ring rings[2 * PAIRS];
	uint64_t base = t.shm.piece[0].addr;
	uint32_t i;

	CHECK(t.d.pairs >= 1 && t.d.pairs <= PAIRS && t.d.size == wants.size);
	CHECK((t.d.features & ~wants.features) == 0);
	for (i = 0; i < 2 * PAIRS; i++)
		rings[i] = (struct folio_virtio_ring){base + i, base + 100 + i, base + 200 + i};
	folio_virtio_device_prepared(&t.d, rings);
}

static void
tick(void)
{
	t.now += 20;
	switch (folio_virtio_device_tick(&t.d, t.now)) {
	case FOLIO_VIRTIO_SET_UP:
		CHECK(!t.open);
		set_up();
		break;
	case FOLIO_VIRTIO_OPEN:
		CHECK(!t.open && t.d.detail.text[0] == '\0');
		t.open = true;
		break;
	case FOLIO_VIRTIO_SHUT:
		CHECK(t.open);
		CHECK(t.d.leave || (t.d.resets > 0 && t.d.detail.text[0] != '\0'));
		t.open = false;
		folio_virtio_device_quiet(&t.d);
		break;
	default:
		break;
	}
	CHECK(t.open == (t.d.state == FOLIO_VIRTIO_UP));
	CHECK(t.open || !t.d.wanted || t.d.detail.text[0] != '\0');
	if (t.open)
		t.ops.notify(&t.u, 2 * t.d.pairs - 1);
}

/* Descriptors that are open: the same behind each input. */
static unsigned int
open_fds(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = {bytes, len};
	const unsigned int fds = open_fds();
	struct folio_error err;
	uint8_t kind;
	int ticks;

	hook_reset(input_u32(&in));
	system_reset();
	memset(&t, 0, sizeof(t));
	t.far_end = -1;
	t.shm.fd = 0;
	t.shm.size = MEMORY;
	t.shm.pieces = 1;
	t.shm.piece[0] = (struct folio_shm_piece){0, FOLIO_SHM_BASE, MEMORY};
	kind = input_u8(&in);
	t.features = BIT(VIRTIO_F_VERSION_1) | (kind % 2 != 0 ? BIT(30) | BIT(VIRTIO_NET_F_MQ) : 0) |
		     (kind / 2 % 2 != 0 ? BIT(VIRTIO_F_RING_PACKED) : 0);
	t.protocol = kind / 4 % 16;
	CHECK(folio_vhost_user_open(&t.u, "/fuzzed", false, &t.shm, &err) == 0);
	t.ops = folio_vhost_user_transport;
	t.ops.reach = reach;
	folio_virtio_device_init(&t.d, &t.ops, &t.u);
	folio_virtio_device_start(&t.d, &wants);
	for (ticks = 0; ticks < MAX_TICKS && in.left > 0; ticks++) {
		tick();
		while (listen_to_it(&in))
			;
		switch (input_u8(&in)) {
		case 0:
			hang_up();
			break;
		case 1:
			answer(&in, FOLIO_VHOST_GET_FEATURES, 0); /* not asked for */
			break;
		case 2:
			folio_virtio_device_stop(&t.d);
			break;
		case 3:
			if (!t.d.wanted)
				folio_virtio_device_start(&t.d, &wants);
			break;
		case 4:
			folio_virtio_device_fail(&t.d, "stalled");
			break;
		case 5:
			t.now += 1000;
			break;
		default:
			break;
		}
	}
	folio_virtio_device_end(&t.d);
	folio_vhost_user_close(&t.u);
	hang_up();
	CHECK(open_fds() == fds);
	return 0;
}
