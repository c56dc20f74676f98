/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * BAR2 of an ivshmem device, on a folder that looks like sysfs and a file that looks like a BAR.
 * What needs a real device, the kernel module or a kernel that is locked down is tested in a guest.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/shm_source.h"
#include "native/region.h"
#include "boundary/shared.h"
#include "sysfs.h"
#include "util.h"

static struct folio_layout layout;

static void
open_bar(const struct sysfs *e, struct folio_region *r, enum folio_role role)
{
	struct folio_error err = {.text = ""};

	if (folio_region_open_pci(r, &e->place, role, &err) != 0)
		fail_msg("%s", err.text);
}

/* Refused with this error and a line that names the device and says so; nothing stays open. */
static void
check_role_refused(const struct sysfs *e, enum folio_role role, int error, const char *says)
{
	unsigned int fds = util_open_fds();
	struct folio_error err = {.text = ""};
	struct folio_region r;

	assert_int_equal(folio_region_open_pci(&r, &e->place, role, &err), error);
	if (strstr(err.text, says) == NULL || strstr(err.text, "pci=") != err.text)
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	assert_int_equal(r.fd, -1);
	assert_null(r.path);
	assert_null(r.name);
	assert_int_equal(util_open_fds(), fds);
}

static void
check_refused(const struct sysfs *e, int error, const char *says)
{
	check_role_refused(e, FOLIO_GUEST, error, says);
	check_role_refused(e, FOLIO_HOST, error, says);
}

static void
test_two_sides_meet(void **state)
{
	const struct sysfs *e = *state;
	struct folio_region guest, host;
	struct folio_wire_header h;
	struct folio_error err;

	open_bar(e, &guest, FOLIO_GUEST);
	open_bar(e, &host, FOLIO_HOST);
	assert_int_equal(guest.size, SYSFS_BAR_SIZE);
	assert_int_equal(guest.caching, FOLIO_CACHING_WRITE_COMBINING);
	assert_true(folio_region_is_weak(&guest));
	assert_true(guest.read_cost > 0);
	assert_non_null(strstr(guest.detail, "resource2_wc"));
	assert_int_equal(folio_region_grow(&guest, layout.region_size, &err), 0);
	assert_int_equal(folio_region_map(&guest, &layout, &err), 0);
	assert_int_equal(folio_region_map(&host, &layout, &err), 0);
	folio_put64(&folio_layout_header(guest.own)->magic, FOLIO_WIRE_MAGIC);
	folio_put32(&folio_layout_header(host.own)->queues, 7);
	assert_int_equal(folio_fetch64(&folio_layout_header(host.peer)->magic), FOLIO_WIRE_MAGIC);
	assert_int_equal(folio_fetch32(&folio_layout_header(guest.peer)->queues), 7);
	/* A host looks at the guest's header before it maps. */
	assert_true(folio_region_peek(&host, &h));
	assert_int_equal(folio_fetch64(&h.magic), FOLIO_WIRE_MAGIC);
	folio_region_close(&guest);
	folio_region_close(&host);
	sysfs_read(e, "resource2_wc", 0, &h, sizeof(h)); /* the file is still there */
}

static void
test_address_without_a_domain(void **state)
{
	struct sysfs *e = *state;
	struct folio_region r;

	e->place.address = "00:04.0";
	open_bar(e, &r, FOLIO_GUEST);
	folio_region_close(&r);
}

static void
test_uncached_is_what_is_left(void **state)
{
	const struct sysfs *e = *state;
	struct folio_region r;

	sysfs_remove(e, "resource2_wc");
	open_bar(e, &r, FOLIO_GUEST);
	assert_int_equal(r.caching, FOLIO_CACHING_UNCACHED);
	assert_false(folio_region_is_weak(&r));
	assert_null(strstr(r.detail, "wc"));
	folio_region_close(&r);
}

static void
test_bad_addresses(void **state)
{
	static const char *const bad[] = {"", "0", "0000:00:04", "0000:00:04.0x", "0000:00:04.0,",
					  "zz:04.0", "00:04.0 ", "/sys", "12345:00:04.0"};
	struct sysfs *e = *state;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		e->place.address = bad[i];
		check_refused(e, -EINVAL, "is not a PCI address");
	}
	e->place.address = "0000:00:05.0";
	check_refused(e, -ENODEV, "no such PCI device");
}

static void
test_wrong_device(void **state)
{
	const struct sysfs *e = *state;

	sysfs_write(e, "device", "0x1041\n");
	check_refused(e, -EINVAL, "is a device 1af4:1041: allowed is an ivshmem device, 1af4:1110");
	sysfs_write(e, "device", "0x1110\n");
	sysfs_write(e, "vendor", "0x8086\n");
	check_refused(e, -EINVAL, "is a device 8086:1110");
	sysfs_remove(e, "vendor");
	check_refused(e, -EINVAL, "is a device 0000:1110");
}

