/* SPDX-License-Identifier: Apache-2.0 */
/* What comes over the control socket, from the connection on; the answers have to be JSON. */
#include <sys/socket.h>
#include <sys/un.h>

#include "base/control.h"
#include "fuzz.h"
#include "metering/hand.h"
#include "report/flowlist.h"
#include "report/flowquery.h"
#include "report/test_flows.h"

static Network *network;
static Control *control;
static char *path;

static json_t *flush(const char *request)
{
	g_autoptr(GError) error = NULL;
	FlowQuery query = { 0 };

	if (!flow_query_parse_flush(&query, request, &network->view, &error))
		return control_error(error);
	flow_query_done(&query);
	return json_object();
}

static json_t *by_hand(const char *line)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *again = NULL;
	HandRequest request;

	hand_request_init(&request);
	if (hand_request_read(&request, line, &error))
		again = hand_request_write(&request);
	hand_request_done(&request);
	return again ? json_object() : control_error(error);
}

static json_t *on_request(const char *request, void *user_data)
{
	if (g_str_has_prefix(request, HAND_REQUEST_PREFIX))
		return by_hand(request);
	return flow_query_is_flush(request) ? flush(request) : NULL;
}

static bool is_for_flows(const char *request, void *user_data)
{
	return flow_query_is(request);
}

static void *begin_flows(const char *request, void *user_data, GError **error)
{
	return flowlist_new(request, &network->view, error);
}

static bool step_flows(void *list, GString *part)
{
	return flowlist_step(list, part);
}

static void free_flows(void *list)
{
	flowlist_free(list);
}

static const ControlParts parts[] = {
	{ is_for_flows, begin_flows, step_flows, free_flows },
	{ 0 },
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	Flows *flows = flows_new(10);

	fuzz_be_silent();
	(void)make_network((void **)&network);
	add_flow(flows, flow_delta(50000, 1500));
	add_flow(flows, flow_delta(50001, 150));
	network->view.flows = flows;
	path = g_strdup_printf("/tmp/flowtally-fuzz-%d", getpid());
	control = control_new(path, on_request, NULL, NULL);
	FUZZ_ASSERT(control);
	control_set_parts(control, parts);
	return 0;
}

static void take_answer(int fd, GString *answer)
{
	char part[65536];
	ssize_t len;

	for (;;) {
		len = recv(fd, part, sizeof(part), MSG_DONTWAIT);
		if (len > 0)
			g_string_append_len(answer, part, len);
		else if (len == 0 || errno == ECONNRESET)
			return;
		else
			g_main_context_iteration(NULL, TRUE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_autoptr(GString) answer = g_string_new(NULL);
	struct sockaddr_un address;
	json_t *document;

	FUZZ_ASSERT(control_address(&address, path, NULL));
	FUZZ_ASSERT(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	(void)send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
	take_answer(fd, answer);
	close(fd);
	if (!answer->len)
		return 0;
	document = json_loads(answer->str, 0, NULL);
	FUZZ_ASSERT(document);
	json_decref(document);
	return 0;
}
