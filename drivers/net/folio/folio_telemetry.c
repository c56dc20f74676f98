/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* /folio/list and /folio/info,PORT for dpdk-telemetry.py; on telemetry's threads. */

#include <stdlib.h>
#include <string.h>

#include <folio_wire.h>
#include <rte_telemetry.h>
#include <rte_version.h>

#include "folio_ethdev.h"

static int
list(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct folio_registered f;
	uint16_t port;

	RTE_SET_USED(cmd);
	RTE_SET_USED(params);
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	for (port = 0; port < RTE_MAX_ETHPORTS; port++) {
		if (folio_registry_hold(port, &f) != 0)
			continue;
		folio_registry_release(port);
		rte_tel_data_add_array_int(d, port);
	}
	return 0;
}

/* Telemetry's strings are short: what a value has more follows as key_2, key_3, ... */
static void
add_text(struct rte_tel_data *d, const char *key, const char *text)
{
	char part[RTE_TEL_MAX_STRING_LEN], name[32];
	unsigned int n;

	snprintf(name, sizeof(name), "%s", key);
	for (n = 2;; n++) {
		snprintf(part, sizeof(part), "%.*s", (int)sizeof(part) - 1, text);
		rte_tel_data_add_dict_string(d, name, part);
		text += strlen(part);
		if (text[0] == '\0')
			return;
		snprintf(name, sizeof(name), "%s_%u", key, n);
	}
}

static void
add_status(struct rte_tel_data *d, const struct folio_status *st)
{
	rte_tel_data_add_dict_string(d, "role", st->role == FOLIO_GUEST ? "guest" : "host");
	rte_tel_data_add_dict_string(d, "link", folio_link_name(st->link));
	add_text(d, "detail", st->detail);
	rte_tel_data_add_dict_string(d, "copy", folio_isa_name(st->isa));
	rte_tel_data_add_dict_string(d, "region", st->region);
	rte_tel_data_add_dict_string(d, "caching", folio_caching_name(st->caching));
	rte_tel_data_add_dict_int(d, "read_cost", (int)st->read_cost);
	rte_tel_data_add_dict_int(d, "queues", (int)st->queues);
	rte_tel_data_add_dict_int(d, "ring_size", (int)st->ring_size);
	rte_tel_data_add_dict_int(d, "slot_size", (int)st->slot_size);
	rte_tel_data_add_dict_int(d, "stride", (int)st->stride);
	rte_tel_data_add_dict_int(d, "max_frame", (int)st->max_frame);
	rte_tel_data_add_dict_int(d, "page_size", (int)st->page_size);
	folio_tel_add_uint(d, "region_size", st->region_size);
}

static int
info(const char *cmd, const char *params, struct rte_tel_data *d)
{
	uint64_t values[FOLIO_COUNTERS_MAX];
	struct folio_counter_info c;
	struct folio_registered f;
	struct folio_status st;
	unsigned long port;
	unsigned int i;
	char *end;

	RTE_SET_USED(cmd);
	if (params == NULL || params[0] < '0' || params[0] > '9')
		return -EINVAL;
	port = strtoul(params, &end, 10);
	if (*end != '\0' || port >= RTE_MAX_ETHPORTS ||
	    folio_registry_hold((uint16_t)port, &f) != 0)
		return -EINVAL;
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "driver", folio_version());
	rte_tel_data_add_dict_int(d, "wire", FOLIO_WIRE_VERSION);
	rte_tel_data_add_dict_string(d, "dpdk", rte_version());
	add_text(d, "path", f.datapath->path(f.port));
	rte_tel_data_add_dict_string(d, "datapath", f.datapath->name);
	f.datapath->status(f.port, &st);
	add_status(d, &st);
	f.datapath->count(f.port, values);
	for (i = 0; i < f.datapath->counters; i++) {
		f.datapath->counter_info(i, &c);
		folio_tel_add_uint(d, c.name, values[i]);
	}
	folio_registry_release((uint16_t)port);
	return 0;
}

RTE_INIT(folio_telemetry_init)
{
	rte_telemetry_register_cmd("/folio/list", list, "Lists the folio ports. No parameters");
	rte_telemetry_register_cmd("/folio/info", info,
				   "Describes a folio port. Parameters: int port_id");
}
