/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "error.h"
#include "memory/shm_socket.h"
#include "virtio/spec.h"
#include "virtio/vhost_user.h"

#define BIT(n) (UINT64_C(1) << (n))

/* Features of vhost-user itself. */
#define F_PROTOCOL_FEATURES BIT(30)
#define PROTOCOL_MQ BIT(0)
#define PROTOCOL_REPLY_ACK BIT(3)

/* See vhost_user.h. */
#define NOT_OFFERED (F_PROTOCOL_FEATURES | BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_MAC) | \
		     BIT(VIRTIO_NET_F_STATUS) | BIT(VIRTIO_NET_F_CTRL_RX) | \
		     BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | \
		     BIT(VIRTIO_F_ACCESS_PLATFORM))

/* Payload of SET_VRING_CALL: no descriptor comes with it, we poll. */
#define NO_FD BIT(8)

/* SET_VRING_BASE of a packed ring: both at descriptor 0, both wrap counters 1. */
#define PACKED_BASE (UINT32_C(1) << 15 | UINT32_C(1) << 31)

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int
listen_there(struct folio_vhost_user *u, struct folio_error *err)
{
	int ret;

	close_fd(&u->listener);
	ret = folio_socket_listen(&u->addr, SOCK_STREAM, u->name, &u->id, err);
	if (ret < 0)
		return ret;
	u->listener = ret;
	return 0;
}

int
folio_vhost_user_open(struct folio_vhost_user *u, const char *path, bool server,
		      const struct folio_shm *shm, struct folio_error *err)
{
	uint32_t i;
	int ret;

	memset(u, 0, sizeof(*u));
	snprintf(u->name, sizeof(u->name), "vhost_user=%s", path);
	u->shm = shm;
	u->server = server;
	u->listener = -1;
	u->other_end = -1;
	folio_vhost_link_open(&u->link, -1, u->name);
	for (i = 0; i < FOLIO_VIRTIO_QUEUES_MAX; i++)
		u->kick[i] = -1;
	if (shm->fd < 0 || shm->pieces != 1)
		return folio_fail(err, -EINVAL, "%s: a back end cannot map %s: it has to be a file or a "
				  "memfd, in one piece", u->name, shm->detail);
	ret = folio_socket_address(&u->addr, "vhost_user", path, err);
	return ret == 0 && server ? listen_there(u, err) : ret;
}

static void
drop(void *transport)
{
	struct folio_vhost_user *u = transport;
	uint32_t i;

	folio_vhost_link_close(&u->link);
	for (i = 0; i < FOLIO_VIRTIO_QUEUES_MAX; i++)
		close_fd(&u->kick[i]);
	close_fd(&u->other_end);
	u->step = 0;
}

void
folio_vhost_user_close(struct folio_vhost_user *u)
{
	drop(u);
	if (u->listener >= 0 && folio_socket_is_at(&u->addr, &u->id))
		(void)unlink(u->addr.sun_path);
	close_fd(&u->listener);
}

static int
await_back_end(struct folio_vhost_user *u, struct folio_error *err)
{
	int ret = 0;

	if (u->listener < 0 || !folio_socket_is_at(&u->addr, &u->id))
		ret = listen_there(u, err);
	if (ret != 0)
		return ret;
	ret = folio_socket_accept(u->listener);
	if (ret == -EAGAIN)
		return folio_fail(err, -EAGAIN, "%s: no back end has connected", u->name);
	if (ret < 0)
		return folio_fail(err, ret, "%s: cannot accept a back end: %s", u->name, strerror(-ret));
	return ret;
}

static int
connect_to_back_end(struct folio_vhost_user *u, struct folio_error *err)
{
	int ret = folio_socket_connect(&u->addr, SOCK_STREAM);

	if (ret < 0)
		return folio_fail(err, ret, "%s: no back end can be reached there: %s", u->name,
				  strerror(-ret));
	return ret;
}

