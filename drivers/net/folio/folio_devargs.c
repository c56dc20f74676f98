/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <folio_wire.h>
#include <rte_ether.h>
#include <rte_kvargs.h>
#include <rte_vect.h>

#include "folio_ethdev.h"

struct parser {
	const char *name; /* of the device, for messages */
	struct folio_devargs *out;
};

typedef int (*parse_fn)(struct parser *p, const char *key, const char *value);

/* Digits only: strtoull alone takes signs, blanks and wraps. */
static int
parse_number(const char *value, const char **end, uint64_t *out)
{
	char *stop;

	if (value[0] < '0' || value[0] > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoull(value, &stop, 10);
	*end = stop;
	return errno == 0 ? 0 : -EINVAL;
}

static bool
is_decimal(const char *value)
{
	return value[0] != '\0' && value[strspn(value, "0123456789")] == '\0';
}

static int
parse_u32(struct parser *p, const char *key, const char *value, uint32_t min, uint32_t max,
	  uint32_t *out)
{
	const char *end;
	uint64_t v;

	if (!is_decimal(value)) {
		FOLIO_LOG(ERR, "%s: %s=%s is not a decimal number: allowed is %u to %u", p->name,
			  key, value, min, max);
		return -EINVAL;
	}
	if (parse_number(value, &end, &v) != 0 || v < min || v > max) {
		FOLIO_LOG(ERR, "%s: %s=%s is out of range: allowed is %u to %u", p->name, key,
			  value, min, max);
		return -EINVAL;
	}
	*out = (uint32_t)v;
	return 0;
}

static int
parse_bool(struct parser *p, const char *key, const char *value, bool *out)
{
	uint32_t v;
	int ret;

	ret = parse_u32(p, key, value, 0, 1, &v);
	if (ret == 0)
		*out = v == 1;
	return ret;
}

static int
parse_role(struct parser *p, const char *key, const char *value)
{
	if (strcmp(value, "guest") == 0) {
		p->out->config.role = FOLIO_GUEST;
	} else if (strcmp(value, "host") == 0) {
		p->out->config.role = FOLIO_HOST;
	} else {
		FOLIO_LOG(ERR, "%s: %s=%s is unknown: allowed are guest and host", p->name, key,
			  value);
		return -EINVAL;
	}
	return 0;
}

static int
parse_path(struct parser *p, const char *key, const char *value)
{
	RTE_SET_USED(key);
	p->out->config.path = value;
	return 0;
}

static int
parse_pci(struct parser *p, const char *key, const char *value)
{
	RTE_SET_USED(key);
	p->out->config.pci = value;
	return 0;
}

static int
parse_size(struct parser *p, const char *key, const char *value)
{
	unsigned int shift = 0;
	const char *end = value;
	uint64_t v = 0;
	int ret;

	ret = parse_number(value, &end, &v);
	if (ret == 0 && *end != '\0') {
		switch (*end) {
		case 'K': case 'k':
			shift = 10;
			break;
		case 'M': case 'm':
			shift = 20;
			break;
		case 'G': case 'g':
			shift = 30;
			break;
		default:
			ret = -EINVAL;
		}
		end++;
	}
	if (ret != 0 || *end != '\0' || v == 0 || v > (UINT64_C(1) << (40 - shift))) {
		FOLIO_LOG(ERR, "%s: %s=%s is not a size: allowed is a number of bytes from 1 to "
			  "1024G, with K, M or G behind it", p->name, key, value);
		return -EINVAL;
	}
	p->out->config.size = v << shift;
	return 0;
}

static int
parse_queues(struct parser *p, const char *key, const char *value)
{
	return parse_u32(p, key, value, FOLIO_WIRE_QUEUES_MIN, FOLIO_WIRE_QUEUES_MAX,
			 &p->out->config.queues);
}

static int
parse_ring_size(struct parser *p, const char *key, const char *value)
{
	int ret;

	ret = parse_u32(p, key, value, FOLIO_WIRE_RING_MIN, FOLIO_WIRE_RING_MAX,
			&p->out->config.ring_size);
	if (ret == 0 && !rte_is_power_of_2(p->out->config.ring_size)) {
		FOLIO_LOG(ERR, "%s: %s=%s is not a power of two: allowed is %u to %u", p->name,
			  key, value, FOLIO_WIRE_RING_MIN, FOLIO_WIRE_RING_MAX);
		ret = -EINVAL;
	}
	return ret;
}

static int
parse_slot_size(struct parser *p, const char *key, const char *value)
{
	return parse_u32(p, key, value, FOLIO_WIRE_SLOT_MIN, FOLIO_WIRE_SLOT_MAX,
			 &p->out->config.slot_size);
}

static int
parse_mac(struct parser *p, const char *key, const char *value)
{
	if (rte_ether_unformat_addr(value, &p->out->mac) != 0 ||
	    !rte_is_valid_assigned_ether_addr(&p->out->mac)) {
		FOLIO_LOG(ERR, "%s: %s=%s is not a MAC address of one station: allowed is "
			  "XX:XX:XX:XX:XX:XX, not zero, not multicast", p->name, key, value);
		return -EINVAL;
	}
	return 0;
}

static int
parse_vhost_user(struct parser *p, const char *key, const char *value)
{
	RTE_SET_USED(key);
	p->out->vhost_user = value;
	p->out->kind = FOLIO_DATAPATH_VIRTIO;
	return 0;
}

static int
parse_virtio(struct parser *p, const char *key, const char *value)
{
	RTE_SET_USED(key);
	p->out->virtio = value;
	p->out->kind = FOLIO_DATAPATH_VIRTIO;
	return 0;
}

static int
parse_vf(struct parser *p, const char *key, const char *value)
{
	RTE_SET_USED(key);
	p->out->vf = value;
	p->out->kind = FOLIO_DATAPATH_VF;
	return 0;
}

static int
parse_server(struct parser *p, const char *key, const char *value)
{
	return parse_bool(p, key, value, &p->out->server);
}

static int
parse_packed(struct parser *p, const char *key, const char *value)
{
	bool packed;
	int ret;

	ret = parse_bool(p, key, value, &packed);
	if (ret == 0)
		p->out->split = !packed;
	return ret;
}

static int
parse_loopback(struct parser *p, const char *key, const char *value)
{
	return parse_bool(p, key, value, &p->out->config.loopback);
}

static int
parse_speed(struct parser *p, const char *key, const char *value)
{
	p->out->speed = folio_speed_find(value);
	if (p->out->speed == NULL) {
		FOLIO_LOG(ERR, "%s: %s=%s is unknown: allowed are %s", p->name, key, value,
			  folio_speed_names());
		return -EINVAL;
	}
	return 0;
}

static const struct {
	const char *key;
	parse_fn parse;
} keys[] = {
	{"role", parse_role},	      {"path", parse_path},	      {"size", parse_size},
	{"queues", parse_queues},     {"ring_size", parse_ring_size}, {"slot_size", parse_slot_size},
	{"mac", parse_mac},	      {"loopback", parse_loopback},   {"pci", parse_pci},
	{"speed", parse_speed},	      {"vhost_user", parse_vhost_user},
	{"virtio", parse_virtio},     {"server", parse_server},	      {"packed", parse_packed},
	{"vf", parse_vf},
};

static int
parse_pair(struct parser *p, const struct rte_kvargs *kv, const struct rte_kvargs_pair *pair)
{
	bool is_word;
	size_t i;

	for (i = 0; i < RTE_DIM(keys); i++) {
		if (strcmp(pair->key, keys[i].key) != 0)
			continue;
		if (rte_kvargs_count(kv, pair->key) > 1) {
			FOLIO_LOG(ERR, "%s: %s is given more than once: allowed is once", p->name,
				  pair->key);
			return -EINVAL;
		}
		if (pair->value == NULL || pair->value[0] == '\0') {
			FOLIO_LOG(ERR, "%s: %s= has no value", p->name, pair->key);
			return -EINVAL;
		}
		return keys[i].parse(p, pair->key, pair->value);
	}
	/* What was behind the comma. */
	is_word = pair->value == NULL || pair->value[0] == '\0';
	FOLIO_LOG(ERR, "%s: %s=%s is unknown: allowed are role, path, pci, size, queues, "
		  "ring_size, slot_size, mac, loopback, speed, vhost_user, server, virtio, "
		  "packed and vf%s", p->name, pair->key,
		  pair->value != NULL ? pair->value : "",
		  is_word ? "; there can be no comma in a value, nor in a path" : "");
	return -EINVAL;
}

/* A port whose other end is a virtio device. */
static int
check_virtio(const struct parser *p)
{
	const struct folio_devargs *da = p->out;
	const struct folio_config *c = &da->config;

	if (da->vhost_user != NULL && da->virtio != NULL) {
		FOLIO_LOG(ERR, "%s: vhost_user=%s and virtio=%s: allowed is one of them", p->name,
			  da->vhost_user, da->virtio);
		return -EINVAL;
	}
	if (c->role == FOLIO_HOST || c->loopback) {
		FOLIO_LOG(ERR, "%s: the other end of %s= is a device: role=host and loopback=1 are "
			  "not allowed with it", p->name,
			  da->virtio != NULL ? "virtio" : "vhost_user");
		return -EINVAL;
	}
	if (da->virtio != NULL && da->server) {
		FOLIO_LOG(ERR, "%s: server=1 with virtio=%s: allowed is server=1 with vhost_user",
			  p->name, da->virtio);
		return -EINVAL;
	}
	if (da->virtio != NULL && c->path == NULL && c->pci == NULL) {
		FOLIO_LOG(ERR, "%s: virtio=%s needs shared memory that the device can reach: "
			  "pci=0000:00:04.0 (ivshmem), path=/dev/folio0 or path=/dev/folio_alloc",
			  p->name, da->virtio);
		return -EINVAL;
	}
	return 0;
}

/* A port whose other end is a virtual function. */
static int
check_vf(const struct parser *p)
{
	const struct folio_devargs *da = p->out;
	const struct folio_config *c = &da->config;

	if (da->vhost_user != NULL || da->virtio != NULL) {
		FOLIO_LOG(ERR, "%s: vf=%s with %s=: allowed is one of them", p->name, da->vf,
			  da->virtio != NULL ? "virtio" : "vhost_user");
		return -EINVAL;
	}
	if (c->role == FOLIO_HOST || c->loopback || da->server || da->split) {
		FOLIO_LOG(ERR, "%s: the other end of vf=%s is a network card: role=host, loopback=1, "
			  "server=1 and packed=0 are not allowed with it", p->name, da->vf);
		return -EINVAL;
	}
	if (c->path == NULL && c->pci == NULL) {
		FOLIO_LOG(ERR, "%s: vf=%s needs shared memory that the card can reach: "
			  "path=/dev/folio_alloc, path=/dev/folio0 or pci=0000:00:04.0 (ivshmem)",
			  p->name, da->vf);
		return -EINVAL;
	}
	return 0;
}

/* What makes no sense together. */
static int
check_native(const struct parser *p)
{
	const struct folio_config *c = &p->out->config;
	bool somewhere = c->path != NULL || c->pci != NULL;

	if (c->loopback && (somewhere || c->size != 0 || c->role == FOLIO_HOST)) {
		FOLIO_LOG(ERR, "%s: loopback=1 has no peer and no file: path, pci, size and "
			  "role=host are not allowed with it", p->name);
		return -EINVAL;
	}
	if (!c->loopback && !somewhere) {
		FOLIO_LOG(ERR, "%s: path is missing: it names the file that holds the region, e.g. "
			  "path=/dev/hugepages/folio0 (or pci=0000:00:04.0, vhost_user=/run/vhost0.sock "
			  "or loopback=1)",
			  p->name);
		return -EINVAL;
	}
	if (p->out->server || p->out->split) {
		FOLIO_LOG(ERR, "%s: server=1 and packed=0 are for vhost_user= and virtio=: allowed "
			  "without these is neither", p->name);
		return -EINVAL;
	}
	return 0;
}

static int
check_combination(const struct parser *p)
{
	const struct folio_config *c = &p->out->config;
	int ret;

	if (p->out->vf != NULL)
		ret = check_vf(p);
	else
		ret = p->out->kind == FOLIO_DATAPATH_VIRTIO ? check_virtio(p) : check_native(p);
	if (ret != 0)
		return ret;
	if (c->path != NULL && c->pci != NULL) {
		FOLIO_LOG(ERR, "%s: path=%s and pci=%s: allowed is one of them", p->name, c->path,
			  c->pci);
		return -EINVAL;
	}
	if (c->pci != NULL && c->size != 0) {
		FOLIO_LOG(ERR, "%s: size=%" PRIu64 " with pci=%s: the size of a BAR is the host's "
			  "choice, size is not allowed", p->name, c->size, c->pci);
		return -EINVAL;
	}
	return 0;
}

/* EAL's --force-max-simd-bitwidth is the user's way to choose the copy kernels. */
static enum folio_isa
isa_from_eal(void)
{
	uint16_t bits = rte_vect_get_max_simd_bitwidth();

	if (bits >= RTE_VECT_SIMD_512)
		return FOLIO_ISA_AVX512;
	if (bits >= RTE_VECT_SIMD_256)
		return FOLIO_ISA_AVX2;
	return bits >= RTE_VECT_SIMD_128 ? FOLIO_ISA_SSE : FOLIO_ISA_PORTABLE;
}

int
folio_devargs_parse(const char *name, const char *args, struct folio_devargs *out)
{
	struct parser p = {.name = name, .out = out};
	struct rte_kvargs *kv = NULL;
	unsigned int i;
	int ret = 0;

	memset(out, 0, sizeof(*out));
	out->name = name;
	out->config.role = FOLIO_GUEST;
	out->config.isa = isa_from_eal();
	out->speed = folio_speed_find(NULL);

	if (args != NULL && args[0] != '\0') {
		kv = rte_kvargs_parse(args, NULL);
		if (kv == NULL) {
			FOLIO_LOG(ERR, "%s: \"%s\" is not a list of key=value,...", name, args);
			return -EINVAL;
		}
		for (i = 0; i < kv->count && ret == 0; i++)
			ret = parse_pair(&p, kv, &kv->pairs[i]);
	}
	if (ret == 0)
		ret = check_combination(&p);

	/* The list owns the strings: it lives as long as they are used. */
	out->kvlist = kv;
	if (ret != 0)
		folio_devargs_free(out);
	return ret;
}

void
folio_devargs_free(struct folio_devargs *out)
{
	rte_kvargs_free(out->kvlist);
	out->kvlist = NULL;
	out->config.path = NULL;
	out->config.pci = NULL;
}
