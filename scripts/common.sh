# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
#
# Sourced by the scripts beside it, with the project's folder as the current one.
set -euo pipefail

# A python or meson from elsewhere may lack what Debian's brings.
export PATH=/usr/bin:/usr/sbin:/bin:/sbin:$PATH

# Ctrl-C reaches what a script waits for, too. When that has tidied up so does the script, and ends:
# a program that ends in good order does not tell that it was interrupted.
on_interrupt() {
	trap 'exit 130' INT
}
on_interrupt

PACKAGES=(
	dpdk dpdk-dev libdpdk-dev dpkg-dev
	gcc libc6-dev meson ninja-build pkg-config libcmocka-dev libnuma-dev
	iproute2 iputils-ping python3
)

note() {
	printf '== %s\n' "$*"
}

# no_options COMMAND ARGS...
no_options() {
	[ $# -gt 1 ] || return 0
	echo "$1: '$2' is unknown: it has no options" >&2
	exit 2
}

install_packages() {
	local missing=() p
	for p in "${PACKAGES[@]}" "$@"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok installed$' ||
			missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	note "installing ${missing[*]}"
	local log
	log=$(mktemp)
	if ! { apt-get -q update && DEBIAN_FRONTEND=noninteractive \
		apt-get -q install -y --no-install-recommends "${missing[@]}"; } > "$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		echo "cannot install ${missing[*]}" >&2
		return 1
	fi
	rm -f "$log"
}

# build FOLDER [meson options]
build() {
	local dir=$1
	shift
	note "building in $dir"
	if [ ! -f "$dir/build.ninja" ]; then
		rm -rf "$dir"
		meson setup "$dir" "$@" > /dev/null
	fi
	ninja -C "$dir" --quiet
}

# to_end COMMAND...: run it. If this script is told to end, the command is, and gets the time it needs:
# what is set up for it must not be taken away before.
to_end() {
	local child status
	"$@" <&0 &
	child=$!
	trap 'kill -TERM "$child" 2>/dev/null || true' HUP INT TERM
	while :; do
		status=0
		wait "$child" || status=$?
		kill -0 "$child" 2>/dev/null || break
	done
	trap - HUP TERM
	on_interrupt
	return $status
}

HUGE_DIR=
huge_before=

# want_hugepages N: a private mount and N pages of 2 MiB, until the script ends. Where they cannot
# be had FOLIO_HUGE_DIR stays empty, and everything runs on ordinary pages.
want_hugepages() {
	local want=$1 knob=/sys/kernel/mm/hugepages/hugepages-2048kB free
	export FOLIO_HUGE_DIR=
	trap drop_hugepages EXIT
	if [ -w $knob/nr_hugepages ]; then
		free=$(cat $knob/free_hugepages)
		if [ "$free" -lt "$want" ]; then
			huge_before=$(cat $knob/nr_hugepages)
			echo $((huge_before + want - free)) > $knob/nr_hugepages || true
		fi
	fi
	if [ "$(cat $knob/free_hugepages 2>/dev/null || echo 0)" -ge "$want" ]; then
		HUGE_DIR=$(mktemp -d /run/folio-huge.XXXXXX)
		if mount -t hugetlbfs -o pagesize=2M folio "$HUGE_DIR" 2>/dev/null; then
			export FOLIO_HUGE_DIR=$HUGE_DIR
			return
		fi
		rmdir "$HUGE_DIR"
		HUGE_DIR=
	fi
	note "no huge pages to be had: running on ordinary pages (slower)"
}

drop_hugepages() {
	if [ -n "$HUGE_DIR" ]; then
		umount "$HUGE_DIR" && rmdir "$HUGE_DIR" || true
	fi
	if [ -n "$huge_before" ]; then
		echo "$huge_before" > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages || true
	fi
}
