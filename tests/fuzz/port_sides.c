/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* Of fuzz_port.c: ports, their files and their lives. */

#include "port_sides.h"

struct fuzzed_ports t;

static void
remove_folder(void)
{
	(void)rmdir(t.folder);
}

void
sides_prepare(void)
{
	const char *given = getenv("FOLIO_FUZZ_DIR");

	if (t.before != NULL)
		return;
	if (given != NULL) {
		CHECK(snprintf(t.folder, sizeof(t.folder), "%s", given) < (int)sizeof(t.folder));
	} else {
		strcpy(t.folder, "/dev/shm/folio-fuzz.XXXXXX");
		CHECK(mkdtemp(t.folder) != NULL);
		CHECK(atexit(remove_folder) == 0);
	}
	snprintf(t.path, sizeof(t.path), "%s/region-%d", t.folder, (int)getpid());
	snprintf(t.spare, sizeof(t.spare), "%s/spare-%d", t.folder, (int)getpid());
	t.before = malloc(FILE_MAX_BYTES);
	CHECK(t.before != NULL);
}

/* Memory for ports. */

static void *
counting_alloc(size_t size, size_t align, void *ctx)
{
	void *mem = NULL;

	(void)ctx;
	if (t.alloc_fails_in > 0 && --t.alloc_fails_in == 0)
		return NULL;
	CHECK(posix_memalign(&mem, align, size) == 0);
	t.allocated++;
	return memset(mem, 0, size);
}

static void
counting_free(void *mem, void *ctx)
{
	(void)ctx;
	CHECK(mem != NULL && t.allocated > 0);
	t.allocated--;
	free(mem);
}

/* The mapping of a port. */

/* The same geometry as the last time has the same layout. */
static void
layout_again(struct folio_layout *l, const struct folio_geometry *g)
{
	static struct folio_layout last;

	if (memcmp(&last.geom, g, sizeof(*g)) != 0)
		CHECK(folio_layout_init(&last, g, 0, NULL) == 0);
	*l = last;
}

/* What both halves look like, false if the port has no region. */
bool
layout_of(struct side *s, struct folio_layout *l)
{
	struct folio_geometry g = {.page_shift = FOLIO_WIRE_SHIFT_MIN};
	struct folio_status st;

	hook_enter("status", owner_of(s));
	folio_status(s->f, &st);
	hook_leave();
	CHECK(strnlen(st.detail, sizeof(st.detail)) < sizeof(st.detail));
	CHECK(st.role == s->cfg.role && st.isa != FOLIO_ISA_AUTO);
	CHECK(folio_link_name(st.link)[0] != '\0' && folio_isa_name(st.isa)[0] != '\0');
	CHECK((st.link == FOLIO_LINK_UP) == folio_link_is_up(s->f));
	g.queues = st.queues;
	g.ring_size = st.ring_size;
	g.slot_size = st.slot_size;
	if (st.queues == 0)
		return false;
	layout_again(l, &g);
	CHECK(l->stride == st.stride && l->max_frame == st.max_frame);
	CHECK(l->max_frame <= folio_port_max_frame(s->f));
	CHECK(folio_port_ring_size(s->f) == st.ring_size);
	CHECK(st.queues <= MAX(s->cfg.queues, 1));
	CHECK(s->cfg.ring_size == 0 || st.ring_size <= s->cfg.ring_size);
	CHECK(s->cfg.slot_size == 0 || st.slot_size <= s->cfg.slot_size);
	return true;
}

struct hook_span *
own_span(struct side *s)
{
	return hook_find(folio_port_txq(s->f, 0)->ring.produced);
}

struct hook_span *
peer_span(struct side *s)
{
	return hook_find(folio_port_txq(s->f, 0)->ring.consumed);
}

/* What nobody uses nobody touches: metadata rings, and the rest behind the last ring. */
static void
fence(struct hook_span *span, const struct folio_layout *l)
{
	if (span == NULL || span->judged)
		return;
	span->judged = true;
	content_used(span->start, l->used);
	span->fenced = MIN(span->len, l->used + FENCE);
	CHECK(l->used <= span->len);
	system_forbid(span->start + l->meta_off, span->start + l->data_off);
	system_forbid(span->start + l->used, span->start + span->fenced);
}

