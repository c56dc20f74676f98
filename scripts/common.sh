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
# Besides, for some: ./run test has all that it needs at once.
FUZZ_PACKAGES=(clang-14 libclang-rt-14-dev llvm-14)
MODULE_PACKAGES=(gcc-12 kmod make libelf1 pahole sparse)
GUEST_PACKAGES=(qemu-system-x86 busybox-static cpio)
PROOF_PACKAGES=(frama-c-base why3 cvc4 z3 spin)
APPS_PACKAGES=(make python3-scapy)

note() {
	printf '== %s\n' "$*"
}

# no_options COMMAND ARGS...
no_options() {
	[ $# -gt 1 ] || return 0
	echo "$1: '$2' is unknown: it has no options" >&2
	exit 2
}

# install_packages NAME...: have the packages that all need, and these. With FOLIO_INSTALL_ONLY set
# that is all that the script does.
install_packages() {
	local missing=() p
	for p in "${PACKAGES[@]}" "$@"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok installed$' ||
			missing+=("$p")
	done
	if [ ${#missing[@]} -gt 0 ]; then
		note "installing ${missing[*]}"
		apt_install "${missing[@]}"
	fi
	[ -z "${FOLIO_INSTALL_ONLY:-}" ] || exit 0
}

apt_install() {
	local log
	log=$(mktemp)
	if ! { apt-get -q update && DEBIAN_FRONTEND=noninteractive \
		apt-get -q install -y --no-install-recommends "$@"; } > "$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		echo "cannot install $*" >&2
		return 1
	fi
	rm -f "$log"
}

# build FOLDER [meson options]
build() {
	set_up "$@"
	ninja -C "$1" --quiet
}

# A build is set up anew when packages have come since: meson keeps what it once did not find.
set_up() {
	local dir=$1
	shift
	note "building in $dir"
	if [ ! -f "$dir/build.ninja" ]; then
		rm -rf "$dir"/meson-* # of a set-up that failed
		meson setup "$dir" "$@" > /dev/null
	elif [ /var/lib/dpkg/status -nt "$dir/packages" ]; then
		meson configure --clearcache "$dir"
		meson setup --reconfigure "$dir" > /dev/null
	fi
	touch "$dir/packages"
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

# Who has taken how many huge pages, so that each gives back its own and no other's: a folder for
# each, below one that all see.
HUGE_LEDGER=/run/folio-huge
HUGE_KNOB=/sys/kernel/mm/hugepages/hugepages-2048kB
HUGE_CLAIM= # our folder: `pages`, the number asked for and the number added, and `mount`

huge_count() {
	cat "$HUGE_KNOB/${1}_hugepages"
}

# The total has pages, too, that are gone as soon as who uses them lets go (surplus).
huge_total() {
	echo $(($(huge_count nr) - $(huge_count surplus)))
}

# huge_change N: so many more or fewer.
huge_change() {
	echo $(($(huge_total) + $1)) > $HUGE_KNOB/nr_hugepages || true
}

# huge_locked COMMAND...: while nobody else counts or changes them.
huge_locked() {
	local lock status=0
	exec {lock}> $HUGE_LEDGER/lock
	flock "$lock"
	"$@" || status=$?
	exec {lock}>&-
	return $status
}

# What a script has left that could not tidy up. A script holds a lock on its `pages`, and so do the
# programs that it started.
huge_collect() {
	local pages lock
	for pages in "$HUGE_LEDGER"/claim.*/pages; do
		[ -e "$pages" ] || continue
		exec {lock}< "$pages"
		! flock -n "$lock" || huge_give_back "${pages%/*}"
		exec {lock}<&-
	done
}

huge_give_back() {
	local wanted=0 added=0
	if mountpoint -q "$1/mount" && ! umount "$1/mount"; then
		return # a program is still in there: whoever comes next tries again
	fi
	read -r wanted added < "$1/pages" || true
	[ "${added:-0}" = 0 ] || huge_change -"$added"
	rm -rf --one-file-system "$1"
}

# Free pages that nobody asked for. What others use is subtracted twice: better too many pages than
# a script that finds too few.
huge_idle() {
	local idle wanted pages
	idle=$(($(huge_count free) - $(huge_count resv) - $(huge_count surplus)))
	for pages in "$HUGE_LEDGER"/claim.*/pages; do
		[ -e "$pages" ] || continue
		read -r wanted _ < "$pages" || continue
		idle=$((idle - wanted))
	done
	echo $((idle > 0 ? idle : 0))
}

huge_take() {
	local want=$1 idle added=0 before
	huge_collect
	idle=$(huge_idle)
	HUGE_CLAIM=$(mktemp -d $HUGE_LEDGER/claim.XXXXXX)
	mkdir "$HUGE_CLAIM/mount"
	exec {HUGE_FD}> "$HUGE_CLAIM/pages"
	flock "$HUGE_FD"
	if [ "$idle" -lt "$want" ]; then
		before=$(huge_total)
		huge_change $((want - idle)) 2>/dev/null
		added=$(($(huge_total) - before))
	fi
	echo "$want $added" >&"$HUGE_FD"
	[ $((idle + added)) -ge "$want" ] &&
		mount -t hugetlbfs -o pagesize=2M folio "$HUGE_CLAIM/mount" 2>/dev/null
}

# want_hugepages N: a private mount and N pages of 2 MiB, until the script ends. Where they cannot
# be had FOLIO_HUGE_DIR stays empty, and everything runs on ordinary pages.
want_hugepages() {
	export FOLIO_HUGE_DIR=
	trap drop_hugepages EXIT
	if [ -w $HUGE_KNOB/nr_hugepages ] && mkdir -p $HUGE_LEDGER && huge_locked huge_take "$1"; then
		export FOLIO_HUGE_DIR=$HUGE_CLAIM/mount
		return
	fi
	drop_hugepages
	note "no huge pages to be had: running on ordinary pages (slower)"
}

drop_hugepages() {
	[ -n "$HUGE_CLAIM" ] || return 0
	huge_locked huge_give_back "$HUGE_CLAIM"
	HUGE_CLAIM=
	exec {HUGE_FD}>&-
}
