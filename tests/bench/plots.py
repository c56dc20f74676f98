# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Plots of what was measured, each as SVG and PNG, to be told apart in print, too."""

import os
import statistics

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import LogLocator  # noqa: E402

from cases import DIRECTIONS  # noqa: E402
from wording import TIMES, column_text, size_text  # noqa: E402

# Okabe and Ito's colours, which colour-blind readers tell apart.
STYLES = {
    "folio": ("#0072B2", "", "o"),
    "folio-avx512": ("#56B4E9", "//", "D"),
    "memif": ("#D55E00", "\\\\", "s"),
    "memif-zero-copy": ("#E69F00", "..", "^"),
    "virtio-packed-vec": ("#009E73", "xx", "v"),
    "virtio-packed": ("#66C2A5", "--", "<"),
    "virtio-packed-256": ("#A6761D", "oo", "P"),
    "virtio-split": ("#B2DFCF", "||", ">"),
    "null": ("#BBBBBB", "", "x"),
    "limit": ("#666666", "OO", "*"),
}
OTHERS = (("#CC79A7", "++", "p"), ("#F0E442", "**", "h"), ("#000000", "", "X"))
RATIO = "folio / best unprotected peer"
LINES = (("one-way", "untouched", "-"), ("touched", "payload written and read", "--"))
HEADLINE = (("one-way", "64"), ("one-way", "256"), ("one-way", "1518"), ("one-way", "9000"),
            ("touched", "64"), ("touched", "256"), ("touched", "1518"), ("touched", "9000"),
            ("loop", "64"), ("loop", "1518"), ("flowgen", "64"))
EMPTY = "no sample\ncounts"
RC = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
      "axes.axisbelow": True, "svg.hashsalt": "folio", "hatch.linewidth": 0.5,
      "figure.constrained_layout.use": True}


