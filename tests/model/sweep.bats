#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The sweep of sweep.pml: whatever order the steps of packets, agent and SIGKILL come in, nothing that was counted
# is lost or doubled. Each test lets some more happen than the stop at the end.

bats_require_minimum_version 1.5.0
load lib

@test "packets on two CPUs and sweeps: each is in one sum and in one report" {
	holds -DPACKETS=2 -DSWEEPS=2
}

@test "killed anywhere, what was counted goes on exactly once, and what may be reported twice is known" {
	holds -DKILLS=1 -DSWEEPS=1
}

@test "killed a second time, also while the next start takes up what was left" {
	holds -DKILLS=2 -DSWEEPS=0
}

@test "killed after a clean stop has begun or ended, the next start has the same sums" {
	holds -DKILLS=1 -DSWEEPS=0 -DSTARTS=2
}

@test "a step that fails halfway is taken up, and is in the way of no sweep" {
	holds -DFAULTS=1 -DSWEEPS=3
}

@test "two steps that fail, and a start after that" {
	holds -DFAULTS=2 -DSWEEPS=1 -DSTARTS=2
}

@test "a step that fails, and SIGKILL" {
	holds -DFAULTS=1 -DKILLS=1 -DSWEEPS=0
}

@test "messages that wait or are dropped are told, also by an agent that is killed" {
	holds -DTROUBLES=1 -DKILLS=1 -DSWEEPS=0
}

@test "flushed flows are reported, though the agent is killed" {
	holds -DFLUSHES=1 -DSAVES=1 -DKILLS=1 -DSWEEPS=1 -DSENDERS=1
}

@test "hooks that a reload takes away have counted all they saw, and so have those that it puts back" {
	holds -DRELOADS=2 -DFAULTS=1 -DSWEEPS=2
}

@test "hooks that a reload takes away, and SIGKILL" {
	holds -DRELOADS=1 -DKILLS=1 -DSWEEPS=0
}
