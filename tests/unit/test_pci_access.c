/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * How a PCI function is opened, on folders that look like sysfs and /dev. vfio's ioctls, and what
 * the kernel does with an access, are tested in a guest.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"
#include "virtio/pci.h"

#define ADDRESS "0000:00:03.0"
#define NAME "virtio=" ADDRESS

struct env {
	void *dir;
	char device[PATH_MAX]; /* its folder */
	struct folio_pci_place place;
};

static void
path_of(const struct env *e, const char *name, char *path)
{
	assert_true(snprintf(path, PATH_MAX, "%s/%s", e->device, name) < PATH_MAX);
}

static void
write_file(const struct env *e, const char *name, const void *data, size_t len)
{
	char path[PATH_MAX];
	FILE *f;

	path_of(e, name, path);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void
write_text(const struct env *e, const char *name, const char *text)
{
	write_file(e, name, text, strlen(text));
}

static void
link_to(const struct env *e, const char *name, const char *target)
{
	char path[PATH_MAX];

	path_of(e, name, path);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static void
remove_file(const struct env *e, const char *name)
{
	char path[PATH_MAX];

	path_of(e, name, path);
	assert_int_equal(unlink(path), 0);
}

static int
setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));
	uint8_t config[256] = {0xf4, 0x1a, 0x41, 0x10};

	if (e == NULL || util_dir_setup(&e->dir) != 0)
		return -1;
	snprintf(e->device, sizeof(e->device), "%s/" ADDRESS, (const char *)e->dir);
	e->place = (struct folio_pci_place){.address = ADDRESS, .sysfs = e->dir, .dev = e->dir};
	if (mkdir(e->device, 0700) != 0)
		return -1;
	write_text(e, "enable", "1\n");
	write_text(e, "resource",
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		   "0x00000000febf1000 0x00000000febf1fff 0x0000000000040200\n"
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		   "0x00000000fe000000 0x00000000fe003fff 0x000000000014220c\n"
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
	write_file(e, "config", config, sizeof(config));
	*state = e;
	return 0;
}

static int
teardown(void **state)
{
	struct env *e = *state;
	int ret = util_dir_teardown(&e->dir);

	free(e);
	return ret;
}

/* Refused with this errno and a line that says so; nothing stays open. */
static void
check_refused(const struct env *e, const char *name, int error, const char *says)
{
	unsigned int fds = util_open_fds();
	struct folio_error err = {.text = ""};
	struct folio_pci_access a;

	assert_int_equal(folio_pci_access_open(&a, &e->place, NULL, name, &err), error);
	if (strstr(err.text, says) == NULL || strncmp(err.text, name, strlen(name)) != 0)
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	assert_null(a.ops);
	assert_int_equal(util_open_fds(), fds);
}

static void
test_reads_and_writes(void **state)
{
	static const uint8_t command[2] = {6, 0};
	const struct env *e = *state;
	unsigned int fds = util_open_fds();
	struct folio_error err;
	struct folio_pci_access a;
	uint8_t got[256];

	assert_int_equal(folio_pci_access_open(&a, &e->place, NULL, NAME, &err), 0);
	assert_false(a.has_bars);
	assert_int_equal(a.size[1], 0x1000);
	assert_int_equal(a.size[4], 0x4000);
	assert_int_equal(a.size[0] | a.size[2] | a.size[3] | a.size[5], 0);
	assert_int_equal(a.domain | a.bus, 0);
	assert_int_equal(a.devfn, 3 << 3);
	assert_true(folio_pci_read(&a, FOLIO_PCI_CONFIG, 0, got, sizeof(got)));
	assert_int_equal(got[0], 0xf4);
	assert_true(folio_pci_write(&a, FOLIO_PCI_CONFIG, 4, command, 2));
	assert_true(folio_pci_read(&a, FOLIO_PCI_CONFIG, 4, got, 2));
	assert_memory_equal(got, command, 2);
	/* In part is not at all. */
	assert_false(folio_pci_read(&a, FOLIO_PCI_CONFIG, 200, got, sizeof(got)));
	folio_pci_access_close(&a);
	folio_pci_access_close(&a);
	assert_int_equal(util_open_fds(), fds);
}

