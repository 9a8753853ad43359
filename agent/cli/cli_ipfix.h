/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of `flowtally ipfix`; as subcommands are (cli.h). */
#ifndef FLOWTALLY_CLI_IPFIX_H
#define FLOWTALLY_CLI_IPFIX_H

#include <stdint.h>

int cli_ipfix_dump(int argc, char **argv);
int cli_ipfix_write(int argc, char **argv); /* and file */

/* `ipfix dump` of linux-flow-exporter: the flows that go on, by template 1004 of the file at @config_path or its first, to
 * the collectors there. The agent is found by @run, NULL: where it is by default. Returns the exit status. */
int ipfix_send_flows(const char *config_path, const char *run, uint32_t enterprise_number);

#endif
