/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sweep as a model for spin: packets on two CPUs, the flip of the generation, reading, counting,
 * reporting and emptying, an agent that is killed anywhere and adopted by the next, stops, reloads,
 * flushes and faults. Steps have the names of the functions that take them:
 *
 *   ebpf/meter.bpf.c, flow.bpf.h        the packets
 *   agent/kernel/cache.c, flowtables.c  the tables: flip, grace period, reading, emptying
 *   agent/metering/metering.c           the stages of a sweep, its file, adoption
 *   agent/metering/flowmetering.c       flows between the tables and the reports
 *   agent/metering/following.c          hooks that go, and the ledger that goes after them
 *   agent/agent.c                       the report, the end of a sweep, stop and reload
 *
 * A packet has one octet. All are of one host, which has an entry with a value for each CPU, and of one flow,
 * which has an entry in each CPU's table, and stand in the ledger's page of their CPU. What an agent would
 * know by its variables is lost when it is killed; what is below "The kernel" and "Files" stays.
 *
 * How much of what happens is set from outside, as is what is left out of the code to see the model fail: see
 * tests/model/sweep.bats. "ghost" is what nobody in the program knows.
 */
#define CPUS 2

#ifndef PACKETS
#define PACKETS 1 /* on each CPU */
#endif
#ifndef SENDERS
#define SENDERS CPUS /* CPUs that have packets */
#endif
#ifndef SWEEPS
#define SWEEPS 3 /* asked for by the timer; more are made by start and stop */
#endif
#ifndef KILLS
#define KILLS 0 /* SIGKILL */
#endif
#ifndef FAULTS
#define FAULTS 0 /* system calls that fail */
#endif
#ifndef TROUBLES
#define TROUBLES 0 /* messages that do not arrive at once */
#endif
#ifndef FLUSHES
#define FLUSHES 0 /* `flowtally flush` */
#endif
#ifndef RELOADS
#define RELOADS 0 /* which take the interface out of the configuration, or put it back */
#endif
#ifndef SAVES
#define SAVES 0 /* of the sums beside those of a sweep: interfaces have changed */
#endif
#ifndef STARTS
#define STARTS 1 /* the first one, and those after a clean stop */
#endif

#ifdef BUG_STOPS_WITHOUT_LAST_SWEEP
#define LAST_SWEEPS 1
#else
#define LAST_SWEEPS 3
#endif

#define GENERATIONS 2

/* --- The kernel */

typedef HostEntry {
	bool there;
	byte octets[CPUS];
};

typedef FlowEntry {
	bool there;
	bool begun; /* what is of the first packet has been noted */
	byte packets;
};

typedef Ledger {
	bool there;
	byte page[CPUS];
};

/* struct meter_control; `identity` is that of the tables. */
byte generation = 1;
byte exported = 0;
byte identity = 1;

/* By generation. */
HostEntry hosts[GENERATIONS];
Ledger ledger[GENERATIONS];

/* By generation and CPU. */
FlowEntry flows[4];
#define FLOW(g, cpu) flows[2 * (g) + (cpu)]

bool attached = false; /* the hooks */

/* A classifier runs in a read-side critical section of RCU: which CPUs are in one, and which of these a
 * grace period waits for. */
bool inside[CPUS];
bool awaited[CPUS];

#define ACTIVE (generation % GENERATIONS)
#define QUIET ((generation + 1) % GENERATIONS)

/* ghost: what was counted so far */
byte to_page = 0;
byte to_flow = 0;
byte to_host = 0;

/* --- Files */

/* `totals` below `run` and below `state`, each replaced by rename. */
typedef Totals {
	bool there;
	byte identity; /* struct period_row */
	byte generation;
	byte hosts;
	byte ledger;
	byte flows;   /* TOTALS_FLOWS: in the agent's Flow Cache */
	byte records; /* TOTALS_FLOW_RECORDS: of the report at hand */
	byte flushed; /* TOTALS_FLOWS_FLUSHED: of the next one */
};
Totals totals_run;
Totals totals_state;

