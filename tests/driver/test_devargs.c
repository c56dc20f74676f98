/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/*
 * Bad input: one clear line that names argument, value and what is allowed; nothing stays behind.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <folio_wire.h>
#include <rte_log.h>

#include "pair.h"

/* Attach with bad arguments; the log must have exactly one line of ours, with all of `words`. */
static void
expect_refused(const char *args, const char *const words[], size_t count)
{
	char *log = NULL, *line;
	size_t len = 0, i, lines = 0;
	FILE *f = open_memstream(&log, &len);
	uint16_t port;

	assert_non_null(f);
	rte_openlog_stream(f);
	assert_int_not_equal(attach("net_folio9", args, NULL), 0);
	rte_openlog_stream(NULL);
	fclose(f);
	assert_int_not_equal(rte_eth_dev_get_port_by_name("net_folio9", &port), 0);
	for (line = strstr(log, "folio: "); line != NULL; line = strstr(line + 1, "folio: "))
		lines++;
	if (lines != 1)
		fail_msg("%s: %zu lines instead of one: %s", args, lines, log);
	for (i = 0; i < count; i++) {
		if (strstr(log, words[i]) == NULL)
			fail_msg("%s: the line does not say \"%s\": %s", args, words[i], log);
	}
	free(log);
}

#define EXPECT_REFUSED(args, ...)                                                                \
	expect_refused(args, (const char *const[]){__VA_ARGS__},                                 \
		       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* The same, with a fresh path in front. */
static void
refused_with_path(const char *more, const char *key_value, const char *allowed)
{
	char path[128], args[320];

	region_path(path, sizeof(path));
	snprintf(args, sizeof(args), "path=%s,%s", path, more);
	EXPECT_REFUSED(args, key_value, allowed);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void
test_syntax(void **state)
{
	(void)state;
	EXPECT_REFUSED("", "path is missing", "loopback=1");
	EXPECT_REFUSED("role=guest", "path is missing");
	EXPECT_REFUSED("path=", "path= has no value");
	refused_with_path("rol=guest", "rol=guest is unknown", "allowed are role, path");
	refused_with_path("role=gues", "role=gues", "allowed are guest and host");
	refused_with_path("role=guesthost", "role=guesthost", "allowed are guest and host");
	refused_with_path("role=host,role=host", "role is given more than once", "once");
	refused_with_path("mac=1:2:3", "mac=1:2:3", "XX:XX:XX:XX:XX:XX");
	refused_with_path("mac=01:00:5e:00:00:01", "mac=01:00:5e:00:00:01", "not multicast");
	refused_with_path("mac=00:00:00:00:00:00", "mac=00:00:00:00:00:00", "not zero");
	refused_with_path("loopback=2", "loopback=2 is out of range", "0 to 1");
	refused_with_path("loopback=yes", "loopback=yes is not a decimal number", "0 to 1");
	refused_with_path("speed=11G", "speed=11G is unknown", "allowed are 10G, 20G, 25G");
	refused_with_path("speed=100", "speed=100 is unknown", "100G");
	refused_with_path("loopback=1", "loopback=1", "not allowed");
	EXPECT_REFUSED("loopback=1,role=host", "loopback=1", "not allowed");
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *key;
		const char *allowed;
		const char *bad[8];
	} keys[] = {
		{"queues", "1 to 64", {"0", "65", "65536", "4294967297", "-1", "+1", "1x", " 1"}},
		{"ring_size", "64 to 32768",
		 {"0", "32", "63", "65", "100", "32769", "65536", "-2048"}},
		{"slot_size", "256 to 65536",
		 {"0", "255", "65537", "131072", "4294967552", "2k", "0x800", "-256"}},
		{"size", "allowed is",
		 {"0", "-1", "12T", "M", "1MM", "1025G", "99999999999999999999", "1.5M"}},
	};
	char more[128], word[128];
	size_t k, i;

	(void)state;
	for (k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		for (i = 0; i < 8; i++) {
			snprintf(more, sizeof(more), "%s=%s", keys[k].key, keys[k].bad[i]);
			snprintf(word, sizeof(word), "%s=", keys[k].key);
			refused_with_path(more, word, keys[k].allowed);
		}
	}
}

/* Not every bad number is out of range. */
static void
test_not_decimal(void **state)
{
	static const char *const bad[] = {"queues=0x2", "queues=two", "queues=2.0", "queues=+2",
					  "queues=-2", "queues= 2", "ring_size=1K", "ring_size=1k",
					  "ring_size=2048x", "slot_size=0x800", "loopback=true"};
	static const char *const beyond[] = {"queues=65", "queues=4294967297", "ring_size=32769",
					     "queues=99999999999999999999", "slot_size=255"};
	char words[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(words, sizeof(words), "%s is not a decimal number", bad[i]);
		refused_with_path(bad[i], words, "allowed is");
	}
	for (i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		snprintf(words, sizeof(words), "%s is out of range", beyond[i]);
		refused_with_path(beyond[i], words, "allowed is");
	}
}

static void
test_good_sizes(void **state)
{
	static const char *const good[] = {"16777216", "16384K", "16M", "16m"};
	char path[128], args[320];
	struct stat st;
	uint16_t port;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		region_path(path, sizeof(path));
		snprintf(args, sizeof(args), "path=%s,size=%s", path, good[i]);
		assert_int_equal(attach("net_folio0", args, &port), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, 16 << 20);
		detach(port);
	}
}

