/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vhost_types.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>

#include "backend.h"
#include "model.h"

#define REGIONS 8
#define RINGS 128
#define VERSION 1u
#define REPLY 4u
#define NEED_REPLY 8u
#define PROTOCOL_FEATURES (UINT64_C(1) << 30)
#define REPLY_ACK (UINT64_C(1) << 3)
#define NO_FD 0x100u
#define MOST_FDS 253 /* the kernel's limit of a message */
#define FRAME_MAX 65536u
#define STEP_FRAMES 64u /* a step is short */

struct region {
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr;
	uint64_t offset;
};

struct message {
	struct {
		uint32_t request;
		uint32_t flags;
		uint32_t size;
	} header;
	union {
		uint64_t u64;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct {
			uint32_t n;
			uint32_t padding;
			struct region region[REGIONS];
		} memory;
		uint8_t bytes[4096];
	};
} __attribute__((packed));

#define HEADER sizeof(((struct message *)NULL)->header)

struct ring {
	uint32_t num;
	uint32_t base;
	bool has_addr;
	struct vhost_vring_addr addr;
	int kick;    /* -1: none */
	int hostage; /* a kick's descriptor that is kept and not read; -1: none */
	bool kicked;
	bool enabled;
	bool running;
	struct model_queue q;
};

struct backend {
	struct backend_config cfg;
	struct sockaddr_un addr;
	struct backend_counts counts;
	int listener;
	int conn;
	struct message in;
	uint32_t received;
	int fds[REGIONS];
	unsigned int n_fds;
	uint8_t out[8192]; /* answers that wait to be sent */
	uint32_t n_out;
	bool silent, deaf, dribble, close_then;
	uint64_t features, protocol; /* agreed on */
	void *map[REGIONS];
	size_t map_len[REGIONS];
	struct model_region guest[REGIONS], user[REGIONS];
	unsigned int n_regions;
	struct ring ring[RINGS];
	const char *error;
	uint64_t seed;
};

static const char *const trick_names[BACKEND_TRICKS] = {
	[BACKEND_HONEST] = "honest",
	[BACKEND_SIZE_0] = "size-0",
	[BACKEND_SIZE_SHORT] = "size-short",
	[BACKEND_SIZE_LONG] = "size-long",
	[BACKEND_SIZE_HUGE] = "size-huge",
	[BACKEND_WRONG_REQUEST] = "wrong-request",
	[BACKEND_WRONG_VERSION] = "wrong-version",
	[BACKEND_NO_REPLY_FLAG] = "no-reply-flag",
	[BACKEND_ALL_FLAGS] = "all-flags",
	[BACKEND_GARBAGE] = "garbage",
	[BACKEND_ALL_ONES] = "all-ones",
	[BACKEND_ZERO] = "zero",
	[BACKEND_OTHER_BIT] = "other-bit",
	[BACKEND_FD] = "fd",
	[BACKEND_FDS] = "fds",
	[BACKEND_BYTES] = "bytes",
	[BACKEND_TWICE] = "twice",
	[BACKEND_UNASKED] = "unasked",
	[BACKEND_SILENT] = "silent",
	[BACKEND_DEAF] = "deaf",
	[BACKEND_CLOSE] = "close",
	[BACKEND_CLOSE_HALF] = "close-half",
	[BACKEND_KICK_FULL] = "kick-full",
	[BACKEND_KICK_CLOSE] = "kick-close",
};

const char *
backend_trick_name(enum backend_trick trick)
{
	return trick_names[trick];
}

const struct backend_counts *
backend_counts(const struct backend *b)
{
	return &b->counts;
}

const char *
backend_error(const struct backend *b)
{
	return b->error;
}

static bool
complain(struct backend *b, const char *why)
{
	b->error = why;
	return false;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Rings. */

static void
stop_ring(struct backend *b, struct ring *r)
{
	if (r->running) {
		model_free(&r->q);
		b->counts.started--;
	}
	r->running = false;
	r->kicked = false;
	close_fd(&r->kick);
	close_fd(&r->hostage);
}

static void *
find_ring(const struct backend *b, uint64_t addr, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < b->n_regions; i++) {
		const struct model_region *r = &b->user[i];

		if (addr >= r->addr && len <= r->len && addr - r->addr <= r->len - len)
			return r->mem + (addr - r->addr);
	}
	return NULL;
}

