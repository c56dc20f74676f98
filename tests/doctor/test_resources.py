# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Memory, kernel and CPUs."""

import unittest

from common import DoctorCase
from machine import HUGE, MIB


class MemoryTest(DoctorCase):
    """Huge pages, and places for a region."""

    def test_no_hugepages(self):
        self.machine.hugepages(0)
        report = self.examine()
        facts = self.check(report, "hugepages-2048kB", "warn", "0 pages of 2 MiB, 0 free; for a "
                           "default region and a testpmd: 38", f"echo 38 > {HUGE}/nr_hugepages")
        self.assertEqual((facts["total"], facts["free"], facts["wanted"]), (0, 0, 38))
        self.check(report, "region-place", "ok", "on ordinary pages, e.g. /dev/shm/folio0")
        self.check(report, "host", "warn", "path=/dev/shm/folio0")
        self.assertTrue(report["can_run"])

    def test_a_guest_wants_fewer(self):
        self.machine.virtual().module()
        self.machine.hugepages(32)
        self.check(self.examine("--role", "guest"), "hugepages-2048kB", "ok", "a testpmd: 32")
        self.check(self.examine("--role", "host"), "hugepages-2048kB", "warn", "a testpmd: 38")

    def test_hugepages_in_use(self):
        self.machine.hugepages(100, 37)
        self.check(self.examine(), "hugepages-2048kB", "warn", "100 pages of 2 MiB, 37 free",
                   "echo 101 >")
        self.machine.hugepages(100, 38)
        self.check(self.examine(), "hugepages-2048kB", "ok", "38 free")

    def test_hugepages_of_another_size(self):
        """A region on pages of 1 GiB takes two of them, a testpmd one."""
        self.machine.hugepages(0)
        big = HUGE.replace("2048kB", "1048576kB")
        self.machine.put("/proc/mounts", "none /dev/hugepages hugetlbfs rw,pagesize=1024M 0 0\n")
        self.machine.put(f"{big}/nr_hugepages", "3")
        self.machine.put(f"{big}/free_hugepages", "2")
        report = self.examine()
        self.check(report, "hugepages-1048576kB", "ok", "3 pages of 1 GiB, 2 free; for a default "
                   "region and a testpmd: 3")
        self.check(report, "hugepages-2048kB", "warn", "0 free", "echo 38 >")
        self.machine.put(f"{big}/free_hugepages", "3")
        report = self.examine()
        self.check(report, "hugepages-1048576kB", "ok", "3 free")
        self.check(report, "hugepages-2048kB", "ok", "0 free")
        self.check(report, "region-place", "ok", "on huge pages, e.g. /dev/hugepages/folio0")

    def test_mounts(self):
        self.machine.put("/proc/mounts", "none / ext4 rw 0 0\n")
        report = self.examine()
        self.check(report, "hugetlbfs", "warn", "not mounted", "mount -t hugetlbfs")
        self.check(report, "region-place", "ok", "/dev/shm/folio0")
        self.machine.put("/proc/mounts", "a /no/where hugetlbfs rw 0 0\n")
        self.check(self.examine(), "hugetlbfs", "warn", "/no/where (2 MiB, not writable)", "uid=")
        self.machine.folder("/mnt/huge pages")
        self.machine.put("/proc/mounts", "a /mnt/huge\\040pages hugetlbfs rw 0 0\n" * 9)
        report = self.examine()
        self.check(report, "hugetlbfs", "ok", "/mnt/huge pages (2 MiB), ")
        self.check(report, "region-place", "ok", "on huge pages, e.g. /mnt/huge pages/folio0")

    def test_no_place_for_a_region(self):
        self.machine.hugepages(0)
        self.machine.drop("/dev/shm")
        report = self.examine()
        self.check(report, "region-place", "fail", "none: no huge pages that can be used, and no "
                   "room for 12 MiB in /dev/shm", "mount -t tmpfs")
        self.check(report, "host", "fail", "there is no place for a region")
        self.assertFalse(report["can_run"])

    def test_transparent_hugepages(self):
        knob = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
        self.check(self.examine(), "thp-shmem", "ok", "advise")
        self.machine.put(knob, "always within_size advise [never] deny force")
        self.check(self.examine(), "thp-shmem", "ok", "never: a region in /dev/shm lies on small")
        self.machine.hugepages(0)
        self.check(self.examine(), "thp-shmem", "warn", "never", f"echo advise > {knob}")
        self.machine.drop(knob)
        self.check(self.examine(), "thp-shmem", "ok", "the kernel has no transparent huge pages")

    def test_numa(self):
        self.check(self.examine(), "numa", "ok", "node0: CPUs 0-7")
        for node in range(1, 6):
            self.machine.put(f"/sys/devices/system/node/node{node}/cpulist", "")
        facts = self.check(self.examine(), "numa", "ok", "node0: CPUs 0-7; node1: CPUs none; "
                           "node2: CPUs none; node3: CPUs none; 6 nodes in all; region, mbufs and "
                           "polling CPUs belong on one node")
        self.assertEqual(facts["nodes"], 6)

    def test_cgroup(self):
        self.check(self.examine(), "cgroup", "ok", "no limit on huge pages seen")
        self.machine.put("/proc/self/cgroup", "1:cpu:/x\n0::/box\n")
        for text in ("max", "79691776"):
            self.machine.put("/sys/fs/cgroup/box/hugetlb.2MB.max", text)
            self.assertEqual(self.examine()["by_name"]["cgroup"]["verdict"], "ok")
        self.machine.put("/sys/fs/cgroup/box/hugetlb.2MB.max", str(64 * MIB))
        self.check(self.examine(), "cgroup", "warn", "huge pages of 2 MiB limited to 64 MiB",
                   "raise hugetlb.2MB.max of the cgroup (the container's limit) to 76 MiB")