/* `counters` below `run`: what a collector may have twice, and what it will never have. */
typedef Counters {
	byte repeated_hosts;
	byte repeated_flows;
	byte dropped_hosts;
	byte dropped_flows;
};
Counters counters;

/* The configuration: whether the interface is to be metered. */
bool wanted = true;

/* --- A collector */

byte got_hosts = 0;
byte got_flows = 0;

/* ghost: of which it was said, by cache_set_exported(), that they have left */
byte left_hosts = 0;
byte left_flows = 0;

/* --- The agent, as long as it lives */

mtype = { STAGE_EMPTY, STAGE_ADVANCED, STAGE_COUNTED, STAGE_REPORTED };
mtype = { GOAL_NONE, GOAL_SWEEP, GOAL_REPORT, GOAL_FINISH };
mtype = {
	PHASE_ADOPTING,
	PHASE_STARTING,
	PHASE_SERVING,
	PHASE_STOPPING,
	PHASE_LAST_SWEEP,
	PHASE_LAST_REPORT,
	PHASE_ENDING,
	PHASE_ENDED
};

typedef Copy {
	bool is_read;
	bool there;
	byte packets;
	bool keep;
	byte kept; /* FlowTable.kept */
};

/* struct Metering and what it owns */
mtype stage = STAGE_EMPTY;
byte sum_hosts = 0;
byte sum_ledger = 0;
byte cached = 0;  /* packets of flows in the Flow Cache */
byte records = 0; /* ... in records of the report at hand */
byte flushed = 0; /* ... and of the next */
byte deltas = 0;  /* octets of hosts, as read */
bool host_key = false;
Copy copies[4]; /* by generation and CPU */
#define COPY(g, cpu) copies[2 * (g) + (cpu)]
bool flush_all = false;

/* struct Draining */
bool draining = false;
bool draining_quiet = false;
bool draining_read = false;

/* struct Agent */
bool reporting = false;
byte queue_hosts = 0; /* waits in a collector's queue */
byte queue_flows = 0;
Counters noted; /* what will be saved as `counters` */

/* Results of functions. */
bool ok = true;
bool swept = true;
bool repeated = false;
bool whole = false; /* of sweep_last() */
byte attempts = 0;

/* What may still happen. */
byte sweeps = 0;
byte kills = 0;
byte faults = 0;
byte flushes = 0;
byte reloads = 0;
byte saves = 0;
byte troubles = 0;
byte starts = 0;
bool killed = false;
mtype goal = GOAL_NONE;
mtype phase = PHASE_ADOPTING;
byte faults_before = 0;

/* --- A packet */

/* BPF_NOEXIST: nothing happens if another CPU was the first. */
inline insert_host(inserted)
{
	inserted = !hosts[g].there;
	if
	:: inserted ->
		hosts[g].there = true;
		hosts[g].octets[0] = 0;
		hosts[g].octets[1] = 0
	:: else
	fi
}

/* NULL, that is not `found`: the table is full, and here it never is. */
inline add_host(found)
{
	d_step {
		!found ->
		insert_host(found)
#ifndef BUG_NO_SECOND_LOOKUP
		;
		/* Another CPU may win the race to insert: look up again either way. */
		found = hosts[g].there
#endif
	}
}

/* What is added to an entry that is not there any more is added to nothing. With this a packet has ended, which
 * frees the agent that waits for it. */
inline count(cpu)
{
#ifdef BUG_SHARED_VALUES
	value = hosts[g].octets[0];
#endif
	d_step {
		assert(found);
#ifdef BUG_SHARED_VALUES
		hosts[g].octets[0] = (hosts[g].there -> value + 1 : 0);
		value = 0;
#else
		hosts[g].octets[cpu] = hosts[g].octets[cpu] + hosts[g].there;
#endif
		to_host++;
		found = false;
		g = 0;
		inside[cpu] = false;
		awaited[cpu] = false
	}
}

inline count_seen(cpu)
{
	if
	:: ledger[g].there -> ledger[g].page[cpu] = ledger[g].page[cpu] + 1
	:: else
	fi;
	to_page++
}