/* A ring begins with its first kick. */
static bool
start_ring(struct backend *b, struct ring *r, bool receive)
{
	const bool packed = (b->features & (UINT64_C(1) << VIRTIO_F_RING_PACKED)) != 0;
	const uint64_t n = r->num;
	void *desc, *driver, *device;

	if (n == 0 || n > 32768 || (n & (n - 1)) != 0 || !r->has_addr)
		return complain(b, "a ring without size or addresses");
	if (r->base != (packed ? 0x80008000u : 0))
		return complain(b, "a ring that does not begin at its beginning");
	desc = find_ring(b, r->addr.desc_user_addr, 16 * n);
	driver = find_ring(b, r->addr.avail_user_addr, packed ? 4 : 4 + 2 * n);
	device = find_ring(b, r->addr.used_user_addr, packed ? 4 : 4 + 8 * n);
	if (desc == NULL || driver == NULL || device == NULL)
		return complain(b, "a ring outside of the memory");
	if (!model_init(&r->q, packed, receive, r->num, desc, driver, device, b->guest, b->n_regions))
		return complain(b, "out of memory");
	r->q.mergeable = (b->features & (UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF)) != 0;
	r->running = true;
	b->counts.started++;
	return true;
}

static bool
look_at_kick(struct backend *b, struct ring *r)
{
	uint64_t n;

	if (r->kick < 0 || read(r->kick, &n, sizeof(n)) != (ssize_t)sizeof(n))
		return false;
	r->kicked = true;
	b->counts.kicks++;
	return true;
}

static bool
echo(struct backend *b, struct ring *tx, struct ring *rx)
{
	static uint8_t frame[FRAME_MAX];
	uint8_t header[MODEL_HEADER];
	uint32_t n;
	int len = 0;

	if (model_collect(&rx->q) < 0)
		return complain(b, rx->q.error);
	for (n = 0; n < STEP_FRAMES && rx->q.n_held > 0; n++) {
		len = model_read(&tx->q, frame, sizeof(frame), header);
		if (len <= 0)
			break;
		if (!model_deliver(&rx->q, 0, frame, (uint32_t)len, NULL))
			break;
		b->counts.frames++;
	}
	if (len < 0)
		return complain(b, tx->q.error);
	while (tx->q.n_held > 0)
		model_return(&tx->q, 0, 0);
	model_publish(&rx->q);
	model_publish(&tx->q);
	return n > 0;
}

static bool
serve_rings(struct backend *b)
{
	const bool always = (b->features & PROTOCOL_FEATURES) == 0;
	bool busy = false;
	unsigned int i;

	for (i = 0; i < RINGS; i++) {
		struct ring *r = &b->ring[i];

		busy |= look_at_kick(b, r);
		if (!r->running && r->kicked && (always || r->enabled) && b->error == NULL)
			busy |= start_ring(b, r, i % 2 == 0);
	}
	for (i = 0; i < RINGS && b->error == NULL; i += 2) {
		struct ring *rx = &b->ring[i], *tx = &b->ring[i + 1];

		if (rx->running && tx->running && (always || (rx->enabled && tx->enabled)))
			busy |= echo(b, tx, rx);
	}
	return busy;
}

/* The connection. */

static void
forget_memory(struct backend *b)
{
	while (b->n_regions > 0) {
		b->n_regions--;
		munmap(b->map[b->n_regions], b->map_len[b->n_regions]);
	}
}

static void
forget_fds(struct backend *b)
{
	while (b->n_fds > 0)
		close_fd(&b->fds[--b->n_fds]);
}

void
backend_hang_up(struct backend *b)
{
	unsigned int i;

	for (i = 0; i < RINGS; i++) {
		stop_ring(b, &b->ring[i]);
		b->ring[i] = (struct ring){.kick = -1, .hostage = -1};
	}
	forget_memory(b);
	forget_fds(b);
	close_fd(&b->conn);
	b->received = 0;
	b->n_out = 0;
	b->silent = b->deaf = b->dribble = b->close_then = false;
	b->features = 0;
	b->protocol = 0;
}

static void
put_out(struct backend *b, const void *data, uint32_t len)
{
	if (len <= sizeof(b->out) - b->n_out) {
		memcpy(b->out + b->n_out, data, len);
		b->n_out += len;
	}
}