class KernelTest(DoctorCase):
    """The kernel, and who runs."""

    def test_release(self):
        for release, verdict in (("6.1.0-9", "ok"), ("6.0.19", "warn"), ("5.15.0", "warn"),
                                 ("10.0", "ok"), ("odd", "warn")):
            self.machine.put("/proc/sys/kernel/osrelease", release)
            self.check(self.examine(), "release", verdict, f"Linux {release}",
                       "Linux 6.1 or newer" if verdict == "warn" else None)

    def test_membarrier(self):
        self.check(self.examine(), "membarrier", "ok", "private expedited membarrier(2) is there")
        for answer, text, advice in (
                ("1", "no private expedited membarrier(2): every burst is", "4.14"),
                ("errno 1", "Operation not permitted", "seccomp filter (of"),
                ("errno 38", "Function not implemented", "CONFIG_MEMBARRIER")):
            self.machine.answers["membarrier"] = answer
            self.check(self.examine(), "membarrier", "warn", text, advice)

    def test_seccomp(self):
        self.check(self.examine(), "seccomp", "ok", "no filter on this process")
        self.machine.put("/proc/self/status", "Seccomp:\t2\n")
        self.check(self.examine(), "seccomp", "ok", "a filter is on this process (a container?)")

    def test_user(self):
        self.check(self.examine(), "user", "ok", "root")
        self.machine.answers["uid"] = "1000"
        self.check(self.examine(), "user", "warn", "user 1000, not root", "as root")

    def test_memlock(self):
        facts = self.check(self.examine(), "memlock", "ok",
                           "RLIMIT_MEMLOCK is 8388608; folio locks no memory")
        self.assertEqual(facts["limit"], "8388608")

    def test_iommu(self):
        self.check(self.examine(), "iommu", "ok", "0 units, 0 groups; folio needs none")
        self.machine.folder("/sys/class/iommu/dmar0")
        for group in range(3):
            self.machine.folder(f"/sys/kernel/iommu_groups/{group}")
        self.check(self.examine(), "iommu", "ok", "1 units, 3 groups")