static void
test_addresses(void **state)
{
	static const char *const bad[] = {"",	     "0", "0000:00:03", "0000:00:03.0x",
					  "zz:03.0", "/sys"};
	struct env *e = *state;
	struct folio_pci_access a;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		e->place.address = bad[i];
		check_refused(e, NAME, -EINVAL, "is not a PCI address");
	}
	e->place.address = "0000:00:07.0";
	check_refused(e, NAME, -ENODEV, "no such PCI device");
	e->place.address = "00:03.0";
	assert_int_equal(folio_pci_access_open(&a, &e->place, NULL, NAME, NULL), 0);
	folio_pci_access_close(&a);
}

/* The line says how to unbind it; we do not. */
static void
test_bound_to_a_driver(void **state)
{
	const struct env *e = *state;

	link_to(e, "driver", "../../../bus/pci/drivers/virtio-pci");
	check_refused(e, NAME, -EBUSY, "is bound to the driver virtio-pci: unbind it: cd ");
	check_refused(e, NAME, -EBUSY,
		      "echo none > driver_override; echo " ADDRESS " > driver/unbind");
}

static void
test_enabled(void **state)
{
	const struct env *e = *state;
	struct folio_pci_access a;
	char path[PATH_MAX], text[2] = "";
	int fd;

	write_text(e, "enable", "0\n");
	assert_int_equal(folio_pci_access_open(&a, &e->place, NULL, NAME, NULL), 0);
	folio_pci_access_close(&a);
	path_of(e, "enable", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, 1), 1);
	close(fd);
	assert_string_equal(text, "1");
	remove_file(e, "enable");
	check_refused(e, NAME, -ENOENT, "cannot enable the device");
}

static void
test_configuration_space(void **state)
{
	const struct env *e = *state;
	uint8_t config[256] = {0};
	char path[PATH_MAX];
	int fd;

	/* As it is for who is not root. */
	write_file(e, "config", config, 64);
	check_refused(e, NAME, -EACCES, "CAP_SYS_ADMIN is needed");
	write_file(e, "config", config, sizeof(config));
	path_of(e, "config", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	check_refused(e, NAME, -EBUSY, "somebody else drives the device");
	close(fd);
	remove_file(e, "config");
	check_refused(e, NAME, -ENOENT, "/config for writing");
}

static void
test_vfio_without_what_it_needs(void **state)
{
	const struct env *e = *state;
	char path[PATH_MAX];

	link_to(e, "driver", "../../../bus/pci/drivers/vfio-pci");
	check_refused(e, NAME, -ENODEV, "belongs to no group");
	link_to(e, "iommu_group", "../../../kernel/iommu_groups/7");
	check_refused(e, NAME, -ENOENT, "vfio/noiommu-7: ");
	assert_true(snprintf(path, sizeof(path), "%s/vfio", (const char *)e->dir) < PATH_MAX);
	assert_int_equal(mkdir(path, 0700), 0);
	link_to(e, "../vfio/7", "/dev/null");
	check_refused(e, NAME, -ENOENT, "vfio/vfio: ");
	link_to(e, "../vfio/vfio", "/dev/null");
	check_refused(e, NAME, -ENOTSUP, "vfio has no type1");
	remove_file(e, "../vfio/7");
	link_to(e, "../vfio/noiommu-7", "/dev/null");
	check_refused(e, NAME, -ENOTSUP, "vfio has no noiommu mode");
}

/* The transport says the same, and leaves nothing behind. */
static void
test_transport(void **state)
{
	struct env *e = *state;
	const struct folio_virtio_pci_config cfg = {.place = e->place};
	unsigned int fds = util_open_fds();
	struct folio_virtio_pci p;
	struct folio_error err;

	assert_int_equal(folio_virtio_pci_open(&p, &cfg, &err), 0);
	/* A file that looks like a device has no capabilities. */
	assert_int_equal(folio_virtio_pci_transport.reach(&p, &err), -EPROTO);
	assert_non_null(strstr(err.text, NAME " has no capability list"));
	folio_virtio_pci_close(&p);
	remove_file(e, "config");
	assert_int_equal(folio_virtio_pci_open(&p, &cfg, &err), -ENOENT);
	folio_virtio_pci_close(&p);
	assert_int_equal(util_open_fds(), fds);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_reads_and_writes),	TEST(test_addresses),
		TEST(test_bound_to_a_driver),	TEST(test_enabled),
		TEST(test_configuration_space), TEST(test_vfio_without_what_it_needs),
		TEST(test_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
