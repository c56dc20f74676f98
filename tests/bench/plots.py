# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Plots of what was measured, to be told apart in print, too."""

import os
import statistics

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import LogLocator  # noqa: E402

from cases import DIRECTIONS  # noqa: E402
from pairs import DISTANCES, SHARED_CORE, UNPROBED  # noqa: E402
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
DIRECTION_COLORS = dict(zip((*DIRECTIONS, ""), ("#0072B2", "#D55E00", "#009E73")))
KINDS = ("svg", "png")
RATIO = "folio / best unprotected peer"
LINES = (("one-way", "untouched", "-"), ("touched", "payload written and read", "--"))
HEADLINE = (("one-way", "64"), ("one-way", "256"), ("one-way", "1518"), ("one-way", "9000"),
            ("touched", "64"), ("touched", "256"), ("touched", "1518"), ("touched", "9000"),
            ("loop", "64"), ("loop", "1518"), ("flowgen", "64"))
RC = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
      "axes.axisbelow": True, "svg.hashsalt": "folio", "hatch.linewidth": 0.5,
      "figure.constrained_layout.use": True}
plt.rcParams.update(RC)


class Plots:
    """Draws the results of one placement into a folder."""

    def __init__(self, results, folder, where, kinds):
        self.results = results
        self.folder = folder
        self.kinds = kinds
        self.files = []
        self.where = where or results.most_compared()

    def style(self, name):
        """Colour, hatch and marker of a contestant."""
        strangers = [n for n in self.results.contestants if n not in STYLES]
        return STYLES[name] if name in STYLES else OTHERS[strangers.index(name) % len(OTHERS)]

    def save(self, figure, name, title):
        """Write it, with what the placement means."""
        save(figure, self.folder, name, "%s (CPUs %s)" % (title, self.where), [self.where],
             self.kinds)
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
        figure, axes = plt.subplots(figsize=(7, 3.8))
        sizes = []
        for group, payload, style in LINES:
            for direction in DIRECTIONS:
                points = [(dict(key)["size"], self.results.ratio(key, "folio", self.where))
                          for key in self.results.group(group)
                          if dict(key)["direction"] == direction]
                points = [(size, ratio) for size, ratio in points if ratio]
                sizes += [size for size, _ in points if size not in sizes]
                look = {"color": DIRECTION_COLORS[direction], "marker": "o", "markersize": 4}
                axes.plot(*coordinates(sizes, [p for p in points if p[0] != "imix"]), style, **look,
                          label="%s, %s" % (direction, payload))
                # A mix is no size: no line leads there.
                axes.plot(*coordinates(sizes, [p for p in points if p[0] == "imix"]), "", **look)
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_xticks(range(len(sizes)), [size_text(size) for size in sizes])
        axes.set_xlabel("frame")
        axes.set_ylabel(RATIO)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", linewidth=0.3)
        axes.legend(frameon=False, fontsize=8)
        if sizes:
            self.save(figure, "ratios", "One way, folio to the best unprotected peer")
        plt.close(figure)

    def headline(self):
        """The most telling cases, a panel for each placement that was seen."""
        places = self.results.placements([key for _, keys in headline_cases(self.results)
                                          for key in keys])
        if headline([(self.results, where) for where in places], self.folder, self.kinds):
            self.files.append("headline")

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
                axes.plot([x for x, _ in points], [y for _, y in points], color=color,
                          marker=marker, markersize=4, linewidth=1.2, label=name)
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


def save(figure, folder, name, title, places, kinds):
    """Write a figure; below it is what its placements mean."""
    figure.suptitle(title, fontsize=11)
    figure.supxlabel("\n".join(map(meaning, places)), fontsize=8, color="#444444")
    for kind in kinds:
        figure.savefig(os.path.join(folder, "%s.%s" % (name, kind)), dpi=150,
                       bbox_inches="tight", metadata={"Date": None} if kind == "svg" else None)
    plt.close(figure)