/* An entry that was kept, without packets, is begun like a new one: count_first_in(). */
inline count_flow(cpu)
{
	if
#ifdef BUG_KEPT_IS_NOT_BEGUN
	:: !FLOW(g, cpu).there ->
#else
	:: !FLOW(g, cpu).there || !FLOW(g, cpu).packets ->
#endif
		FLOW(g, cpu).there = true;
		FLOW(g, cpu).begun = true;
		FLOW(g, cpu).packets = 1
	:: else -> FLOW(g, cpu).packets++
	fi;
	assert(FLOW(g, cpu).begun);
	to_flow++
}

/* meter() in meter.bpf.c. The ledger's page, the table of flows and the value are this CPU's own, so that it makes
 * no difference in how many steps each is changed. */
inline meter(cpu)
{
	g = ACTIVE;
	d_step {
		count_seen(cpu);
		count_flow(cpu);
		found = hosts[g].there
	};
	if
	:: add_host(found)
	:: found
	fi;
	count(cpu)
}

proctype cpu_sends(byte cpu)
{
	byte g, sent;
#ifdef BUG_SHARED_VALUES
	byte value;
#endif
	bool found;

end:
	do
	:: d_step {
		sent < PACKETS && attached ->
		inside[cpu] = true;
		sent++
	};
		meter(cpu)
	:: sent == PACKETS -> break
	od
}

/* --- agent/kernel/cache.c */

#define HOSTS_IN(g) (hosts[g].octets[0] + hosts[g].octets[1])
#define FLOWS_IN(g) (FLOW(g, 0).packets + FLOW(g, 1).packets)
#define LEDGER_IN(g) (ledger[g].page[0] + ledger[g].page[1])

/* Whether a system call fails here: sets `ok`. */
inline may_fail()
{
	if
	:: faults < FAULTS ->
		faults++;
		ok = false
	:: true
	fi
}

inline cache_advance()
{
	d_step {
		/* following_read_before() */
		draining_quiet = draining;
		generation++;
		stage = STAGE_ADVANCED
	}
}

/* A grace period: no packet is under way any more that was when it began. */
inline cache_wait_until_quiet()
{
	d_step {
		awaited[0] = inside[0];
		awaited[1] = inside[1]
	};
	!awaited[0] && !awaited[1]
}

inline read_flow_table(cpu)
{
	COPY(QUIET, cpu).is_read = true;
	COPY(QUIET, cpu).there = FLOW(QUIET, cpu).there;
	COPY(QUIET, cpu).packets = FLOW(QUIET, cpu).packets;
	COPY(QUIET, cpu).keep = false
}

/* cache_read_hosts(), cache_read_flows(). Nobody writes to what is read, so that it is one step. */
inline read_tables()
{
	may_fail();
	if
	:: ok ->
		host_key = hosts[QUIET].there;
		deltas = HOSTS_IN(QUIET);
		read_flow_table(0);
		read_flow_table(1)
	:: else
	fi
}

/* Of one CPU. The copy is forgotten when its entries are deleted, or set to zero: what is kept is known then. */
inline empty_flow_table(cpu)
{
	atomic {
		if
		:: ok &&
#ifndef BUG_EMPTIES_WITHOUT_COPY
		   COPY(QUIET, cpu).is_read ->
#else
		   true ->
#endif
			may_fail();
			if
			:: ok && COPY(QUIET, cpu).there && !COPY(QUIET, cpu).keep ->
				FLOW(QUIET, cpu).there = false;
				FLOW(QUIET, cpu).begun = false;
				FLOW(QUIET, cpu).packets = 0
			:: ok && COPY(QUIET, cpu).there && COPY(QUIET, cpu).keep ->
				FLOW(QUIET, cpu).begun = false;
#ifndef BUG_KEPT_IS_NOT_SET_TO_ZERO
				FLOW(QUIET, cpu).packets = 0
#endif
			:: else
			fi;
			if
			:: ok ->
				COPY(QUIET, cpu).kept =
					(COPY(QUIET, cpu).there && COPY(QUIET, cpu).keep -> 1 : 0);
				COPY(QUIET, cpu).is_read = false;
				COPY(QUIET, cpu).there = false;
				COPY(QUIET, cpu).packets = 0;
				COPY(QUIET, cpu).keep = false
			:: else
			fi
		:: else
		fi
	}
}

