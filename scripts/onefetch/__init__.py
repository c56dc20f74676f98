# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The check of one_fetch.py: gimple (what GCC says), units (of which sources), structures (of C),
sharing (what is shared, and who touches it), paths (how often)."""
