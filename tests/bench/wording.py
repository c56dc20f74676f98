# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Names for a reader."""

# Percentiles and the like, for a reader.
TIMES = (("mean", "mean_ns"), ("p50", "p50_ns"), ("p99", "p99_ns"), ("p99.9", "p999_ns"),
         ("max", "max_ns"))


def size_text(size):
    """A frame size for a reader."""
    return "IMIX" if size == "imix" else "%s B" % size


def column_text(field, value):
    """The heading of a column."""
    if field == "size":
        return size_text(value)
    texts = {"burst": "burst %s", "queues": "%s queue pairs", "ring": "%s slots"}
    return texts.get(field, "%s") % value
