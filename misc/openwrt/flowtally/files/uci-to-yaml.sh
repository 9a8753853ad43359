#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
#
# Turns UCI's package "flowtally" into flowtally's configuration, to standard output; /etc/config/flowtally says
# what it may hold. What is at fault goes to standard error, a line each, and then there is no output and the
# status is 1. Values are passed on as they are: `flowtally check` judges them.

# shellcheck source=tests/misc/openwrt/functions.sh
. /lib/functions.sh
# shellcheck source=tests/misc/openwrt/network.sh
. /lib/functions/network.sh

newline='
'
faults=0

fault() {
	echo "flowtally: /etc/config/flowtally: $*" >&2
	faults=$((faults + 1))
}

# --- YAML, collected in $yaml

yaml=

add() {
	yaml="$yaml$1$newline"
}

# under INDENT KEY FUNCTION: that key with what FUNCTION adds, or nothing where it adds nothing
under() {
	local before="$yaml" header

	add "$1$2:"
	header=$yaml
	"$3"
	if [ "$yaml" = "$header" ]; then
		yaml=$before
	fi
}

# As a double-quoted scalar, whatever it is.
quote() {
	printf '"%s"' "$(printf '%s\n' "$1" | sed -e ':join' -e '$!{' -e 'N' -e 'b join' -e '}' \
		-e 's/[\\"]/\\&/g' -e 's/\t/\\t/g' -e 's/\r/\\r/g' -e 's/\n/\\n/g')"
}

# Collects in $flow what is between the brackets of a flow sequence.
add_to_flow() {
	flow="$flow${flow:+, }$(quote "$1")"
}

# each_value SECTION OPTION FUNCTION: of a list, or the words of an option; FUNCTION gets one at a time
each_value() {
	local section="$1" option="$2" function="$3" length value

	config_get length "$section" "${option}_LENGTH"
	if [ "${length:-0}" -gt 0 ]; then
		config_list_foreach "$section" "$option" "$function"
		return
	fi
	config_get value "$section" "$option"
	set -f
	for value in $value; do
		"$function" "$value"
	done
	set +f
}

# These take INDENT KEY SECTION OPTION, and add nothing where the option is not set.

text() {
	local value

	config_get value "$3" "$4"
	if [ -n "$value" ]; then
		add "$1$2: $(quote "$value")"
	fi
}

# Seconds, where there is no unit.
duration() {
	local value

	config_get value "$3" "$4"
	case $value in
	'') ;;
	*[!0-9]*) add "$1$2: $(quote "$value")" ;;
	*) add "$1$2: ${value}s" ;;
	esac
}

boolean() {
	local value

	config_get value "$3" "$4"
	case $value in
	'') ;;
	1 | on | true | yes | enabled) add "$1$2: true" ;;
	0 | off | false | no | disabled) add "$1$2: false" ;;
	*) fault "section $3: $4: $value: neither 1 nor 0" ;;
	esac
}

sequence() {
	local flow=

	each_value "$3" "$4" add_to_flow
	if [ -n "$flow" ]; then
		add "$1$2: [$flow]"
	fi
}

# --- what sections may hold

options_of() {
	case $1 in
	flowtally) echo enabled interval local not_internet max_hosts address_age names http web_config textfile compat state ;;
	interface) echo enabled network match exclude side local alias hook order ;;
	device) echo mac also ;;
	metrics) echo max_hosts idle ;;
	history) echo keep max_mib ;;
	ipfix) echo observation_domain enterprise_number template_refresh message_size ;;
	collector) echo enabled address transport records enterprise layer2_octets ;;
	esac
}

# config_load calls these, the first for each section and at the end.

config_cb() {
	type=$1
	section=$2
	if [ -n "$type" ] && [ -z "$(options_of "$type")" ]; then
		fault "section $section: no type of sections is called $type"
		type=
	fi
}

option_cb() {
	if [ -n "$type" ]; then
		case " $(options_of "$type") " in
		*" $1 "*) ;;
		*) fault "section $section: no option is called $1" ;;
		esac
	fi
}

list_cb() {
	option_cb "$1"
}

is_enabled() {
	local enabled

	config_get_bool enabled "$1" enabled 1
	[ "$enabled" -eq 1 ]
}

# --- interfaces

add_interface() {
	add "  - match: $(quote "$1")"
	sequence "    " exclude "$interface" exclude
	text "    " side "$interface" side
	sequence "    " local "$interface" local
	text "    " alias "$interface" alias
	text "    " hook "$interface" hook
	text "    " order "$interface" order
}

# One that is down has no device; when it comes up, all this is done again.
add_network() {
	local device=

	if network_get_device device "$1" && [ -n "$device" ]; then
		add_interface "$device"
	else
		echo "flowtally: network $1: it is down, or there is none" >&2
	fi
}

add_interfaces() {
	local interface="$1" network match

	has_sections=1
	is_enabled "$interface" || return 0
	config_get network "$interface" network
	config_get match "$interface" match
	if [ -z "$network$match" ]; then
		fault "section $interface: an interface needs a network or a match"
	fi
	each_value "$interface" network add_network
	each_value "$interface" match add_interface
}

