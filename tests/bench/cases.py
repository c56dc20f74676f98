# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What is measured: which programs run at either end, what they are told, whose figure counts."""

import dataclasses

from contestants import RING_SIZES

SIZES = ("64", "128", "256", "512", "1024", "1518", "4096", "9000", "imix")
BEYOND_TESTPMD = ("4096", "9000", "imix")
LOOP_SIZES = ("64", "512", "1518")
EXTREMES = ("64", "1518")
ONE_BUFFER = 1518   # what fits into a buffer of every contestant, and what testpmd sends
JUMBO = 9000
BURST = 32
BURSTS = (1, 4, 8, 32, 64)
QUEUES = (1, 2, 4)
DIRECTIONS = ("guest to host", "host to guest")
APPS = ("5tswap", "csum", "noisy", "echo")
LOADS = (0.1, 0.5, 0.9)
MAXIMUM = "maximum"         # the load that gives what comes back at most:
OVERLOAD = 1000000000       # packets a second, more than anybody returns
SENDING = ("send", "inject", "flowgen", "both", "latency")


@dataclasses.dataclass(frozen=True)
class Setup:
    """How the two processes are started. ring 0: every contestant has the ring that suits it."""

    guest: str = "testpmd"
    host: str = "testpmd"
    queues: int = 1
    ring: int = 0
    frame: int = ONE_BUFFER


@dataclasses.dataclass(frozen=True)
class Action:
    """What one side does: receive, send, echo, inject (and echo), both, flowgen, 5tswap ..."""

    verb: str
    size: str = "64"
    touch: bool = False

    @property
    def starts_traffic(self):
        """The other side has to be ready before this one starts."""
        return self.verb in SENDING


@dataclasses.dataclass(frozen=True)
class Case:
    """One figure of a contestant."""

    group: str
    size: str
    setup: Setup
    guest: Action
    host: Action
    figure: str = "host"    # whose received packets count: host, guest, or both together
    direction: str = ""
    payload: str = "untouched"
    burst: int = BURST
    load: str = ""          # latency: MAXIMUM, "single", "common 50 %", "own 90 %"

    def rate(self, common, own):
        """Latency: packets a second, a part of a maximum that is common or one's own; 0: single."""
        if self.load == MAXIMUM:
            return OVERLOAD
        maximum = own if self.load.startswith("own") else common
        return round(maximum * int(self.load.split()[1]) / 100) if "%" in self.load else 0

    def came_back(self, found):
        """Latency: is this answer of the generator's good for something?"""
        return found["achieved_pps"] if self.load == MAXIMUM else found["count"]

    def key(self):
        """What tells it from the others, for the record and for a reader."""
        return {"group": self.group, "size": self.size, "direction": self.direction,
                "payload": self.payload, "burst": self.burst, "queues": self.setup.queues,
                "ring": self.setup.ring, "app": self.guest.verb, "load": self.load}

    def label(self):
        """For a line of progress."""
        words = [self.group, self.size if self.size == "imix" else self.size + " B",
                 self.direction, self.load]
        if self.group == "work":
            words.append(self.guest.verb)
        words += ["%s %d" % (name, value) for name, value, usual in
                  (("burst", self.burst, BURST), ("queues", self.setup.queues, 1),
                   ("ring", self.setup.ring, 0)) if value != usual]
        return ", ".join(word for word in words if word)


def generators(size):
    """Both ends are our generator; large frames get large mbufs."""
    jumbo = size != "imix" and int(size) > ONE_BUFFER
    return Setup("generator", "generator", frame=JUMBO if jumbo else ONE_BUFFER)


def one_way_case(group, size, direction, setup, **more):
    """One end sends, the other receives."""
    touch = more.get("payload") == "touched"
    send, receive = Action("send", size, touch), Action("receive", size, touch)
    if direction == "guest to host":
        return Case(group, size, setup, send, receive, "host", direction, **more)
    return Case(group, size, setup, receive, send, "guest", direction, **more)


def one_way(sizes, directions=DIRECTIONS):
    """Payload as it comes: testpmd never looks at it."""
    return [one_way_case("one-way", size, direction, setup) for direction in directions
            for size in SIZES if size in sizes
            for setup in [generators(size) if size in BEYOND_TESTPMD else Setup()]]


def touched(sizes, directions=DIRECTIONS):
    """Every line of the payload is written before it is sent and read when it was received."""
    return [one_way_case("touched", size, direction, generators(size), payload="touched")
            for direction in directions for size in SIZES if size in sizes]