static int
reach(void *transport, struct folio_error *err)
{
	struct folio_vhost_user *u = transport;
	int ret;

	drop(u);
	ret = u->server ? await_back_end(u, err) : connect_to_back_end(u, err);
	if (ret < 0)
		return ret;
	folio_vhost_link_open(&u->link, ret, u->name);
	return 0;
}

/* Ask for a number. Back end not trusted: it is any. */
static int
get(struct folio_vhost_user *u, enum folio_vhost_request request, uint64_t *value,
    struct folio_error *err)
{
	const struct folio_vhost_call call = {
		.request = request,
		.fd = -1,
		.answer = FOLIO_VHOST_VALUE,
	};
	union folio_vhost_payload answer;
	int ret = folio_vhost_exchange(&u->link, &call, &answer, err);

	if (ret == 0)
		*value = answer.u64;
	return ret;
}

/* Tell a number. */
static int
set(struct folio_vhost_user *u, enum folio_vhost_request request, uint64_t value,
    struct folio_error *err)
{
	const struct folio_vhost_call call = {
		.request = request,
		.size = sizeof(call.payload.u64),
		.fd = -1,
		.payload.u64 = value,
	};

	return folio_vhost_exchange(&u->link, &call, NULL, err);
}

static int
set_owner(struct folio_vhost_user *u, struct folio_error *err)
{
	const struct folio_vhost_call call = {.request = FOLIO_VHOST_SET_OWNER, .fd = -1};

	return folio_vhost_exchange(&u->link, &call, NULL, err);
}

/* Each step is one message, which may take several calls. */
static int
ask_step(struct folio_vhost_user *u, struct folio_error *err)
{
	const bool extended = (u->features & F_PROTOCOL_FEATURES) != 0;
	int ret;

	switch (u->step) {
	case 0:
		return get(u, FOLIO_VHOST_GET_FEATURES, &u->features, err);
	case 1:
		u->protocol = 0;
		ret = extended ? get(u, FOLIO_VHOST_GET_PROTOCOL_FEATURES, &u->protocol, err) : 0;
		u->protocol &= PROTOCOL_MQ | PROTOCOL_REPLY_ACK;
		return ret;
	case 2:
		return extended ? set(u, FOLIO_VHOST_SET_PROTOCOL_FEATURES, u->protocol, err) : 0;
	case 3:
		u->queues = 1;
		return (u->protocol & PROTOCOL_MQ) == 0 ? 0 :
		       get(u, FOLIO_VHOST_GET_QUEUE_NUM, &u->queues, err);
	default:
		return set_owner(u, err);
	}
}

#define ASK_STEPS 5u

static int
ask(void *transport, struct folio_virtio_offer *offer, struct folio_error *err)
{
	struct folio_vhost_user *u = transport;
	int ret;

	for (; u->step < ASK_STEPS; u->step++) {
		ret = ask_step(u, err);
		if (ret != 0)
			return ret;
	}
	u->step = 0;
	offer->features = (u->features & ~NOT_OFFERED) | BIT(VIRTIO_NET_F_CTRL_VQ);
	if ((u->protocol & PROTOCOL_MQ) == 0)
		offer->features &= ~BIT(VIRTIO_NET_F_MQ);
	offer->pairs = u->queues < UINT32_MAX ? (uint32_t)u->queues : UINT32_MAX;
	offer->queue_max = 0;
	return 0;
}

/* The only memory that the back end gets. Ring and buffer addresses are of the same kind. */
static int
set_memory(struct folio_vhost_user *u, struct folio_error *err)
{
	const struct folio_vhost_call call = {
		.request = FOLIO_VHOST_SET_MEM_TABLE,
		.size = sizeof(call.payload.memory),
		.fd = u->shm->fd,
		.answer = (u->protocol & PROTOCOL_REPLY_ACK) != 0 ? FOLIO_VHOST_ACK : FOLIO_VHOST_NONE,
		.payload.memory = {
			.regions = 1,
			.guest_addr = u->shm->piece[0].addr,
			.size = u->shm->size,
			.user_addr = u->shm->piece[0].addr,
		},
	};

	return folio_vhost_exchange(&u->link, &call, NULL, err);
}

