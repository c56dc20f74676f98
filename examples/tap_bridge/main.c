/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * folio-tap: one end of a folio region as a Linux network interface, without DPDK.
 *
 * One thread does it all: it moves frames both ways on queue pair 0, and between two rounds the
 * control work. A region has no doorbell, so an idle bridge sleeps on the TAP interface for at most
 * a millisecond before it looks at the region again.
 */

#include <errno.h>
#include <fcntl.h>
#include <folio.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BURST 32
/* Longer than any frame of a TAP interface, whose MTU ends at 65521. */
#define FRAME_ROOM 65600
/* Rounds without a frame before the bridge sleeps: a request's answer is often not far behind. */
#define IDLE_ROUNDS 200
#define IDLE_SLEEP_MS 1
/* The peer decides how often the link changes, so not how much is printed. */
#define PRINT_PAUSE_TICKS (1000 / FOLIO_TICK_MS)

struct flow {
	uint64_t frames;
	uint64_t bytes;
	uint64_t dropped; /* no link, no interface, or too long for the other side */
};

struct bridge {
	struct folio *port;
	int tap;
	const char *tap_name;
	uint32_t max_frame; /* while the link is up, else 0 */
	uint64_t next_tick;
	enum folio_link printed_link;
	char printed_detail[sizeof(((struct folio_status *)0)->detail)];
	unsigned int print_pause;
	struct folio_buf *out; /* read from the TAP, to be sent from out[first] on */
	uint16_t first;
	uint16_t count;
	struct folio_buf *in;
	struct flow to_folio;
	struct flow to_tap;
};

static volatile sig_atomic_t stop_requested;

static void
on_signal(int sig)
{
	(void)sig;
	stop_requested = 1;
}

__attribute__((format(printf, 1, 2))) static int
fail(const char *format, ...)
{
	va_list args;

	fputs("folio-tap: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return -1;
}

/* Arguments. */

static void
usage(FILE *out)
{
	fprintf(out, "usage: folio-tap --path FILE --tap NAME [--role host|guest] [--queues N] "
		"[--ring-size N] [--slot-size N]\n"
		"  --path FILE         the file that holds the region\n"
		"  --tap NAME          network interface to create\n"
		"  --role host|guest   side of the region, default host\n"
		"A guest decides the geometry, for a host these are the most that it accepts:\n"
		"  --queues N          queue pairs, default %u; frames pass on the first\n"
		"  --ring-size N       slots a ring; default %u, host: no limit\n"
		"  --slot-size N       bytes a slot; default %u, host: no limit\n",
		FOLIO_DEFAULT_QUEUES, FOLIO_DEFAULT_RING_SIZE, FOLIO_DEFAULT_SLOT_SIZE);
}

/* Which numbers make sense is the core's business; 0 is its default. */
static int
parse_number(const char *name, const char *value, uint32_t *out)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || v == 0 ||
	    v > UINT32_MAX)
		return fail("--%s=%s is not a decimal number from 1 to %u", name, value,
			    UINT32_MAX);
	*out = (uint32_t)v;
	return 0;
}

static int
parse_role(const char *value, enum folio_role *out)
{
	if (strcmp(value, "host") == 0)
		*out = FOLIO_HOST;
	else if (strcmp(value, "guest") == 0)
		*out = FOLIO_GUEST;
	else
		return fail("--role=%s is unknown: allowed are host and guest", value);
	return 0;
}

static int
parse_tap(const char *value, const char **out)
{
	/* The kernel takes a '%' for a pattern. */
	if (value[0] == '\0' || strlen(value) >= IFNAMSIZ || strpbrk(value, "/%: \t\n") != NULL)
		return fail("--tap=%s is no interface name: allowed are 1 to %d characters without "
			    "'/', '%%', ':' and blanks", value, IFNAMSIZ - 1);
	*out = value;
	return 0;
}

