/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_REGION_H
#define FOLIO_REGION_H

/*
 * Where shared memory comes from:
 *
 * memory/shm_file.c	a file on hugetlbfs, tmpfs or a disk. Who has which role is settled by a
 *			lock on the file, which the kernel drops when its owner dies.
 * memory/shm_node.c	in a virtual machine: a file of the kernel module.
 * memory/shm_bar.c	in a virtual machine without the module: BAR2 of an ivshmem device.
 * memory/shm_memfd.c	two sealed memfds of processes of one machine, passed over a socket: memory
 *			that the peer can neither cut nor, if it is ours, write.
 * region.c		what they have in common, and private memory for a loopback port.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <folio.h>

#include "memory/bar.h"
#include "native/layout.h"

struct folio_region_source;

/* Work on memory is done in pieces of so many bytes, one a tick, so that none takes long. */
#define FOLIO_REGION_PIECE (UINT64_C(16) << 20)

/* What folio_region_prepare() is at. */
enum folio_region_stage {
	FOLIO_REGION_RESERVING,
	FOLIO_REGION_RETIRING, /* the peer of a crashed predecessor is to let go */
	FOLIO_REGION_ZEROING,
	FOLIO_REGION_WIPING, /* what the predecessor wrote elsewhere */
	FOLIO_REGION_READY,
};

struct folio_region {
	int fd;		    /* -1: none */
	const struct folio_region_source *source; /* NULL: private memory */
	char *path;	    /* of fd */
	char *name;	    /* for people: the devarg that names the region */
	enum folio_role role;
	bool ours;	    /* folio made the file: it may grow, and the last one out removes it */
	bool guarded;	    /* file: no cleaner takes it for forgotten */
	bool fresh;	    /* this open created it, and the port is not up yet */
	bool allocates;	    /* device: folio_region_grow() allocates its memory */
	int numa_node;	    /* where its memory should be; negative: anywhere */
	uint32_t page_size; /* of the pages behind it */
	uint64_t size;	    /* when it was last looked at */
	uint64_t mapped;    /* bytes of an area; 0: not mapped */
	uint64_t area;	    /* bytes from the guest's area to the host's; 0: not mapped */
	uint64_t old_area;  /* guest: bytes that a crashed predecessor wrote */
	enum folio_region_stage stage; /* of a mapping */
	uint32_t waited;    /* ticks, for the peer of a predecessor */
	uint64_t prepared;  /* how far reserving and wiping have come */
	uint64_t zeroed;    /* how far a zeroing has come; 0: none is under way */
	uint64_t populated; /* how far the peer's area is populated */
	uint64_t posted;    /* offset of a header that was posted without mapping; 0: none */
	void *own;	    /* read-write */
	void *peer;	    /* read-only */
	const void *first;  /* device: its first page, read-only, to peek at */
	enum folio_caching caching;
	uint32_t read_cost; /* device: per cent of what reading private memory takes; 0: unknown */
	void *state;	    /* the source's own */
	char detail[64];    /* what it is, for people */
};

/*
 * Open the file, or create it (empty), and take the role. With `keep` a file that is created is not
 * marked as folio's own, so that nobody removes it at the end. Checks that it is a regular file and
 * writable, and for a guest that it is empty, zeroed or a folio region; or a character device of
 * the kernel module. A host touches nothing before a guest is there, whatever the file holds.
 *
 * Returns 0 or a negative errno with a line for the user; then nothing is left behind. See
 * folio_region_may_heal().
 */
int folio_region_open(struct folio_region *r, const char *path, enum folio_role role, bool keep,
		      struct folio_error *err);

/*
 * Did an open fail for what a peer may have done to a region of ours, and may undo (-EUCLEAN: it
 * holds something else, or there is a lease on it; -EAGAIN: it keeps being removed)? Then it is no
 * mistake of the user, and worth another try.
 */
bool folio_region_may_heal(int error);

/*
 * The same for BAR2 of an ivshmem device: through the kernel module if it has the device, else
 * through sysfs.
 */
int folio_region_open_pci(struct folio_region *r, const struct folio_pci_place *place,
			  enum folio_role role, struct folio_error *err);

/*
 * Look at the size again, and make the region at least size bytes long if it can grow; refuses if
 * it is fixed and too short.
 */
int folio_region_grow(struct folio_region *r, uint64_t size, struct folio_error *err);

/*
 * Private copy of the guest's header page, without mapping the areas. The region changes at any
 * moment; the copy does not. Returns false if it is too short.
 */
bool folio_region_peek(const struct folio_region *r, struct folio_wire_header *copy);

/*
 * Map both areas. With private memory (source NULL) the two areas are one. What follows until
 * folio_region_prepare() says 0 comes before anything else is done with the mapping but unmapping
 * it.
 *
 * Returns 0 or a negative errno with a line for the user.
 */
int folio_region_begin(struct folio_region *r, const struct folio_layout *l,
		       struct folio_error *err);

/*
 * A tick's work of making our area ready: have memory for it, let the peer of a predecessor that
 * crashed go, zero. Never sleeps.
 *
 * Returns 1 if there is more to do at the next tick, 0 if all is done, or a negative errno with a
 * line for the user, and nothing is mapped.
 */
int folio_region_prepare(struct folio_region *r, const struct folio_layout *l,
			 struct folio_error *err);

/* Both in one go, which takes as long as it takes: a second or more. */
int folio_region_map(struct folio_region *r, const struct folio_layout *l,
		     struct folio_error *err);

/* As folio_caching_is_weak(). */
bool folio_region_is_weak(const struct folio_region *r);

/*
 * Zero what we write, behind the header page: a piece of it. Touches no page that is never used.
 * True: that was the last piece, and the next call begins anew. In between nobody may write there.
 */
bool folio_region_zero(struct folio_region *r, const struct folio_layout *l);

/*
 * Resolve the page tables of what the peer writes, so that no burst takes a page fault for it: a
 * piece of it, as above. Does nothing once all is done, until it is told that the peer began anew.
 */
bool folio_region_populate(struct folio_region *r, const struct folio_layout *l);
void folio_region_populate_anew(struct folio_region *r);

/*
 * Host, nothing mapped: put a header where ours would be in this layout, to tell the guest why
 * there is nobody. Best effort; wiped by the next post, map or close.
 */
void folio_region_post(struct folio_region *r, const struct folio_layout *l,
		       const struct folio_wire_header *h);

/*
 * Control work of the region itself, at every tick: a socket is served. Never blocks, and does a
 * bounded amount of work.
 *
 * Returns 0; -EAGAIN with a line that says what it waits for; -EPROTO with a line if the peer sent
 * what is not acceptable.
 */
int folio_region_poll(struct folio_region *r, struct folio_error *err);

/* What to say of a region that was lost, e.g. "was removed, replaced or cut". */
const char *folio_region_lost_text(const struct folio_region *r);

/* The file was cut shorter than what is mapped, or memory of it is gone (see fault.h). */
bool folio_region_is_cut(const struct folio_region *r);

/*
 * The file was unlinked, replaced or cut, the device is gone: nobody will meet us there any more.
 */
bool folio_region_lost(const struct folio_region *r);

void folio_region_unmap(struct folio_region *r);

/*
 * Unmap, drop the role, remove the file if it is folio's own and nobody else has it, or if it was
 * cut to a size that folio never makes.
 */
void folio_region_close(struct folio_region *r);

#endif /* FOLIO_REGION_H */