static void
write_file(const char *path, size_t size, const void *content, size_t len)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (len > 0)
		assert_int_equal(pwrite(fd, content, len, 0), (ssize_t)len);
	close(fd);
}

/* The port is there, its link is down, and one line says for what it waits. */
static void
expect_waits(const char *args, const char *what, const char *why)
{
	char *log = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&log, &len);
	struct rte_eth_link link;
	uint16_t port;

	assert_non_null(f);
	rte_openlog_stream(f);
	assert_int_equal(attach("net_folio9", args, &port), 0);
	rte_openlog_stream(NULL);
	fclose(f);
	if (strstr(log, what) == NULL || strstr(log, why) == NULL)
		fail_msg("%s: no line says \"%s\" and \"%s\": %s", args, what, why, log);
	free(log);
	assert_int_equal(rte_eth_link_get_nowait(port, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
	detach(port);
}

/* A file that is not ours stays as it is, to the last byte. */
static void
test_foreign_files(void **state)
{
	char path[128], args[256], word[160], content[64] = "not a region at all", back[64] = "";
	struct stat st;
	int fd;

	(void)state;
	region_path(path, sizeof(path));
	snprintf(args, sizeof(args), "path=%s", path);
	snprintf(word, sizeof(word), "path=%s", path);

	write_file(path, 64 << 20, content, sizeof(content));
	/* It could be the work of a peer: the port is there, and waits. */
	expect_waits(args, word, "not a folio region");
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, back, sizeof(back)), sizeof(back));
	close(fd);
	assert_memory_equal(back, content, sizeof(content));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 64 << 20);

	write_file(path, 5000, NULL, 0);
	EXPECT_REFUSED(args, word, "not a folio region", "5000");
	write_file(path, 1 << 20, NULL, 0);
	EXPECT_REFUSED(args, word, "region too small", "1048576");
	unlink(path);

	EXPECT_REFUSED("path=/dev/shm", "path=/dev/shm", "directory");
	EXPECT_REFUSED("path=/dev/null", "path=/dev/null", "neither a regular file");
	EXPECT_REFUSED("path=/dev/folio9", "path=/dev/folio9", "load the folio kernel module");
	EXPECT_REFUSED("path=/dev/shm/one,two", "two= is unknown",
		       "no comma in a value, nor in a path");
	EXPECT_REFUSED("path=unix:", "path=unix:", "allowed are 1 to 107");
	EXPECT_REFUSED("path=unix:/nowhere/at/all,role=host", "path=unix:/nowhere", "No such file");
	EXPECT_REFUSED("path=unix:/run/folio.sock,size=16M", "size=16777216", "not allowed");
	EXPECT_REFUSED("path=/nowhere/at/all", "path=/nowhere/at/all", "No such file");
	EXPECT_REFUSED("path=/proc/version", "path=/proc/version");
	snprintf(args, sizeof(args), "path=%s,size=1M", path);
	EXPECT_REFUSED(args, "size=1048576 is too small", "need at least");
	assert_int_not_equal(access(path, F_OK), 0);
}

