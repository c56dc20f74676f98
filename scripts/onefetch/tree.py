# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What a value is computed from: nested tuples, down to parameters, loads and the unknown."""

import re


def substitute(tree, arguments):
    """A callee's tree with the caller's arguments in place of parameters."""
    if tree[0] == "param":
        return arguments[tree[1]] if tree[1] < len(arguments) else ("text", "?")
    return tuple(substitute(t, arguments) if isinstance(t, tuple) else t for t in tree)


def mentions(tree, kinds):
    """Is there a node of such a kind in the tree?"""
    return tree[0] in kinds or any(mentions(t, kinds) for t in tree if isinstance(t, tuple))


def depends(tree, gone):
    """Does the value of the tree depend on a name or a loaded field that has changed?"""
    if tree in gone:
        return True
    if tree[0] == "load" and tree[1][0] == "field" and tree[1][2] in gone:
        return True
    return any(depends(t, gone) for t in tree if isinstance(t, tuple))


def fields(tree):
    """Names of all fields in the tree."""
    own = {tree[2]} if tree[0] == "field" else set()
    return own.union(*(fields(t) for t in tree if isinstance(t, tuple)))


def show(tree, params):
    """A tree as C, roughly."""
    kind = tree[0]
    if kind == "param":
        return params[tree[1]]
    if kind in ("name", "variable", "global", "text"):
        return re.sub(r"_\d+$", "", tree[1]) or "?"
    if kind == "field":
        base = tree[1]
        if base[0] == "load":
            return f"{show(base, params)}->{tree[2]}"
        return f"{show(base, params)}{'->' if base[0] == 'param' else '.'}{tree[2]}"
    if kind == "load":
        return show(tree[1], params)
    if kind in ("at", "pointer_plus_expr"):
        return f"{show(tree[1], params)}[]"
    return f"{kind.replace('_expr', '')}(" + \
        ", ".join(show(t, params) for t in tree[1:] if isinstance(t, tuple)) + ")"
