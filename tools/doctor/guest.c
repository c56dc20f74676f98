/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <linux/kvm.h>
#endif

#include "child.h"
#include "probe.h"

/*
 * Does KVM run guests? That /dev/kvm can be opened says little: under some hypervisors KVM emulates
 * every instruction of a guest's kernel, so that a few of them end well and no kernel ever boots.
 * So a guest is run: one CPU without devices, in 64-bit mode with paging as a kernel has it, that
 * works for some ms and executes HLT.
 */

#define GUEST_SECONDS 1

#if defined(__x86_64__)

/* The guest's memory: three levels of page tables, and its code, a page each. */
#define PML4 0x0000
#define PDPT 0x1000
#define DIRECTORY 0x2000
#define CODE 0x3000
#define COUNTER 0x3800 /* which the code increments */
#define ROUNDS 10000000 /* 20 ms of a processor's work; some ten seconds of an emulator's */
#define GUEST_MEMORY 0x4000

#define ENTRY_PRESENT 1u
#define ENTRY_WRITABLE 2u
#define ENTRY_LARGE 0x80u /* 2 MiB */

#define CR0_PE (1u << 0)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_PG (1u << 31)
#define CR4_PAE (1u << 5)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)

#define BYTES(x) (x) & 0xff, (x) >> 8 & 0xff, (x) >> 16 & 0xff, (x) >> 24 & 0xff

static const unsigned char program[] = {
	0xb9, BYTES(ROUNDS),	       /* mov $ROUNDS, %ecx */
	0xff, 0x04, 0x25, BYTES(COUNTER), /* 1: incl COUNTER */
	0xff, 0xc9,		       /* dec %ecx */
	0x75, 0xf5,		       /* jnz 1b */
	0xf4,			       /* hlt */
};

static bool
fail(int fd, const char *what)
{
	dprintf(fd, "%s: %s", what, strerror(errno));
	return false;
}

static void
prepare_memory(unsigned char *memory)
{
	const unsigned int table = ENTRY_PRESENT | ENTRY_WRITABLE;

	*(uint64_t *)(memory + PML4) = PDPT | table;
	*(uint64_t *)(memory + PDPT) = DIRECTORY | table;
	*(uint64_t *)(memory + DIRECTORY) = 0 | table | ENTRY_LARGE;
	memcpy(memory + CODE, program, sizeof(program));
}

/* A CPU that is about to execute the program. */
static bool
prepare_cpu(int cpu, int fd)
{
	const struct kvm_segment code = {.limit = 0xffffffff, .selector = 8, .type = 11,
					 .present = 1, .s = 1, .l = 1, .g = 1};
	const struct kvm_segment data = {.limit = 0xffffffff, .selector = 16, .type = 3,
					 .present = 1, .s = 1, .db = 1, .g = 1};
	struct kvm_regs regs = {.rip = CODE, .rflags = 2}; /* bit 1 is always set */
	struct kvm_sregs sregs;

	if (ioctl(cpu, KVM_GET_SREGS, &sregs) != 0)
		return fail(fd, "KVM_GET_SREGS");
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr3 = PML4;
	sregs.cr4 = CR4_PAE;
	sregs.cr0 = CR0_PE | CR0_NE | CR0_WP | CR0_PG;
	sregs.efer = EFER_LME | EFER_LMA;
	if (ioctl(cpu, KVM_SET_SREGS, &sregs) != 0)
		return fail(fd, "KVM_SET_SREGS");
	if (ioctl(cpu, KVM_SET_REGS, &regs) != 0)
		return fail(fd, "KVM_SET_REGS");
	return true;
}

/* What is open ends with the process. */
static bool
run_guest(const char *path, int fd)
{
	struct kvm_userspace_memory_region region = {.memory_size = GUEST_MEMORY};
	const struct kvm_run *run;
	unsigned char *memory;
	int kvm, vm, cpu, size;

	kvm = open(path, O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return fail(fd, path);
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		dprintf(fd, "it does not answer as KVM");
		return false;
	}
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		return fail(fd, "KVM_CREATE_VM");
	memory =
		mmap(NULL, GUEST_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return fail(fd, "memory for a guest");
	prepare_memory(memory);
	region.userspace_addr = (uintptr_t)memory;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) != 0)
		return fail(fd, "KVM_SET_USER_MEMORY_REGION");
	cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (cpu < 0)
		return fail(fd, "KVM_CREATE_VCPU");
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(*run))
		return fail(fd, "KVM_GET_VCPU_MMAP_SIZE");
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	if (run == MAP_FAILED)
		return fail(fd, "a CPU's memory");
	if (!prepare_cpu(cpu, fd))
		return false;
	if (ioctl(cpu, KVM_RUN, 0) != 0)
		return fail(fd, "KVM_RUN");
	if (run->exit_reason != KVM_EXIT_HLT) {
		dprintf(fd, "the guest ended with exit reason %u instead of HLT", run->exit_reason);
		return false;
	}
	if (*(volatile uint32_t *)(memory + COUNTER) != ROUNDS) {
		dprintf(fd, "the guest ended without having done its work");
		return false;
	}
	dprintf(fd, "ok");
	return true;
}

static enum guest_state
try_guest(char why[PROBE_WHY])
{
	return child_run(run_guest, "/dev/kvm", GUEST_SECONDS, why, PROBE_WHY) ? GUEST_RUNS
									      : GUEST_FAILS;
}

#else

static enum guest_state
try_guest(char why[PROBE_WHY])
{
	why[0] = '\0';
	return GUEST_UNKNOWN;
}

#endif

enum guest_state
probe_guest(const struct probe *p, char why[PROBE_WHY])
{
	if (probe_is_here(p))
		return try_guest(why);
	if (!probe_answer(p, "kvm", why, PROBE_WHY))
		return GUEST_UNKNOWN;
	return strcmp(why, "runs") == 0 ? GUEST_RUNS : GUEST_FAILS;
}