static void
send_fds(const struct backend *b, const void *data, size_t len, unsigned int n)
{
	struct iovec part = {(void *)(uintptr_t)data, len};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MOST_FDS * sizeof(int))];
	} room;
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room.bytes};
	unsigned int i;

	memset(&room, 0, sizeof(room));
	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	room.align.cmsg_level = SOL_SOCKET;
	room.align.cmsg_type = SCM_RIGHTS;
	room.align.cmsg_len = CMSG_LEN(n * sizeof(int));
	for (i = 0; i < n; i++)
		memcpy(CMSG_DATA(&room.align) + i * sizeof(int), &b->conn, sizeof(int));
	(void)sendmsg(b->conn, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static uint64_t
random_word(struct backend *b)
{
	b->seed ^= b->seed << 13;
	b->seed ^= b->seed >> 7;
	b->seed ^= b->seed << 17;
	return b->seed;
}

/* Is this the request at which the trick is played? */
static bool
plays(struct backend *b, uint32_t request)
{
	return b->cfg.trick != BACKEND_HONEST && b->cfg.at == request;
}

static uint64_t
wrong_content(const struct backend *b, uint64_t value)
{
	switch (b->cfg.trick) {
	case BACKEND_ALL_ONES:
		return UINT64_MAX;
	case BACKEND_ZERO:
		return 0;
	case BACKEND_OTHER_BIT:
		/* Features change when they are asked for again. */
		return b->cfg.at != BACKEND_GET_FEATURES || b->n_regions > 0 ? value ^ 1 : value;
	default:
		return value;
	}
}

/* Answer with u64 or what has its size, in the manner of the trick. */
static void
answer(struct backend *b, uint32_t request, uint64_t value)
{
	struct message m = {.header = {request, VERSION | REPLY, sizeof(m.u64)}, .u64 = value};
	uint32_t len = HEADER + sizeof(m.u64), i;

	if (!plays(b, request)) {
		put_out(b, &m, len);
		return;
	}
	m.u64 = wrong_content(b, value);
	b->counts.tricks++;
	switch (b->cfg.trick) {
	case BACKEND_SIZE_0:
		m.header.size = 0;
		len = HEADER;
		break;
	case BACKEND_SIZE_SHORT:
		m.header.size = 4;
		len = HEADER + 4;
		break;
	case BACKEND_SIZE_LONG:
		m.header.size = 16;
		len = HEADER + 16;
		break;
	case BACKEND_SIZE_HUGE:
		m.header.size = UINT32_MAX;
		len = HEADER + sizeof(m.bytes);
		break;
	case BACKEND_WRONG_REQUEST:
		m.header.request ^= 32;
		break;
	case BACKEND_WRONG_VERSION:
		m.header.flags = REPLY | 2;
		break;
	case BACKEND_NO_REPLY_FLAG:
		m.header.flags = VERSION;
		break;
	case BACKEND_ALL_FLAGS:
		m.header.flags = UINT32_MAX;
		break;
	case BACKEND_GARBAGE:
		for (i = 0; i < sizeof(m.bytes) / sizeof(uint64_t); i++) {
			uint64_t word = random_word(b);

			memcpy((uint8_t *)&m + i * sizeof(word), &word, sizeof(word));
		}
		len = sizeof(m.bytes);
		break;
	case BACKEND_FD:
		send_fds(b, &m, len, 1);
		return;
	case BACKEND_FDS:
		send_fds(b, &m, len, MOST_FDS);
		return;
	case BACKEND_BYTES:
		b->dribble = true;
		break;
	case BACKEND_TWICE:
		put_out(b, &m, len);
		break;
	case BACKEND_CLOSE_HALF:
		len /= 2;
		b->close_then = true;
		break;
	default:
		break;
	}
	put_out(b, &m, len);
}

void
backend_babble(struct backend *b)
{
	const struct message m = {.header = {BACKEND_GET_FEATURES, VERSION | REPLY, 8}};

	put_out(b, &m, HEADER + sizeof(m.u64));
}

/* Let nothing more go in, and clear the flag that keeps a writer from waiting. */
static void
fill_kick(int fd)
{
	const uint64_t most = UINT64_MAX - 1;
	struct stat st;

	(void)fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	/* An eventfd; whatever else it is fills up when nobody reads. */
	if (fstat(fd, &st) == 0 && !S_ISSOCK(st.st_mode))
		(void)!write(fd, &most, sizeof(most));
	(void)fcntl(fd, F_SETFL, O_RDWR);
}

static bool
set_memory(struct backend *b)
{
	unsigned int i, n = b->in.memory.n;

	forget_memory(b);
	b->counts.regions = n;
	b->counts.memory = 0;
	if (n > REGIONS || b->n_fds != n || b->in.header.size != 8 + n * sizeof(struct region))
		return complain(b, "a memory table without a descriptor for each region");
	for (i = 0; i < n; i++) {
		const struct region r = b->in.memory.region[i];
		size_t len = r.size + r.offset;
		uint8_t *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, b->fds[i], 0);

		if (mem == MAP_FAILED)
			return complain(b, "memory that cannot be mapped");
		b->map[i] = mem;
		b->map_len[i] = len;
		b->guest[i] = (struct model_region){r.guest_addr, r.size, mem + r.offset};
		b->user[i] = (struct model_region){r.user_addr, r.size, mem + r.offset};
		b->n_regions++;
		b->counts.memory += r.size;
	}
	return true;
}