/* After every call. */
void
check_side(struct side *s)
{
	struct folio_counters now;
	struct folio_layout l;
	bool up = folio_link_is_up(s->f);
	bool attached = layout_of(s, &l);
	uint32_t q, i;

	s->attached = attached;
	folio_counters(s->f, &now);
	for (i = 0; i < FOLIO_VIOLATIONS; i++)
		CHECK(now.violations[i] >= s->counters.violations[i]);
	CHECK(now.link_ups >= s->counters.link_ups);
	CHECK(now.renegotiations >= s->counters.renegotiations);
	s->counters = now;
	CHECK(!up || (attached && s->started));
	for (q = 0; q < s->cfg.queues; q++) {
		const struct folio_txq *tx = folio_port_txq(s->f, q);
		const struct folio_rxq *rx = folio_port_rxq(s->f, q);
		bool used = up && q < l.geom.queues;

		CHECK((tx->gate.open != 0) == (used && tx->enabled));
		CHECK((rx->gate.open != 0) == (used && rx->enabled));
		CHECK(!used || (folio_prod_valid(&tx->ring) && folio_cons_valid(&rx->ring)));
		CHECK(!used || (tx->ring.size == l.geom.ring_size &&
				tx->ring.stride == l.stride && tx->ring.max_frame == l.max_frame));
		CHECK(!used || (rx->ring.size == l.geom.ring_size &&
				rx->ring.stride == l.stride && rx->ring.max_frame == l.max_frame));
	}
	if (attached && !s->cfg.loopback) {
		fence(own_span(s), &l);
		fence(peer_span(s), &l);
	}
}

/* For a comparison with what it is later. */
void
keep_half(const struct hook_span *own, const struct folio_layout *l)
{
	CHECK(l->used <= FILE_MAX_BYTES);
	memcpy(t.before, own->alias, l->used);
}

/* The life of a port. */

void
step(struct side *s)
{
	if (s->f == NULL)
		return;
	hook_enter("tick", owner_of(s));
	if (!s->attached) /* it may attach, and then wait for the peer of a predecessor */
		hook_allow_header(offsetof(struct folio_wire_header, ack), 256);
	(void)folio_tick(s->f);
	hook_leave();
	s->attached = false; /* until somebody looks */
}

void
tick(struct side *s)
{
	step(s);
	if (s->f != NULL)
		check_side(s);
}

/* Nobody is on the way anywhere. */
static bool
all_up(void)
{
	int i;

	for (i = 0; i < SIDES; i++) {
		if (t.side[i].f != NULL && !folio_link_is_up(t.side[i].f))
			return false;
	}
	return true;
}

/*
 * Of many ticks in a row the first and the last are judged. Once all were up for so many that the
 * second look at a header, too, had found nothing, only the last is left to do.
 */
void
tick_all(uint32_t n)
{
	uint32_t left, idle = 0;
	int i;

	for (left = n; left > 0; left--) {
		idle = all_up() && hook_rate() == 0 ? idle + 1 : 0;
		if (idle > IDLE)
			left = 1;
		for (i = 0; i < SIDES; i++) {
			if (left == 1 || left == n)
				tick(&t.side[i]);
			else
				step(&t.side[i]);
		}
	}
}

/* While one port sleeps the others' control threads run. */
static struct side *sleeper;

void
others_run(void)
{
	static bool running;
	int i;

	if (running || sleeper == NULL)
		return;
	running = true;
	for (i = 0; i < SIDES; i++) {
		struct side *s = &t.side[i];

		if (s == sleeper || s->f == NULL)
			continue;
		hook_enter("tick of a peer", owner_of(s));
		(void)folio_tick(s->f);
		hook_leave();
	}
	running = false;
}

void
open_side(struct side *s, struct folio_config cfg)
{
	struct folio_error err = {.text = ""};

	CHECK(s->f == NULL);
	cfg.path = cfg.path == NULL && !cfg.loopback ? t.path : cfg.path;
	if (cfg.alloc == NULL && (t.alloc_fails_in > 0 || hook_random() % 2 == 0)) {
		cfg.alloc = counting_alloc;
		cfg.free = counting_free;
	}
	memset(s, 0, sizeof(*s));
	s->cfg = cfg;
	sleeper = s;
	hook_enter("open", owner_of(s));
	hook_allow_header(offsetof(struct folio_wire_header, ack), 256); /* it waits for it */
	s->f = folio_open(&cfg, &err);
	hook_leave();
	sleeper = NULL;
	CHECK(strnlen(err.text, sizeof(err.text)) < sizeof(err.text));
	CHECK((s->f == NULL) == (err.text[0] != '\0'));
	if (s->f == NULL) {
		int i;

		for (i = 0; hook_span((unsigned int)i) != NULL; i++)
			CHECK(hook_span((unsigned int)i)->owner != owner_of(s));
		return;
	}
	if (s->cfg.queues == 0)
		s->cfg.queues = FOLIO_DEFAULT_QUEUES;
	check_side(s);
}

/* Nobody but this port writes its half: all halves are equally large, and the roles differ. */
static bool
half_is_its_own(struct side *s)
{
	const struct hook_span *own = own_span(s);
	int i;

	for (i = 0; i < SIDES; i++) {
		struct side *o = &t.side[i];
		struct folio_layout l;

		if (o != s && o->f != NULL && !o->cfg.loopback && layout_of(o, &l) &&
		    (own_span(o)->len != own->len || o->cfg.role == s->cfg.role))
			return false;
	}
	return true;
}

