/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of `flowtally ipfix`; as subcommands are (cli.h). */
#ifndef FLOWTALLY_CLI_IPFIX_H
#define FLOWTALLY_CLI_IPFIX_H

int cli_ipfix_dump(int argc, char **argv);
int cli_ipfix_write(int argc, char **argv); /* and file */

#endif
