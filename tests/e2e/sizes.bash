# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the processes of the agent hold, for tests that want it to stay as it is; beside lib.bash.

# The agent, and those that it has started: PID NAME
processes() {
	echo "$AGENT agent"
	pgrep -P "$AGENT" | awk '{ print $1, "helper-" NR }'
}

# NAME KIB DESCRIPTORS of each: memory that is its own, and not of files; the least of a second, for somebody may just have asked.
sizes() {
	local pid name reading

	for ((reading = 0; reading < 5; reading++)); do
		processes | while read -r pid name; do
			echo "$name" "$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")" "$(find "/proc/$pid/fd" -type l | wc -l)"
		done
		sleep 0.2
	done | sort -k1,1 -k3,3n -k2,2n | awk '!seen[$1]++'
}

# sizes_stay BEFORE GROWTH: by what sizes() has said before; memory may have grown by so many KiB.
sizes_stay() {
	local after

	after=$(sizes)
	same "$(awk '{ print $1, $3 }' <<<"$1")" "$(awk '{ print $1, $3 }' <<<"$after")"
	paste <(echo "$1") <(echo "$after") | awk -v max="$2" '$5 - $2 > max { print; grown = 1 } END { exit grown }'
}
