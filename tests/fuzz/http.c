/* SPDX-License-Identifier: Apache-2.0 */
/* What comes over a connection of HTTP, as far as libmicrohttpd hands it on to us. */
#include "http/http.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "report/test_view.h"

static Network *network;
static Http *http;
static struct sockaddr_in address = { .sin_family = AF_INET };

static Exposition *on_scrape(PrometheusFormat format, void *user_data)
{
	return exposition_new(&network->view, format, true);
}

static bool is_ready(void *user_data)
{
	return true;
}

/* In loopback, at an address of this process' own. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const unsigned int pid = (unsigned int)getpid();
	Config config = { .http.listen = g_ptr_array_new() };
	char text[64];

	fuzz_be_silent();
	(void)make_network((void **)&network);
	g_snprintf(text, sizeof(text), "127.%u.%u.%u", 1 + (pid >> 16) % 250, pid >> 8 & 255,
		   1 + pid % 250);
	FUZZ_ASSERT(inet_pton(AF_INET, text, &address.sin_addr) == 1);
	address.sin_port = htons(14740);
	g_strlcat(text, ":14740", sizeof(text));
	g_ptr_array_add(config.http.listen, text);
	http = http_new(scrape_new(on_scrape, NULL), is_ready, NULL);
	http_set_config(http, &config);
	g_ptr_array_unref(config.http.listen);
	return 0;
}

/* Until nothing is left to do but to wait for more. */
static void take_answer(int fd)
{
	char part[65536];

	do {
		while (recv(fd, part, sizeof(part), MSG_DONTWAIT) > 0)
			;
	} while (g_main_context_iteration(NULL, FALSE));
}

/* From another address each time: what has ended keeps its ports for a minute. */
static int connect_anew(void)
{
	static const int late = 1;
	static uint32_t number;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in from = { .sin_family = AF_INET,
					  .sin_addr.s_addr =
						  htonl(0x7f000001 + (number++ & 0xffff)) };

	FUZZ_ASSERT(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof(late)) == 0);
	FUZZ_ASSERT(bind(fd, (const struct sockaddr *)&from, sizeof(from)) == 0);
	FUZZ_ASSERT(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	int fd = connect_anew();

	(void)send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
	take_answer(fd);
	/* A request that is not whole is waited for no longer. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	return 0;
}
