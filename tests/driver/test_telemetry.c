/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

/* What dpdk-telemetry.py gets to see: over the socket, as it does. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>

#include "pair.h"

#define ANSWER_MAX 16384

/* One command; the answer stays valid until the next. */
static const char *
ask(const char *command)
{
	static char answer[ANSWER_MAX];
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	ssize_t n;

	assert_true(fd >= 0);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s/dpdk_telemetry.v2",
		 rte_eal_get_runtime_dir());
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_true(read(fd, answer, sizeof(answer)) > 0); /* who answers */
	assert_int_equal(write(fd, command, strlen(command)), (ssize_t)strlen(command));
	n = read(fd, answer, sizeof(answer) - 1);
	assert_true(n > 0);
	answer[n] = '\0';
	close(fd);
	return answer;
}

/* A string of the answer; false if there is none of that name. */
static bool
string_of(const char *answer, const char *key, char *value, size_t size)
{
	char name[64];
	const char *at;
	size_t len;

	snprintf(name, sizeof(name), "\"%s\":", key);
	at = strstr(answer, name);
	if (at == NULL)
		return false;
	at += strlen(name);
	at += strspn(at, " \"");
	len = strcspn(at, "\"");
	assert_true(len < size);
	memcpy(value, at, len);
	value[len] = '\0';
	return true;
}

/* A text that was too long for one string. */
static void
text_of(const char *answer, const char *key, char *value, size_t size)
{
	char name[32];
	unsigned int n;

	assert_true(string_of(answer, key, value, size));
	for (n = 2;; n++) {
		size_t len = strlen(value);

		snprintf(name, sizeof(name), "%s_%u", key, n);
		if (!string_of(answer, name, value + len, size - len))
			return;
	}
}

static void
test_info(void **state)
{
	static const char *const says[] = {"\"role\":", "\"link\":", "\"wire\":", "\"queues\":",
					   "\"rx_bad_index\":", "\"link_ups\":",
					   "\"renegotiations\":", "\"peer_cut_region\":"};
	char text[512];
	struct pair p;
	size_t i;

	(void)state;
	pair_open(&p, "", "", NULL);
	assert_non_null(strstr(ask("/folio/list"), "[0,1]"));
	for (i = 0; i < RTE_DIM(says); i++) {
		if (strstr(ask("/folio/info,1"), says[i]) == NULL)
			fail_msg("no %s: %s", says[i], ask("/folio/info,1"));
	}
	text_of(ask("/folio/info,1"), "path", text, sizeof(text));
	assert_string_equal(text, p.path);
	text_of(ask("/folio/info,1"), "dpdk", text, sizeof(text));
	assert_non_null(strstr(text, "DPDK"));
	text_of(ask("/folio/info,1"), "driver", text, sizeof(text));
	assert_int_not_equal(strspn(text, "0123456789."), 0);
	text_of(ask("/folio/info,1"), "link", text, sizeof(text));
	assert_string_equal(text, "up");
	assert_non_null(strstr(ask("/ethdev/dump_priv,1"), p.path));
	text_of(ask("/folio/info,1"), "datapath", text, sizeof(text));
	assert_string_equal(text, "native");
	pair_close(&p);
	assert_null(strstr(ask("/folio/list"), "0"));
	assert_null(strstr(ask("/folio/info,0"), "role"));
	assert_null(strstr(ask("/folio/info,x"), "role"));
}

/* A port on a device that is not there yet. */
static void
test_virtio(void **state)
{
	static const char *const says[] = {"\"rx_bad_id\":0", "\"bad_offers\":0", "\"resets\":0",
					   "\"stalls\":0", "\"announces\":0", "\"queues\":",
					   "\"ring_size\":256", "\"slot_size\":2048"};
	char path[128], args[200], text[512];
	uint16_t port;
	size_t i;

	(void)state;
	region_path(path, sizeof(path));
	snprintf(args, sizeof(args), "vhost_user=%s,ring_size=256", path);
	assert_int_equal(attach("net_folio0", args, &port), 0);
	configure(port, &(struct port_setup){0});
	start(port);
	text_of(ask("/folio/info,0"), "datapath", text, sizeof(text));
	assert_string_equal(text, "virtio");
	text_of(ask("/folio/info,0"), "path", text, sizeof(text));
	assert_string_equal(text, path);
	text_of(ask("/folio/info,0"), "role", text, sizeof(text));
	assert_string_equal(text, "guest");
	for (i = 0; i < RTE_DIM(says); i++) {
		if (strstr(ask("/folio/info,0"), says[i]) == NULL)
			fail_msg("no %s: %s", says[i], ask("/folio/info,0"));
	}
	detach(port);
}

/* Telemetry's strings end after 127 bytes; the path and the reason do not. */
static void
test_long_texts(void **state)
{
	char folder[300], path[320], args[400], text[1024], detail[512] = "";
	struct folio_status st;
	uint16_t host;
	unsigned int i;

	(void)state;
	region_path(folder, sizeof(folder));
	i = (unsigned int)strlen(folder);
	memset(folder + i, 'x', 190 - i);
	folder[190] = '\0';
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(path, sizeof(path), "%s/region", folder);
	snprintf(args, sizeof(args), "role=host,path=%s", path);
	assert_int_equal(attach("net_folio0", args, &host), 0);
	configure(host, &(struct port_setup){0});
	start(host);
	text_of(ask("/folio/info,0"), "path", text, sizeof(text));
	assert_string_equal(text, path);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	for (i = 0; i < WAIT_STEPS && strstr(detail, "No such file") == NULL; i++) {
		usleep(1000);
		assert_int_equal(status_function()(host, &st, sizeof(st)), 0);
		snprintf(detail, sizeof(detail), "%s", st.detail);
	}
	text_of(ask("/folio/info,0"), "detail", text, sizeof(text));
	assert_true(strlen(detail) > 127);
	assert_string_equal(text, detail);
	detach(host);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_info),
		TEST(test_virtio),
		TEST(test_long_texts),
	};

	return cmocka_run_group_tests(tests, eal_setup_telemetry, eal_teardown);
}
