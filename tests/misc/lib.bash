# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of misc share.

load ../e2e/lib

# Keys that our scripts write and the agent does not know, as jq has them: what `flowtally check` is not asked about.
NOT_YET='.compat'

# is_valid FILE: but that a web configuration need not be there
is_valid() {
	: >"$WORK/web.yaml"
	gojq --yaml-input --yaml-output --arg web "$WORK/web.yaml" "del($NOT_YET) | del(.. | select(. == {})) |
		(.export.http.\"web-config\"? | select(.)) |= \$web" "$1" >"$WORK/known.yaml"
	"$FLOWTALLY" check -c "$WORK/known.yaml"
}