inline empty_ledgers()
{
	atomic {
		may_fail();
		if
		:: ok ->
			ledger[QUIET].page[0] = 0;
			ledger[QUIET].page[1] = 0
		:: else
		fi
	}
}

/* Deleting a batch may get as far as here and fail later, and is repeated with the same keys. */
inline empty_hosts()
{
	atomic {
		if
		:: ok && host_key ->
#ifdef BUG_KEYS_THAT_ARE_GONE_ARE_ERRORS
			ok = hosts[QUIET].there;
#endif
			hosts[QUIET].there = false;
			hosts[QUIET].octets[0] = 0;
			hosts[QUIET].octets[1] = 0;
			if
			:: ok -> may_fail()
			:: else
			fi
		:: else
		fi;
		if
		:: ok -> host_key = false
		:: else
		fi
	}
}

inline cache_empty()
{
	empty_ledgers();
	empty_flow_table(0);
	empty_flow_table(1);
	empty_hosts()
}

/* --- agent/metering/metering.c */

#define NEWEST_COUNTED (generation - (stage == STAGE_ADVANCED -> 2 : 1))

/* save_totals(): a temporary file, fsync, rename */
inline save_totals(file, with_flows)
{
	d_step {
		file.there = true;
		file.identity = identity;
		file.generation = NEWEST_COUNTED;
		file.hosts = sum_hosts;
		file.ledger = sum_ledger;
		file.flows = (with_flows -> cached : 0);
#ifdef BUG_FLUSHED_AMONG_RECORDS
		file.records = (with_flows -> records + flushed : 0);
		file.flushed = 0
#else
		file.records = (with_flows -> records : 0);
		file.flushed = (with_flows -> flushed : 0)
#endif
	}
}

/* flow_metering_count(), following_count() */
inline count_sweep()
{
	sum_hosts = sum_hosts + deltas;
	sum_ledger = sum_ledger + LEDGER_IN(QUIET);
	draining_read = draining && draining_quiet;
#ifdef BUG_FORGETS_WHAT_DRAINS
	draining_read = draining;
#endif
	records = records + flushed;
	flushed = 0;
	cached = cached + COPY(QUIET, 0).packets + COPY(QUIET, 1).packets;
	/* Flows go on, or are due. */
	if
	:: !flush_all ->
		COPY(QUIET, 0).keep = COPY(QUIET, 0).packets > 0;
		COPY(QUIET, 1).keep = COPY(QUIET, 1).packets > 0
	:: true ->
		records = records + cached;
		cached = 0
	fi;
	stage = STAGE_COUNTED
}

inline metering_sweep()
{
	if
	:: stage == STAGE_EMPTY ->
#ifndef BUG_NO_GRACE_PERIOD_AFTER_DETACHING
		/* A packet that the hooks had before they went may not have read the generation yet. */
		if
		:: draining -> cache_wait_until_quiet()
		:: else
		fi;
#endif
		cache_advance()
	:: else
	fi;
#ifndef BUG_NO_GRACE_PERIOD
	cache_wait_until_quiet();
#endif
	atomic {
		repeated = stage == STAGE_COUNTED;
		ok = true;
		read_tables();
		if
		:: ok && stage == STAGE_ADVANCED -> count_sweep()
		:: else
		fi
	};
#ifndef BUG_DOES_NOT_SAVE
	if
	:: ok && !repeated -> save_totals(totals_run, true)
	:: else
	fi
#endif
}

/* ghost: the report has left, unless that was said before */
inline cache_set_exported()
{
	left_hosts = left_hosts + (exported < generation - 1 -> deltas : 0);
	left_flows = left_flows + (exported < generation - 1 -> records : 0);
	exported = generation - 1
#ifndef BUG_KEEPS_RECORDS_UNTIL_EMPTY
	;
	/* flow_metering_forget_records() */
	records = 0
#endif
}

