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
 * - /dev/folioN (N = 0, 1, ...) is BAR2 of an ivshmem device (PCI 1af4:1110), one file a device.
 *   The region is there as long as the device is.
 * - /dev/folio_alloc makes memory of the machine shared: each open file is a region of its own,
 *   empty until FOLIO_IOCTL_ALLOC.
 *
 * Who opens a file for writing owns what is behind it. Who opens it for reading only owns nothing,
 * disturbs nobody, and may ask for FOLIO_IOCTL_INFO: everything else is EACCES, mmap() too. Whoever
 * the permissions of the file let write to it may so learn the physical addresses of the region,
 * and only those (FOLIO_IOCTL_CHUNKS).
 *
 * mmap() maps any page-aligned part of the region, MAP_SHARED only, decrypted (shared with the
 * host) in a confidential VM, and write-back as far as the kernel lets it (see caching below).
 * Children do not inherit the mapping, whatever madvise() was told. Errors: EINVAL beyond the
 * region, or not MAP_SHARED; EPERM executable; ENOMEM. Pages of a BAR are mapped by the first
 * access to a block of 2 MiB, memory is mapped at once.
 *
 * One owner at a time: a second open() of /dev/folioN for writing fails with EBUSY. The region is
 * zeroed when the owner's last reference (file or mapping) goes by close, exit or SIGKILL, before
 * anybody else can own it: an open() waits for that. Memory of /dev/folio_alloc is then made
 * private again and freed; as long as somebody still has a page of it pinned, or a device that was
 * named may write to it, it stays shared, zeroed and counted, and the module looks again each
 * second.
 *
 * Errors, all calls: ENOTTY unknown request; EFAULT bad pointer; ENODEV the device was removed;
 * EINVAL a reserved field is not zero; EACCES the file is not open for writing; EINTR a fatal
 * signal. Thread safe.
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
	__u64 size; /**< bytes, a multiple of the page size (and of min_chunk) */
	__u32 node; /**< NUMA node to prefer; ~0: any */
	/**
	 * Bytes that every chunk must have at least, a power of two from the page size to 2 MiB; 0:
	 * any. Modules that do not know it answer EINVAL.
	 */
	__u32 min_chunk;
};

/**
 * /dev/folio_alloc only: allocate zeroed memory in pieces of 2 MiB where there are any, and share
 * it with the host. It lies behind what the file has already; of calls at the same time, any may be
 * first. (Modules that give a file memory only once answer EEXIST.)
 *
 * The memory is never swapped, and counts three times: for the module's parameter max_alloc, for
 * the memory cgroup of the caller (but not what comes from the parameter reserve), and for its
 * locked memory: without CAP_IPC_LOCK, RLIMIT_MEMLOCK is the limit. May take seconds.
 *
 * Errors: EINVAL size, node or min_chunk out of range; ENOMEM not enough memory, not enough in
 * pieces of min_chunk, or beyond one of these limits; EIO the platform refused to share it.
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
 * Where the region lies in guest-physical memory, in the order of the mapping: the offset of a
 * chunk is the sum of the lengths before it.
 *
 * Errors: ENXIO first is beyond the last chunk.
 */
#define FOLIO_IOCTL_CHUNKS _IOWR('f', 0xf2, struct folio_ioctl_chunks)

/** Most devices that a file can name. */
#define FOLIO_IOCTL_MAX_DEVICES 8

/** Argument of FOLIO_IOCTL_DEVICE: which PCI device. */
struct folio_ioctl_device {
	__s32 fd;     /**< a file of the device's, open for writing; -1: none */
	__u32 domain; /**< of PCI address domain:bus:slot.function */
	__u32 bus;    /**< 0 to 255 */
	__u32 devfn;  /**< slot << 3 | function */
	__u64 reserved[4];
};

/**
 * Say that this PCI device, driven from user space, will write to the region. When the owner of the
 * region has gone, by SIGKILL too, the module switches off the device's bus mastering, reads that
 * back, waits 100 ms for what is on its way and looks once more, all before the region is zeroed
 * for the last time and given to anybody else. Memory is not freed before that succeeds; a BAR is
 * zeroed after ten tries, with a line in the log.
 *
 * To be called before the device is given an address of the region. fd is one of /dev/uioN,
 * /dev/vfio/N (the group) and /dev/vfio/devices/vfioN. The module holds it until the device is
 * stopped, so that the device stays with its driver: a close() by its owner does not reset it
 * before. With -1 the caller needs CAP_SYS_RAWIO, and the device may have no driver at all
 * (registers through sysfs).
 *
 * Limits: what is named cannot be taken back, other than by closing the file. A device that gets
 * another driver in between is that driver's to stop. Nothing keeps a living process that drives a
 * device without an IOMMU from starting it again, or from giving it addresses outside of the
 * region.
 *
 * Errors: EINVAL field out of range; EBADF fd; ENODEV no such device; EPERM fd is not a file of
 * this device's, or -1 without CAP_SYS_RAWIO; EBUSY a bridge, an ivshmem device of this module's,
 * or a driver of the kernel's has the device; EEXIST named already; ENOSPC FOLIO_IOCTL_MAX_DEVICES
 * are named; ENOMEM. Modules that do not know the request answer ENOTTY.
 */
#define FOLIO_IOCTL_DEVICE _IOW('f', 0xf3, struct folio_ioctl_device)

#endif /* FOLIO_IOCTL_H */
