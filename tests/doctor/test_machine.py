# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What the machine is: plain, confidential, or bare metal."""

import os
import shutil
import unittest

from common import DoctorCase
from machine import FLAGS, MIB, SEV, SEV_ES, SEV_SNP


class MachineTest(DoctorCase):
    """What the machine is, and whether folio can run on it."""

    def test_bare_metal_host(self):
        report = self.examine()
        self.assertEqual(report["roles"], ["host"])
        self.assertEqual({line["verdict"] for line in report["lines"]}, {"ok"}, report["lines"])
        self.check(report, "kind", "ok", "bare metal: no sign of a hypervisor")
        self.check(report, "judged-as", "ok", "host: bare metal has no host")
        self.check(report, "host", "ok", "folio can run here as host: --vdev=net_folio0,role=host,"
                                         "path=/dev/hugepages/folio0")
        facts = self.check(report, "launch", "ok", "can launch SEV SEV-ES SEV-SNP guests")
        self.assertTrue(facts["sev_snp"])

    def test_bare_metal_is_no_guest(self):
        report = self.examine("--role", "guest")
        self.assertEqual(report["roles"], ["guest"])
        self.check(report, "judged-as", "ok", "guest, as --role says")
        self.check(report, "guest", "fail", "there is no region that it can use")
        self.assertFalse(report["can_run"])

    def test_hypervisors(self):
        for signature, name in ((b"KVMKVMKVM\0\0\0", "KVM"), (b"TCGTCGTCGTCG", "QEMU TCG"),
                                (b"Microsoft Hv", "Hyper-V"), (b"VMwareVMware", "VMware"),
                                (b"XenVMMXenVMM", "Xen")):
            self.machine.virtual(signature)
            report = self.examine()
            facts = self.check(report, "kind", "ok",
                               f"plain virtual machine: CPUID names {name}")
            self.assertEqual((facts["hypervisor"], facts["kind"]), (name, "vm"))
            self.check(report, "judged-as", "ok", "host: there is no ivshmem device")

    def test_hypervisor_without_cpuid(self):
        self.machine.answers = {"uid": "0", "membarrier": "1f8"}
        self.machine.put("/sys/class/dmi/id/sys_vendor", "QEMU")
        self.check(self.examine(), "kind", "ok", "plain virtual machine: firmware names QEMU")
        self.machine.drop("/sys/class/dmi")
        self.machine.put("/sys/firmware/devicetree/base/hypervisor", "")
        self.check(self.examine(), "kind", "ok", "firmware names device tree")
        self.machine.drop("/sys/firmware")
        self.machine.put("/proc/cpuinfo", "flags\t\t: fpu hypervisor\n")
        self.check(self.examine(), "kind", "ok", "CPUID has the hypervisor bit")

    def test_hidden_hypervisor(self):
        self.machine.put("/sys/class/dmi/id/product_name", "KVM")
        self.check(self.examine(), "kind", "warn", "but firmware names a hypervisor and CPUID has "
                   "no hypervisor bit", "only an attestation report tells")

    def test_guest_through_sysfs(self):
        self.machine.virtual().ivshmem()
        report = self.examine()
        self.assertEqual(report["roles"], ["guest", "host"])
        self.check(report, "judged-as", "ok", "guest and host: there is a region")
        facts = self.check(report, "0000:00:04.0", "warn",
                           "ivshmem, BAR2 16 MiB at 0x380000000000 (above 4 GiB); "
                           "through sysfs, write-combining", "load the kernel module folio")
        self.assertEqual(facts, {"bar2": 0x380000000000, "size": 16 * MIB, "above_4g": True,
                                 "decodes": True, "driver": "", "resource2_wc": True,
                                 "fits": True, "node": ""})
        self.check(report, "guest", "warn", "role=guest,pci=0000:00:04.0")
        self.assertTrue(report["can_run"])

    def test_guest_with_the_module(self):
        self.machine.virtual().module()
        report = self.examine("--role", "guest")
        self.assertEqual({line["verdict"] for line in report["lines"]}, {"ok"}, report["lines"])
        self.check(report, "folio.ko", "ok", "loaded, version 0.1.0")
        self.check(report, "0000:00:04.0", "ok", "; /dev/folio0")
        self.check(report, "/dev/folio0", "ok", "16 MiB, caching write-back")
        self.check(report, "guest", "ok", "role=guest,path=/dev/folio0")

    def test_snp_guest(self):
        self.machine.snp().module(flags=1)
        report = self.examine()
        self.assertEqual(report["roles"], ["guest"])
        facts = self.check(report, "kind", "ok", "AMD SEV-SNP guest: MSR SEV_STATUS is 0x7, the "
                           "kernel has an SNP guest's device, CPUID names KVM")
        self.assertEqual((facts["kind"], facts["confidential"], facts["sev_status"]),
                         ("sev-snp", True, 7))
        self.check(report, "judged-as", "ok", "guest: a confidential machine hosts no other")
        self.check(report, "/dev/folio0", "ok", "shared with the host (decrypted)")
        self.check(report, "guest", "ok", "path=/dev/folio0")

    def test_snp_guest_is_no_host(self):
        self.machine.snp()
        report = self.examine("--role", "host")
        self.check(report, "host", "fail", "a confidential machine hosts no other")
        self.assertFalse(report["can_run"])

    def test_snp_without_msr(self):
        self.machine.snp().drop("/dev/cpu")
        self.check(self.examine(), "kind", "ok", "AMD SEV-SNP guest: the kernel has")

    def test_snp_by_other_devices_of_the_kernel(self):
        for path in ("/sys/devices/platform/sev-guest", "/sys/devices/system/cpu/sev/vmpl"):
            self.machine.snp().drop("/dev/sev-guest")
            self.machine.put(path, "0")
            self.machine.drop("/dev/cpu")
            self.check(self.examine(), "kind", "ok", "AMD SEV-SNP guest")
            self.machine.drop(path)

    def test_sev_and_sev_es_guests(self):
        self.check_kind(self.machine.sev(1, SEV), "ok", "AMD SEV guest: MSR SEV_STATUS is 0x1")
        self.check_kind(self.machine.sev(3, SEV | SEV_ES), "ok",
                        "AMD SEV-ES guest: MSR SEV_STATUS is 0x3")

    def check_kind(self, _machine, verdict, text, advice=None):
        """The line about the kind of the machine."""
        return self.check(self.examine(), "kind", verdict, text, advice)

    def test_sources_that_contradict(self):
        lies = "do not rely on it"
        self.check_kind(self.machine.sev(7, SEV), "warn",
                        "but CPUID 0x8000001f has no SEV-SNP", lies)
        self.check_kind(self.machine.sev(1, 0), "warn",
                        "but CPUID 0x8000001f does not have what MSR SEV_STATUS says", lies)
        self.check_kind(self.machine.sev(3, SEV), "warn",
                        "but CPUID 0x8000001f does not have what MSR SEV_STATUS says", lies)
        self.machine.snp().sev(1, SEV | SEV_ES | SEV_SNP)
        self.check_kind(self.machine, "warn", "AMD SEV-SNP guest: MSR SEV_STATUS is 0x1, the "
                        "kernel has an SNP guest's device, CPUID names KVM; but MSR SEV_STATUS "
                        "has no SEV-SNP", lies)
        self.machine.sev(7, SEV | SEV_ES | SEV_SNP).cpuid(1)
        self.check_kind(self.machine, "warn", "but CPUID has no hypervisor bit", lies)

    def test_claims_of_cpuid_alone(self):
        self.machine.sev(7).drop("/dev/cpu")
        self.check_kind(self.machine, "warn", "CPUID offers memory encryption, MSR SEV_STATUS "
                        "cannot be read", "modprobe msr")
        self.machine.sev(0, SEV | SEV_ES | SEV_SNP)
        self.check_kind(self.machine, "ok", "plain virtual machine")
        self.machine.tdx().drop("/dev/tdx_guest")
        facts = self.check_kind(self.machine, "warn",
                                "but CPUID 0x21 says IntelTDX and the kernel does not")
        self.assertEqual(facts["kind"], "vm")

    def test_tdx_guest(self):
        self.machine.tdx().module(flags=1)
        report = self.examine()
        self.assertEqual(report["roles"], ["guest"])
        facts = self.check(report, "kind", "ok", "Intel TDX guest: the kernel runs as a TDX guest, "
                           "CPUID 0x21 says IntelTDX")
        self.assertEqual(facts["kind"], "tdx")
        self.assertTrue(report["can_run"])

    def test_tdx_by_the_kernels_flag(self):
        self.machine.tdx().drop("/dev/tdx_guest")
        self.machine.put("/proc/cpuinfo", f"flags\t\t: {FLAGS} hypervisor tdx_guest\n")
        self.check_kind(self.machine, "ok", "Intel TDX guest")
        self.machine.cpuid(0x21)
        self.check_kind(self.machine, "warn", "but CPUID 0x21 does not say IntelTDX")

    def test_arm_realm(self):
        self.machine.answers = {"uid": "0", "membarrier": "1f8"}
        for path in ("/sys/devices/platform/arm-cca-dev", "/sys/module/arm_cca_guest",
                     "/sys/bus/auxiliary/devices/arm_cca_guest.rsi.0"):
            self.machine.folder(path)
            facts = self.check_kind(self.machine, "ok",
                                    "Arm CCA realm: the kernel has a realm's device")
            self.assertEqual(facts["kind"], "cca")
            self.machine.drop(path)

    def test_hosts_of_confidential_guests(self):
        self.machine.drop("/dev/sev")
        self.check(self.examine(), "launch", "warn", "but /dev/sev is missing", "modprobe ccp")
        for name in ("sev", "sev_es", "sev_snp"):
            self.machine.put(f"/sys/module/kvm_amd/parameters/{name}", "N")
        self.check(self.examine(), "launch", "ok", "no confidential guests, plain ones only")
        self.machine.cpuid(0x8000001F, 0, SEV | SEV_ES | SEV_SNP)
        self.check(self.examine(), "launch", "warn", "the processor has SEV-SNP",
                   "kvm_amd sev_snp=1")
        self.machine.put("/sys/module/kvm_intel/parameters/tdx", "Y")
        self.machine.cpuid(0x8000001F)
        self.check(self.examine(), "launch", "ok", "can launch TDX guests")

    def test_kvm(self):
        """That the device can be opened is not enough."""
        facts = self.check(self.examine(), "kvm", "ok", "/dev/kvm runs guests: one was tried")
        self.assertEqual(facts, {"usable": True, "guest": "runs", "error": ""})
        self.machine.answers["kvm"] = "it did not end within 1 s"
        report = self.examine()
        facts = self.check(report, "kvm", "warn", "does not run guests: one with 20 ms of work was "
                           "tried: it did not end within 1 s", "-accel tcg")
        self.assertEqual(facts, {"usable": True, "guest": "fails",
                                 "error": "it did not end within 1 s"})
        self.assertTrue(report["can_run"])
        del self.machine.answers["kvm"]
        facts = self.check(self.examine(), "kvm", "ok", "was not tried")
        self.assertEqual(facts["guest"], "unknown")

    def test_no_kvm(self):
        self.machine.drop("/dev/kvm")
        report = self.examine()
        self.check(report, "kvm", "warn", "no /dev/kvm", "switch virtualisation on")
        self.check(report, "host", "warn", "folio can run here as host")
        self.machine.virtual()
        self.check(self.examine(), "kvm", "warn", "no /dev/kvm", "./run demo needs none")

    def test_nothing_there(self):
        shutil.rmtree(self.machine.root)
        os.mkdir(self.machine.root)
        self.machine.answers = {}
        report = self.examine()
        self.check(report, "release", "warn", "Linux of unknown version")
        self.check(report, "user", "ok", "unknown")
        self.check(report, "cpus", "warn", "0 usable: unknown")
        self.check(report, "hugepages", "warn", "the kernel has no huge pages")
        self.check(report, "numa", "ok", "no nodes: all memory is equally near")
        self.check(report, "copy", "ok", "portable kernels")
        self.check(report, "dpdk", "warn", "no librte_eal.so.N found", "apt-get install dpdk")
        self.assertFalse(report["can_run"])

    def test_files_full_of_rubbish(self):
        """Long, binary, and of the wrong type: all is read within bounds."""
        rubbish = bytes(range(256)) * 300
        paths = [os.path.join(folder, name) for folder, _, names in os.walk(self.machine.root)
                 for name in names if not name.endswith((".so", "dpdk-testpmd"))]
        self.machine.virtual().module()
        for content in (rubbish, b"9" * 100000, b"", b"-1,--,4-1,99999999999999999999-3\n" * 50):
            for path in paths:
                with open(path, "wb") as file:
                    file.write(content)
            self.examine()
        for path in paths:
            os.remove(path)
            os.mkdir(path)
        self.examine()
        for path in paths:
            os.rmdir(path)
            os.mkfifo(path)
        self.examine()

    def test_random_answers(self):
        """ROOT/answers is input, too."""
        for content in (b"\xff" * 40000, b"cpuid 0 0 zz\nuid\nmembarrier errno\n", b"uid -1\n\n"):
            self.machine.put("/answers", content)
            self.look("--root", self.machine.root)


if __name__ == "__main__":
    unittest.main(verbosity=2)