class CpuTest(DoctorCase):
    """CPUs that poll."""

    def test_l3(self):
        facts = self.check(self.examine(), "l3", "ok", "2 L3 caches, shared by CPUs 0-3; 4-7; "
                           "of one are, e.g., 0 and 2")
        self.assertEqual((facts["groups"], facts["shared"], facts["pair"]), (2, "0-3; 4-7", "0,2"))

    def test_l3_of_a_small_cpuset(self):
        for allowed, verdict, pair in (("5-7", "ok", "5,6"), ("6,7", "ok", "6,7"),
                                       ("3,4", "warn", ""), ("3,5,7", "ok", "5,7"),
                                       ("0-3", "ok", "0,2")):
            self.machine.put("/proc/self/status", f"Cpus_allowed_list:\t{allowed}\n")
            line = self.examine()["by_name"]["l3"]
            self.assertEqual((line["verdict"], line["facts"]["pair"]), (verdict, pair))
        self.check(self.examine(), "l3", "ok", "1 L3 cache, shared by CPUs 0-3; of one are, e.g., 0")
        self.machine.put("/proc/self/status", "Cpus_allowed_list:\t3,4\n")
        self.check(self.examine(), "l3", "warn", "2 L3 caches, shared by CPUs 0-3; 4-7",
                   "allow two CPUs that share")

    def distance(self, verdict, text, advice=None):
        """The line about the distance of CPUs."""
        return self.check(self.examine(), "distance", verdict, text, advice)

    def test_distance(self):
        """Pairs of different cores that share an L3; the nearest is what to poll on."""
        self.machine.answers["roundtrip 5 7"] = "80"
        facts = self.distance("ok", "a cache line takes 80 ns from CPU 5 to 7 and back, the nearest of "
                              "8 pairs: let guest and host poll on them")
        self.assertEqual((facts["pairs"], facts["nearest"], facts["nearest_ns"],
                          facts["farthest_ns"]), (8, "5,7", 80, 100))

    def test_sysfs_says_one_l3(self):
        """And the CPUs are not near: the topology that a hypervisor shows is what it likes."""
        self.machine.answers["roundtrip 1 3"] = "520"
        facts = self.distance("warn", "; 520 ns between 1 and 3; sysfs says one L3, but that is more "
                              "than within one", "pin the CPUs to one L3")
        self.assertEqual((facts["farthest"], facts["farthest_ns"]), ("1,3", 520))
        self.machine.answers["roundtrip 1 3"] = "249"
        self.distance("ok", "100 ns")
        self.machine.answers["roundtrip 1 3"] = "250"
        self.distance("warn", "; 250 ns")
        self.machine.put("/proc/self/status", "Cpus_allowed_list:\t1,3\n")
        line = self.examine()["by_name"]["distance"]
        self.assertEqual(line["text"], "a cache line takes 250 ns from CPU 1 to 3 and back; sysfs says "
                                       "one L3, but that is more than within one")

    def test_distance_without_sysfs(self):
        """All pairs, then; that some are far is to be expected."""
        for cpu in range(8):
            self.machine.drop(f"/sys/devices/system/cpu/cpu{cpu}/cache")
        facts = self.distance("ok", "100 ns from CPU 0 to 2")
        self.assertEqual((facts["pairs"], facts["farthest_ns"]), (24, 600))
        self.machine.put("/proc/self/status", "Cpus_allowed_list:\t3,4\n")
        self.distance("warn", "600 ns from CPU 3 to 4 and back", "pin the CPUs to one L3")

    def test_distance_of_siblings(self):
        """If there is nothing else."""
        self.machine.put("/proc/self/status", "Cpus_allowed_list:\t2,3\n")
        self.distance("ok", "100 ns from CPU 2 to 3 and back")

    def test_distance_is_unknown(self):
        self.machine.answers = {"uid": "0", "membarrier": "1f8"}
        facts = self.distance("ok", "not measured: another machine; let guest and host poll on")
        self.assertEqual(facts, {"pairs": 0})
        self.machine.put("/proc/self/status", "Cpus_allowed_list:\t2\n")
        self.distance("ok", "no two CPUs to measure")

    def test_l3_is_unknown(self):
        for cpu in range(8):
            self.machine.drop(f"/sys/devices/system/cpu/cpu{cpu}/cache")
        self.check(self.examine(), "l3", "warn", "unknown which CPUs share an L3 cache",
                   "host-cache-info=on")

    def test_number_of_cpus(self):
        self.check(self.examine(), "cpus", "ok", "8 usable: 0-7")
        self.machine.put("/proc/self/status", "Cpus_allowed_list:\t2\n")
        self.check(self.examine(), "cpus", "warn", "1 usable: 2", "a wider cpuset")
        self.machine.drop("/proc/self/status")
        self.check(self.examine(), "cpus", "ok", "8 usable: 0-7")

    def test_copy_kernels(self):
        self.check(self.examine(), "copy", "ok", "avx512 kernels, prefetchw")
        for flags, verdict, text, advice in (
                ("avx512f avx512bw avx2 bmi2 3dnowprefetch", "ok", "avx2 kernels, prefetchw", None),
                ("avx2 bmi2 3dnowprefetch", "ok", "avx2 kernels, prefetchw", None),
                ("avx2 3dnowprefetch", "warn", "sse kernels", "AVX2 and BMI2"),
                ("avx2 avx512f bmi2", "warn", "avx2 kernels, no prefetchw", "3dnowprefetch")):
            self.machine.put("/proc/cpuinfo", f"flags\t\t: {flags}\n")
            self.check(self.examine(), "copy", verdict, text, advice)


if __name__ == "__main__":
    unittest.main(verbosity=2)