/* Its hooks have gone and what they had counted has been read: cache_drop_ledger() */
inline following_forget()
{
	if
	:: draining_read ->
		ledger[0].there = false;
		ledger[1].there = false;
		ledger[0].page[0] = 0;
		ledger[0].page[1] = 0;
		ledger[1].page[0] = 0;
		ledger[1].page[1] = 0;
		draining = false;
		draining_quiet = false;
		draining_read = false
	:: else
	fi
}

/* What fails without a fault fails for ever: then no sweep would be made any more. */
inline metering_finish()
{
	d_step {
		ok = true;
		faults_before = faults;
#ifndef BUG_EMPTIES_BEFORE_EXPORTED
		cache_set_exported()
#endif
	};
	cache_empty();
	d_step {
		assert(ok || faults > faults_before);
		if
		:: ok ->
#ifdef BUG_EMPTIES_BEFORE_EXPORTED
			cache_set_exported();
#endif
			assert(COPY(QUIET, 0).kept == FLOW(QUIET, 0).there);
			assert(COPY(QUIET, 1).kept == FLOW(QUIET, 1).there);
			stage = STAGE_EMPTY;
			records = 0;
			deltas = 0;
			following_forget()
		:: else
		fi;
		faults_before = 0
	}
}

inline forget_copy(i)
{
	copies[i].is_read = false;
	copies[i].there = false;
	copies[i].packets = 0;
	copies[i].keep = false;
	copies[i].kept = 0
}

/* With the process goes all that it knew. */
inline die()
{
	stage = STAGE_EMPTY;
	sum_hosts = 0;
	sum_ledger = 0;
	cached = 0;
	records = 0;
	flushed = 0;
	deltas = 0;
	host_key = false;
	forget_copy(0);
	forget_copy(1);
	forget_copy(2);
	forget_copy(3);
	flush_all = false;
	draining = false;
	draining_quiet = false;
	draining_read = false;
	reporting = false;
	queue_hosts = 0;
	queue_flows = 0;
	noted.repeated_hosts = 0;
	noted.repeated_flows = 0;
	noted.dropped_hosts = 0;
	noted.dropped_flows = 0;
	ok = true;
	swept = true;
	repeated = false;
	whole = false;
	attempts = 0;
	faults_before = 0;
	goal = GOAL_NONE;
	phase = PHASE_ADOPTING
}

inline load_from(file)
{
	saved_identity = file.identity;
	saved_generation = file.generation;
	sum_hosts = file.hosts;
	sum_ledger = file.ledger;
	cached = file.flows;
	records = file.records;
	flushed = file.flushed
}

/* load(), stage_of(), and what becomes of the records in open_tables(). */
inline open_tables()
{
	d_step {
		saved_identity = 0;
		saved_generation = 0;
		if
		:: totals_run.there -> load_from(totals_run)
		:: else ->
			if
			:: totals_state.there -> load_from(totals_state)
			:: else
			fi
		fi;
		if
		:: generation == 1 -> stage = STAGE_EMPTY
		:: else ->
			if
			:: saved_identity != identity || saved_generation < generation - 1 ->
				stage = STAGE_ADVANCED
			:: else ->
				stage = (exported < generation - 1 -> STAGE_COUNTED : STAGE_REPORTED)
			fi
		fi;
#ifdef BUG_RECOUNTS_WHAT_IS_PENDING
		stage = (stage == STAGE_COUNTED -> STAGE_ADVANCED : stage);
#endif
		if
		:: saved_identity == identity && exported >= saved_generation -> records = 0
		:: else
		fi;
		saved_identity = 0;
		saved_generation = 0
	};
}

/* metering_follow(): the hooks become what the configuration says, and what has changed is saved. */
inline follow()
{
	if
	:: d_step {
		wanted && !attached ->
		ledger[0].there = true;
		ledger[1].there = true;
		attached = true;
		draining = false;
		draining_quiet = false;
		draining_read = false
	};
		save_totals(totals_run, true)
	:: d_step {
		!wanted && attached ->
		attached = false;
		draining = true;
		draining_quiet = false;
		draining_read = false
	};
		save_totals(totals_run, true)
	:: d_step {
		/* Of an agent that was killed after its hooks had gone. */
		!wanted && !attached && ledger[0].there && !draining ->
		draining = true
	};
		save_totals(totals_run, true)
	:: wanted && attached
	:: !wanted && !attached && (draining || !ledger[0].there)
	fi
}

