/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

/* What kind of machine this is, and how that is known. */

#define AREA "machine"

#define MSR_SEV_STATUS 0xc0010131
#define SEV_ACTIVE (1u << 0) /* in SEV_STATUS */
#define SEV_ES_ACTIVE (1u << 1)
#define SEV_SNP_ACTIVE (1u << 2)
#define CPUID_SEV (1u << 1) /* in leaf 0x8000001f, eax */
#define CPUID_SEV_ES (1u << 3)
#define CPUID_SEV_SNP (1u << 4)

static struct {
	bool has_cpuid;
	bool hypervisor;      /* CPUID or the kernel says so */
	char signature[13];   /* of leaf 0x40000000 */
	uint32_t sev_leaf;    /* eax of leaf 0x8000001f */
	bool tdx_leaf;
	bool has_msr;
	uint64_t sev_status;
	bool kernel_snp;      /* the kernel runs as an SNP guest: it made a device for it */
	bool kernel_tdx;
	bool realm;
	char dmi[64];	      /* a hypervisor's name in the DMI tables */
} seen;

static const struct {
	const char *signature, *name;
} hypervisors[] = {
	{"KVMKVMKVM", "KVM"},	     {"TCGTCGTCGTCG", "QEMU TCG"}, {"Microsoft Hv", "Hyper-V"},
	{"VMwareVMware", "VMware"},  {"XenVMMXenVMM", "Xen"},
};

static const char *
kind_name(enum machine_kind kind)
{
	static const char *const names[] = {
		[MACHINE_BARE] = "bare metal",	       [MACHINE_VM] = "plain virtual machine",
		[MACHINE_SEV] = "AMD SEV guest",       [MACHINE_SEV_ES] = "AMD SEV-ES guest",
		[MACHINE_SEV_SNP] = "AMD SEV-SNP guest", [MACHINE_TDX] = "Intel TDX guest",
		[MACHINE_CCA] = "Arm CCA realm",
	};

	return names[kind];
}

/* For scripts. */
static const char *
kind_id(enum machine_kind kind)
{
	static const char *const ids[] = {"bare-metal", "vm", "sev", "sev-es", "sev-snp", "tdx",
					  "cca"};

	return ids[kind];
}

static const char *
hypervisor_name(void)
{
	size_t i;

	for (i = 0; i < sizeof(hypervisors) / sizeof(hypervisors[0]); i++)
		if (strcmp(seen.signature, hypervisors[i].signature) == 0)
			return hypervisors[i].name;
	return NULL;
}

static void
look_at_cpuid(const struct probe *p)
{
	struct cpuid top, r;

	if (!probe_cpuid(p, 0, 0, &top))
		return;
	seen.has_cpuid = true;
	if (probe_cpuid(p, 1, 0, &r))
		seen.hypervisor = (r.ecx & (1u << 31)) != 0;
	if (seen.hypervisor && probe_cpuid(p, 0x40000000, 0, &r)) {
		memcpy(seen.signature, &r.ebx, 4);
		memcpy(seen.signature + 4, &r.ecx, 4);
		memcpy(seen.signature + 8, &r.edx, 4);
	}
	if (probe_cpuid(p, 0x80000000, 0, &r) && r.eax >= 0x8000001f &&
	    probe_cpuid(p, 0x8000001f, 0, &r))
		seen.sev_leaf = r.eax;
	if (top.eax >= 0x21 && probe_cpuid(p, 0x21, 0, &r))
		seen.tdx_leaf = memcmp(&r.ebx, "Inte", 4) == 0 && memcmp(&r.edx, "lTDX", 4) == 0 &&
				memcmp(&r.ecx, "    ", 4) == 0;
}

static bool
has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *at = text;

	while ((at = strstr(at, word)) != NULL) {
		if ((at == text || at[-1] == ' ' || at[-1] == '\t') &&
		    (at[len] == ' ' || at[len] == '\0'))
			return true;
		at += len;
	}
	return false;
}

/* The kernel's flags of the first CPU. */
static bool
look_at_flags(char *line, void *ctx)
{
	(void)ctx;
	if (strncmp(line, "flags", 5) != 0)
		return false;
	seen.kernel_tdx = seen.kernel_tdx || has_word(line, "tdx_guest");
	seen.hypervisor = seen.hypervisor || has_word(line, "hypervisor");
	return true;
}