static int
set_ring(struct folio_vhost_user *u, enum folio_vhost_request request, uint32_t ring, uint32_t num,
	 bool ack, struct folio_error *err)
{
	const struct folio_vhost_call call = {
		.request = request,
		.size = sizeof(call.payload.state),
		.fd = -1,
		.answer = ack ? FOLIO_VHOST_ACK : FOLIO_VHOST_NONE,
		.payload.state = {.index = ring, .num = num},
	};

	return folio_vhost_exchange(&u->link, &call, NULL, err);
}

static int
set_addresses(struct folio_vhost_user *u, uint32_t ring, const struct folio_virtio_ring *at,
	      struct folio_error *err)
{
	const struct folio_vhost_call call = {
		.request = FOLIO_VHOST_SET_VRING_ADDR,
		.size = sizeof(call.payload.addr),
		.fd = -1,
		.payload.addr = {
			.index = ring,
			.desc = at->desc,
			.device = at->device,
			.driver = at->driver,
		},
	};

	return folio_vhost_exchange(&u->link, &call, NULL, err);
}

static int
set_kick(struct folio_vhost_user *u, uint32_t ring, struct folio_error *err)
{
	struct folio_vhost_call call = {
		.request = FOLIO_VHOST_SET_VRING_KICK,
		.size = sizeof(call.payload.u64),
		.payload.u64 = ring,
	};
	int ends[2];
	int ret;

	if (u->other_end < 0) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
			return folio_fail(err, -errno, "%s: cannot make a socket for the doorbell: %s",
					  u->name, strerror(errno));
		u->kick[ring] = ends[0];
		u->other_end = ends[1];
		(void)shutdown(ends[0], SHUT_RD);
	}
	call.fd = u->other_end;
	ret = folio_vhost_exchange(&u->link, &call, NULL, err);
	if (ret == 0)
		close_fd(&u->other_end);
	return ret;
}

/* The back end has done all that was said before. Back end not trusted: its features stay. */
static int
check_features(struct folio_vhost_user *u, struct folio_error *err)
{
	uint64_t features;
	int ret = get(u, FOLIO_VHOST_GET_FEATURES, &features, err);

	if (ret == 0 && features != u->features)
		return folio_fail(err, -EPROTO, "%s: the back end's features changed from 0x%" PRIx64
				  " to 0x%" PRIx64, u->name, u->features, features);
	return ret;
}

enum ring_step {
	RING_NUM,
	RING_BASE,
	RING_ADDR,
	RING_CALL,
	RING_KICK,
	RING_STEPS
};

static int
tell_ring(struct folio_vhost_user *u, const struct folio_virtio_plan *plan, uint32_t ring,
	  enum ring_step step, struct folio_error *err)
{
	bool packed = (plan->features & BIT(VIRTIO_F_RING_PACKED)) != 0;

	switch (step) {
	case RING_NUM:
		return set_ring(u, FOLIO_VHOST_SET_VRING_NUM, ring, plan->size, false, err);
	case RING_BASE:
		return set_ring(u, FOLIO_VHOST_SET_VRING_BASE, ring, packed ? PACKED_BASE : 0, false,
				err);
	case RING_ADDR:
		return set_addresses(u, ring, &plan->ring[ring], err);
	case RING_CALL:
		return set(u, FOLIO_VHOST_SET_VRING_CALL, ring | NO_FD, err);
	default:
		return set_kick(u, ring, err);
	}
}