static void
test_no_memory_behind_it(void **state)
{
	static const char *const resources[] = {
		"", "junk\n",
		"0x0 0x0 0x0\n0x0 0x0 0x0\n0x0000000000000000 0x0000000000000000 0x0\n",
		"0x1000 0x10ff 0x40200\n",
		"0x1000 0x10ff 0x0\n0x0 0x0 0x0\n0x2000 0x1000 0x0\n",
		"0x1000 0x10ff 0x0\n0x0 0x0 0x0\n0x2000 0x20ff 0x0\n",
	};
	const struct sysfs *e = *state;
	size_t i;

	for (i = 0; i < ARRAY_LEN(resources); i++) {
		sysfs_write(e, "resource", resources[i]);
		check_refused(e, -EINVAL, "BAR2 has no memory");
	}
	sysfs_remove(e, "resource");
	check_refused(e, -EINVAL, "BAR2 has no memory");
}

static void
test_too_small(void **state)
{
	const struct sysfs *e = *state;
	struct folio_error err;
	struct folio_region r;

	open_bar(e, &r, FOLIO_GUEST);
	assert_int_equal(folio_region_grow(&r, SYSFS_BAR_SIZE, &err), 0);
	assert_int_equal(folio_region_grow(&r, SYSFS_BAR_SIZE + 4096, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "16777216 bytes, the geometry needs 16781312"));
	assert_non_null(strstr(err.text, "size=32M"));
	folio_region_close(&r);
}

static void
test_bound_to_a_driver(void **state)
{
	const struct sysfs *e = *state;
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/driver", e->device);
	assert_int_equal(symlink("../../../bus/pci/drivers/vfio-pci", path), 0);
	check_refused(e, -EBUSY, "is bound to the driver vfio-pci");
}

static void
test_decoding_is_switched_on(void **state)
{
	const struct sysfs *e = *state;
	struct folio_region r;
	char text[2] = "";

	sysfs_write(e, "enable", "0\n");
	open_bar(e, &r, FOLIO_GUEST);
	folio_region_close(&r);
	sysfs_read(e, "enable", 0, text, 1);
	assert_string_equal(text, "1");
	sysfs_remove(e, "enable");
	check_refused(e, -ENOENT, "cannot enable the device");
}

static void
test_no_resource_file(void **state)
{
	const struct sysfs *e = *state;

	sysfs_remove(e, "resource2");
	sysfs_remove(e, "resource2_wc");
	check_refused(e, -ENOENT, "resource2 for writing");
}

static void
test_role_is_taken(void **state)
{
	const struct sysfs *e = *state;
	struct folio_region first, second;
	struct folio_error err;

	open_bar(e, &first, FOLIO_GUEST);
	assert_int_equal(folio_region_open_pci(&second, &e->place, FOLIO_GUEST, &err), -EBUSY);
	assert_non_null(strstr(err.text, "role=guest is taken"));
	folio_region_close(&first);
	open_bar(e, &second, FOLIO_GUEST);
	folio_region_close(&second);
}

/*
 * A guest leaves it alone, and tries again until somebody clears it. A host, whose guest may have
 * written anything, waits for a sane one and touches nothing.
 */
static void
test_content_of_somebody_else(void **state)
{
	const struct sysfs *e = *state;
	char path[PATH_MAX + 32], text[14];
	struct folio_region r;

	sysfs_write(e, "resource2_wc", "Looking Glass");
	snprintf(path, sizeof(path), "%s/resource2_wc", e->device);
	assert_int_equal(truncate(path, SYSFS_BAR_SIZE), 0);
	check_role_refused(e, FOLIO_GUEST, -EUCLEAN, "starts with something else");
	assert_true(folio_region_may_heal(-EUCLEAN));
	open_bar(e, &r, FOLIO_HOST);
	folio_region_close(&r);
	sysfs_read(e, "resource2_wc", 0, text, 13);
	text[13] = '\0';
	assert_string_equal(text, "Looking Glass");
}

/* Nothing is behind the BAR any more when it is to be wiped. */
static int
discard_what_is_gone(void *arg)
{
	const struct sysfs *e = arg;
	char path[PATH_MAX + 32];
	struct folio_region r;

	if (folio_region_open_pci(&r, &e->place, FOLIO_GUEST, NULL) != 0)
		return 1;
	snprintf(path, sizeof(path), "%s/resource2_wc", e->device);
	if (truncate(path, 0) != 0)
		return 2;
	r.source->discard(&r, 0, SYSFS_BAR_SIZE);
	folio_region_close(&r);
	return 0;
}

