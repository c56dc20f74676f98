# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
#
# Sourced by kernel-headers, kernel-image, kmod and ovs-unpack. Debian 12's kernel packages, from the release
# itself, its updates, its security fixes and its backports: downloaded and unpacked below build/,
# never installed. The user's apt configuration is neither changed nor are its package lists used:
# ours lie in build/kernel-packages, and are a day old at most.
set -euo pipefail

KERNEL_PACKAGES=$PWD/build/kernel-packages
KERNEL_APT=(-q -o "Dir::Etc::sourcelist=$KERNEL_PACKAGES/sources.list" -o Dir::Etc::sourceparts=-
	-o Dir::Etc::preferences=- -o Dir::Etc::preferencesparts=/dev/null
	-o "Dir::State::lists=$KERNEL_PACKAGES/lists" -o "Dir::Cache=$KERNEL_PACKAGES/cache"
	-o APT::Sandbox::User=root)

kernel_lists() {
	local dir=$KERNEL_PACKAGES key=/usr/share/keyrings/debian-archive-keyring.gpg
	if [ -n "$(find "$dir/updated" -mtime -1 2>/dev/null)" ]; then
		return
	fi
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	cat > "$dir/sources.list" <<-END
		deb [signed-by=$key] http://deb.debian.org/debian bookworm main
		deb [signed-by=$key] http://deb.debian.org/debian bookworm-updates main
		deb [signed-by=$key] http://deb.debian.org/debian bookworm-backports main
		deb [signed-by=$key] http://deb.debian.org/debian-security bookworm-security main
	END
	if apt-get "${KERNEL_APT[@]}" update --error-on=any > "$dir/log" 2>&1; then
		touch "$dir/updated"
	elif [ -z "$(find "$dir/lists" -maxdepth 1 -name '*_Packages*')" ]; then
		cat "$dir/log" >&2
		return 1
	fi # older lists will do
}

# kernel_why: what apt said when the network did not give what was wanted.
kernel_why() {
	sed -n 's/^E: *//p' "$KERNEL_PACKAGES/log" | head -1
}

# kernel_versions default|ordinary|newest|all: e.g. 6.1.0-56-cloud-amd64, a line each. The default is
# the cloud kernel that Debian 12 installs, ordinary the one for all machines; newest is the last of
# each series (6.1, 6.12) and flavour.
kernel_versions() {
	case "$1" in
	default)
		apt-cache "${KERNEL_APT[@]}" depends linux-image-cloud-amd64 |
			sed -n 's/.*Depends: linux-image-\([0-9].*\)/\1/p'
		;;
	ordinary)
		apt-cache "${KERNEL_APT[@]}" depends linux-image-amd64 |
			sed -n 's/.*Depends: linux-image-\([0-9].*\)/\1/p'
		;;
	all)
		apt-cache "${KERNEL_APT[@]}" pkgnames linux-headers- |
			sed -nE 's/^linux-headers-([0-9]+\.[0-9]+\.[0-9].*-amd64)$/\1/p' | sort -V
		;;
	newest)
		kernel_versions all | awk '{
			split($0, number, ".")
			flavour = $0
			sub(/^[^-]*(-[0-9]+)?-/, "", flavour)
			last[number[1] "." number[2] " " flavour] = $0
		} END { for (kind in last) print last[kind] }' | sort -V
		;;
	esac
}

# kernel_unpack FOLDER PACKAGE...
kernel_unpack() {
	local folder=$1 tmp deb
	shift
	tmp=$(mktemp -d "$KERNEL_PACKAGES/debs.XXXXXX")
	if ! (cd "$tmp" && apt-get "${KERNEL_APT[@]}" download "$@") > "$KERNEL_PACKAGES/log" 2>&1; then
		cat "$KERNEL_PACKAGES/log" >&2
		rm -rf "$tmp"
		return 1
	fi
	mkdir -p "$folder"
	for deb in "$tmp"/*.deb; do
		dpkg-deb -x "$deb" "$folder"
	done
	rm -rf "$tmp"
}