/* Features, memory, each ring, then enable each, then make sure. */
static int
tell_step(struct folio_vhost_user *u, const struct folio_virtio_plan *plan, struct folio_error *err)
{
	const uint64_t extended = u->features & F_PROTOCOL_FEATURES;
	const bool acks = (u->protocol & PROTOCOL_REPLY_ACK) != 0;
	uint32_t step = u->step;

	if (step == 0)
		return set(u, FOLIO_VHOST_SET_FEATURES,
			   (plan->features & ~BIT(VIRTIO_NET_F_CTRL_VQ)) | extended, err);
	if (step == 1)
		return set_memory(u, err);
	step -= 2;
	if (step < RING_STEPS * u->rings)
		return tell_ring(u, plan, step / RING_STEPS, step % RING_STEPS, err);
	step -= RING_STEPS * u->rings;
	if (step < u->rings) /* without protocol features they are enabled from the start */
		return extended == 0 ? 0 : set_ring(u, FOLIO_VHOST_SET_VRING_ENABLE, step, 1,
						    acks && step == u->rings - 1, err);
	return check_features(u, err);
}

static void
notify(void *transport, uint32_t q)
{
	const struct folio_vhost_user *u = transport;
	const uint64_t one = 1;

	/* Full: the back end has enough to read. Closed by the back end: watch() finds that out. */
	(void)send(u->kick[q], &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int
tell(void *transport, const struct folio_virtio_plan *plan, struct folio_error *err)
{
	struct folio_vhost_user *u = transport;
	uint32_t i;
	int ret;

	u->rings = 2 * plan->pairs;
	for (; u->step <= 2 + (RING_STEPS + 1) * u->rings; u->step++) {
		ret = tell_step(u, plan, err);
		if (ret != 0)
			return ret;
	}
	u->step = 0;
	for (i = 0; i < u->rings; i++)
		notify(u, i); /* a ring starts with its first kick */
	return 0;
}

/* Somebody else who connects while there is a back end. One a tick. */
static void
refuse_another(const struct folio_vhost_user *u)
{
	int fd = u->listener >= 0 ? folio_socket_accept(u->listener) : -1;

	if (fd >= 0)
		close(fd);
}

static int
watch(void *transport, struct folio_virtio_health *health, struct folio_error *err)
{
	struct folio_vhost_user *u = transport;

	refuse_another(u);
	health->link = true;
	return folio_vhost_link_is_quiet(&u->link, err);
}

/* Stop a ring, and wait until the back end has. Back end not trusted: where it was is not used. */
static int
stop_ring(struct folio_vhost_user *u, uint32_t ring, struct folio_error *err)
{
	const struct folio_vhost_call call = {
		.request = FOLIO_VHOST_GET_VRING_BASE,
		.size = sizeof(call.payload.state),
		.fd = -1,
		.answer = FOLIO_VHOST_VALUE,
		.payload.state = {.index = ring},
	};
	union folio_vhost_payload answer;
	int ret = folio_vhost_exchange(&u->link, &call, &answer, err);

	if (ret == 0 && answer.state.index != ring)
		return folio_fail(err, -EPROTO, "%s: the back end stopped ring %u: asked for was %u",
				  u->name, answer.state.index, ring);
	return ret;
}

static int
part(void *transport, struct folio_error *err)
{
	struct folio_vhost_user *u = transport;
	int ret;

	for (; u->step < 2 * u->rings; u->step++) {
		if (u->step >= u->rings)
			ret = stop_ring(u, u->step - u->rings, err);
		else if ((u->features & F_PROTOCOL_FEATURES) != 0)
			ret = set_ring(u, FOLIO_VHOST_SET_VRING_ENABLE, u->step, 0, false, err);
		else
			ret = 0;
		if (ret != 0)
			return ret;
	}
	drop(u);
	return 0;
}

const struct folio_virtio_transport folio_vhost_user_transport = {
	.name = "vhost_user",
	.reach = reach,
	.ask = ask,
	.tell = tell,
	.watch = watch,
	.part = part,
	.drop = drop,
	.notify = notify,
};
