# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Who takes part: folio, its unprotected peers, and two limits; how each is started.

null is DPDK's net_null at both ends, which are not connected: the limit of the programs. limit is
two threads that copy through shared memory and do nothing else: the limit of the machine.
"""

import dataclasses

RING = 2048         # folio's own default, and memif's rsize=11
VIRTQUEUE = 1024    # the most that vhost promises
VIRTQUEUE_SHORT = 256   # virtio-user's default: faster with small packets from host to guest
GUEST_MAC = "02:00:00:00:00:02"     # our echo example answers to its own address only
RING_SIZES = (256, 512, 1024, 2048, 4096, 8192)


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A way from a guest process to a host process, each of which has one port of it."""

    name: str
    family: str             # "folio", "memif", "virtio", "null" or "limit"
    guest: str = ""         # the devices, with places to fill in
    host: str = ""
    wide: bool = False      # both sides may use 512 bit
    plugin: str = ""        # the driver's file, where DPDK does not bring it
    proofs: tuple = ()      # what the guest says if it is what its name says
    only: tuple = ()        # groups of cases, if not all
    ring: int = 0           # its own ring size, if not its family's

    @property
    def ours(self):
        """Is this folio?"""
        return self.family == "folio"

    @property
    def peer(self):
        """Is this what folio is compared with?"""
        return self.family in ("memif", "virtio")

    def device(self, side, setup, paths):
        """EAL's arguments for the port of a side."""
        ring = setup.ring or self.ring or (VIRTQUEUE if self.family == "virtio" else RING)
        vdev = (self.guest if side == "guest" else self.host).format(
            queues=setup.queues, ring=ring, log2=ring.bit_length() - 1, **paths)
        args = ["--vdev=" + vdev]
        if side == "guest" and self.family != "null":
            args[0] += ",mac=" + GUEST_MAC
        if self.ours and side == "guest" and setup.ring:
            args[0] += ",ring_size=%d" % setup.ring
        if self.plugin:
            args += ["-d", self.plugin]
        if self.wide:
            args += ["--force-max-simd-bitwidth=512", "--log-level=pmd.net.virtio.*:info"]
        return args


FOLIO = "net_folio0,role=%s,path={region},queues={queues}"
MEMIF = "net_memif0,role=%s,socket={socket},socket-abstract=no,rsize={log2},bsize=2112"
VIRTIO = "net_virtio_user0,path={socket},queues={queues},queue_size={ring}"
VHOST = "net_vhost0,iface={socket},queues={queues}"
NULL = "net_null0"
# folio's guest on a host that has nothing of folio's: the back end that virtio-user has, too.
FOLIO_VHOST = "net_folio0,vhost_user={socket},queues={queues},packed=%d"

PEERS = (
    Contestant("memif", "memif", MEMIF % "client", MEMIF % "server"),
    Contestant("memif-zero-copy", "memif", MEMIF % "client" + ",zero-copy=yes", MEMIF % "server"),
    Contestant("virtio-packed-vec", "virtio",
               VIRTIO + ",packed_vq=1,vectorized=1,in_order=1,mrg_rxbuf=0", VHOST, wide=True,
               proofs=("vectorized Rx path", "vectorized Tx path")),
    Contestant("virtio-packed", "virtio", VIRTIO + ",packed_vq=1", VHOST),
    Contestant("virtio-packed-256", "virtio", VIRTIO + ",packed_vq=1", VHOST,
               ring=VIRTQUEUE_SHORT),
    Contestant("virtio-split", "virtio", VIRTIO, VHOST),
)
LIMITS = (
    Contestant("null", "null", NULL, NULL, only=("one-way", "touched", "loop")),
    Contestant("limit", "limit", only=("one-way", "touched", "loop")),
)
OURS = (("folio", False), ("folio-avx512", True))       # as a user runs it, and with 512 bit
ON_VHOST = (("folio-vhost-packed", 1), ("folio-vhost-split", 0))
ON_VHOST_GROUPS = ("one-way", "touched", "loop", "both-ways")
NAMES = (*(name for name, _ in OURS), *(name for name, _ in ON_VHOST), *(c.name for c in PEERS + LIMITS))


def folio(name, plugin, wide=False, devargs="", only=()):
    """A build of folio as a contestant."""
    devargs = devargs and "," + devargs
    return Contestant(name, "folio", FOLIO % "guest" + devargs, FOLIO % "host", wide, plugin,
                      ("avx512 copy",) if wide else (), only)


def folio_on_vhost(name, plugin, packed):
    """folio's guest on an unmodified host, with packed rings (1) or split ones (0)."""
    return Contestant(name, "folio", FOLIO_VHOST % packed, VHOST, plugin=plugin,
                      only=ON_VHOST_GROUPS)


def has_avx512():
    """Contestants that are wide need it."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        return " avx512bw " in file.read()