class Plots:
    """Draws the results of one placement into a folder."""

    def __init__(self, results, folder):
        self.results = results
        self.folder = folder
        self.files = []
        self.empty = []     # what there are no samples for
        self.where = results.most_compared()

    def style(self, name):
        """Colour, hatch and marker of a contestant."""
        strangers = [n for n in self.results.contestants if n not in STYLES]
        return STYLES[name] if name in STYLES else OTHERS[strangers.index(name) % len(OTHERS)]

    def save(self, figure, name, title, where=None):
        """Write it twice. A panel without a sample says so; without any the plot is not made."""
        panels = [axes for axes in figure.axes if axes.axison]
        if not any(axes.has_data() for axes in panels):
            plt.close(figure)
            self.empty.append(name)
            return
        for axes in panels:
            if not axes.has_data():
                axes.text(0.5, 0.5, EMPTY, transform=axes.transAxes, fontsize=8,
                          ha="center", va="center")
                if len(axes.get_shared_y_axes().get_siblings(axes)) == 1:
                    axes.set_yticks([])
        where = " (CPUs %s)" % self.where if where is None else where
        figure.suptitle(title + where, fontsize=11)
        for kind in ("svg", "png"):
            figure.savefig(os.path.join(self.folder, "%s.%s" % (name, kind)), dpi=150,
                           bbox_inches="tight", metadata={"Date": None} if kind == "svg" else None)
        plt.close(figure)
        self.files.append(name)

    def bars(self, axes, key):
        """A bar for each contestant, with the spread. null has none: it would dwarf all others."""
        for x, name in enumerate(n for n in self.results.names([key]) if n != "null"):
            color, hatch, _ = self.style(name)
            row = self.results.row(key, name, self.where)
            if "median" in row:
                axes.bar(x, row["median"], 1, color=color, hatch=hatch, edgecolor="white",
                         label=name, yerr=spread([row]),
                         error_kw={"elinewidth": 0.8, "capsize": 1.5})
        axes.set_xticks([])
        axes.set_ylim(bottom=0)

    def bar_panels(self, name, title, rows):
        """A panel for each case: rates differ too much for one scale."""
        rows = [(label, keys) for label, keys in rows if keys]
        if not rows:
            return
        columns = max(len(keys) for _, keys in rows)
        figure, grid = plt.subplots(len(rows), columns, squeeze=False,
                                    figsize=(max(6, 1.6 * columns), 0.9 + 2.1 * len(rows)))
        for line, (label, keys) in zip(grid, rows):
            for axes, key in zip(line, keys):
                self.bars(axes, key)
                axes.set_title(panel_title(key), fontsize=9)
            for axes in line[len(keys):]:
                axes.set_axis_off()
            line[0].set_ylabel("Mpps" + (", " + label if label else ""))
        legend(figure, grid.flat)
        self.save(figure, name, title)

    def lines(self, axes, keys, x_of):
        """A line for each contestant, with the spread."""
        for name in self.results.names(keys):
            color, _, marker = self.style(name)
            rows = [(x_of(key), self.results.row(key, name, self.where)) for key in keys]
            rows = [(x, row) for x, row in rows if "median" in row]
            if rows:
                axes.errorbar([x for x, _ in rows], [row["median"] for _, row in rows],
                              spread([row for _, row in rows]), color=color, marker=marker,
                              markersize=4, linewidth=1.2, elinewidth=0.8, capsize=2, label=name)

    def line_panels(self, group, title, split, field):
        """Rates over a number, a panel for each value of another field."""
        values = list(dict.fromkeys(dict(key)[split] for key in self.results.group(group)))
        if not values:
            return
        figure, grid = plt.subplots(1, len(values), squeeze=False,
                                    figsize=(max(5, 3.6 * len(values)), 3.2))
        for axes, value in zip(grid[0], values):
            keys = [key for key in self.results.group(group) if dict(key)[split] == value]
            self.lines(axes, keys, lambda key: dict(key)[field])
            ticks = sorted({dict(key)[field] for key in keys})
            axes.set_xscale("log", base=2)
            axes.set_xticks(ticks, [str(tick) for tick in ticks])
            axes.set_xlabel(column_text(field, "").strip())
            axes.set_ylim(bottom=0)
            axes.set_title(size_text(value) if split == "size" else value, fontsize=9)
        grid[0][0].set_ylabel("Mpps")
        legend(figure, grid.flat)
        self.save(figure, group, title)

    def ratio_lines(self):
        """folio to the best peer over the frame size."""
        if not any(self.results.group(group) for group, *_ in LINES):
            return
        figure, axes = plt.subplots(figsize=(7, 3.8))
        sizes = []
        for group, payload, style in LINES:
            for direction, color in zip(DIRECTIONS, ("#0072B2", "#D55E00")):
                points = [(dict(key)["size"], self.results.ratio(key, "folio", self.where))
                          for key in self.results.group(group)
                          if dict(key)["direction"] == direction]
                points = [(size, ratio) for size, ratio in points if ratio]
                sizes += [size for size, _ in points if size not in sizes]
                if not points:
                    continue
                look = {"color": color, "marker": "o", "markersize": 4}
                axes.plot(*coordinates(sizes, [p for p in points if p[0] != "imix"]), style, **look,
                          label="%s, %s" % (direction, payload))
                # A mix is no size: no line leads there.
                axes.plot(*coordinates(sizes, [p for p in points if p[0] == "imix"]), "", **look)
        if sizes:
            axes.axhline(1, color="black", linewidth=0.8)
        axes.set_xticks(range(len(sizes)), [size_text(size) for size in sizes])
        axes.set_ylabel(RATIO)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", linewidth=0.3)
        if sizes:
            axes.legend(frameon=False, fontsize=8)
        self.save(figure, "ratios", "One way")

    def headline(self):
        """folio to the best peer, the most telling cases, a panel for each placement; spread: the
        pairs of samples, each in itself."""
        keys = [(headline_label(group, size), key) for group, size in HEADLINE
                for key in self.results.group(group)
                if dict(key)["size"] == size and dict(key)["direction"] in ("", DIRECTIONS[0])]
        places = self.results.placements([key for _, key in keys])
        panels = [(where, [bar for bar in keys if self.results.ratio(bar[1], "folio", where)])
                  for where in places]
        panels = [(where, bars) for where, bars in panels if bars]
        if not panels:
            self.empty += ["headline"] if keys else []
            return
        figure, grid = plt.subplots(len(panels), squeeze=False, figsize=(
            max(4, 0.75 * max(len(bars) for _, bars in panels)), 0.5 + 2.7 * len(panels)))
        for axes, (where, bars) in zip(grid.flat, panels):
            for x, (label, key) in enumerate(bars):
                self.headline_bar(axes, x, label, key, where)
            axes.axhline(1, color="black", linewidth=0.8)
            axes.set_xticks(range(len(bars)), [label.replace("\nrw", "\ntouched")
                                               for label, _ in bars], fontsize=8)
            axes.set_title("CPUs " + where, fontsize=9)
            axes.set_ylabel("folio / best peer")
        self.save(figure, "headline", "Throughput of folio, the best unprotected peer being 1", "")

    def headline_bar(self, axes, x, label, key, where):
        """A bar for a case, and its spread."""
        ratio = self.results.ratio(key, "folio", where)
        ratios = self.results.best_rival(key, "folio", where)[1]
        axes.bar(x, ratio, 0.7, color="#D55E00" if "\nrw" in label else "#0072B2",
                 hatch="//" if "\nrw" in label else "", edgecolor="white",
                 yerr=[[max(0, ratio - min(ratios))], [max(0, max(ratios) - ratio)]],
                 error_kw={"elinewidth": 0.8, "capsize": 2})
        axes.annotate("%.2f" % ratio, (x, ratio), (3, 2), textcoords="offset points", fontsize=8)

    def latency(self):
        """Mean and percentiles over the load that came back."""
        keys = [key for key in self.results.group("latency") if "%" in dict(key)["load"]]
        if not keys:
            return
        figure, grid = plt.subplots(1, len(TIMES), figsize=(14, 3.6), sharex=True)
        for axes, (title, field) in zip(grid, TIMES):
            for name in self.results.names(keys):
                color, _, marker = self.style(name)
                points = sorted((self.results.median(key, name, self.where),
                                 self.results.median(key, name, self.where, field) / 1000)
                                for key in keys if self.results.median(key, name, self.where))
                if points:
                    axes.plot([x for x, _ in points], [y for _, y in points], color=color,
                              marker=marker, markersize=4, linewidth=1.2, label=name)
            if not axes.has_data():
                continue
            axes.set_yscale("log")
            axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("{x:g}")
            axes.set_title(title, fontsize=9)
            axes.set_xlabel("load, Mpps")
            axes.grid(axis="y", linewidth=0.3)
        grid[0].set_ylabel("round trip of 64 B, µs")
        legend(figure, grid.flat)
        self.save(figure, "latency", "Round-trip time over load")

    def work(self):
        """What a working guest returns."""
        keys = self.results.group("work")
        sizes = list(dict.fromkeys(dict(key)["size"] for key in keys))
        self.bar_panels("work", "A guest that works on every packet",
                        [(size_text(size), [key for key in keys if dict(key)["size"] == size])
                         for size in sizes])

    def protections(self):
        """What is gained without a protection."""
        keys = [key for key in self.results.group("protections")
                if dict(key)["direction"] != "session start"]
        names = [name for name in self.results.names(keys) if name != "folio"]
        if not names:
            return
        figure, grid = plt.subplots(1, len(keys), sharey=True, squeeze=False,
                                    figsize=(2.2 + 2.4 * len(keys), 3.6))
        for axes, key in zip(grid[0], keys):
            for y, name in enumerate(names):
                gains = self.results.gains(key, name, "folio", self.where)
                if len(gains) >= self.results.enough:
                    gain = statistics.median(gains)
                    axes.barh(y, gain, color="#0072B2", xerr=[[gain - min(gains)],
                                                              [max(gains) - gain]],
                              error_kw={"elinewidth": 0.8, "capsize": 2})
            if axes.has_data():
                axes.axvline(0, color="black", linewidth=0.8)
            axes.set_title("%s, %s" % (dict(key)["direction"], size_text(dict(key)["size"])),
                           fontsize=9)
            axes.set_xlabel("faster by, %")
        grid[0][0].set_yticks(range(len(names)), names)
        self.save(figure, "protections", "folio without one of its protections")


