# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of misc share.

load ../e2e/lib

# is_valid FILE: but that a web configuration need not be there
is_valid() {
	: >"$WORK/web.yaml"
	# shellcheck disable=SC2016  # the dollar is jq's
	gojq --yaml-input --yaml-output --arg web "$WORK/web.yaml" \
		'(.export.http."web-config"? | select(.)) |= $web' "$1" >"$WORK/known.yaml"
	"$FLOWTALLY" check -c "$WORK/known.yaml"
}