static void
look_at_firmware(const struct probe *p)
{
	static const char *const names[] = {"QEMU", "KVM", "VMware", "Xen", "VirtualBox",
					    "Virtual Machine"};
	char text[64];
	size_t i, j;

	for (i = 0; i < 2; i++) {
		if (!probe_text(p, text, sizeof(text), "/sys/class/dmi/id/%s",
				i == 0 ? "product_name" : "sys_vendor"))
			continue;
		for (j = 0; j < sizeof(names) / sizeof(names[0]); j++)
			if (strstr(text, names[j]) != NULL)
				snprintf(seen.dmi, sizeof(seen.dmi), "%s", names[j]);
	}
	if (seen.dmi[0] == '\0' &&
	    (probe_exists(p, "/sys/firmware/devicetree/base/hypervisor") ||
	     probe_exists(p, "/proc/device-tree/hypervisor")))
		strcpy(seen.dmi, "device tree");
}

/* The kernel makes these in a realm only. Newer ones use the auxiliary bus. */
static bool
is_realm(const struct probe *p)
{
	struct probe_names names = probe_list(p, "/sys/bus/auxiliary/devices");
	bool found = probe_exists(p, "/sys/devices/platform/arm-cca-dev") ||
		     probe_exists(p, "/sys/module/arm_cca_guest");
	unsigned int i;

	for (i = 0; i < names.n; i++)
		found = found || strstr(names.name[i], "arm_cca") != NULL;
	probe_names_free(&names);
	return found;
}

/* From the strongest source to the weakest: the processor, the kernel, what a hypervisor says. */
static enum machine_kind
conclude(void)
{
	if (seen.has_msr && (seen.sev_status & SEV_SNP_ACTIVE) != 0)
		return MACHINE_SEV_SNP;
	if (seen.kernel_snp)
		return MACHINE_SEV_SNP;
	if (seen.has_msr && (seen.sev_status & SEV_ES_ACTIVE) != 0)
		return MACHINE_SEV_ES;
	if (seen.has_msr && (seen.sev_status & SEV_ACTIVE) != 0)
		return MACHINE_SEV;
	if (seen.kernel_tdx)
		return MACHINE_TDX;
	if (seen.realm)
		return MACHINE_CCA;
	return seen.hypervisor || seen.dmi[0] != '\0' ? MACHINE_VM : MACHINE_BARE;
}

void
machine_look(struct doctor *d)
{
	const struct probe *p = &d->probe;

	look_at_cpuid(p);
	probe_lines(p, look_at_flags, NULL, "/proc/cpuinfo");
	look_at_firmware(p);
	seen.has_msr = probe_bytes(p, &seen.sev_status, sizeof(seen.sev_status), MSR_SEV_STATUS,
				   "/dev/cpu/0/msr") == sizeof(seen.sev_status);
	seen.kernel_snp = probe_exists(p, "/dev/sev-guest") ||
			  probe_exists(p, "/sys/devices/platform/sev-guest") ||
			  probe_exists(p, "/sys/devices/system/cpu/sev/vmpl");
	seen.kernel_tdx = seen.kernel_tdx || probe_exists(p, "/dev/tdx_guest");
	seen.realm = is_realm(p);
	d->kind = conclude();
}

__attribute__((format(printf, 2, 3))) static void
add_evidence(char list[256], const char *fmt, ...)
{
	size_t used = strlen(list);
	va_list ap;

	if (used > 0 && used + 2 < 256) {
		strcpy(list + used, ", ");
		used += 2;
	}
	va_start(ap, fmt);
	vsnprintf(list + used, 256 - used, fmt, ap);
	va_end(ap);
}

static void
list_evidence(char list[256])
{
	if (seen.has_msr && seen.sev_status != 0)
		add_evidence(list, "MSR SEV_STATUS is 0x%llx",
			     (unsigned long long)seen.sev_status);
	if (seen.kernel_snp)
		add_evidence(list, "the kernel has an SNP guest's device");
	if (seen.kernel_tdx)
		add_evidence(list, "the kernel runs as a TDX guest");
	if (seen.tdx_leaf)
		add_evidence(list, "CPUID 0x21 says IntelTDX");
	if (seen.realm)
		add_evidence(list, "the kernel has a realm's device");
	if (hypervisor_name() != NULL)
		add_evidence(list, "CPUID names %s", hypervisor_name());
	else if (seen.signature[0] != '\0')
		add_evidence(list, "CPUID names a hypervisor \"%s\"", seen.signature);
	else if (seen.hypervisor)
		add_evidence(list, "CPUID has the hypervisor bit");
	if (seen.dmi[0] != '\0')
		add_evidence(list, "firmware names %s", seen.dmi);
	if (list[0] == '\0')
		add_evidence(list, "no sign of a hypervisor");
}

