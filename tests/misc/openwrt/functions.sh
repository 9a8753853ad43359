# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
#
# For tests: the part of OpenWrt's /lib/functions.sh that flowtally's scripts use, with the same meaning, for
# UCI files in /etc/config. What differs is that these are read here instead of by the program uci.

CONFIG_SECTIONS=
CONFIG_LISTS=

reset_cb() {
	config_cb() { :; }
	option_cb() { :; }
	list_cb() { :; }
}
reset_cb

config_set() {
	eval "CONFIG_$1_$2=\$3"
}

# config_get VARIABLE SECTION OPTION [DEFAULT]. Names that UCI does not allow yield nothing.
config_get() {
	case $2$3 in
	*[!A-Za-z0-9_]*) return ;;
	esac
	eval "$1=\${CONFIG_$2_$3:-\$4}"
}

config_get_bool() {
	local value

	config_get value "$2" "$3" "$4"
	case $value in
	1 | on | true | yes | enabled) value=1 ;;
	0 | off | false | no | disabled) value=0 ;;
	*) value=$4 ;;
	esac
	eval "$1=\$value"
}

# config_foreach FUNCTION [TYPE [ARGUMENT...]]
config_foreach() {
	local function="$1" wanted="$2" section type

	shift
	[ $# -eq 0 ] || shift
	for section in $CONFIG_SECTIONS; do
		config_get type "$section" TYPE
		if [ -z "$wanted" ] || [ "$type" = "$wanted" ]; then
			"$function" "$section" "$@"
		fi
	done
}

# config_list_foreach SECTION OPTION FUNCTION [ARGUMENT...]: nothing for what is no list
config_list_foreach() {
	local section="$1" option="$2" function="$3" length number=1 value

	shift 3
	config_get length "$section" "${option}_LENGTH" 0
	while [ "$number" -le "$length" ]; do
		config_get value "$section" "${option}_ITEM$number"
		"$function" "$value" "$@"
		number=$((number + 1))
	done
}

# What read_uci makes of a file are calls of these three.

uci_section() {
	sections=$((sections + 1))
	CONFIG_SECTION=${2:-cfg$sections}
	CONFIG_SECTIONS="$CONFIG_SECTIONS $CONFIG_SECTION"
	config_set "$CONFIG_SECTION" TYPE "$1"
	config_cb "$1" "$CONFIG_SECTION"
}

uci_option() {
	config_set "$CONFIG_SECTION" "$1" "$2"
	option_cb "$1" "$2"
}

# As an option, a list has all its items with blanks in between.
uci_list() {
	local length all

	config_get length "$CONFIG_SECTION" "$1_LENGTH" 0
	config_get all "$CONFIG_SECTION" "$1"
	length=$((length + 1))
	config_set "$CONFIG_SECTION" "$1_LENGTH" "$length"
	config_set "$CONFIG_SECTION" "$1_ITEM$length" "$2"
	config_set "$CONFIG_SECTION" "$1" "$all${all:+ }$2"
	CONFIG_LISTS="$CONFIG_LISTS ${CONFIG_SECTION}_$1"
	list_cb "$1" "$2"
}

# Words are bare or quoted by ' or ", or both together; "\" takes the next character as it is but within ' ', and
# quotes may span lines. Output is for eval.
read_uci() {
	awk -v quote="'" '
		function flush_line(    i, call) {
			call = words[1] == "config" ? "uci_section" : words[1] == "option" ? "uci_option" : \
				words[1] == "list" ? "uci_list" : ""
			if (n && call) {
				for (i = 2; i <= n; i++) {
					gsub(quote, quote "\\" quote quote, words[i])
					call = call " " quote words[i] quote
				}
				print call
			} else if (n && words[1] != "package") {
				print "return 1"
			}
			n = 0
			in_word = 0
		}
		function add(character) {
			if (!in_word) {
				words[++n] = ""
				in_word = 1
			}
			words[n] = words[n] character
		}
		{
			line = $0 "\n"
			for (at = 1; at <= length(line); at++) {
				c = substr(line, at, 1)
				if (within == "#") {
					if (c == "\n") {
						within = ""
						flush_line()
					}
				} else if (within != "") {
					if (c == within) {
						within = ""
					} else if (c == "\\" && within == "\"") {
						add(substr(line, ++at, 1))
					} else {
						add(c)
					}
				} else if (c == quote || c == "\"") {
					add("")
					within = c
				} else if (c == "\\") {
					add(substr(line, ++at, 1))
				} else if (c == "#" && !in_word) {
					within = "#"
				} else if (c == "\n") {
					flush_line()
				} else if (c == " " || c == "\t") {
					in_word = 0
				} else {
					add(c)
				}
			}
		}
		END {
			if (within != "") {
				print "return 1"
			}
		}' "/etc/config/$1"
}

# Lists are forgotten with the package before, options are not.
config_load() {
	local sections=0 name calls

	for name in $CONFIG_LISTS; do
		eval "CONFIG_$name= CONFIG_${name}_LENGTH="
	done
	CONFIG_LISTS=
	CONFIG_SECTIONS=
	CONFIG_SECTION=
	calls=$(read_uci "$1" 2>/dev/null) || return 1
	eval "$calls"
	[ -z "$CONFIG_SECTION" ] || config_cb
}
