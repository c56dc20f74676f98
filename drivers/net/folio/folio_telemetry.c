/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* /folio/list and /folio/info,PORT for dpdk-telemetry.py. */

#include <stdlib.h>

#include <rte_pmd_folio.h>
#include <rte_telemetry.h>

#include "folio_ethdev.h"

static int
list(const char *cmd, const char *params, struct rte_tel_data *d)
{
	uint16_t port;

	RTE_SET_USED(cmd);
	RTE_SET_USED(params);
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	RTE_ETH_FOREACH_DEV(port) {
		if (folio_is_ours(&rte_eth_devices[port]))
			rte_tel_data_add_array_int(d, port);
	}
	return 0;
}

static int
info(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct folio_status st;
	unsigned long port;
	char *end;
	int i;

	RTE_SET_USED(cmd);
	if (params == NULL || params[0] < '0' || params[0] > '9')
		return -EINVAL;
	port = strtoul(params, &end, 10);
	if (*end != '\0' || port >= RTE_MAX_ETHPORTS ||
	    rte_pmd_folio_status_get((uint16_t)port, &st) != 0)
		return -EINVAL;

	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "role", st.role == FOLIO_GUEST ? "guest" : "host");
	rte_tel_data_add_dict_string(d, "link", folio_link_name(st.link));
	rte_tel_data_add_dict_string(d, "detail", st.detail);
	rte_tel_data_add_dict_string(d, "copy", folio_isa_name(st.isa));
	rte_tel_data_add_dict_string(d, "region", st.region);
	rte_tel_data_add_dict_string(d, "caching", folio_caching_name(st.caching));
	rte_tel_data_add_dict_int(d, "read_cost", (int)st.read_cost);
	rte_tel_data_add_dict_int(d, "queues", (int)st.queues);
	rte_tel_data_add_dict_int(d, "ring_size", (int)st.ring_size);
	rte_tel_data_add_dict_int(d, "slot_size", (int)st.slot_size);
	rte_tel_data_add_dict_int(d, "stride", (int)st.stride);
	rte_tel_data_add_dict_int(d, "max_frame", (int)st.max_frame);
	rte_tel_data_add_dict_int(d, "page_size", (int)st.page_size);
	folio_tel_add_uint(d, "region_size", st.region_size);
	folio_tel_add_uint(d, "link_ups", st.counters.link_ups);
	folio_tel_add_uint(d, "renegotiations", st.counters.renegotiations);
	folio_tel_add_uint(d, "ended_bursts", st.counters.ended_bursts);
	for (i = 0; i < FOLIO_VIOLATIONS; i++)
		folio_tel_add_uint(d, folio_violation_name(i), st.counters.violations[i]);
	return 0;
}

RTE_INIT(folio_telemetry_init)
{
	rte_telemetry_register_cmd("/folio/list", list, "Lists the folio ports. No parameters");
	rte_telemetry_register_cmd("/folio/info", info,
				   "Describes a folio port. Parameters: int port_id");
}
