# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
#
# For tests: of OpenWrt's /lib/functions/network.sh what flowtally's scripts use. Networks are up as the file
# /networks says: "NETWORK DEVICE" a line.

# network_get_device VARIABLE NETWORK
network_get_device() {
	local network_name network_device

	while read -r network_name network_device; do
		if [ "$network_name" = "$2" ]; then
			eval "$1=\$network_device"
			return 0
		fi
	done </networks
	return 1
}