static void
test_device_gone_while_wiped(void **state)
{
	assert_true(util_exited(util_run_child(discard_what_is_gone, *state), 0));
}

/* What a crashed guest with a larger geometry left is gone before the host's half lies there. */
static void
test_predecessor_is_wiped(void **state)
{
	const struct folio_geometry larger = {.queues = 2, .ring_size = 1024, .slot_size = 1024,
					      .page_shift = 12};
	/* Smaller, and with space behind what it uses that was in use before. */
	const struct folio_geometry smaller = {.queues = 1, .ring_size = 64, .slot_size = 256,
					       .page_shift = 18};
	const struct sysfs *e = *state;
	struct folio_layout old, new;
	struct folio_region r;
	uint8_t *content = malloc(SYSFS_BAR_SIZE);

	assert_non_null(content);
	assert_int_equal(folio_layout_init(&old, &larger, SYSFS_BAR_SIZE, NULL), 0);
	assert_int_equal(folio_layout_init(&new, &smaller, SYSFS_BAR_SIZE, NULL), 0);
	assert_true(old.area_size > new.area_size && new.area_size > new.used + FOLIO_WIRE_PAGE);
	open_bar(e, &r, FOLIO_GUEST);
	assert_int_equal(folio_region_map(&r, &old, NULL), 0);
	folio_put32(&folio_layout_header(r.own)->queues, larger.queues);
	folio_put32(&folio_layout_header(r.own)->ring_size, larger.ring_size);
	folio_put32(&folio_layout_header(r.own)->slot_size, larger.slot_size);
	folio_put32(&folio_layout_header(r.own)->page_shift, larger.page_shift);
	folio_put64(&folio_layout_header(r.own)->magic, FOLIO_WIRE_MAGIC);
	memset((uint8_t *)r.own + old.data_off, 0x5a, old.used - old.data_off);
	memset((uint8_t *)r.own + old.meta_off, 0x5a, old.data_off - old.meta_off);
	folio_region_close(&r); /* no wipe: as after SIGKILL */

	open_bar(e, &r, FOLIO_GUEST);
	assert_int_equal(r.old_area, old.area_size);
	assert_int_equal(folio_region_map(&r, &new, NULL), 0);
	folio_region_close(&r);
	sysfs_read(e, "resource2_wc", 0, content, SYSFS_BAR_SIZE);
	assert_true(util_all_bytes(content, 0, old.area_size));
	free(content);
}

static void
test_device_that_goes_away(void **state)
{
	const struct sysfs *e = *state;
	struct folio_region r;

	open_bar(e, &r, FOLIO_GUEST);
	assert_int_equal(folio_region_map(&r, &layout, NULL), 0);
	assert_false(folio_region_lost(&r));
	assert_false(folio_region_is_cut(&r));
	sysfs_remove(e, "resource2_wc");
	assert_true(folio_region_lost(&r));
	assert_true(folio_region_is_cut(&r));
	sysfs_make_bar(e, "resource2_wc", SYSFS_BAR_SIZE); /* another device in its place */
	assert_true(folio_region_lost(&r));
	folio_region_close(&r);
}

/* A device that the kernel module has is used through its file, and only so. */
static void
test_module_has_the_device(void **state)
{
	const struct sysfs *e = *state;
	char path[PATH_MAX + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/folio", e->device);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/folio/folio7", e->device);
	assert_int_equal(mkdir(path, 0700), 0);
	check_refused(e, -ENOENT, "/folio7 for writing");
	snprintf(path, sizeof(path), "%s/folio7", (const char *)e->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	check_refused(e, -EINVAL, "nor a device of the folio kernel module");
}

int
main(void)
{
	const struct folio_geometry small = {.queues = 1, .ring_size = 64, .slot_size = 256,
					     .page_shift = 12};
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, sysfs_setup, sysfs_teardown)
		CASE(test_two_sides_meet),
		CASE(test_address_without_a_domain),
		CASE(test_uncached_is_what_is_left),
		CASE(test_bad_addresses),
		CASE(test_wrong_device),
		CASE(test_no_memory_behind_it),
		CASE(test_too_small),
		CASE(test_bound_to_a_driver),
		CASE(test_decoding_is_switched_on),
		CASE(test_no_resource_file),
		CASE(test_role_is_taken),
		CASE(test_content_of_somebody_else),
		CASE(test_device_gone_while_wiped),
		CASE(test_predecessor_is_wiped),
		CASE(test_device_that_goes_away),
		CASE(test_module_has_the_device),
	};

	if (folio_layout_init(&layout, &small, 0, NULL) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