/* What is refused before there is a device. */
static void
test_pci(void **state)
{
	(void)state;
	EXPECT_REFUSED("pci=04.0", "pci=04.0 is not a PCI address", "e.g. 0000:00:04.0");
	EXPECT_REFUSED("pci=ffff:ff:1f.7", "pci=ffff:ff:1f.7", "no such PCI device");
	EXPECT_REFUSED("pci=ffff:ff:1f.7,role=host", "pci=ffff:ff:1f.7", "no such PCI device");
	EXPECT_REFUSED("pci=", "pci=", "no value");
	EXPECT_REFUSED("pci=0000:00:04.0,path=/x", "path=/x and pci=0000:00:04.0", "one of them");
	EXPECT_REFUSED("pci=0000:00:04.0,size=1M", "size=1048576 with pci=0000:00:04.0");
	EXPECT_REFUSED("pci=0000:00:04.0,loopback=1", "loopback=1", "pci");
}

/* What a port on a virtio device can not be told, and what it needs. */
static void
test_virtio(void **state)
{
	static const struct {
		const char *args;
		const char *says[2];
	} cases[] = {
		{"vhost_user=", {"vhost_user= has no value", ""}},
		{"virtio=", {"virtio= has no value", ""}},
		{"vhost_user=/x,vhost_user=/y", {"vhost_user is given more than once", "once"}},
		{"vhost_user=/x,virtio=0000:00:03.0",
		 {"vhost_user=/x and virtio=0000:00:03.0", "one of them"}},
		{"vhost_user=/x,role=host", {"the other end of vhost_user=", "role=host"}},
		{"vhost_user=/x,loopback=1", {"the other end of vhost_user=", "loopback=1"}},
		{"virtio=0000:00:03.0,role=host,path=/x",
		 {"the other end of virtio=", "role=host"}},
		{"virtio=0000:00:03.0,loopback=1", {"the other end of virtio=", "loopback=1"}},
		{"virtio=0000:00:03.0,server=1,path=/x",
		 {"server=1 with virtio=0000:00:03.0", "allowed is server=1 with vhost_user"}},
		{"virtio=0000:00:03.0",
		 {"virtio=0000:00:03.0 needs shared memory", "path=/dev/folio_alloc"}},
		{"vhost_user=/x,server=2", {"server=2 is out of range", "0 to 1"}},
		{"vhost_user=/x,packed=yes", {"packed=yes is not a decimal number", "0 to 1"}},
		{"vhost_user=/x,path=/y,pci=0000:00:04.0",
		 {"path=/y and pci=0000:00:04.0", "one of them"}},
		{"vhost_user=/x,pci=0000:00:04.0,size=1M",
		 {"size=1048576 with pci=", "not allowed"}},
		{"vhost_user=/x,pci=ffff:ff:1f.7", {"pci=ffff:ff:1f.7", "no such PCI device"}},
		{"vhost_user=/x,size=1M", {"size=1048576 is too small", "1 queue pairs"}},
		{"vhost_user=/x,path=/nowhere/at/all", {"path=/nowhere/at/all", "No such file"}},
		{"vhost_user=/x,path=/dev/null", {"/dev/null", "file"}},
		{"vhost_user=/nowhere/at/all,server=1",
		 {"vhost_user=/nowhere/at/all", "No such file"}},
		{"vhost_user=/proc/version,server=1", {"vhost_user=/proc/version", "left alone"}},
		{"virtio=0000:00:03.0,path=/dev/shm/folio-no-such",
		 {"path=/dev/shm/folio-no-such", "path=/dev/folio_alloc"}},
		{"vf=0000:01:10.0", {"vf=0000:01:10.0 needs shared memory", "path=/dev/folio_alloc"}},
		{"vf=0000:01:10.0,virtio=0000:00:03.0,path=/x",
		 {"vf=0000:01:10.0 with virtio=", "one of them"}},
		{"vhost_user=/x,vf=0000:01:10.0",
		 {"vf=0000:01:10.0 with vhost_user=", "one of them"}},
		{"vf=0000:01:10.0,path=/x,packed=0", {"vf=0000:01:10.0", "packed=0 are not allowed"}},
		{"vf=0000:01:10.0,path=/x,role=host", {"vf=0000:01:10.0", "role=host"}},
		{"vf=0000:01:10.0,path=/x,queues=9", {"queues=9 with vf=", "allowed are 1 to 8"}},
		{"vf=0000:01:10.0,path=/x,ring_size=8192",
		 {"ring_size=8192 with vf=", "allowed are 64 to 4096"}},
		{"vf=0000:01:10.0,path=/dev/shm/folio-no-such",
		 {"path=/dev/shm/folio-no-such", "path=/dev/folio_alloc"}},
	};
	char path[128], args[400];
	size_t i;

	(void)state;
	for (i = 0; i < RTE_DIM(cases); i++)
		expect_refused(cases[i].args, cases[i].says, 2);
	memset(path, 'x', 108);
	path[108] = '\0';
	snprintf(args, sizeof(args), "vhost_user=%s", path);
	EXPECT_REFUSED(args, "the path of a socket has 108 bytes", "1 to 107");
	/* Of the native datapath neither is known. */
	refused_with_path("server=1", "server=1 and packed=0", "vhost_user= and virtio=");
	refused_with_path("packed=0", "server=1 and packed=0", "vhost_user= and virtio=");
	EXPECT_REFUSED("loopback=1,packed=0", "server=1 and packed=0", "vhost_user= and virtio=");
}

