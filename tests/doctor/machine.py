# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Trees of files that look like machines to folio-doctor --root."""

import os
import shutil
import struct
import tempfile

MIB = 1 << 20
LIB = "/usr/lib/x86_64-linux-gnu"
DEVICE = "/sys/bus/pci/devices/0000:00:04.0"
VIRTIO = "/sys/bus/pci/devices/0000:00:08.0"
HUGE = "/sys/kernel/mm/hugepages/hugepages-2048kB"
EFI_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
MSR_SEV_STATUS = 0xC0010131
FLAGS = "fpu avx2 bmi2 avx512f avx512bw avx512vl 3dnowprefetch"

HYPERVISOR_BIT = 1 << 31
SEV, SEV_ES, SEV_SNP = 1 << 1, 1 << 3, 1 << 4  # CPUID 0x8000001f


class Machine:
    """A bare-metal host on which all is well, until something is changed."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="folio-doctor-")
        os.chmod(self.root, 0o755)
        self.answers = {"uid": "0", "membarrier": "1f8", "kvm": "runs"}
        for cpu in range(8):
            for other in range(cpu + 1, 8):
                self.answers[f"roundtrip {cpu} {other}"] = "100" if cpu // 4 == other // 4 else "600"
        self.cpuid(0, 0, 0x21)
        self.cpuid(1)
        self.cpuid(0x80000000, 0, 0x80000021)
        self.cpuid(0x8000001F)
        self.cpuid(0x21)
        for path, text in {
                "/proc/sys/kernel/osrelease": "6.8.0-31-generic",
                "/proc/cpuinfo": f"processor\t: 0\nflags\t\t: {FLAGS}\n",
                "/proc/meminfo": "MemTotal: 1 kB\nHugepagesize:       2048 kB\n",
                "/proc/mounts": "none /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n",
                "/proc/self/status": "Seccomp:\t0\nCpus_allowed_list:\t0-7\n",
                "/proc/self/limits": "Max locked memory         8388608     8388608    bytes\n",
                "/proc/self/cgroup": "0::/\n",
                "/sys/kernel/mm/transparent_hugepage/shmem_enabled":
                    "always within_size [advise] never deny force",
                "/sys/kernel/security/lockdown": "[none] integrity confidentiality",
                "/sys/devices/system/node/node0/cpulist": "0-7",
                "/sys/devices/system/cpu/online": "0-7",
                "/sys/module/kvm_amd/parameters/sev": "Y",
                "/sys/module/kvm_amd/parameters/sev_es": "Y",
                "/sys/module/kvm_amd/parameters/sev_snp": "Y",
                "/dev/kvm": "",
                "/dev/sev": "",
                f"{LIB}/librte_eal.so.23": "",
                f"{LIB}/librte_eal.so.23.0": "",
                f"{LIB}/pkgconfig/libdpdk.pc": "Name: DPDK\nVersion: 22.11.11\n",
                f"{LIB}/dpdk/pmds-23.0/librte_net_folio.so": "",
                "/usr/bin/dpdk-testpmd": "",
        }.items():
            self.put(path, text)
        os.chmod(self.path("/usr/bin/dpdk-testpmd"), 0o755)
        self.hugepages(400)
        self.folder("/dev/hugepages")
        self.folder("/dev/shm")
        for cpu in range(8):
            group = "0-3" if cpu < 4 else "4-7"
            base = f"/sys/devices/system/cpu/cpu{cpu}"
            self.put(f"{base}/cache/index3/level", "3")
            self.put(f"{base}/cache/index3/shared_cpu_list", group)
            self.put(f"{base}/topology/thread_siblings_list", f"{cpu & ~1}-{cpu | 1}")

    def remove(self):
        """Leave nothing behind."""
        shutil.rmtree(self.root)

    def path(self, path):
        """Where the machine's path is."""
        return self.root + path

    def folder(self, path):
        """Make a folder."""
        os.makedirs(self.path(path), exist_ok=True)

    def put(self, path, content):
        """Make or replace a file, of text or bytes."""
        self.folder(os.path.dirname(path))
        with open(self.path(path), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def drop(self, path):
        """Remove a file or folder."""
        if os.path.isdir(self.path(path)):
            shutil.rmtree(self.path(path))
        else:
            os.remove(self.path(path))

    def cpuid(self, leaf, subleaf=0, eax=0, ebx=0, ecx=0, edx=0):
        """What CPUID answers."""
        self.answers[f"cpuid {leaf:x} {subleaf:x}"] = f"{eax:x} {ebx:x} {ecx:x} {edx:x}"

    def info(self, node, size=16 * MIB, caching=1, flags=0, version=1):
        """A node of the kernel module, and what FOLIO_IOCTL_INFO says."""
        self.put(f"/dev/{node}", "")
        self.answers[f"info {node}"] = f"{version} 1 {caching} {flags} {size} 1 0"

    def write_answers(self):
        """What is in no file."""
        self.put("/answers", "".join(f"{k} {v}\n" for k, v in self.answers.items()))

    def hugepages(self, total, free=None):
        """So many pages of 2 MiB."""
        self.put(f"{HUGE}/nr_hugepages", f"{total}\n")
        self.put(f"{HUGE}/free_hugepages", f"{total if free is None else free}\n")

    def virtual(self, signature=b"KVMKVMKVM\0\0\0"):
        """In a hypervisor."""
        self.cpuid(1, ecx=HYPERVISOR_BIT)
        self.cpuid(0x40000000, 0, 0x40000001, *struct.unpack("<3I", signature))
        return self

    def sev(self, status, leaf=None):
        """The MSR, and leaf 0x8000001f, which says what the processor has."""
        self.virtual()
        self.cpuid(0x8000001F, 0, status * 2 if leaf is None else leaf)
        self.folder("/dev/cpu/0")
        with open(self.path("/dev/cpu/0/msr"), "wb") as file:
            file.seek(MSR_SEV_STATUS)
            file.write(struct.pack("<Q", status))
        return self

    def snp(self):
        """An SNP guest: all sources agree."""
        self.sev(7, SEV | SEV_ES | SEV_SNP)
        self.put("/dev/sev-guest", "")
        return self

    def tdx(self):
        """A TDX guest: all sources agree."""
        self.virtual()
        ebx, edx, ecx = struct.unpack("<3I", b"IntelTDX    ")
        self.cpuid(0x21, 0, 0, ebx, ecx, edx)
        self.put("/dev/tdx_guest", "")
        return self

    def ivshmem(self, size=16 * MIB, address=0x380000000000, driver=None, enable=1):
        """An ivshmem device with BAR2, mapped write-combining through sysfs."""
        last = address + size - 1 if address else 0
        self.put(f"{DEVICE}/vendor", "0x1af4\n")
        self.put(f"{DEVICE}/device", "0x1110\n")
        self.put(f"{DEVICE}/resource",
                 "0x00000000febd1000 0x00000000febd10ff 0x0000000000040200\n"
                 "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
                 f"0x{address:016x} 0x{last:016x} 0x000000000014220c\n")
        self.put(f"{DEVICE}/enable", f"{enable}\n")
        self.put(f"{DEVICE}/config", bytes(64))
        self.put(f"{DEVICE}/resource2", bytes(4096))
        self.put(f"{DEVICE}/resource2_wc", bytes(4096))
        if driver:
            self.folder(f"/sys/bus/pci/drivers/{driver}")
            os.symlink(f"../../drivers/{driver}", self.path(f"{DEVICE}/driver"))
        return self

    def virtio(self, offer="0 d30010020 1 256 0", driver=None, modern=True):
        """A virtio-net device; offer: status, features, queue pairs, descriptors, MTU."""
        config = bytearray(256)
        config[:4] = struct.pack("<HH", 0x1AF4, 0x1041)
        config[6] = 0x10    # there is a list of capabilities
        config[0x34] = 0x40
        for n, (kind, offset, size) in enumerate(((1, 0, 0x1000), (2, 0x3000, 0x1000),
                                                  (4, 0x2000, 0x1000), (5, 0, 0))):
            at = 0x40 + 0x18 * n
            end = 0 if n == 3 or not modern else at + 0x18
            config[at:at + 0x18] = struct.pack("<BBBBBxxxIIII", 9, end, 0x18, kind, 4, offset, size,
                                               4, 0)
        self.put(f"{VIRTIO}/vendor", "0x1af4\n")
        self.put(f"{VIRTIO}/device", "0x1041\n")
        self.put(f"{VIRTIO}/config", bytes(config))
        bar = "0x0000380000100000 0x0000380000103fff 0x000000000014220c\n"
        self.put(f"{VIRTIO}/resource", "0x0 0x0 0x0\n" * 4 + bar + "0x0 0x0 0x0\n")
        self.answers["virtio 0000:00:08.0"] = offer
        if driver:
            self.folder(f"/sys/bus/pci/drivers/{driver}")
            os.symlink(f"../../drivers/{driver}", self.path(f"{VIRTIO}/driver"))
        return self

    def module(self, **info):
        """The kernel module, at work on the ivshmem device."""
        self.ivshmem(driver="folio")
        self.put("/sys/module/folio/version", "0.1.0\n")
        self.folder(f"{DEVICE}/folio/folio0")
        self.info("folio0", **info)
        return self

    def lockdown(self, mode="integrity"):
        """Lockdown, because of Secure Boot."""
        self.put("/sys/kernel/security/lockdown",
                 "none integrity confidentiality".replace(mode, f"[{mode}]"))
        self.put(EFI_SECURE_BOOT, b"\6\0\0\0\1")
        return self