/*
 * Where the sources contradict each other. CPUID in a guest is the hypervisor's word; in a
 * confidential one it may be checked or not.
 */
static void
list_contradictions(enum machine_kind kind, char list[256])
{
	if (kind == MACHINE_SEV_SNP && seen.has_msr && (seen.sev_status & SEV_SNP_ACTIVE) == 0)
		add_evidence(list, "MSR SEV_STATUS has no SEV-SNP");
	if (kind == MACHINE_SEV_SNP && seen.has_cpuid && (seen.sev_leaf & CPUID_SEV_SNP) == 0)
		add_evidence(list, "CPUID 0x8000001f has no SEV-SNP");
	if ((kind == MACHINE_SEV || kind == MACHINE_SEV_ES) && seen.has_cpuid &&
	    (seen.sev_leaf & (kind == MACHINE_SEV ? CPUID_SEV : CPUID_SEV_ES)) == 0)
		add_evidence(list, "CPUID 0x8000001f does not have what MSR SEV_STATUS says");
	if (kind == MACHINE_TDX && seen.has_cpuid && !seen.tdx_leaf)
		add_evidence(list, "CPUID 0x21 does not say IntelTDX");
	if (kind != MACHINE_TDX && seen.tdx_leaf)
		add_evidence(list, "CPUID 0x21 says IntelTDX and the kernel does not");
	if (kind > MACHINE_VM && kind != MACHINE_CCA && !seen.hypervisor)
		add_evidence(list, "CPUID has no hypervisor bit");
	if (kind == MACHINE_VM && seen.has_cpuid && !seen.hypervisor)
		add_evidence(list, "firmware names a hypervisor and CPUID has no hypervisor bit");
}

static void
report_kind(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "kind");
	char evidence[256] = "", contradictions[256] = "";

	list_evidence(evidence);
	list_contradictions(d->kind, contradictions);
	line_say(l, "%s: %s", kind_name(d->kind), evidence);
	line_string(l, "kind", kind_id(d->kind));
	line_bool(l, "confidential", machine_is_confidential(d));
	line_string(l, "hypervisor", hypervisor_name() != NULL ? hypervisor_name()
							      : seen.signature);
	line_string(l, "evidence", evidence);
	line_string(l, "contradictions", contradictions);
	if (seen.has_msr)
		line_number(l, "sev_status", seen.sev_status);
	if (contradictions[0] != '\0') {
		line_say(l, "; but %s", contradictions);
		line_judge(l, VERDICT_WARN,
			   "do not rely on it: only an attestation report tells what runs here");
	} else if (d->kind == MACHINE_VM && !seen.has_msr &&
		   (seen.sev_leaf & (CPUID_SEV | CPUID_SEV_ES | CPUID_SEV_SNP)) != 0) {
		line_say(l, "; CPUID offers memory encryption, MSR SEV_STATUS cannot be read");
		line_judge(l, VERDICT_WARN,
			   "as root: modprobe msr, and again, to learn whether it is in use");
	}
}

static void
report_system(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_BOTH, "judged-as");
	unsigned int roles = d->report.roles;

	line_say(l, "%s", roles == ROLE_BOTH ? "guest and host" :
			  roles == ROLE_GUEST ? "guest" : "host");
	if (d->opt.role != 0)
		line_say(l, ", as --role says");
	else if (machine_is_confidential(d))
		line_say(l, ": a confidential machine hosts no other (--role host asks anyway)");
	else if (d->kind == MACHINE_BARE)
		line_say(l, ": bare metal has no host (--role guest asks anyway)");
	else if (roles == ROLE_HOST)
		line_say(l, ": there is no ivshmem device (--role guest says what a guest needs)");
	else
		line_say(l, ": there is a region from this machine's host");
}

