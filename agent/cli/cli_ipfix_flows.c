/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <glib.h>
#include <jansson.h>

#include "base/control_ask.h"
#include "base/error.h"
#include "cli_ask.h"
#include "cli_ipfix.h"
#include "export/ipfix.h"
#include "export/ipfix_writer.h"
#include "export/recordfile.h"
#include "ipfixflows.h"
#include "ipfixsend.h"

/* linux-flow-exporter knows which of the templates it takes. */
#define LFE_TEMPLATE 1004
#define MESSAGE_SIZE_DEFAULT 1400

static const RecordFileTemplate *find_template(const RecordFile *file, const char *path,
					       GError **error)
{
	const RecordFileTemplate *template = record_file_find_template(file, LFE_TEMPLATE);

	if (!template && file->templates->len)
		template = file->templates->pdata[0];
	if (!template)
		error_set(error, "%s: it has no template", path);
	return template;
}

static bool make_messages(const RecordFile *file, GPtrArray *messages, GError **error)
{
	size_t size = file->message_size ? file->message_size : MESSAGE_SIZE_DEFAULT;

	if (size < IPFIX_WRITER_MESSAGE_MIN) {
		error_set(error, "maxIpfixMessageLen %zu: expected %d to %d", size,
			  IPFIX_WRITER_MESSAGE_MIN, IPFIX_MESSAGE_MAX);
		return false;
	}
	return ipfix_write_messages(file, (uint32_t)time(NULL), size, messages, error);
}

static bool send_to_all(const RecordFile *file, const GPtrArray *messages, const char *path,
			GError **error)
{
	for (guint i = 0; i < file->collectors->len; i++) {
		const RecordFileCollector *collector = file->collectors->pdata[i];
		g_autoptr(IpfixTarget) target =
			ipfix_target_connect(collector->remote, collector->local, false, error);

		if (!target || !ipfix_target_send(target, messages, error) ||
		    !ipfix_target_finish(target, error))
			return false;
	}
	if (!file->collectors->len)
		error_set(error, "%s: it has no collector", path);
	return file->collectors->len;
}

static bool send_flows(RecordFile *file, const json_t *flows, const char *path, GError **error)
{
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	const RecordFileTemplate *template = find_template(file, path, error);
	size_t left_out = 0;

	if (!template || !ipfix_flows_add(file, template, flows, &left_out, error) ||
	    !make_messages(file, messages, error) || !send_to_all(file, messages, path, error))
		return false;
	if (left_out)
		fprintf(stderr,
			"%zu flows were left out: template %u has no addresses of their family\n",
			left_out, template->id);
	return true;
}

int ipfix_send_flows(const char *config_path, const char *run, uint32_t enterprise_number)
{
	g_autoptr(Elements) elements = elements_new(enterprise_number);
	g_autoptr(RecordFile) file = record_file_new();
	g_autofree char *path = NULL;
	g_autoptr(GError) error = NULL;
	json_t *document;
	bool ok;

	if (!record_file_read(file, config_path, elements, &error)) {
		ask_complain("ipfix dump", error->message);
		return EXIT_FAILURE;
	}
	path = ask_find_agent(NULL, run);
	document = path ? control_ask(path, "flows", &error) : NULL;
	if (!document)
		return path ? ask_complain_of_agent("ipfix dump", error) : EXIT_FAILURE;
	ok = send_flows(file, json_object_get(document, "flows"), config_path, &error);
	json_decref(document);
	if (!ok)
		ask_complain("ipfix dump", error->message);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
