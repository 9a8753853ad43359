/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <glib.h>

#include "base/error.h"
#include "cli.h"
#include "cli_ask.h"
#include "cli_ipfix.h"
#include "export/ipfix.h"
#include "export/ipfix_writer.h"
#include "export/recordfile.h"
#include "ipfixsend.h"

#define ENTERPRISE_NUMBER_DEFAULT 32473
#define MESSAGE_SIZE_DEFAULT 1400

typedef struct {
	char *config_path;
	char *flow_path;
	char **collectors;
	char *local;
	gboolean by_tcp;
	char *output;
	gint64 message_size; /* 0: as the file says */
	gint64 enterprise_number;
	char **paths; /* of all files, in their order */
} Options;

static void options_done(Options *options)
{
	g_free(options->config_path);
	g_free(options->flow_path);
	g_strfreev(options->collectors);
	g_free(options->local);
	g_free(options->output);
	g_strfreev(options->paths);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_done)

static bool check_range(const char *option, gint64 number, gint64 min, gint64 max, GError **error)
{
	if (number >= min && number <= max)
		return true;
	error_set(error, "%s %" PRId64 ": expected %" PRId64 " to %" PRId64, option, number, min,
		  max);
	return false;
}

/* `ipfix file` is linux-flow-exporter's, which has names for its files. */
static void fall_back(Options *options)
{
	if (!options->config_path)
		options->config_path = g_strdup("./config.yaml");
	if (!options->flow_path)
		options->flow_path = g_strdup("./flow.yaml");
}

/* The configuration comes first, as its templates are those of the flows. */
static bool find_files(Options *options, char **words, GError **error)
{
	g_autoptr(GStrvBuilder) paths = g_strv_builder_new();

	if (options->config_path)
		g_strv_builder_add(paths, options->config_path);
	if (options->flow_path)
		g_strv_builder_add(paths, options->flow_path);
	g_strv_builder_addv(paths, (const char **)words);
	options->paths = g_strv_builder_end(paths);
	if (!*options->paths)
		error_set(error, "expected a FILE with records");
	return *options->paths;
}

static bool check(Options *options, char **words, GError **error)
{
	if (options->message_size &&
	    !check_range("--message-size", options->message_size, IPFIX_WRITER_MESSAGE_MIN,
			 IPFIX_MESSAGE_MAX, error))
		return false;
	return check_range("--enterprise-number", options->enterprise_number, 1, UINT32_MAX,
			   error) &&
	       find_files(options, words, error);
}

static bool parse(Options *options, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "collector", 'C', 0, G_OPTION_ARG_STRING_ARRAY, &options->collectors,
		  "Send to this collector; may be given several times", "ADDRESS:PORT" },
		{ "tcp", 't', 0, G_OPTION_ARG_NONE, &options->by_tcp, "Send by TCP, not by UDP",
		  NULL },
		{ "local", 'l', 0, G_OPTION_ARG_STRING, &options->local, "Send from this address",
		  "ADDRESS:PORT" },
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output,
		  "Write to this file (RFC 5655), - is standard output", "FILE" },
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config_path,
		  "Templates and collectors, as linux-flow-exporter has them", "FILE" },
		{ "flow", 'f', 0, G_OPTION_ARG_FILENAME, &options->flow_path, "The same as FILE",
		  "FILE" },
		{ "message-size", 's', 0, G_OPTION_ARG_INT64, &options->message_size,
		  "Octets of a message at most (1400)", "N" },
		{ "enterprise-number", 0, 0, G_OPTION_ARG_INT64, &options->enterprise_number,
		  "Of flowtally's own elements (32473)", "N" },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("[FILE...]");

	g_set_prgname("flowtally ipfix write");
	g_option_context_set_summary(
		context,
		"Sends the records of a YAML file as IPFIX to collectors, or writes them to "
		"a file; flowtally(8) has its form.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, error))
		return false;
	if (!strcmp(argv[0], "file"))
		fall_back(options);
	return check(options, argv + 1, error);
}

static RecordFile *read_files(const Options *options, GError **error)
{
	g_autoptr(Elements) elements = elements_new((uint32_t)options->enterprise_number);
	g_autoptr(RecordFile) file = record_file_new();

	for (char **path = options->paths; *path; path++) {
		if (!record_file_read(file, *path, elements, error))
			return NULL;
	}
	return g_steal_pointer(&file);
}

static bool add_target(GPtrArray *targets, IpfixTarget *target)
{
	if (target)
		g_ptr_array_add(targets, target);
	return target;
}

static bool add_collectors(GPtrArray *targets, const Options *options, const RecordFile *file,
			   GError **error)
{
	for (char **remote = options->collectors; remote && *remote; remote++) {
		if (!add_target(targets, ipfix_target_connect(*remote, options->local,
							      options->by_tcp, error)))
			return false;
	}
	/* Whoever says where to does not mean those of the file. */
	for (guint i = 0; !targets->len && i < file->collectors->len; i++) {
		const RecordFileCollector *collector = file->collectors->pdata[i];

		if (!add_target(targets, ipfix_target_connect(collector->remote,
							      options->local ? options->local :
									       collector->local,
							      options->by_tcp, error)))
			return false;
	}
	return true;
}

static GPtrArray *open_targets(const Options *options, const RecordFile *file, GError **error)
{
	g_autoptr(GPtrArray) targets =
		g_ptr_array_new_with_free_func((GDestroyNotify)ipfix_target_free);

	if (options->output && !add_target(targets, ipfix_target_open(options->output, error)))
		return NULL;
	if ((options->collectors || !options->output) &&
	    !add_collectors(targets, options, file, error))
		return NULL;
	if (targets->len)
		return g_steal_pointer(&targets);
	error_set(error, "where to? There is --collector, --output, and outputs of the file");
	return NULL;
}

static bool make_messages(const Options *options, const RecordFile *file, GPtrArray *messages,
			  GError **error)
{
	uint32_t message_size = options->message_size ? (uint32_t)options->message_size :
				file->message_size    ? file->message_size :
							MESSAGE_SIZE_DEFAULT;
	uint32_t export_time_s = file->has_export_time ? file->export_time_s : (uint32_t)time(NULL);

	/* That of a file is checked here, as files are. */
	return check_range("maxIpfixMessageLen", message_size, IPFIX_WRITER_MESSAGE_MIN,
			   IPFIX_MESSAGE_MAX, error) &&
	       ipfix_write_messages(file, export_time_s, message_size, messages, error);
}

static bool send_messages(const GPtrArray *targets, const GPtrArray *messages, GError **error)
{
	for (guint i = 0; i < targets->len; i++) {
		if (!ipfix_target_send(targets->pdata[i], messages, error) ||
		    !ipfix_target_finish(targets->pdata[i], error))
			return false;
	}
	return true;
}

static bool write_records(const Options *options, GError **error)
{
	g_autoptr(RecordFile) file = read_files(options, error);
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) targets = NULL;

	if (!file || !make_messages(options, file, messages, error))
		return false;
	targets = open_targets(options, file, error);
	return targets && send_messages(targets, messages, error);
}

int cli_ipfix_write(int argc, char **argv)
{
	g_auto(Options) options = { .enterprise_number = ENTERPRISE_NUMBER_DEFAULT };
	g_autofree char *what = g_strdup_printf("ipfix %s", argv[0]);
	g_autoptr(GError) error = NULL;

	if (!parse(&options, argc, argv, &error)) {
		ask_complain(what, error->message);
		return CLI_USAGE;
	}
	if (write_records(&options, &error))
		return EXIT_SUCCESS;
	ask_complain(what, error->message);
	return EXIT_FAILURE;
}
