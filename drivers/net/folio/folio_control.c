/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * The control work of a port: a thread of its own, so that whatever holds one port up holds up no
 * other. It lives from the first start to the close, sleeps while there is nothing to do, and is
 * the only one that calls back into the application. There it holds no lock, and the application
 * may stop, close or remove the port.
 */

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <folio_wire.h>

#include "folio_ethdev.h"

#define TICK_NS (FOLIO_TICK_MS * 1000000l)
#define SECOND_NS 1000000000l
/* A peer can change its mind many times a second; a log line a second is enough to follow it. */
#define LOG_PAUSE_TICKS (1000 / FOLIO_TICK_MS)

/* On the heap: outlives the port if it is closed from a callback. */
struct folio_control {
	struct rte_eth_dev *dev;
	pthread_t thread;
	pid_t pid; /* of whom the thread is */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* With the lock. */
	bool kicked;
	bool quit;
	bool orphan; /* nobody joins */
	/* Of the thread. */
	bool told_up;	    /* what the application knows of the link */
	uint32_t log_pause; /* ticks until the next line about the session may be logged */
	enum folio_link logged_link;
	char logged_detail[sizeof(((struct folio_status *)0)->detail)];
};

static const char *
refusal_text(uint32_t refusal)
{
	static const char *const texts[] = {
		[FOLIO_WIRE_REFUSED_VERSION] = "it speaks another version",
		[FOLIO_WIRE_REFUSED_QUEUES] = "more queues than it accepts",
		[FOLIO_WIRE_REFUSED_RING_SIZE] = "a larger ring_size than it accepts",
		[FOLIO_WIRE_REFUSED_SLOT_SIZE] = "a larger slot_size than it accepts",
		[FOLIO_WIRE_REFUSED_GEOMETRY] = "the geometry does not suit it",
		[FOLIO_WIRE_REFUSED_FEATURES] = "a feature is missing",
		[FOLIO_WIRE_REFUSED_ROLE] = "the role is wrong",
		[FOLIO_WIRE_REFUSED_STATE] = "the state is wrong",
	};

	if (refusal >= RTE_DIM(texts) || texts[refusal] == NULL)
		return "it does not say why";
	return texts[refusal];
}

static void
log_status(const struct rte_eth_dev *dev, const struct folio_status *st)
{
	const char *name = dev->data->name;

	if (st->link == FOLIO_LINK_UP)
		FOLIO_LOG(NOTICE, "%s: link up: %u queue pairs, ring_size=%u slot_size=%u, frames "
			  "up to %u bytes, %u KiB pages%s%s", name, st->queues, st->ring_size,
			  st->slot_size, st->max_frame, st->page_size / 1024,
			  st->region[0] != '\0' ? ", " : "", st->region);
	else if (st->link == FOLIO_LINK_REFUSED)
		FOLIO_LOG(WARNING, "%s: link down: refused by the peer: %s", name,
			  refusal_text(st->refusal));
	else if (st->detail[0] != '\0')
		FOLIO_LOG(WARNING, "%s: link down: %s: %s", name, folio_link_name(st->link),
			  st->detail);
	else
		FOLIO_LOG(NOTICE, "%s: link down: %s", name, folio_link_name(st->link));
}

/* States on the way to somewhere else are not worth a line. */
static bool
is_transient(enum folio_link link)
{
	return link == FOLIO_LINK_SETTLING || link == FOLIO_LINK_HANDSHAKE;
}

static void
log_changes(struct folio_control *c)
{
	struct folio_adapter *a = folio_adapter(c->dev);
	struct folio_status st;

	if (c->log_pause > 0) {
		c->log_pause--;
		return;
	}
	folio_datapath(a)->status(a->port, &st);
	if (is_transient(st.link) ||
	    (st.link == c->logged_link && strcmp(st.detail, c->logged_detail) == 0))
		return;
	c->logged_link = st.link;
	snprintf(c->logged_detail, sizeof(c->logged_detail), "%s", st.detail);
	if (st.link == FOLIO_LINK_STOPPED)
		return; /* who did it knows */
	c->log_pause = LOG_PAUSE_TICKS;
	log_status(c->dev, &st);
}

int
folio_link_update(struct rte_eth_dev *dev, int wait)
{
	struct rte_eth_link link = {
		.link_speed = RTE_ETH_SPEED_NUM_NONE,
		.link_duplex = RTE_ETH_LINK_HALF_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
		.link_status = RTE_ETH_LINK_DOWN,
	};
	struct folio_adapter *a;

	RTE_SET_USED(wait);
	if (folio_is_closed(dev))
		return -ENODEV;
	a = folio_adapter(dev);
	if (folio_datapath(a)->is_up(a->port)) {
		/*
		 * Memory has no speed, but applications compute rates with it: the user names one.
		 */
		link.link_speed = a->speed.mbps;
		link.link_duplex = RTE_ETH_LINK_FULL_DUPLEX;
		link.link_status = RTE_ETH_LINK_UP;
	}
	return rte_eth_linkstatus_set(dev, &link);
}