static bool
set_kick(struct backend *b, struct ring *r)
{
	close_fd(&r->kick);
	close_fd(&r->hostage);
	if ((b->in.u64 & NO_FD) != 0 || b->n_fds != 1)
		return complain(b, "no descriptor for kicks");
	r->kick = b->fds[0];
	b->n_fds = 0;
	if (!plays(b, BACKEND_SET_VRING_KICK)) {
		(void)fcntl(r->kick, F_SETFL, O_RDWR | O_NONBLOCK);
		return true;
	}
	b->counts.tricks++;
	r->kicked = true;
	if (b->cfg.trick == BACKEND_KICK_FULL) {
		fill_kick(r->kick);
		r->hostage = r->kick;
		r->kick = -1;
	}
	close_fd(&r->kick);
	return true;
}

static bool
for_ring(struct backend *b)
{
	uint32_t i = b->in.header.request == BACKEND_SET_VRING_KICK ||
		     b->in.header.request == BACKEND_SET_VRING_CALL ? b->in.u64 & 0xff
								     : b->in.state.index;
	struct ring *r = &b->ring[i % RINGS];

	if (i >= RINGS)
		return complain(b, "a ring number beyond the last");
	switch (b->in.header.request) {
	case BACKEND_SET_VRING_NUM:
		r->num = b->in.state.num;
		return true;
	case BACKEND_SET_VRING_BASE:
		r->base = b->in.state.num;
		return true;
	case BACKEND_SET_VRING_ADDR:
		r->addr = b->in.addr;
		r->has_addr = true;
		return true;
	case BACKEND_SET_VRING_CALL:
		return true;
	case BACKEND_SET_VRING_KICK:
		return set_kick(b, r);
	case BACKEND_SET_VRING_ENABLE:
		r->enabled = b->in.state.num != 0;
		return true;
	default:
		stop_ring(b, r);
		answer(b, b->in.header.request, b->in.u64 & UINT32_MAX);
		return true;
	}
}

/* Do as an honest back end does, but for what answer() makes of it. */
static bool
obey(struct backend *b)
{
	const uint32_t request = b->in.header.request;
	bool ok = true;

	switch (request) {
	case BACKEND_GET_FEATURES:
		answer(b, request, b->cfg.features);
		return true;
	case BACKEND_GET_PROTOCOL_FEATURES:
		answer(b, request, b->cfg.protocol);
		return true;
	case BACKEND_GET_QUEUE_NUM:
		answer(b, request, b->cfg.pairs);
		return true;
	case BACKEND_SET_FEATURES:
		b->features = b->in.u64;
		ok = (b->features & ~b->cfg.features) == 0 || b->cfg.trick != BACKEND_HONEST ||
		     complain(b, "features that were not offered");
		break;
	case BACKEND_SET_PROTOCOL_FEATURES:
		b->protocol = b->in.u64;
		break;
	case BACKEND_SET_OWNER:
		break;
	case BACKEND_SET_MEM_TABLE:
		ok = set_memory(b);
		break;
	case BACKEND_SET_VRING_NUM:
	case BACKEND_SET_VRING_BASE:
	case BACKEND_SET_VRING_ADDR:
	case BACKEND_SET_VRING_KICK:
	case BACKEND_SET_VRING_CALL:
	case BACKEND_SET_VRING_ENABLE:
		ok = for_ring(b);
		break;
	case BACKEND_GET_VRING_BASE:
		return for_ring(b);
	default:
		return complain(b, "a request that is not known");
	}
	if ((b->in.header.flags & NEED_REPLY) != 0)
		answer(b, request, ok ? 0 : 1);
	return ok;
}