def loop(sizes, allowed=LOOP_SIZES):
    """Packets that the host injects once circulate through both."""
    return [Case("loop", size, Setup(), Action("echo", size), Action("inject", size))
            for size in allowed if size in sizes]


def flowgen(sizes):
    """The host makes packets, the guest returns them."""
    return [Case("flowgen", size, Setup(), Action("echo", size), Action("flowgen", size))
            for size in LOOP_SIZES if size in sizes]


def both_ways(sizes):
    """Both send and receive all the time."""
    return [Case("both-ways", size, generators(size), Action("both", size), Action("both", size),
                 "both") for size in LOOP_SIZES if size in sizes]


def latency(sizes, loads=LOADS):
    """The host sends stamped packets at a rate, the guest returns them.

    The loads refer to what comes back when the host sends all it can, in the same manner.
    """
    if "64" not in sizes:
        return []
    setup = Setup("testpmd", "generator")
    echo = Action("echo")
    names = [MAXIMUM, "single"] + ["%s %d %%" % (whose, 100 * load)
                                     for whose in ("common", "own") for load in loads]
    return [Case("latency", "64", setup, echo, Action("latency"), load=name) for name in names]


def bursts(sizes):
    """How much of the speed is due to large bursts."""
    return [dataclasses.replace(one_way_case("bursts", size, DIRECTIONS[0], Setup()), burst=burst)
            for size in EXTREMES if size in sizes for burst in BURSTS]


def queues(sizes):
    """One core at each end polls all the queues."""
    return [Case("queues", size, Setup(queues=count), Action(*guest, size), Action(*host, size),
                 direction=direction)
            for count in QUEUES for size in EXTREMES[:1] if size in sizes
            for guest, host, direction in ((("send",), ("receive",), DIRECTIONS[0]),
                                           (("echo",), ("inject",), "loop"))]


def rings(sizes):
    """How large the rings have to be."""
    return [one_way_case("rings", size, DIRECTIONS[0], Setup(ring=ring))
            for ring in RING_SIZES for size in EXTREMES if size in sizes]


def work(sizes):
    """The guest works on every packet; the host sends all it can and counts what comes back."""
    return [Case("work", size, Setup("echo" if app == "echo" else "testpmd", "generator"),
                 Action(app, size), Action("both", size))
            for app in APPS for size in EXTREMES if size in sizes]


def protections(sizes):
    """What one way, loop and the start of a session gain without a protection."""
    cases = [one_way_case("protections", size, DIRECTIONS[0], Setup())
             for size in EXTREMES if size in sizes]
    cases += [dataclasses.replace(case, group="protections", direction="loop")
              for case in loop(sizes, EXTREMES[:1])]
    idle = Action("restart")
    return cases + [Case("protections", "64", Setup(), idle, idle, direction="session start")]


SAMPLE_OF_PEERS = ("folio", "memif", "memif-zero-copy", "virtio-packed-vec")


@dataclasses.dataclass(frozen=True)
class Group:
    """Cases that belong together, and who takes part (empty: everybody)."""

    name: str
    make: object
    who: tuple = ()


GROUPS = (
    Group("one-way", one_way),
    Group("touched", touched),
    Group("loop", loop),
    Group("flowgen", flowgen),
    Group("both-ways", both_ways),
    Group("latency", latency),
    Group("bursts", bursts, SAMPLE_OF_PEERS),
    Group("queues", queues, SAMPLE_OF_PEERS),
    Group("rings", rings, ("folio", "memif", "virtio-packed-vec")),
    Group("work", work, ("folio", "memif", "virtio-packed", "virtio-packed-vec",
                         "virtio-packed-256")),
    Group("protections", protections),
)
LATER = ("bursts", "queues", "rings", "protections")     # if there is time
QUICK = {
    "one-way": lambda sizes: one_way(sizes, DIRECTIONS[:1]),
    "touched": lambda sizes: touched(sizes, DIRECTIONS[:1]),
    "loop": lambda sizes: loop(sizes, EXTREMES[:1]),
    "latency": lambda sizes: [case for case in latency(sizes, LOADS[1:2])
                              if not case.load.startswith("own")],
}
QUICK_WHO = ("folio", "memif", "memif-zero-copy", "virtio-packed-vec", "virtio-packed-256", "limit")
