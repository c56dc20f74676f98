/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Everything on the list of what a hostile peer does, one entry a variant. The lengths are for
 * rings of 64 slots of 256 bytes: a stride of 320, frames of up to 20480 bytes.
 */

#include "attacks.h"

void
attacks_beats(struct peer *p, unsigned int n)
{
	while (n-- > 0) {
		peer_beat(p);
		p->wait(p->ctx);
	}
}

bool
attacks_settle(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < PATIENCE && peer_pending(p) != 0; i++)
		attacks_beats(p, 1);
	return peer_pending(p) == 0;
}

const struct attack attacks[] = {
	{"V1_length_0", BOTH, descriptor, 0, GOES_ON, "rx_bad_length", 1},
	{"V1_length_1", BOTH, descriptor, 1, GOES_ON, "rx_bad_length", 1},
	{"V1_length_13", BOTH, descriptor, 13, GOES_ON, "rx_bad_length", 1},
	{"V1_length_14", BOTH, good_length, 14, GOES_ON, NULL, 0},
	{"V1_length_max_less_1", BOTH, good_length, MAX_FRAME - 1, GOES_ON, NULL, 0},
	{"V1_length_max", BOTH, good_length, MAX_FRAME, GOES_ON, NULL, 0},
	{"V1_length_max_and_1", BOTH, descriptor, MAX_FRAME + 1, GOES_ON, "rx_bad_length", 1},
	{"V1_length_2_16", BOTH, descriptor, 1u << 16, GOES_ON, "rx_bad_length", 1},
	{"V1_length_2_16_and_60", BOTH, descriptor, (1u << 16) + 60, GOES_ON, "rx_bad_length", 1},
	{"V1_length_2_31", BOTH, descriptor, 1u << 31, GOES_ON, "rx_bad_length", 1},
	{"V1_length_2_31_and_60", BOTH, descriptor, (1u << 31) + 60, GOES_ON, "rx_bad_length", 1},
	{"V1_length_2_32_less_1", BOTH, descriptor, UINT32_MAX, GOES_ON, "rx_bad_length", 1},

	{"V2_wrapped_frame", BOTH, wrapped_at_the_end, 2 * STRIDE, GOES_ON, NULL, 0},
	{"V2_ring_and_wrap", BOTH, wrapped_at_the_end, MAX_FRAME, GOES_ON, NULL, 0},
	{"V2_beyond_the_end", BOTH, over_the_end, MAX_FRAME, ENDS, "rx_bad_chain", 1},
	{"V2_slots_wrap_to_0", BOTH, over_the_end, UINT32_MAX - STRIDE + 2, GOES_ON,
	 "rx_bad_length", 1},
	{"V2_slots_wrap_to_1", BOTH, over_the_end, UINT32_MAX - STRIDE + 100, GOES_ON,
	 "rx_bad_length", 1},

	{"V3_one_slot_too_many", BOTH, good_length, 2048 + 128, GOES_ON, NULL, 0},
	{"V3_9000", BOTH, good_length, 9000, GOES_ON, NULL, 0},

	{"V4_every_short_length", BOTH, short_lengths, FOLIO_WIRE_FRAME_MIN, GOES_ON,
	 "rx_bad_length", FOLIO_WIRE_FRAME_MIN},

	{"V5_produced_ring_and_1", BOTH, produced_is, 65, ENDS, "rx_bad_index", 1},
	{"V5_produced_behind", BOTH, produced_is, UINT32_MAX, ENDS, "rx_bad_index", 1},
	{"V5_produced_2_31", BOTH, produced_is, 1u << 31, ENDS, "rx_bad_index", 1},
	{"V5_produced_2_31_less_1", BOTH, produced_is, INT32_MAX, ENDS, "rx_bad_index", 1},
	{"V5_consumed_2_31", BOTH, consumed_is, 1u << 31, ENDS, "tx_bad_index", 1},
	{"V5_consumed_ahead", BOTH, consumed_is, 1u << 20, ENDS, "tx_bad_index", 1},
	{"V5_consumed_behind", BOTH, consumed_is, UINT32_MAX - 64, ENDS, "tx_bad_index", 1},
	{"V5_in_the_middle_of_a_frame", BOTH, partial_frame, 2, ENDS, "rx_bad_chain", 1},

	{"V6_every_flag", BOTH, every_flag, 60, GOES_ON, "rx_bad_flags", 32},
	{"V6_all_flags", BOTH, descriptor, 60 | UINT64_C(0xffffffff) << 32, GOES_ON,
	 "rx_bad_flags", 1},
	{"V6_features", BOTH, all_features, UINT64_MAX, GOES_ON, NULL, 0},
	{"V6_reserved", BOTH, undefined_bytes, 3, GOES_ON, NULL, 0},

	{"V7_metadata_of_ones", BOTH, metadata, 0xff, GOES_ON, NULL, 0},
	{"V7_metadata_flagged", BOTH, descriptor, 60 | FLAG(0), GOES_ON, "rx_bad_flags", 1},

	{"V8_none_of_three", BOTH, partial_frame, 1, ENDS, "rx_bad_chain", 1},
	{"V8_endless", BOTH, endless, 16, GOES_ON, NULL, 0},

	{"V9_replayed_index", BOTH, replayed_index, 1000, GOES_ON, NULL, 0},
	{"V9_taken_back", BOTH, produced_is, (uint32_t)-2, ENDS, "rx_bad_index", 1},

	{"T1_flipped_fields", BOTH, flip_fields, 20000, ANY, NULL, 0},
	{"T2_rewritten_payload", BOTH, rewrite_payload, 400, GOES_ON, NULL, 0},
	{"T3_index_lines", BOTH, overwrite_index, 0x80000001, GOES_ON, NULL, 0},
	{"T3_rings", BOTH, overwrite_rings, 20, GOES_ON, NULL, 0},
	{"T3_header_ones", BOTH, overwrite_header, 0xff, GOES_ON, NULL, 0},
	{"T3_header_zero", BOTH, overwrite_header, 0, GOES_ON, NULL, 0},
	{"T4_agreement_on_crypto", BOTH, all_features, UINT64_C(1) << 63 | 1, GOES_ON, NULL, 0},

	{"L1_magic", BOTH, wrong32, HEADER(magic), REJECTED, "peer_bad_magic", 1},
	{"L1_version", BOTH, wrong32, HEADER(version), REJECTED, "peer_bad_version", 1},
	{"L1_role", BOTH, wrong32, HEADER(role), REJECTED, "peer_bad_role", 1},
	{"L1_role_of_the_victim", BOTH, wrong_role, HEADER(role), REJECTED, "peer_bad_role", 1},
	{"L1_state", BOTH, wrong32, HEADER(state), REJECTED, "peer_bad_state", 1},
	{"L1_generation_0", BOTH, no_generation, 0, REJECTED, "peer_bad_state", 1},
	{"L1_magic_at_attach", BOTH, wrong_offer, HEADER(magic), REJECTED, "peer_bad_magic", 1},
	{"L1_version_at_attach", BOTH, wrong_offer, HEADER(version), REJECTED,
	 "peer_bad_version", 1},
	{"L1_ring_size_at_attach", BOTH, other_geometry, GEOMETRY(ring_size, 96), REJECTED,
	 "peer_bad_geometry", 1},
	{"L1_slot_size_at_attach", BOTH, other_geometry, GEOMETRY(slot_size, 1), REJECTED,
	 "peer_bad_geometry", 1},
	{"L1_page_shift_at_attach", BOTH, other_geometry, GEOMETRY(page_shift, 64), REJECTED,
	 "peer_bad_geometry", 1},
	{"L1_queues_change", BOTH, geometry_changes, GEOMETRY(queues, 65), GOES_ON, NULL, 0},
	{"L1_ring_size_changes", BOTH, geometry_changes, GEOMETRY(ring_size, 32768), GOES_ON,
	 NULL, 0},
	{"L1_slot_size_changes", BOTH, geometry_changes, GEOMETRY(slot_size, 65536), GOES_ON,
	 NULL, 0},
	{"L1_page_shift_changes", BOTH, geometry_changes, GEOMETRY(page_shift, 12), GOES_ON,
	 NULL, 0},

	{"L2_queues_0", BOTH, other_geometry, GEOMETRY(queues, 0), REJECTED,
	 "peer_bad_geometry", 1},
	{"L2_queues_65", BOTH, other_geometry, GEOMETRY(queues, 65), REJECTED,
	 "peer_bad_geometry", 1},
	{"L2_queues_65535", BOTH, other_geometry, GEOMETRY(queues, 65535), REJECTED,
	 "peer_bad_geometry", 1},
	{"L2_queues_2_16_and_1", BOTH, other_geometry, GEOMETRY(queues, 65537), REJECTED,
	 "peer_bad_geometry", 1},
	{"L2_queues_2_32_less_1", BOTH, other_geometry, GEOMETRY(queues, UINT32_MAX), REJECTED,
	 "peer_bad_geometry", 1},
	{"L2_more_than_configured", HOSTS, other_geometry, GEOMETRY(queues, 2), REJECTED,
	 "peer_over_limit", 1},
	{"L2_more_than_ours", GUESTS, other_geometry, GEOMETRY(queues, 2), REJECTED,
	 "peer_bad_geometry", 1},

	{"L3_shorter_than_its_header", BOTH, other_geometry, GEOMETRY(ring_size, 32768), REJECTED,
	 "peer_bad_geometry", 1},
	{"L3_cut_to_nothing", BOTH, cut, 0, LEAVES, "peer_cut_region", 1},
	{"L3_cut_in_the_guests_area", BOTH, cut, 1, LEAVES, "peer_cut_region", 1},
	{"L3_cut_to_one_area", BOTH, cut, 4, LEAVES, "peer_cut_region", 1},
	{"L3_cut_in_the_hosts_area", BOTH, cut, 5, LEAVES, "peer_cut_region", 1},
	{"L3_unlinked", BOTH, unlink_file, 0, LEAVES, NULL, 0},
	{"L3_replaced", BOTH, replace_file, 0, LEAVES, NULL, 0},
	{"L3_without_permissions", BOTH, remove_permissions, 0, GOES_ON, NULL, 0},

	{"L4_generation_storm", BOTH, generation_storm, 10000, ANY, NULL, 0},

	{"L5_takes_nothing", BOTH, takes_nothing, 40, GOES_ON, NULL, 0},
	{"L5_returns_with_other_rings", HOSTS, returns_with_other_rings, 1, REJECTED, NULL, 0},

	{"L6_two_peers", BOTH, two_peers, 800, ANY, NULL, 0},

	{"L7_storm_on_undefined_bytes", BOTH, undefined_bytes, 40, GOES_ON, NULL, 0},
};

const size_t attacks_count = sizeof(attacks) / sizeof(attacks[0]);
