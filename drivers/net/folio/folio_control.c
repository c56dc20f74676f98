/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* The control work of a started port: an alarm on EAL's interrupt thread, never in a burst. */

#include <rte_alarm.h>

#include "folio_ethdev.h"

#define TICK_US (FOLIO_TICK_MS * 1000)
/* A peer can change its mind many times a second; a log line a second is enough to follow it. */
#define LOG_PAUSE_TICKS (1000 / FOLIO_TICK_MS)

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
			  "up to %u bytes, %u KiB pages", name, st->queues, st->ring_size,
			  st->slot_size, st->max_frame, st->page_size / 1024);
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
log_changes(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);
	struct folio_status st;

	if (a->log_pause > 0) {
		a->log_pause--;
		return;
	}
	folio_status(a->port, &st);
	if (is_transient(st.link) ||
	    (st.link == a->logged_link && strcmp(st.detail, a->logged_detail) == 0))
		return;
	a->logged_link = st.link;
	snprintf(a->logged_detail, sizeof(a->logged_detail), "%s", st.detail);
	a->log_pause = LOG_PAUSE_TICKS;
	log_status(dev, &st);
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

	RTE_SET_USED(wait);
	if (folio_is_closed(dev))
		return -ENODEV;
	if (folio_link_is_up(folio_adapter(dev)->port)) {
		/* Memory has no speed, but applications compute rates with it: the user names one. */
		link.link_speed = folio_adapter(dev)->speed.mbps;
		link.link_duplex = RTE_ETH_LINK_FULL_DUPLEX;
		link.link_status = RTE_ETH_LINK_UP;
	}
	return rte_eth_linkstatus_set(dev, &link);
}

static void
tick(void *arg)
{
	struct rte_eth_dev *dev = arg;
	struct folio_adapter *a = folio_adapter(dev);
	bool changed = folio_tick(a->port);

	log_changes(dev);
	if (rte_eal_alarm_set(TICK_US, tick, dev) != 0) {
		FOLIO_LOG(ERR, "%s: cannot set the alarm that control work needs: the link is down "
			  "until the port is started again", dev->data->name);
		a->ticking = false;
		folio_stop(a->port);
		changed = true;
	}
	/* Last: the application's callback may stop or close the port. */
	if (changed && folio_link_update(dev, 0) == 0 && dev->data->dev_conf.intr_conf.lsc)
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_LSC, NULL);
}

int
folio_control_start(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);
	int ret = 0;

	a->logged_link = FOLIO_LINK_STOPPED;
	a->log_pause = 0;
	if (!a->loopback && !a->ticking) {
		ret = rte_eal_alarm_set(1, tick, dev);
		if (ret != 0)
			FOLIO_LOG(ERR, "%s: cannot set the alarm that control work needs: %s",
				  dev->data->name, strerror(-ret));
		a->ticking = ret == 0;
	}
	folio_link_update(dev, 0);
	return ret;
}

void
folio_control_stop(struct rte_eth_dev *dev)
{
	struct folio_adapter *a = folio_adapter(dev);

	if (a->ticking) {
		a->ticking = false;
		rte_eal_alarm_cancel(tick, dev);
	}
}
