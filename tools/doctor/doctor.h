/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef DOCTOR_H
#define DOCTOR_H

/*
 * What the areas of folio-doctor tell each other. Each area looks (probe.h), keeps here what others
 * need to know, and adds lines to the report (report.h); roles.c draws the conclusion.
 */

#include <stdbool.h>
#include <stdint.h>

#include "probe.h"
#include "report.h"

#define MAX_DEVICES 16
#define MAX_NODES 16

enum machine_kind {
	MACHINE_BARE,
	MACHINE_VM,
	MACHINE_SEV,
	MACHINE_SEV_ES,
	MACHINE_SEV_SNP,
	MACHINE_TDX,
	MACHINE_CCA,
};

/* An ivshmem device, as sysfs shows it. */
struct device {
	char bdf[PROBE_NAME];
	uint64_t bar;	   /* bus address of BAR2, 0: none assigned */
	uint64_t size;	   /* of BAR2 */
	bool decodes;	   /* the device answers to accesses to its BARs */
	char driver[PROBE_NAME]; /* empty: none */
	bool has_wc;	   /* resource2_wc */
	int map_errno;	   /* what mapping resource2 brought; 0: it can be mapped */
	char node[PROBE_NAME];   /* "folio0" if the kernel module made one for it */
};

/* A file that the kernel module made in /dev. */
struct node {
	char name[PROBE_NAME];
	int open_errno;
	struct folio_ioctl_info info;
};

struct options {
	unsigned int role; /* one of ROLE_*, 0: what the machine suggests */
	const char *plugin;
	bool no_dpdk;
	bool json;
};

struct doctor {
	struct options opt;
	struct probe probe;
	struct report report;

	enum machine_kind kind;
	bool locked_down;	  /* the kernel forbids mapping BARs through sysfs */
	bool signed_only;	  /* it takes signed modules only */
	bool module_loaded;
	uint64_t region_size;	  /* what the default geometry needs on ordinary pages */
	struct device devices[MAX_DEVICES];
	unsigned int n_devices;
	struct node nodes[MAX_NODES];
	unsigned int n_nodes;

	/* What roles.c decides on. */
	char guest_path[64];	  /* devarg for the best region of a guest, empty: none */
	char host_path[256];	  /* where a host can put a region, empty: nowhere */
	bool plugin_ok;
};

/* Look only; before anything is reported. */
void machine_look(struct doctor *d);
void pci_look(struct doctor *d);
void module_look(struct doctor *d);

/* Report, in this order. */
void machine_report(struct doctor *d);
void kernel_report(struct doctor *d);
void module_report(struct doctor *d);
void pci_report(struct doctor *d);
void virtio_report(struct doctor *d);
void memory_report(struct doctor *d);
void cpu_report(struct doctor *d);
void dpdk_report(struct doctor *d);

/* Which roles are judged here. Before anything is reported. */
unsigned int roles_choose(const struct doctor *d);

/* The conclusion. Returns whether folio can run in at least one of the roles. */
bool roles_report(struct doctor *d);

/* Bytes of a region with the default geometry, on pages of 1 << page_shift bytes. */
uint64_t region_bytes(unsigned int page_shift);

static inline bool
machine_is_confidential(const struct doctor *d)
{
	return d->kind >= MACHINE_SEV;
}

#endif /* DOCTOR_H */