/* Returns 0, 1 if there is nothing more to do, or -1. */
static int
parse_options(int argc, char **argv, struct folio_config *cfg, const char **tap)
{
	static const struct option known[] = {
		{"path", required_argument, NULL, 'p'},
		{"tap", required_argument, NULL, 't'},
		{"role", required_argument, NULL, 'r'},
		{"queues", required_argument, NULL, 'q'},
		{"ring-size", required_argument, NULL, 'n'},
		{"slot-size", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c, ret = 0;

	while (ret == 0 && (c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'p':
			cfg->path = optarg;
			break;
		case 't':
			ret = parse_tap(optarg, tap);
			break;
		case 'r':
			ret = parse_role(optarg, &cfg->role);
			break;
		case 'q':
			ret = parse_number("queues", optarg, &cfg->queues);
			break;
		case 'n':
			ret = parse_number("ring-size", optarg, &cfg->ring_size);
			break;
		case 's':
			ret = parse_number("slot-size", optarg, &cfg->slot_size);
			break;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return -1;
		}
	}
	if (ret == 0 && optind < argc)
		return fail("unexpected argument \"%s\"", argv[optind]);
	if (ret == 0 && cfg->path == NULL)
		return fail("--path is missing: the file that holds the region");
	if (ret == 0 && *tap == NULL)
		return fail("--tap is missing: the name of the network interface to create");
	return ret;
}

/* The network interface. */

/* It is gone when its last file descriptor is. */
static int
open_tap(const char *name)
{
	struct ifreq req = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd;

	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fail("cannot open /dev/net/tun: %s", strerror(errno));
	memcpy(req.ifr_name, name, strlen(name));
	if (ioctl(fd, TUNSETIFF, &req) != 0) {
		fail("cannot create --tap=%s: %s", name, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/* Let the kernel's users of the interface see what the link is. Since Linux 5.0. */
static void
set_carrier(const struct bridge *b, bool up)
{
	int carrier = up;

	(void)ioctl(b->tap, TUNSETCARRIER, &carrier);
}

/* The control work. */

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
print_link(struct bridge *b, const struct folio_status *st)
{
	if (b->print_pause > 0) {
		b->print_pause--;
		return;
	}
	/* On the way to somewhere else. */
	if (st->link == FOLIO_LINK_SETTLING || st->link == FOLIO_LINK_HANDSHAKE)
		return;
	if (st->link == b->printed_link && strcmp(st->detail, b->printed_detail) == 0)
		return;
	b->printed_link = st->link;
	memcpy(b->printed_detail, st->detail, sizeof(b->printed_detail));
	b->print_pause = PRINT_PAUSE_TICKS;
	if (st->link == FOLIO_LINK_UP)
		printf("folio-tap: link up: queues=%u ring_size=%u slot_size=%u, frames up to %u "
		       "bytes\n", st->queues, st->ring_size, st->slot_size, st->max_frame);
	else
		printf("folio-tap: link down: %s%s%s\n", folio_link_name(st->link),
		       st->detail[0] != '\0' ? ": " : "", st->detail);
}

static void
tick_if_due(struct bridge *b)
{
	uint64_t now = now_ms();
	struct folio_status st;

	if (now < b->next_tick)
		return;
	b->next_tick = now + FOLIO_TICK_MS;
	if (folio_tick(b->port))
		set_carrier(b, folio_link_is_up(b->port));
	folio_status(b->port, &st);
	b->max_frame = st.link == FOLIO_LINK_UP ? st.max_frame : 0;
	print_link(b, &st);
}

/* Frames. */

static int
read_tap(struct bridge *b)
{
	ssize_t len;

	b->first = 0;
	b->count = 0;
	while (b->count < BURST) {
		len = read(b->tap, b->out[b->count].data, FRAME_ROOM);
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (len < 0)
			return fail("cannot read from %s: %s", b->tap_name, strerror(errno));
		b->out[b->count++].len = (uint32_t)len;
	}
	return 0;
}

/*
 * What finds no room waits for it and holds up further reads, so that the kernel's queue fills and
 * its senders notice. A frame that can never be sent must not wait.
 */
static uint16_t
send_out(struct bridge *b)
{
	int sent;
	int i;

	while (b->first < b->count && (b->out[b->first].len < ETH_HLEN ||
				       b->out[b->first].len > b->max_frame)) {
		b->first++;
		b->to_folio.dropped++;
	}
	sent = folio_send(b->port, 0, b->out + b->first, b->count - b->first);
	if (sent < 0)
		return 0; /* no room, or no link: later */
	for (i = 0; i < sent; i++)
		b->to_folio.bytes += b->out[b->first + i].len;
	b->to_folio.frames += (uint64_t)sent;
	b->first += (uint16_t)sent;
	return (uint16_t)sent;
}

static void
write_tap(struct bridge *b, uint16_t n)
{
	uint16_t i;

	for (i = 0; i < n; i++) {
		/* The interface may be down, or the kernel short of memory. */
		if (write(b->tap, b->in[i].data, b->in[i].len) != (ssize_t)b->in[i].len) {
			b->to_tap.dropped++;
			continue;
		}
		b->to_tap.frames++;
		b->to_tap.bytes += b->in[i].len;
	}
}

static int
run(struct bridge *b)
{
	struct pollfd readable = {.fd = b->tap};
	unsigned int idle = 0;
	uint16_t got, sent;

	while (!stop_requested) {
		tick_if_due(b);
		got = folio_recv(b->port, 0, b->in, BURST);
		write_tap(b, got);
		if (b->first == b->count && read_tap(b) < 0)
			return -1;
		sent = send_out(b);

		idle = got == 0 && sent == 0 ? idle + 1 : 0;
		if (idle < IDLE_ROUNDS)
			continue;
		/* While frames wait for room in the ring, more of them are no reason to wake up. */
		readable.events = b->first == b->count ? POLLIN : 0;
		(void)poll(&readable, 1, IDLE_SLEEP_MS);
	}
	return 0;
}

/* Setting up and ending. */

static void
free_bufs(struct folio_buf *bufs)
{
	if (bufs != NULL)
		free(bufs[0].data);
	free(bufs);
}

static struct folio_buf *
alloc_bufs(void)
{
	struct folio_buf *bufs = calloc(BURST, sizeof(*bufs));
	uint8_t *data = malloc((size_t)BURST * FRAME_ROOM);
	int i;

	if (bufs == NULL || data == NULL) {
		free(bufs);
		free(data);
		return NULL;
	}
	for (i = 0; i < BURST; i++) {
		bufs[i].data = data + (size_t)i * FRAME_ROOM;
		bufs[i].room = FRAME_ROOM;
	}
	return bufs;
}

static void
print_flow(const char *direction, const struct flow *f)
{
	printf("folio-tap: %s: %" PRIu64 " frames, %" PRIu64 " bytes, %" PRIu64 " dropped\n",
	       direction, f->frames, f->bytes, f->dropped);
}

static void
print_counters(const struct bridge *b)
{
	unsigned int i;

	print_flow("tap to folio", &b->to_folio);
	print_flow("folio to tap", &b->to_tap);
	for (i = 0; i < folio_counter_count(); i++) {
		uint64_t value = folio_counter(b->port, i);

		if (value != 0)
			printf("folio-tap: %s: %" PRIu64 "\n", folio_counter_name(i), value);
	}
}

static int
bridge(const struct folio_config *cfg, const char *tap_name)
{
	struct bridge b = {.tap = -1, .tap_name = tap_name, .printed_link = FOLIO_LINK_STOPPED};
	struct folio_error err;
	int ret = -1;

	b.in = alloc_bufs();
	b.out = alloc_bufs();
	if (b.in == NULL || b.out == NULL)
		fail("out of memory");
	else
		b.tap = open_tap(tap_name);
	if (b.tap >= 0) {
		b.port = folio_open(cfg, &err);
		if (b.port == NULL)
			fail("%s", err.text);
	}
	if (b.port != NULL) {
		set_carrier(&b, false);
		folio_start(b.port);
		ret = run(&b);
		folio_stop(b.port);
		print_counters(&b);
		folio_close(b.port);
	}
	if (b.tap >= 0)
		close(b.tap);
	free_bufs(b.in);
	free_bufs(b.out);
	return ret;
}

int
main(int argc, char **argv)
{
	struct folio_config cfg = {
		.role = FOLIO_HOST,
	};
	const struct sigaction action = {.sa_handler = on_signal};
	const char *tap = NULL;
	int ret;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);

	ret = parse_options(argc, argv, &cfg, &tap);
	if (ret == 0)
		ret = bridge(&cfg, tap);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