/* --- agent/agent.c */

inline save_counters()
{
	counters.repeated_hosts = noted.repeated_hosts;
	counters.repeated_flows = noted.repeated_flows;
	counters.dropped_hosts = noted.dropped_hosts;
	counters.dropped_flows = noted.dropped_flows
}

/* A message arrives, waits in a queue, or is dropped. */
inline send(arrived, waiting, lost, n)
{
	atomic {
		if
		:: arrived = arrived + n
		:: troubles < TROUBLES && n ->
			troubles++;
			waiting = waiting + n
		:: troubles < TROUBLES && n ->
			troubles++;
			lost = lost + n
		fi
	}
}

/* exporting_begin(): the hosts. A repetition is noted before it is sent. */
inline begin_report()
{
#ifndef BUG_REPETITION_IS_NOT_NOTED
	if
	:: d_step {
		repeated ->
		/* exporting_note_repetition() */
		noted.repeated_hosts = noted.repeated_hosts + deltas;
		noted.repeated_flows = noted.repeated_flows + records;
		save_counters()
	}
	:: else
	fi;
#endif
	send(got_hosts, queue_hosts, noted.dropped_hosts, deltas);
	reporting = true
}

/* What is given up is counted, and that is saved before it is said that it has left. */
inline exporting_give_up_queues()
{
	if
	:: d_step {
		queue_hosts + queue_flows ->
		noted.dropped_hosts = noted.dropped_hosts + queue_hosts;
		noted.dropped_flows = noted.dropped_flows + queue_flows;
		queue_hosts = 0;
		queue_flows = 0;
#ifndef BUG_GIVEN_UP_IS_NOT_SAVED
		save_counters()
#endif
	}
	:: else
	fi
}

inline finish_sweep()
{
	exporting_give_up_queues();
	metering_finish()
}

inline end_report()
{
	d_step {
		reporting = false;
		save_counters();
		stage = STAGE_REPORTED
	}
}

/* The flows, as exporting_step() sends them. */
inline finish_report()
{
	send(got_flows, queue_flows, noted.dropped_flows, records);
	end_report()
}

#define IS_IDLE (!queue_hosts && !queue_flows)

/*
 * What takes several steps is written once: to spin, each call is a copy. GOAL_SWEEP is sweep(), GOAL_FINISH is
 * finish_sweep(), and GOAL_REPORT continue_report().
 */
inline work()
{
	if
	:: reporting -> finish_report()
	:: else
	fi;
	if
	:: stage == STAGE_REPORTED && (goal != GOAL_REPORT || IS_IDLE) -> finish_sweep()
	:: else -> ok = true
	fi;
	if
	:: ok && goal == GOAL_SWEEP ->
		metering_sweep();
		if
		:: ok ->
			begin_report();
			swept = true
		:: else
		fi
	:: else
	fi;
	goal = GOAL_NONE
}

inline queues_drain()
{
	d_step {
		got_hosts = got_hosts + queue_hosts;
		got_flows = got_flows + queue_flows;
		queue_hosts = 0;
		queue_flows = 0
	}
}

/* maps_remove(); the pins are all that holds them. */
inline remove_maps()
{
	d_step {
		i = 0;
		do
		:: i < 4 ->
			flows[i].there = false;
			flows[i].begun = false;
			flows[i].packets = 0;
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < GENERATIONS ->
			hosts[i].there = false;
			hosts[i].octets[0] = 0;
			hosts[i].octets[1] = 0;
			ledger[i].there = false;
			ledger[i].page[0] = 0;
			ledger[i].page[1] = 0;
			i++
		:: else -> break
		od;
		i = 0;
		generation = 1;
		exported = 0;
		identity++
	}
}

/* Where the disk has taken the sums, those below `run` go; else they stay, without what has left. */
inline metering_remove(saved)
{
#ifdef BUG_REMOVES_MAPS_FIRST
	remove_maps();
	if
	:: saved -> totals_run.there = false
	:: else
	fi
#else
	if
	:: saved -> totals_run.there = false
	:: else -> save_totals(totals_run, true)
	fi;
	remove_maps()
#endif
}

