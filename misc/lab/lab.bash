# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The lab: a home network in network namespaces. To be sourced; `lab` is its command line.
#
#   desktop  phone  tv ...      eth0, 192.168.2.10 and up, 2001:db8:ca2:2::10 and up
#       \      |      /
#        ---br-lan---          192.168.2.1/24, 2001:db8:ca2:2::1/64
#            router             forwards, no NAT
#             wan               203.0.113.1/24, 2001:db8:ffff::1/64
#              |
#           internet            eth0, 203.0.113.80, 2001:db8:ffff::80
#
# The namespace of a node is NAME-NODE. The router's port to a device has the device's name. What is
# sent to LAB_SINK or LAB_SINK6 vanishes in the router without an answer.
#
# The lab is quiet, so that a test can count to the packet: neighbours are permanent, nobody
# solicits routers or detects duplicates, and the multicast listener reports that IPv6 cannot do
# without are over when lab_up returns. Offloads (TSO, GSO, checksums) are as the kernel has them.

LAB_ROUTER_MAC=02:00:00:00:01:01
LAB_WAN_MAC=02:00:00:00:01:02
LAB_INTERNET_MAC=02:00:00:00:01:03
LAB_ROUTER=192.168.2.1
LAB_ROUTER6=2001:db8:ca2:2::1
LAB_WAN=203.0.113.1
LAB_WAN6=2001:db8:ffff::1
LAB_INTERNET=203.0.113.80
LAB_INTERNET6=2001:db8:ffff::80
# shellcheck disable=SC2034  # for those who source this
LAB_SINK=198.51.100.1
# shellcheck disable=SC2034
LAB_SINK6=2001:db8:dead::1
LAB_DEVICES_MAX=200

# Devices are numbered from 1.
lab_device_name() {
	case $1 in
	1) echo desktop ;;
	2) echo phone ;;
	3) echo tv ;;
	*) echo "device$1" ;;
	esac
}

lab_device_mac() {
	printf '02:00:00:00:00:%02x\n' "$1"
}

lab_device_address() {
	echo "192.168.2.$(($1 + 9))"
}

# In decimal digits, so that it looks like the IPv4 one.
lab_device_address6() {
	echo "2001:db8:ca2:2::$(($1 + 9))"
}

# lab_in LAB NODE COMMAND...: unlike `ip netns exec` and `ip -n` it leaves the mounts alone, so that a
# bpffs stays in sight, and works in a chroot.
lab_in() {
	local namespace=$1-$2

	shift 2
	nsenter --net="/run/netns/$namespace" "$@"
}

# lab_ip LAB NODE ARGUMENT...
lab_ip() {
	local lab=$1 node=$2

	shift 2
	lab_in "$lab" "$node" ip "$@"
}

# The same, and the shell becomes the command: with "&" behind it, $! is the command's process.
lab_exec() {
	local namespace=$1-$2

	shift 2
	exec nsenter --net="/run/netns/$namespace" "$@"
}

lab_list() {
	local namespace

	for namespace in /run/netns/*-router; do
		namespace=${namespace##*/}
		if [[ -e /run/netns/${namespace%-router}-internet ]]; then
			echo "${namespace%-router}"
		fi
	done
}

# The namespaces of a lab, whether or not it is complete.
lab_namespaces() {
	local namespace node

	for namespace in "/run/netns/$1"-*; do
		node=${namespace##*/"$1"-}
		case $node in
		router | internet | desktop | phone | tv | device[0-9]*) echo "$1-$node" ;;
		esac
	done
}

# lab_batch LAB NODE: what `ip` is to do there, a line a command; one process is quicker than twenty.
lab_batch() {
	lab_ip "$1" "$2" -batch -
}

# lab_node LAB NODE [SETTING]...: a namespace with nothing but `lo`, and the settings that keep it quiet.
lab_node() {
	local lab=$1 node=$2

	shift 2
	ip netns add "$lab-$node"
	lab_in "$lab" "$node" sysctl -qw \
		net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.default.rp_filter=0 \
		net.ipv4.conf.all.send_redirects=0 \
		net.ipv4.conf.default.send_redirects=0 \
		net.ipv6.conf.default.accept_dad=0 \
		net.ipv6.conf.default.accept_ra=0 \
		net.ipv6.conf.default.addr_gen_mode=1 \
		net.ipv6.conf.default.dad_transmits=0 \
		net.ipv6.conf.default.router_solicitations=0 \
		net.ipv6.conf.default.mldv2_unsolicited_report_interval=1 \
		"$@"
}

lab_add_router() {
	lab_node "$1" router net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv6.conf.default.forwarding=1
	# Where bridges pass their frames through netfilter, those that are no proper IP never leave it.
	if [[ -e /proc/sys/net/bridge ]]; then
		lab_in "$1" router sysctl -qw net.bridge.bridge-nf-call-{ip,ip6,arp}tables=0
	fi
	lab_batch "$1" router <<-END
		link set lo up
		link add br-lan address $LAB_ROUTER_MAC type bridge mcast_snooping 0
		address add $LAB_ROUTER/24 dev br-lan
		address add $LAB_ROUTER6/64 dev br-lan nodad
		link set br-lan up
		route add blackhole ${LAB_SINK%.*}.0/24
		route add blackhole ${LAB_SINK6%::*}::/48
	END
}