static bool
must_quit(struct folio_control *c)
{
	bool quit;

	pthread_mutex_lock(&c->lock);
	quit = c->quit;
	pthread_mutex_unlock(&c->lock);
	return quit;
}

/* Tell the application if the link has changed. False: it has closed the port, do not touch it. */
static bool
report(struct folio_control *c)
{
	struct folio_adapter *a = folio_adapter(c->dev);
	bool up = folio_datapath(a)->is_up(a->port);

	if (up == c->told_up)
		return true;
	c->told_up = up;
	folio_link_update(c->dev, 0);
	if (c->dev->data->dev_conf.intr_conf.lsc)
		rte_eth_dev_callback_process(c->dev, RTE_ETH_EVENT_INTR_LSC, NULL);
	return !must_quit(c);
}

/* One round of work. Is there more to come, at the next tick? */
static bool
work(struct folio_control *c)
{
	struct folio_adapter *a = folio_adapter(c->dev);
	const struct folio_datapath *d = folio_datapath(a);
	void *port = a->port;

	if (!report(c)) /* a stop and a start since the last round are two changes */
		return false;
	if (d->needs_ticks(port))
		d->tick(port);
	log_changes(c);
	return report(c) && d->needs_ticks(port);
}

static bool
is_past(const struct timespec *at, const struct timespec *now)
{
	return at->tv_sec < now->tv_sec || (at->tv_sec == now->tv_sec && at->tv_nsec <= now->tv_nsec);
}

static void
add_tick(struct timespec *at)
{
	at->tv_nsec += TICK_NS;
	if (at->tv_nsec >= SECOND_NS) {
		at->tv_nsec -= SECOND_NS;
		at->tv_sec++;
	}
}

/*
 * When the next tick is, if the last one was due at *at. Ticks that were missed are not made up
 * for: they are what a peer's silence is measured in.
 */
static void
next_tick(struct timespec *at)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!is_past(at, &now))
		return; /* there was a kick in between */
	add_tick(at);
	if (is_past(at, &now)) {
		*at = now;
		add_tick(at);
	}
}

static folio_thread_result
run(void *arg)
{
	struct folio_control *c = arg;
	struct timespec at = {0};
	bool more = false, orphan;

	pthread_mutex_lock(&c->lock);
	while (!c->quit) {
		if (c->kicked || (more && pthread_cond_timedwait(&c->wake, &c->lock, &at) != 0)) {
			c->kicked = false;
			pthread_mutex_unlock(&c->lock);
			more = work(c);
			next_tick(&at);
			pthread_mutex_lock(&c->lock);
		} else if (!more) {
			pthread_cond_wait(&c->wake, &c->lock);
		}
	}
	orphan = c->orphan;
	pthread_mutex_unlock(&c->lock);
	if (orphan)
		free(c);
	return 0;
}

static struct folio_control *
create(struct rte_eth_dev *dev, int *error)
{
	struct folio_control *c = calloc(1, sizeof(*c));
	pthread_condattr_t attr;
	char name[16];

	*error = -ENOMEM;
	if (c == NULL)
		return NULL;
	c->dev = dev;
	c->pid = getpid();
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &attr);
	pthread_condattr_destroy(&attr);
	snprintf(name, sizeof(name), "folio-%u", dev->data->port_id);
	/* Joined or detached by folio_control_close(). */
	*error = folio_thread_create(&c->thread, name, run, c);
	if (*error == 0)
		return c;
	free(c);
	return NULL;
}

/* The thread of a process that has forked is not ours. What it had locked then stays as it is. */
static struct folio_control *
control_of(struct folio_adapter *a)
{
	if (a->control != NULL && a->control->pid != getpid())
		a->control = NULL;
	return a->control;
}

int
folio_control_start(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);
	int ret;

	if (control_of(a) == NULL) {
		a->control = create(dev, &ret);
		if (a->control == NULL) {
			FOLIO_LOG(ERR, "%s: cannot create the thread that control work needs: %s",
				  dev->data->name, strerror(-ret));
			return ret;
		}
	}
	folio_control_kick(dev);
	return 0;
}

void
folio_control_kick(struct rte_eth_dev *dev)
{
	struct folio_control *c = control_of(folio_adapter(dev));

	folio_link_update(dev, 0);
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->kicked = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
}

void
folio_control_close(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);
	struct folio_control *c = control_of(a);
	bool self;

	if (c == NULL)
		return;
	a->control = NULL;
	self = pthread_equal(pthread_self(), c->thread);
	pthread_mutex_lock(&c->lock);
	c->quit = true;
	c->orphan = self;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	if (self) {
		pthread_detach(c->thread);
		return;
	}
	pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
