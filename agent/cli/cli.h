/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subcommands. Each takes its own name and options and returns the exit status: EXIT_SUCCESS,
 * EXIT_FAILURE or CLI_USAGE. An error is one line on stderr, "flowtally: what: why".
 */
#ifndef FLOWTALLY_CLI_H
#define FLOWTALLY_CLI_H

#define CLI_USAGE 2

int cli_agent(int argc, char **argv);
int cli_attach(int argc, char **argv); /* and detach */
int cli_check(int argc, char **argv);
int cli_doctor(int argc, char **argv); /* and dependency-check */
int cli_flows(int argc, char **argv);  /* and dump */
int cli_flush(int argc, char **argv);
int cli_hosts(int argc, char **argv);
int cli_ipfix(int argc, char **argv);
int cli_ledger(int argc, char **argv);
int cli_meter(int argc, char **argv);
int cli_metrics(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_top(int argc, char **argv);
int cli_version(int argc, char **argv);

#endif