lab_add_internet() {
	lab_node "$1" internet
	ip link add eth0 netns "$1-internet" address "$LAB_INTERNET_MAC" type veth \
		peer name wan netns "$1-router" address "$LAB_WAN_MAC"
	lab_batch "$1" router <<-END
		address add $LAB_WAN/24 dev wan
		address add $LAB_WAN6/64 dev wan nodad
		link set wan up
		$(lab_neighbours wan "$LAB_INTERNET_MAC" "$LAB_INTERNET" "$LAB_INTERNET6")
	END
	lab_batch "$1" internet <<-END
		link set lo up
		address add $LAB_INTERNET/24 dev eth0
		address add $LAB_INTERNET6/64 dev eth0 nodad
		link set eth0 up
		route add default via $LAB_WAN
		route add default via $LAB_WAN6
		$(lab_neighbours eth0 "$LAB_WAN_MAC" "$LAB_WAN" "$LAB_WAN6")
	END
}

# lab_add_device LAB NUMBER
lab_add_device() {
	local name mac address address6

	name=$(lab_device_name "$2")
	mac=$(lab_device_mac "$2")
	address=$(lab_device_address "$2")
	address6=$(lab_device_address6 "$2")
	lab_node "$1" "$name"
	ip link add eth0 netns "$1-$name" address "$mac" type veth peer name "$name" netns "$1-router"
	# A port only passes on; by itself it must say nothing.
	lab_in "$1" router sysctl -qw "net.ipv6.conf.$name.disable_ipv6=1"
	lab_batch "$1" router <<-END
		link set $name master br-lan
		link set $name up
		$(lab_neighbours br-lan "$mac" "$address" "$address6")
	END
	lab_batch "$1" "$name" <<-END
		link set lo up
		address add $address/24 dev eth0
		address add $address6/64 dev eth0 nodad
		link set eth0 up
		route add default via $LAB_ROUTER
		route add default via $LAB_ROUTER6
		$(lab_neighbours eth0 "$LAB_ROUTER_MAC" "$LAB_ROUTER" "$LAB_ROUTER6")
	END
}

# lab_neighbours INTERFACE MAC ADDRESS...: the commands that make them known for ever
lab_neighbours() {
	local interface=$1 mac=$2 address

	shift 2
	for address; do
		echo "neighbour replace $address lladdr $mac dev $interface nud permanent"
	done
}

# All multicast packets pass the router.
lab_multicast_seen() {
	# shellcheck disable=SC2016  # the dollar is awk's
	lab_in "$1" router awk '/^Ip6(In|Out)McastPkts / { sum += $2 } END { print sum + 0 }' \
		/proc/net/snmp6
}

# Until nobody has sent a multicast packet for half a second.
lab_settle() {
	local before='' now i

	for ((i = 0; i < 20; i++)); do
		now=$(lab_multicast_seen "$1")
		if [[ $now == "$before" ]]; then
			return
		fi
		before=$now
		sleep 0.5
	done
}

# lab_up LAB [DEVICES]
lab_up() {
	local lab=$1 devices=${2:-3} number

	if [[ ! $lab =~ ^[A-Za-z0-9_]{1,40}$ ]]; then
		echo "lab: $lab: a name is letters, digits and underscores" >&2
		return 2
	fi
	if [[ ! $devices =~ ^[0-9]{1,3}$ ]] || ((devices < 1 || devices > LAB_DEVICES_MAX)); then
		echo "lab: $devices: the number of devices is 1 to $LAB_DEVICES_MAX" >&2
		return 2
	fi
	if [[ -n $(lab_namespaces "$lab") ]]; then
		echo "lab: $lab: exists already" >&2
		return 1
	fi
	lab_add_router "$lab"
	lab_add_internet "$lab"
	for ((number = 1; number <= devices; number++)); do
		lab_add_device "$lab" "$number"
	done
	lab_settle "$lab"
}

# Ends the processes in the lab's namespaces and removes those; what is not there is no error.
lab_down() {
	local namespaces

	mapfile -t namespaces < <(lab_namespaces "$1")
	lab_remove "${namespaces[@]}"
}

# lab_remove [NAMESPACE]...: and the processes in them. They are asked to end once, and killed when they have not in
# LAB_PATIENCE tenths of a second, 20 where nothing is said.
lab_remove() {
	local pids pid i patience=${LAB_PATIENCE:-20}
	local -A asked=()

	if (($# == 0)); then
		return
	fi
	for ((i = 0; i < patience + 30; i++)); do
		pids=$(printf 'netns pids %s\n' "$@" | ip -force -batch - 2>/dev/null || :)
		if [[ -z $pids ]]; then
			break
		fi
		for pid in $pids; do
			if ((i >= patience)); then
				kill -KILL "$pid" 2>/dev/null || :
			elif [[ ! ${asked[$pid]:-} ]]; then
				kill -TERM "$pid" 2>/dev/null || :
				asked[$pid]=yes
			fi
		done
		sleep 0.1
	done
	printf 'netns del %s\n' "$@" | ip -force -batch - 2>/dev/null || :
}