static bool
parameter_is_on(const struct probe *p, const char *module, const char *name)
{
	char text[8];

	return probe_text(p, text, sizeof(text), "/sys/module/%s/parameters/%s", module, name) &&
	       (text[0] == 'Y' || text[0] == '1');
}

/* What became of a guest that was tried. */
static void
report_guest(struct line *l, enum guest_state state, const char *why)
{
	static const char *const states[] = {
		[GUEST_UNKNOWN] = "unknown", [GUEST_RUNS] = "runs", [GUEST_FAILS] = "fails"};

	line_string(l, "guest", states[state]);
	line_string(l, "error", state == GUEST_FAILS ? why : "");
	if (state == GUEST_UNKNOWN) {
		line_say(l, "/dev/kvm can be used; whether guests run was not tried");
	} else if (state == GUEST_RUNS) {
		line_say(l, "/dev/kvm runs guests: one was tried");
	} else {
		line_say(l, "/dev/kvm is there and does not run guests: one with 20 ms of "
			    "work was tried: %s", why);
		line_judge(l, VERDICT_WARN, "in a virtual machine: its host has to offer nested "
					    "virtualisation that works; until then emulate guests "
					    "(QEMU: -accel tcg)");
	}
}

static void
report_kvm(struct doctor *d)
{
	struct line *l;
	char why[PROBE_WHY];
	const char *advice =
		d->kind == MACHINE_BARE
			? "switch virtualisation on in the firmware; modprobe kvm_amd or kvm_intel"
			: "./run demo needs none; for virtual machines in this one, nested "
			  "virtualisation from its host";

	if ((d->report.roles & ROLE_HOST) == 0)
		return; /* it takes a second where guests do not run */
	l = report_add(&d->report, AREA, ROLE_HOST, "kvm");
	if (probe_may(&d->probe, R_OK | W_OK, "/dev/kvm")) {
		line_bool(l, "usable", true);
		report_guest(l, probe_guest(&d->probe, why), why);
		return;
	}
	line_bool(l, "usable", false);
	if (probe_exists(&d->probe, "/dev/kvm")) {
		line_say(l, "no permission to use /dev/kvm");
		line_judge(l, VERDICT_WARN, "as root, or as a member of the group kvm");
		return;
	}
	line_say(l, "no /dev/kvm: processes here can be guests, virtual machines cannot");
	line_judge(l, VERDICT_WARN, "%s", advice);
}

/* Which confidential guests this machine can launch. */
static void
report_launch(struct doctor *d)
{
	struct line *l = report_add(&d->report, AREA, ROLE_HOST, "launch");
	const struct probe *p = &d->probe;
	bool sev = parameter_is_on(p, "kvm_amd", "sev");
	bool es = parameter_is_on(p, "kvm_amd", "sev_es");
	bool snp = parameter_is_on(p, "kvm_amd", "sev_snp");
	bool tdx = parameter_is_on(p, "kvm_intel", "tdx");
	bool psp = probe_exists(p, "/dev/sev");

	line_bool(l, "sev", sev);
	line_bool(l, "sev_es", es);
	line_bool(l, "sev_snp", snp);
	line_bool(l, "tdx", tdx);
	line_bool(l, "dev_sev", psp);
	if (!sev && !es && !snp && !tdx)
		line_say(l, "no confidential guests, plain ones only");
	else
		line_say(l, "can launch%s%s%s%s guests", sev ? " SEV" : "", es ? " SEV-ES" : "",
			 snp ? " SEV-SNP" : "", tdx ? " TDX" : "");
	if ((sev || es || snp) && !psp) {
		line_say(l, ", but /dev/sev is missing");
		line_judge(l, VERDICT_WARN, "modprobe ccp; look for \"ccp\" in dmesg if that does "
					    "not bring it");
	} else if (!snp && d->kind == MACHINE_BARE && (seen.sev_leaf & CPUID_SEV_SNP) != 0) {
		line_say(l, "; the processor has SEV-SNP");
		line_judge(l, VERDICT_WARN, "switch SEV-SNP on: in the firmware, in the kernel "
					    "(6.11 or newer), kvm_amd sev_snp=1");
	}
}

void
machine_report(struct doctor *d)
{
	report_kind(d);
	report_system(d);
	report_kvm(d);
	report_launch(d);
}