/* Two ports that listen on one socket; and a back end that nobody has started yet. */
static void
test_vhost_user_sockets(void **state)
{
	char path[128], args[320];
	struct folio_status st;
	uint16_t port;
	unsigned int i;

	(void)state;
	region_path(path, sizeof(path));
	snprintf(args, sizeof(args), "vhost_user=%s,server=1", path);
	assert_int_equal(attach("net_folio0", args, &port), 0);
	EXPECT_REFUSED(args, "somebody else listens", path);
	detach(port);
	assert_int_not_equal(access(path, F_OK), 0);

	snprintf(args, sizeof(args), "vhost_user=%s", path);
	assert_int_equal(attach("net_folio0", args, &port), 0);
	configure(port, &(struct port_setup){0});
	start(port);
	for (i = 0; i < WAIT_STEPS; i++) {
		assert_int_equal(status_function()(port, &st, sizeof(st)), 0);
		if (strstr(st.detail, "no back end can be reached there") != NULL)
			break;
		usleep(1000);
	}
	assert_non_null(strstr(st.detail, path));
	assert_int_equal(st.link, FOLIO_LINK_NO_PEER);
	detach(port);
}

static void
test_role_taken(void **state)
{
	char path[128], args[320];
	uint16_t guest, host;

	(void)state;
	region_path(path, sizeof(path));
	snprintf(args, sizeof(args), "path=%s", path);
	assert_int_equal(attach("net_folio0", args, &guest), 0);
	EXPECT_REFUSED(args, "role=guest is taken", path);
	snprintf(args, sizeof(args), "path=%s,role=host", path);
	assert_int_equal(attach("net_folio1", args, &host), 0);
	EXPECT_REFUSED(args, "role=host is taken", path);
	detach(guest);
	detach(host);
}

/* No space, and a read-only file system: mounts of our own in a private namespace. */
static void
test_file_systems(void **state)
{
	char dir[128], path[160], args[256];

	(void)state;
	region_path(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/region", dir);
	snprintf(args, sizeof(args), "path=%s", path);
	assert_int_equal(mkdir(dir, 0700), 0);
	if (mount("folio-test", dir, "tmpfs", 0, "size=1M") != 0) {
		rmdir(dir);
		print_message("cannot mount: skipped\n");
		skip();
	}
	EXPECT_REFUSED(args, path, "No space left");
	assert_int_not_equal(access(path, F_OK), 0);
	write_file(path, 16 << 20, NULL, 0);
	assert_int_equal(mount("folio-test", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=1M"), 0);
	EXPECT_REFUSED(args, path, "for writing", "Read-only file system");
	unlink(path);
	snprintf(args, sizeof(args), "path=%s/other", dir);
	EXPECT_REFUSED(args, "cannot create", "Read-only file system");
	assert_int_equal(umount(dir), 0);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_syntax),	TEST(test_numbers),    TEST(test_not_decimal),
		TEST(test_good_sizes),
		TEST(test_foreign_files), TEST(test_pci), TEST(test_role_taken),
		TEST(test_virtio), TEST(test_vhost_user_sockets),
		TEST(test_file_systems),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