/* A message is there as a whole. */
static void
take_message(struct backend *b)
{
	const uint32_t request = b->in.header.request;
	bool now = plays(b, request);

	b->counts.messages++;
	b->received = 0;
	if (b->silent) {
		forget_fds(b);
		return;
	}
	if (now && b->cfg.trick == BACKEND_CLOSE) {
		b->counts.tricks++;
		backend_hang_up(b);
		return;
	}
	if (now && b->cfg.trick == BACKEND_UNASKED) {
		b->counts.tricks++;
		backend_babble(b);
	}
	if (now && (b->cfg.trick == BACKEND_SILENT || b->cfg.trick == BACKEND_DEAF)) {
		b->counts.tricks++;
		b->silent = true;
		b->deaf = b->cfg.trick == BACKEND_DEAF;
		forget_fds(b);
		return;
	}
	(void)obey(b);
	forget_fds(b);
}

static void
keep_fds(struct backend *b, struct msghdr *msg)
{
	struct cmsghdr *c;
	size_t i, n;
	int fd;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (b->n_fds < REGIONS)
				b->fds[b->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

/* Bytes that are due of the message at hand: its header, then what that says. */
static uint32_t
due(const struct backend *b)
{
	if (b->received < HEADER)
		return HEADER - b->received;
	return HEADER + b->in.header.size - b->received;
}

static bool
read_some(struct backend *b)
{
	struct iovec part = {(uint8_t *)&b->in + b->received, due(b)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(REGIONS * sizeof(int))];
	} room;
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes),
	};
	ssize_t n = recvmsg(b->conn, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		backend_hang_up(b);
		return true;
	}
	keep_fds(b, &msg);
	b->received += (uint32_t)n;
	if (b->received < HEADER)
		return true;
	if (b->in.header.size > sizeof(b->in.bytes) || (b->in.header.flags & 3) != VERSION) {
		(void)complain(b, "a message of another version, or too long");
		backend_hang_up(b);
	} else if (due(b) == 0) {
		take_message(b);
	}
	return true;
}

static bool
write_some(struct backend *b)
{
	uint32_t most = b->dribble ? 1 : b->n_out;
	ssize_t n;

	if (b->n_out == 0)
		return false;
	n = send(b->conn, b->out, most, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n <= 0)
		return false;
	b->n_out -= (uint32_t)n;
	memmove(b->out, b->out + n, b->n_out);
	if (b->n_out == 0 && b->close_then)
		backend_hang_up(b);
	return true;
}

static int
new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static bool
find_front_end(struct backend *b)
{
	int fd;

	if (!b->cfg.client) {
		fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	} else {
		fd = new_socket();
		if (fd >= 0 && connect(fd, (const struct sockaddr *)&b->addr, sizeof(b->addr)) != 0)
			close_fd(&fd);
	}
	if (fd < 0)
		return false;
	b->conn = fd;
	b->counts.connections++;
	return true;
}

/* Who reads nothing does not see the end either. */
static bool
is_left(const struct backend *b)
{
	struct pollfd p = {.fd = b->conn};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

bool
backend_step(struct backend *b)
{
	bool busy = false;

	if (b->conn < 0)
		return find_front_end(b);
	if (b->deaf && is_left(b)) {
		backend_hang_up(b);
		return true;
	}
	if (!b->deaf && (!b->dribble || b->n_out == 0)) {
		while (b->conn >= 0 && !b->deaf && read_some(b))
			busy = true;
	}
	if (b->conn >= 0)
		busy |= write_some(b);
	if (b->conn >= 0)
		busy |= serve_rings(b);
	return busy;
}

struct backend *
backend_open(const struct backend_config *cfg)
{
	struct backend *b = calloc(1, sizeof(*b));
	unsigned int i;

	if (b == NULL)
		return NULL;
	b->cfg = *cfg;
	b->conn = -1;
	b->listener = -1;
	b->seed = 88172645463325252u;
	for (i = 0; i < RINGS; i++)
		b->ring[i] = (struct ring){.kick = -1, .hostage = -1};
	b->addr.sun_family = AF_UNIX;
	snprintf(b->addr.sun_path, sizeof(b->addr.sun_path), "%s", cfg->path);
	if (cfg->client)
		return b;
	b->listener = new_socket();
	if (b->listener < 0 ||
	    bind(b->listener, (const struct sockaddr *)&b->addr, sizeof(b->addr)) != 0 ||
	    listen(b->listener, 8) != 0) {
		close_fd(&b->listener);
		free(b);
		return NULL;
	}
	return b;
}

void
backend_close(struct backend *b)
{
	backend_hang_up(b);
	if (b->listener >= 0)
		(void)unlink(b->addr.sun_path);
	close_fd(&b->listener);
	free(b);
}