add_all_interfaces() {
	config_foreach add_interfaces interface
}

# --- hosts

# add_source KIND FILE, once
add_source() {
	local line

	line="    - { $1: $(quote "$2") }"
	case "$newline$yaml" in
	*"$newline$line$newline"*) ;;
	*) add "$line" ;;
	esac
}

# Where dnsmasq and odhcpd put their leases is a setting of theirs.

add_dnsmasq() {
	local file

	config_get file "$1" leasefile /tmp/dhcp.leases
	add_source dnsmasq "$file"
}

add_odhcpd() {
	local file

	config_get file "$1" leasefile /tmp/hosts/odhcpd
	add_source odhcpd "$file"
}

# sources_of [KIND]...: in a shell of its own, for config_load forgets the package before
sources_of() {
	local kind

	yaml=
	reset_cb
	config_load dhcp
	for kind; do
		case $kind in
		dnsmasq) config_foreach add_dnsmasq dnsmasq ;;
		odhcpd) config_foreach add_odhcpd odhcpd ;;
		uci) add_source uci /etc/config/dhcp ;;
		esac
	done
	printf '%s' "$yaml"
}

add_name() {
	case $1 in
	none) ;;
	*:*) add_source "${1%%:*}" "${1#*:}" ;;
	dnsmasq | odhcpd | uci) add_lines "$(sources_of "$1")" ;;
	*) fault "names: $1: it needs a file, as in $1:/etc/$1" ;;
	esac
	has_names=1
}

add_lines() {
	if [ -n "$1" ]; then
		add "$1"
	fi
}

add_names() {
	local has_names=

	each_value "$main" names add_name
	if [ -z "$has_names" ]; then
		add_lines "$(sources_of dnsmasq odhcpd uci)"
	fi
}

add_device() {
	local mac

	config_get mac "$1" mac
	if [ -z "$mac" ]; then
		fault "section $1: a device needs a mac"
		return
	fi
	add "    - mac: $(quote "$mac")"
	sequence "      " also "$1" also
}

add_devices() {
	config_foreach add_device device
}

add_hosts() {
	sequence "  " local "$main" local
	sequence "  " not-internet "$main" not_internet
	text "  " max "$main" max_hosts
	duration "  " address-age "$main" address_age
	under "  " merge add_devices
	under "  " names add_names
}

add_metrics_options() {
	text "  " max-hosts "$1" max_hosts
	duration "  " idle "$1" idle
}

add_metrics() {
	config_foreach add_metrics_options metrics
	sequence "  " compat "$main" compat
}

# --- export

add_collector() {
	local address

	is_enabled "$1" || return 0
	config_get address "$1" address
	if [ -z "$address" ]; then
		fault "section $1: a collector needs an address"
		return
	fi
	add "      - address: $(quote "$address")"
	text "        " transport "$1" transport
	sequence "        " records "$1" records
	text "        " enterprise "$1" enterprise
	boolean "        " layer2-octets "$1" layer2_octets
}

add_collectors() {
	config_foreach add_collector collector
}

add_ipfix_options() {
	text "    " observation-domain "$1" observation_domain
	text "    " enterprise-number "$1" enterprise_number
	duration "    " template-refresh "$1" template_refresh
	text "    " message-size "$1" message_size
}

add_ipfix() {
	config_foreach add_ipfix_options ipfix
	under "    " collectors add_collectors
}

add_textfile() {
	text "    " path "$main" textfile
}

add_http() {
	local http

	config_get http "$main" http
	if [ "$http" = none ]; then
		add "    listen: []"
	else
		sequence "    " listen "$main" http
	fi
	text "    " web-config "$main" web_config
}

add_export() {
	under "  " ipfix add_ipfix
	under "  " textfile add_textfile
	under "  " http add_http
}

# --- history

add_history_options() {
	duration "  " keep "$1" keep
	text "  " max-mib "$1" max_mib
}

# Where it lies in memory it must not be as large as flowtally's default.
add_history() {
	local state

	config_get state "$main" state
	config_foreach add_history_options history
	case $state$yaml in
	/* | *"  max-mib: "*) ;;
	*) add "  max-mib: 2" ;;
	esac
}

# ---

note_main() {
	if [ -n "$main" ]; then
		fault "section $1: there can be one section of type flowtally"
	fi
	main=$1
}

main=
has_sections=
if ! config_load flowtally; then
	fault "cannot be read"
fi
config_foreach note_main flowtally
duration "" interval "$main" interval
under "" interfaces add_all_interfaces
# Not one of them is left, which is not the same as to say nothing of interfaces.
if [ -n "$has_sections" ] && [ "${yaml#*interfaces:}" = "$yaml" ]; then
	add "interfaces: []"
fi
under "" hosts add_hosts
under "" metrics add_metrics
under "" export add_export
under "" history add_history
text "" state "$main" state
# /run is not in memory everywhere, /var/run is.
add 'run: "/var/run/flowtally"'

if [ "$faults" -gt 0 ]; then
	exit 1
fi
echo "# Made of /etc/config/flowtally by /etc/init.d/flowtally: changes here are lost."
printf '%s' "$yaml"