def coordinates(sizes, points):
    """Sizes become places on the axis."""
    return [sizes.index(size) for size, _ in points], [ratio for _, ratio in points]


def spread(rows):
    """Error bars from the least to the most."""
    return [[row["median"] - row["min"] for row in rows],
            [row["max"] - row["median"] for row in rows]]


def panel_title(key):
    """What a panel shows."""
    fields = dict(key)
    return fields["app"] if fields["group"] == "work" else size_text(fields["size"])


def headline_label(group, size):
    """Below a bar; touched payload is marked."""
    what = {"one-way": "one way", "touched": "one way"}.get(group, group)
    return "%s\n%s%s" % (what, size_text(size), "\nrw" if group == "touched" else "")


def legend(figure, axes):
    """One for all panels, below them, if there is anything to explain."""
    entries = {}
    for panel in axes:
        for handle, label in zip(*panel.get_legend_handles_labels()):
            entries.setdefault(label, handle)
    if not entries:
        return
    figure.legend(entries.values(), entries, loc="upper center", frameon=False,
                  bbox_to_anchor=(0.5, 0), ncols=min(len(entries), 5), fontsize=8)


def draw(results, folder):
    """All plots that the results have the samples for. Returns their names, and the names of those
    that would have been empty."""
    with plt.rc_context(RC):
        plots = Plots(results, folder)

        def directions(group):
            return [(direction, [key for key in results.group(group)
                                 if dict(key)["direction"] == direction])
                    for direction in DIRECTIONS]

        plots.headline()
        plots.bar_panels("one-way", "One way, payload untouched", directions("one-way"))
        plots.bar_panels("touched", "One way, payload written and read", directions("touched"))
        plots.bar_panels("round-trips", "Round trips",
                         [(group, results.group(group))
                          for group in ("loop", "flowgen", "both-ways")])
        plots.ratio_lines()
        plots.latency()
        plots.line_panels("bursts", "Burst sizes", "size", "burst")
        plots.line_panels("queues", "Queue pairs, one core polls all", "direction", "queues")
        plots.line_panels("rings", "Ring sizes", "size", "ring")
        plots.work()
        plots.protections()
        return plots.files, plots.empty