void
close_side(struct side *s)
{
	struct folio_layout l;
	int fd = -1;
	uint64_t at = 0;
	bool zeroed;

	if (s->f == NULL)
		return;
	zeroed = !t.file_is_odd && !s->cfg.loopback && layout_of(s, &l) && half_is_its_own(s);
	if (zeroed) {
		at = s->cfg.role == FOLIO_GUEST ? 0 : own_span(s)->len;
		fd = open(t.path, O_RDONLY | O_CLOEXEC);
		CHECK(fd >= 0);
	}
	sleeper = s;
	hook_enter("close", owner_of(s));
	hook_allow_header(offsetof(struct folio_wire_header, ack), 32); /* it waits for it */
	folio_close(s->f);
	hook_leave();
	sleeper = NULL;
	s->f = NULL;
	if (zeroed) {
		CHECK(l.used <= FILE_MAX_BYTES);
		CHECK(content_read(fd, t.before, l.used, (off_t)at) == (ssize_t)l.used);
		/* The metadata rings have no use: what is there, the fuzzer wrote. */
		memset(t.before + l.meta_off, 0, l.data_off - l.meta_off);
		CHECK(t.before[0] == 0 && memcmp(t.before, t.before + 1, l.used - 1) == 0);
		close(fd);
	}
	system_sweep(owner_of(s));
}

/* SIGKILL: the locks and the mappings go, and not one byte of the file changes. */
void
crash_side(struct side *s)
{
	struct folio_layout l;
	struct hook_span *own;
	bool keep;
	uint64_t at = 0;
	int fd = -1;

	if (s->f == NULL)
		return;
	keep = !t.file_is_odd && !s->cfg.loopback && layout_of(s, &l);
	if (keep) {
		own = own_span(s);
		at = s->cfg.role == FOLIO_GUEST ? 0 : own->len;
		keep_half(own, &l);
		fd = open(t.path, O_RDWR | O_CLOEXEC);
		CHECK(fd >= 0);
	}
	system_dying(true);
	hook_enter("killed", owner_of(s));
	hook_allow_header(offsetof(struct folio_wire_header, ack), 32);
	folio_close(s->f);
	hook_leave();
	system_dying(false);
	s->f = NULL;
	if (keep) {
		CHECK(content_write(fd, t.before, l.used, (off_t)at) == (ssize_t)l.used);
		close(fd);
	}
	system_sweep(owner_of(s));
}

void
start(struct side *s)
{
	int ret;

	if (s->f == NULL)
		return;
	hook_enter("start", owner_of(s));
	ret = folio_start(s->f);
	hook_leave();
	CHECK(ret == (s->started ? -EALREADY : 0));
	s->started = true;
	check_side(s);
}

void
stop(struct side *s)
{
	if (s->f == NULL)
		return;
	hook_enter("stop", owner_of(s));
	folio_stop(s->f);
	hook_leave();
	s->started = false;
	check_side(s);
}

static struct folio_config
any_config(struct input *in, enum folio_role role)
{
	static const uint32_t rings[] = {64, 64, 64, 128, 0, 256, 63, 65536};
	static const uint32_t slots[] = {256, 256, 300, 1500, 0, 320, 255, 65537};
	uint8_t how = input_u8(in);
	struct folio_config cfg = {.role = role, .queues = how % 4, .isa = input_below(in, 6)};

	cfg.ring_size = rings[how / 4 % 8];
	cfg.slot_size = slots[how / 32 % 8];
	how = input_u8(in);
	if (how % 16 == 1)
		cfg.size = input_u16(in);
	else if (how % 16 == 2)
		cfg.size = UINT64_C(4096) * (1000 + input_u8(in));
	cfg.numa_bind = how % 16 == 3;
	cfg.loopback = how % 16 == 4;
	if (how % 16 == 5)
		cfg.path = "";
	if (how % 16 == 6)
		cfg.role = (enum folio_role)(how / 16);
	/* The defaults of a guest are large, and add nothing. */
	if (cfg.role == FOLIO_GUEST && cfg.ring_size == 0 && cfg.slot_size != 255)
		cfg.ring_size = 64;
	if (cfg.role == FOLIO_GUEST && cfg.slot_size == 0)
		cfg.slot_size = 256;
	t.alloc_fails_in = how % 16 == 7 ? 1 + how / 16u % 3 : 0;
	system_fail_in(how % 16 == 8 ? 1 + how / 16u % 6 : 0);
	return cfg;
}

void
open_op(struct input *in, struct side *s)
{
	enum folio_role role = s == &t.side[0] ? FOLIO_GUEST
			       : s == &t.side[1] ? FOLIO_HOST : FOLIO_GUEST + input_below(in, 2);

	if (s->f != NULL)
		return;
	open_side(s, any_config(in, role));
	t.alloc_fails_in = 0;
	system_fail_in(0);
}