/* metering_detach() */
inline detach_all()
{
	attached = false;
	draining = ledger[0].there;
	draining_quiet = false;
	draining_read = false;
	flush_all = true
}

/* Whatever comes to the main loop. Nothing in it waits. */
inline serve_event()
{
	if
	:: d_step {
		sweeps < SWEEPS ->
		sweeps++;
		goal = GOAL_SWEEP
	}
	:: reporting -> goal = GOAL_REPORT
	:: !IS_IDLE -> queues_drain()
	:: d_step {
		flushes < FLUSHES && cached ->
		flushes++;
		flushed = flushed + cached;
		cached = 0
	}
	:: atomic {
		saves < SAVES ->
		/* metering_follow(), metering_by_hand() */
		saves++;
		save_totals(totals_run, true)
	}
	:: reloads < RELOADS ->
		/* replace_config(): the rest of the report goes to the collectors of before, which here ends it. */
		reloads++;
		if
		:: reporting -> send(got_flows, queue_flows, noted.dropped_flows, records);
			end_report()
		:: else
		fi;
		wanted = !wanted;
		follow()
	:: d_step {
		true ->
		/* stop(): what an earlier sweep has left is taken up first. */
		goal = (stage == STAGE_ADVANCED || stage == STAGE_COUNTED -> GOAL_SWEEP : GOAL_NONE);
		phase = PHASE_STOPPING
	}
	fi
}

/* What stop() does after the last sweep. */
inline end_agent()
{
	if
	:: !IS_IDLE -> queues_drain()
	:: true
	fi;
	d_step {
		save_counters()
	};
	/* save_state(), which may fail */
	atomic {
		ok = true;
		may_fail()
	};
	if
	:: ok -> save_totals(totals_state, false)
	:: else
	fi;
	if
	:: swept -> metering_remove(ok)
	:: else
	fi
}

/* metering_new(), load_counters(). What an earlier agent has left half done comes first. */
inline begin_agent()
{
	open_tables();
	atomic {
		noted.repeated_hosts = counters.repeated_hosts;
		noted.repeated_flows = counters.repeated_flows;
		noted.dropped_hosts = counters.dropped_hosts;
		noted.dropped_flows = counters.dropped_flows;
		if
		:: stage == STAGE_EMPTY -> phase = PHASE_STARTING
		:: stage == STAGE_REPORTED ->
			read_tables();
			goal = (ok -> GOAL_FINISH : GOAL_NONE)
		:: else ->
			phase = PHASE_STARTING;
			goal = GOAL_SWEEP
		fi
	}
}

inline run_agent()
{
	begin_agent();
	do
	:: goal != GOAL_NONE -> work()
	:: atomic {
		goal == GOAL_NONE && phase == PHASE_ADOPTING ->
		if
		:: ok -> phase = PHASE_STARTING
		/* It ends, and its manager starts it again. */
		:: else -> break
		fi
	}
	:: goal == GOAL_NONE && phase == PHASE_STARTING ->
		follow();
		phase = PHASE_SERVING
	:: goal == GOAL_NONE && phase == PHASE_SERVING -> serve_event()
	:: d_step {
		goal == GOAL_NONE && phase == PHASE_STOPPING ->
		detach_all();
		phase = PHASE_LAST_SWEEP
	}
	:: d_step {
		/* sweep_last(): one that failed is taken up, which is not yet the last one. */
		goal == GOAL_NONE && phase == PHASE_LAST_SWEEP ->
		if
		:: attempts == LAST_SWEEPS || (whole && swept) ->
#ifndef BUG_STOPS_WITHOUT_LAST_SWEEP
			swept = whole && swept;
#endif
			whole = false;
			attempts = 0;
			phase = PHASE_LAST_REPORT
		:: else ->
			attempts++;
			whole = reporting || stage == STAGE_EMPTY || stage == STAGE_REPORTED;
			swept = false;
			goal = GOAL_SWEEP
		fi
	}
	:: d_step {
		goal == GOAL_NONE && phase == PHASE_LAST_REPORT ->
		goal = GOAL_FINISH;
		phase = PHASE_ENDING
	}
	:: goal == GOAL_NONE && phase == PHASE_ENDING ->
		end_agent();
		phase = PHASE_ENDED;
		break
	od
}

