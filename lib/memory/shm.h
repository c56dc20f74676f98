/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_SHM_H
#define FOLIO_SHM_H

/*
 * Shared memory of a datapath whose other end is a device: one mapping, read-write, and where the
 * device finds each byte of it. It holds rings and buffers and nothing else; the device may write
 * all of it at any moment.
 *
 * A device address is an offset, a guest-physical address, or whatever the transport agrees on: it
 * comes from the table here, which is private, and is never read back from anywhere.
 *
 * Control thread only.
 */

#include <stdbool.h>
#include <stdint.h>

#include <folio.h>

/* Pieces that memory of the kernel module may come in: 1 GiB of 2 MiB. */
#define FOLIO_SHM_PIECES 512u

/* A part of the memory that is contiguous for the device. */
struct folio_shm_piece {
	uint64_t offset; /* from the first byte of the mapping */
	uint64_t addr;	 /* device address of that */
	uint64_t len;
};

enum folio_shm_kind {
	FOLIO_SHM_MEMFD, /* made by us, sealed: nobody can cut it */
	FOLIO_SHM_FILE,	 /* somebody may cut it */
	FOLIO_SHM_BAR,	 /* of an ivshmem device: through sysfs, or the kernel module */
	FOLIO_SHM_ALLOC, /* of this guest, shared by the kernel module */
};

struct folio_shm {
	enum folio_shm_kind kind;
	int fd;		    /* for FOLIO_IOCTL_*, or to be passed to a back end; -1: not open */
	bool decrypted;	    /* the guest's memory is encrypted but for this */
	bool module;	    /* fd is a file of the kernel module: FOLIO_IOCTL_* are for it */
	uint8_t *base;	    /* read-write; NULL: not open */
	uint64_t size;	    /* bytes mapped */
	uint32_t page_size; /* of the pages behind it */
	int numa_node;	    /* where it was asked for; negative: anywhere */
	enum folio_caching caching;
	char detail[64];    /* what it is, for people */
	char *path;	    /* where fd was found, if it can be lost there; else NULL */
	bool made;	    /* folio made the file: it goes at close */
	uint32_t pieces;    /* by offset, without gaps */
	struct folio_shm_piece piece[FOLIO_SHM_PIECES];
};

/* What to open. Exactly one of path and pci, or neither: a sealed memfd of ours. */
struct folio_shm_config {
	const char *path; /* regular file, /dev/folioN, or /dev/folio_alloc */
	const char *pci;  /* ivshmem device, e.g. 0000:00:04.0 */
	uint64_t size;	  /* bytes wanted, at most FOLIO_SHM_SIZE_MAX; rounded up to whole pages */
	int numa_node;	  /* negative: anywhere */
	bool needs_addr;  /* a device with guest-physical addresses: no file or memfd */
	const char *sysfs, *dev; /* as of struct folio_pci_place, in tests; NULL: the real ones */
};

#define FOLIO_SHM_SIZE_MAX (UINT64_C(1) << 40)

/*
 * Strings of a configuration that outlives whoever gave them: copies, NULL for NULL. 0 or -ENOMEM;
 * dropped in either case.
 */
int folio_shm_config_keep(struct folio_shm_config *cfg, const char *path, const char *pci);
void folio_shm_config_drop(struct folio_shm_config *cfg);

/* Does memory at this path come in pieces? NULL: no. */
bool folio_shm_comes_in_pieces(const char *path);

/* Files and memfds have device addresses from here on, made up. */
#define FOLIO_SHM_BASE (UINT64_C(4) << 30)

/*
 * Open, map, zero. No other port of folio's has the same memory. A file that is not there is made,
 * and goes at close; of one that is there, too short or with something else in it than zeroes, only
 * what folio made is taken (after a crash). Takes as long as populating so many bytes takes; on
 * /dev/folio_alloc seconds.
 *
 * Returns 0, or a negative errno with a line for the user that names the devarg; then nothing is
 * left behind. -EUCLEAN and -EAGAIN are as of folio_region_may_heal().
 */
int folio_shm_open(struct folio_shm *m, const struct folio_shm_config *cfg,
		   struct folio_error *err);

/*
 * Device address of len bytes, at least one, from offset on. Returns false if they are not
 * contiguous for the device, or not all within the memory.
 */
bool folio_shm_addr(const struct folio_shm *m, uint64_t offset, uint64_t len, uint64_t *addr);

/*
 * Is memory of it gone (a file was cut or removed, a device removed)? Whoever touches what is gone
 * gets private memory in place of all of it. Some system calls, so not for a burst.
 */
bool folio_shm_is_lost(const struct folio_shm *m);

/* Zero all of it. No device may use it any more. */
void folio_shm_wipe(struct folio_shm *m);

/* Wipe, unmap, close. Twice is fine. */
void folio_shm_close(struct folio_shm *m);

#endif /* FOLIO_SHM_H */
