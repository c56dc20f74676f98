/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "count.h"

const char *
folio_violation_name(enum folio_violation v)
{
	static const char *const names[FOLIO_VIOLATIONS] = {
		[FOLIO_RX_BAD_INDEX] = "rx_bad_index",
		[FOLIO_RX_BAD_LENGTH] = "rx_bad_length",
		[FOLIO_RX_BAD_FLAGS] = "rx_bad_flags",
		[FOLIO_RX_BAD_CHAIN] = "rx_bad_chain",
		[FOLIO_TX_BAD_INDEX] = "tx_bad_index",
		[FOLIO_PEER_BAD_MAGIC] = "peer_bad_magic",
		[FOLIO_PEER_BAD_VERSION] = "peer_bad_version",
		[FOLIO_PEER_BAD_ROLE] = "peer_bad_role",
		[FOLIO_PEER_BAD_STATE] = "peer_bad_state",
		[FOLIO_PEER_BAD_GEOMETRY] = "peer_bad_geometry",
		[FOLIO_PEER_OVER_LIMIT] = "peer_over_limit",
		[FOLIO_PEER_CUT_REGION] = "peer_cut_region",
		[FOLIO_PEER_BAD_MESSAGE] = "peer_bad_message",
	};

	return (unsigned int)v < FOLIO_VIOLATIONS ? names[v] : "unknown";
}

const char *
folio_link_name(enum folio_link l)
{
	static const char *const names[] = {
		[FOLIO_LINK_STOPPED] = "stopped",
		[FOLIO_LINK_NO_REGION] = "no region",
		[FOLIO_LINK_SETTLING] = "waiting for the peer to let go of the last session",
		[FOLIO_LINK_NO_PEER] = "waiting for a peer",
		[FOLIO_LINK_REJECTED] = "peer not acceptable",
		[FOLIO_LINK_REFUSED] = "refused by the peer",
		[FOLIO_LINK_HANDSHAKE] = "handshake",
		[FOLIO_LINK_SILENT] = "peer is silent",
		[FOLIO_LINK_UP] = "up",
	};

	return (unsigned int)l < sizeof(names) / sizeof(names[0]) ? names[l] : "unknown";
}

const char *
folio_caching_name(enum folio_caching c)
{
	static const char *const names[] = {
		[FOLIO_CACHING_UNKNOWN] = "cached in an unknown way",
		[FOLIO_CACHING_WRITE_BACK] = "write-back",
		[FOLIO_CACHING_WRITE_COMBINING] = "write-combining",
		[FOLIO_CACHING_UNCACHED] = "uncached",
	};

	return (unsigned int)c < sizeof(names) / sizeof(names[0]) ? names[c] : "unknown";
}
