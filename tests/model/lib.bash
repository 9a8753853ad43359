# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of the model share: spin makes a program of sweep.pml, which goes through all states that can
# be reached from the first one.

MODEL=$BATS_TEST_DIRNAME/sweep.pml

# make_verifier OPTIMIZATION OPTION...: pan, in a directory of the test
make_verifier() {
	local optimization=$1

	shift
	cd "$BATS_TEST_TMPDIR" || return
	# It looks beside the model for what led to an error.
	cp "$MODEL" .
	spin -a "$@" "${MODEL##*/}"
	gcc "$optimization" -w -DSAFETY -DNOFAIR -o pan pan.c
}

# Says how large the search was, to whoever runs the tests.
say_size() {
	awk '
		/depth reached/ { depth = $6 + 0 }
		/states, stored/ { print "# " $1 " states, to a depth of " depth }' output >&3
}

# holds OPTION...: in none of the states is anything wrong, and none was left out.
holds() {
	make_verifier -O1 "$@"
	./pan -m100000 -w22 >output
	cat output
	say_size
	grep -q 'errors: 0$' output
	if grep -q 'not completed\|too small\|out of memory' output; then
		return 1
	fi
}

# finds WHAT OPTION...: with the bug that an option puts in; WHAT is what the watcher says, or an assertion.
finds() {
	local what=$1

	shift
	make_verifier -O0 "$@"
	./pan -m100000 >output || :
	cat output
	grep -q 'errors: 1$' output
	./pan -r >trail || :
	grep -qF "$what" output trail || {
		tail -n 20 trail
		echo "in vain: $what"
		return 1
	}
}