/*
 * The sums that the next start would load, were the agent killed now, and what it would make of them and of
 * the tables: all that ever was counted, once.
 */
#define LOADED(member) (totals_run.there -> totals_run.member : (totals_state.there -> totals_state.member : 0))
#define IS_COUNTED (LOADED(identity) == identity && LOADED(generation) >= generation - 1)
#define HAVE_LEFT (LOADED(identity) == identity && exported >= LOADED(generation))
#define UNREAD(in) (in(ACTIVE) + (IS_COUNTED -> 0 : in(QUIET)))

#define SUMS_OF_HOSTS_HOLD (LOADED(hosts) + UNREAD(HOSTS_IN) == to_host)
#define SUMS_OF_LEDGER_HOLD (LOADED(ledger) + UNREAD(LEDGER_IN) == to_page)

/* What has left, what waits to be reported and what is still to be read, once. */
#define REPORTS_OF_HOSTS_HOLD \
	(left_hosts + HOSTS_IN(ACTIVE) + (exported < generation - 1 -> HOSTS_IN(QUIET) : 0) == to_host)
#define REPORTS_OF_FLOWS_HOLD \
	(left_flows + LOADED(flows) + LOADED(flushed) + (HAVE_LEFT -> 0 : LOADED(records)) + \
		 UNREAD(FLOWS_IN) == to_flow)

/* What has left has arrived or is known to be dropped, and what has come twice is known to be repeated. */
#define NO_DELTA_IS_MISSING \
	(got_hosts + counters.dropped_hosts >= left_hosts && \
	 got_flows + counters.dropped_flows >= left_flows)
#define REPETITIONS_ARE_KNOWN \
	(got_hosts <= to_host + counters.repeated_hosts && got_flows <= to_flow + counters.repeated_flows)

/* After the last stop nothing is left in the kernel, but where faults were more than it could bear. */
inline check_end()
{
	if
	:: swept && (to_host != LOADED(hosts) || to_page != LOADED(ledger)) ->
		printf("not all is in the last sums\n");
		assert(false)
	:: swept && (left_hosts != to_host || left_flows != to_flow) ->
		printf("not all is in the last report\n");
		assert(false)
	:: else
	fi
}

proctype agent()
{
	byte saved_identity, saved_generation, i;

	do
	:: {
		run_agent()
	} unless {
		killed
	};
		atomic {
			if
			:: phase == PHASE_ENDED && !killed ->
				starts++;
				check_end()
			:: else
			fi;
			i = 0;
			killed = false;
			die()
		};
		if
		:: starts == STARTS -> break
		:: else
		fi
	od
}

/* SIGKILL: from then on the agent takes no step. */
proctype killer()
{
end:
	do
	:: d_step {
		kills < KILLS && !killed && starts < STARTS ->
		kills++;
		killed = true;
		die()
	}
	:: kills == KILLS -> break
	od
}

/* At any moment; tests look for what it says. */
proctype watcher()
{
end:
	if
	:: !SUMS_OF_HOSTS_HOLD -> printf("the sums of hosts are wrong\n")
	:: !SUMS_OF_LEDGER_HOLD -> printf("the ledger is wrong\n")
	:: !REPORTS_OF_HOSTS_HOLD -> printf("the reports of hosts are wrong\n")
	:: !REPORTS_OF_FLOWS_HOLD -> printf("the reports of flows are wrong\n")
	:: !NO_DELTA_IS_MISSING -> printf("a delta is missing\n")
	:: !REPETITIONS_ARE_KNOWN -> printf("a repetition is not known\n")
	fi;
	assert(false)
}

init
{
	atomic {
		run watcher();
		run agent();
		run cpu_sends(0);
#if SENDERS > 1
		run cpu_sends(1);
#endif
#if KILLS > 0
		run killer()
#endif
	}
}
