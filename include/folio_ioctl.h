/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR BSD-3-Clause */
/*
 * Copyright(c) 2026 The folio authors
 */

#ifndef FOLIO_IOCTL_H
#define FOLIO_IOCTL_H

/**
 * @file
 * What the kernel module folio.ko and user space say to each other.
 *
 * - /dev/folioN (N = 0, 1, ...) is BAR2 of an ivshmem device (PCI 1af4:1110), one file a device. The
 *   region is there as long as the device is.
 * - /dev/folio_alloc makes memory of the machine shared: each open file is a region of its own, empty
 *   until FOLIO_IOCTL_ALLOC.
 *
 * mmap() maps any page-aligned part of the region, MAP_SHARED only, decrypted (shared with the host)
 * in a confidential VM, and write-back as far as the kernel lets it (see caching below). Children
 * do not inherit the mapping. Errors: EINVAL beyond the region, or not MAP_SHARED; EPERM executable.
 *
 * One owner at a time: a second open() of /dev/folioN fails with EBUSY. The region is zeroed when the
 * owner's last reference (file or mapping) goes by close, exit or SIGKILL, before anybody else can
 * open it: an open() waits for that. Memory of /dev/folio_alloc is then made private again and
 * freed.
 *
 * Errors, all calls: ENOTTY unknown request; EFAULT bad pointer; ENODEV the device was removed;
 * EINVAL a reserved field is not zero. Thread safe: calls on one file serialise in the kernel.
 */

#include <linux/ioctl.h>
#include <linux/types.h>

/** Version of this interface. New fields come out of reserved ones, which are zero until then. */
#define FOLIO_IOCTL_VERSION 1

/** Where the memory of a region comes from. */
enum folio_ioctl_kind {
	FOLIO_IOCTL_KIND_BAR = 1,   /**< a PCI BAR: the host chose it */
	FOLIO_IOCTL_KIND_ALLOC = 2, /**< this machine's memory, converted to shared */
};

/** How user space's mapping of a region is cached. */
enum folio_ioctl_caching {
	FOLIO_IOCTL_CACHING_UNKNOWN = 0,
	FOLIO_IOCTL_CACHING_WRITE_BACK = 1,
	FOLIO_IOCTL_CACHING_WRITE_COMBINING = 2,
	FOLIO_IOCTL_CACHING_UNCACHED = 3, /**< e.g. because an MTRR says so: reads are very slow */
};

/** Set in folio_ioctl_info.flags: memory encryption is active, the region is outside of it. */
#define FOLIO_IOCTL_DECRYPTED (1u << 0)

/** Answer of FOLIO_IOCTL_INFO. */
struct folio_ioctl_info {
	__u32 version; /**< FOLIO_IOCTL_VERSION of the module */
	__u32 kind;    /**< enum folio_ioctl_kind */
	__u32 caching; /**< enum folio_ioctl_caching */
	__u32 flags;   /**< FOLIO_IOCTL_DECRYPTED */
	__u64 size;    /**< bytes of the region; 0: nothing allocated yet */
	__u32 chunks;  /**< physically contiguous pieces; 1 for a BAR */
	__u32 node;    /**< NUMA node of the memory; ~0: unknown or several */
	__u64 reserved[4];
};

/** Describe the region. */
#define FOLIO_IOCTL_INFO _IOR('f', 0xf0, struct folio_ioctl_info)

/** Argument of FOLIO_IOCTL_ALLOC. */
struct folio_ioctl_alloc {
	__u64 size; /**< bytes, a multiple of the page size, at most the module's max_alloc */
	__u32 node; /**< NUMA node to prefer; ~0: any */
	__u32 reserved;
};

/**
 * /dev/folio_alloc only, once a file: allocate zeroed memory in pieces of 2 MiB where there are any,
 * and share it with the host.
 *
 * Errors: EINVAL size or node out of range; EEXIST there is memory already; ENOMEM not enough of it, or
 * beyond max_alloc
 * (all files together); EIO the platform refused to share it (what could not be taken back is leaked).
 */
#define FOLIO_IOCTL_ALLOC _IOW('f', 0xf1, struct folio_ioctl_alloc)

/** One physically contiguous piece of a region. */
struct folio_ioctl_chunk {
	__u64 gpa; /**< guest-physical address of its first byte */
	__u64 len; /**< bytes, a multiple of the page size */
};

/** Argument of FOLIO_IOCTL_CHUNKS. */
struct folio_ioctl_chunks {
	__u64 out;   /**< user pointer to an array of struct folio_ioctl_chunk */
	__u32 first; /**< index of the first chunk wanted */
	__u32 count; /**< in: room in the array; out: chunks written */
};

/**
 * Where the region lies in guest-physical memory, in the order of the mapping: the offset of a chunk
 * is the sum of the lengths before it.
 *
 * Errors: ENXIO first is beyond the last chunk.
 */
#define FOLIO_IOCTL_CHUNKS _IOWR('f', 0xf2, struct folio_ioctl_chunks)

#endif /* FOLIO_IOCTL_H */
