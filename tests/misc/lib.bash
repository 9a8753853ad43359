# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of misc share.

load ../e2e/lib

# Keys that our scripts write and the agent does not know, as jq has them: what `flowtally check` is not asked about.
NOT_YET='.hosts.names, .export.http, .compat'

# is_valid FILE
is_valid() {
	gojq --yaml-input --yaml-output "del($NOT_YET) | del(.. | select(. == {}))" "$1" >"$WORK/known.yaml"
	"$FLOWTALLY" check -c "$WORK/known.yaml"
}