def meaning(where):
    """A placement for a reader."""
    if where == UNPROBED:
        return "unprobed: the ends are on two machines"
    if where == "siblings":
        return "siblings: the two CPUs are threads of one core (adding slows down by more than " \
               "%g)" % SHARED_CORE
    names = [name for _, name in DISTANCES]
    least = ([0] + [limit for limit, _ in DISTANCES])[names.index(where)]
    most = dict((name, limit) for limit, name in DISTANCES)[where]
    what = {"near": "share an L3 cache", "far": "do not share an L3 cache"}.get(
        where, "are neither near nor far")
    span = "less than %d ns" % most if not least else "%d ns or more" % least \
        if most == float("inf") else "%d to %d ns" % (least, most)
    return "%s: the two CPUs %s (a cache line's round trip takes %s)" % (where, what, span)


def headline_cases(results):
    """[(label, a case's keys: one for each direction)]."""
    return [(headline_label(group, size), [key for key in results.group(group)
                                           if dict(key)["size"] == size])
            for group, size in HEADLINE]


def headline(panels, folder, kinds):
    """folio to the best peer in the most telling cases; spread: the pairs of samples, each in itself.
    panels: [(results, placement)]. False: nothing could be compared."""
    panels = [(where, [(label, [(dict(key)["direction"],
                                 results.best_rival(key, "folio", where)[1]) for key in keys])
                       for label, keys in headline_cases(results)]) for results, where in panels]
    panels = [(where, [(label, bars) for label, bars in cases if any(r for _, r in bars)])
              for where, cases in panels]
    panels = [(where, cases) for where, cases in panels if cases]
    if not panels:
        return False
    figure, grid = plt.subplots(len(panels), squeeze=False, figsize=(
        max(5, 0.95 * max(len(cases) for _, cases in panels)), 0.9 + 2.7 * len(panels)))
    for axes, (where, cases) in zip(grid.flat, panels):
        for x, (label, bars) in enumerate(cases):
            headline_bars(axes, x, "touched" in label, bars)
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_xticks(range(len(cases)), [label for label, _ in cases], fontsize=8)
        axes.set_title("CPUs " + where, fontsize=10)
        axes.set_ylabel("folio / best peer")
        axes.set_ylim(bottom=0)
    legend(figure, grid.flat)
    save(figure, folder, "headline", "Throughput of folio; the best unprotected peer in the same "
         "case is 1", [where for where, _ in panels], kinds)
    return True


def headline_bars(axes, x, touched, bars):
    """A bar for each direction of a case, and its spread."""
    width = 0.8 / len(bars)
    for i, (direction, ratios) in enumerate(bars):
        if not ratios:
            continue
        ratio = statistics.median(ratios)
        at = x + (i - (len(bars) - 1) / 2) * width
        axes.bar(at, ratio, min(width, 0.4), color=DIRECTION_COLORS[direction],
                 hatch="//" if touched else "", edgecolor="white",
                 yerr=[[ratio - min(ratios)], [max(ratios) - ratio]],
                 error_kw={"elinewidth": 0.8, "capsize": 2},
                 label=direction or "there and back")
        axes.annotate("%.2f" % ratio, (at, max(ratios)), (0, 2), textcoords="offset points",
                      fontsize=7, ha="center")


def headline_label(group, size):
    """Below the bars of a case."""
    what = {"one-way": "one way", "touched": "one way"}.get(group, group)
    return "%s\n%s%s" % (what, size_text(size), "\ntouched" if group == "touched" else "")


def legend(figure, axes):
    """One for all panels, below them."""
    entries = {}
    for panel in axes:
        for handle, label in zip(*panel.get_legend_handles_labels()):
            entries.setdefault(label, handle)
    figure.legend(entries.values(), entries, loc="upper center", frameon=False,
                  bbox_to_anchor=(0.5, 0), ncols=min(len(entries), 5), fontsize=8)


def draw(results, folder, where=None, kinds=KINDS):
    """All plots that the results have the samples for; returns their names. where: the placement, if
    not the one in which most could be compared."""
    plots = Plots(results, folder, where, kinds)

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
    plots.line_panels("bursts", "Burst sizes, one way, guest to host", "size", "burst")
    plots.line_panels("queues", "Queue pairs, 64 B, one core polls all of an end", "direction", "queues")
    plots.line_panels("rings", "Ring sizes, one way, guest to host", "size", "ring")
    plots.work()
    plots.protections()
    return plots.files
