#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What sweep.pml must find: each test leaves a step out of the sweep, or takes it in another order.

bats_require_minimum_version 1.5.0
load lib

@test "found: the tables are read before the packets under way have ended" {
	finds "not all is in the last sums" -DBUG_NO_GRACE_PERIOD -DSWEEPS=1
}

@test "found: the generation flips before packets have ended that hooks had before they went" {
	finds "not all is in the last sums" -DBUG_NO_GRACE_PERIOD_AFTER_DETACHING -DSWEEPS=0
}

@test "found: of two CPUs that insert a host at once one does not look again" {
	finds "assertion violated found" -DBUG_NO_SECOND_LOOKUP -DSWEEPS=0
}

@test "found: two CPUs add to one value" {
	finds "not all is in the last sums" -DBUG_SHARED_VALUES -DSWEEPS=0
}

@test "found: tables are emptied whose sums are in no file" {
	finds "the sums of hosts are wrong" -DBUG_DOES_NOT_SAVE -DKILLS=1 -DSWEEPS=1
}

@test "found: what is in the file is counted again" {
	finds "not all is in the last sums" -DBUG_RECOUNTS_WHAT_IS_PENDING -DKILLS=1 -DSWEEPS=1
}

@test "found: tables are emptied whose report may have to be made again" {
	finds "the reports of hosts are wrong" -DBUG_EMPTIES_BEFORE_EXPORTED -DKILLS=1 -DSWEEPS=1
}

@test "found: a report is made again and that is not noted" {
	finds "a repetition is not known" -DBUG_REPETITION_IS_NOT_NOTED -DKILLS=1 -DSWEEPS=1
}

@test "found: emptying that failed halfway fails for ever, as keys are gone" {
	finds "faults>faults_before" -DBUG_KEYS_THAT_ARE_GONE_ARE_ERRORS -DFAULTS=1 -DSWEEPS=2
}

@test "found: emptying that is repeated forgets what it kept" {
	finds ".kept==" -DBUG_EMPTIES_WITHOUT_COPY -DFAULTS=1 -DSWEEPS=2
}

@test "found: what keeps its place keeps its count, too" {
	finds "not all is in the last report" -DBUG_KEPT_IS_NOT_SET_TO_ZERO -DSWEEPS=3
}

@test "found: what has kept its place is not begun like a new flow" {
	finds ".begun" -DBUG_KEPT_IS_NOT_BEGUN -DSWEEPS=2 -DPACKETS=2
}

@test "found: the ledger of hooks that have gone goes before it is read" {
	finds "not all is in the last sums" -DBUG_FORGETS_WHAT_DRAINS -DRELOADS=1 -DFAULTS=1 -DSWEEPS=2
}

@test "found: flushed flows are taken for those that have left" {
	finds "the reports of flows are wrong" -DBUG_FLUSHED_AMONG_RECORDS -DFLUSHES=1 -DSAVES=1 -DSWEEPS=1
}

@test "found: what is given up is not saved before it has left" {
	finds "a delta is missing" -DBUG_GIVEN_UP_IS_NOT_SAVED -DTROUBLES=1 -DSWEEPS=1
}

@test "found: the last sweep is one that had failed before the hooks went" {
	finds "not all is in the last sums" -DBUG_STOPS_WITHOUT_LAST_SWEEP -DFAULTS=1 -DSWEEPS=1
}

@test "found: records that have left stay in the file that outlives the tables" {
	finds "the reports of flows are wrong" -DBUG_REMOVES_MAPS_FIRST -DFAULTS=1 -DSWEEPS=0
}

@test "found: records that have left are kept where emptying fails" {
	finds "the reports of flows are wrong" -DBUG_KEEPS_RECORDS_UNTIL_EMPTY -DFAULTS=2 -DSWEEPS=0
}
