# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Deliberate bugs in what is done with metadata of frames, as in mutations.py: (name, test, file, old, new)."""

META = "lib/boundary/meta.h"
JUDGED = "unit:test_meta"

META_BUGS = [
    ("a checksum's field behind the frame", JUDGED, META,
     "(uint32_t)meta->csum_start + meta->csum_offset + 2 > len",
     "(uint32_t)meta->csum_start + meta->csum_offset + 1 > len"),
    ("a checksum's field whose place wraps", JUDGED, META,
     "(uint32_t)meta->csum_start + meta->csum_offset + 2 > len",
     "(uint16_t)(meta->csum_start + meta->csum_offset + 2) > len"),
    ("a checksum in the Ethernet header", JUDGED, META,
     "meta->csum_start < FOLIO_META_START_MIN ||", ""),
    ("headers longer than the frame", JUDGED, META, " ||\n\t    meta->hdr_len > len", ""),
    ("segments of no size", JUDGED, META, "meta->gso_size > 0 &&", ""),
    ("segments of an unknown type", JUDGED, META, "meta->gso_type > FOLIO_GSO_TCP6 ||", ""),
    ("segments whose checksums are complete", JUDGED, META,
     "meta->csum_offset == FOLIO_META_TCP_CSUM && ", ""),
]
