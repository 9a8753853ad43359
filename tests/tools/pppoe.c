/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a PPPoE session that nobody has negotiated, as long as we run: an interface called pppN, in the
 * network namespace that we are in, whose packets the Ethernet interface carries.
 *
 *   pppoe INTERFACE REMOTE-MAC SESSION        prints the interface's name when it is there
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_pppox.h>
#include <linux/ppp-ioctl.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "pppoe: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/* The number of the session's channel. */
static int open_session(const char *interface, const char *mac, int session)
{
	struct sockaddr_pppox address = { .sa_family = AF_PPPOX, .sa_protocol = PX_PROTO_OE };
	const struct ether_addr *remote = ether_aton(mac);
	int fd = socket(AF_PPPOX, SOCK_STREAM, PX_PROTO_OE);
	int channel;

	if (fd < 0 || !remote)
		die("session");
	address.sa_addr.pppoe.sid = htons((uint16_t)session);
	memcpy(address.sa_addr.pppoe.remote, remote, ETH_ALEN);
	snprintf(address.sa_addr.pppoe.dev, sizeof(address.sa_addr.pppoe.dev), "%s", interface);
	if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) < 0 ||
	    ioctl(fd, PPPIOCGCHAN, &channel) < 0)
		die(interface);
	return channel;
}

static int open_ppp(void)
{
	int fd = open("/dev/ppp", O_RDWR);

	if (fd < 0)
		die("/dev/ppp");
	return fd;
}

int main(int argc, char **argv)
{
	int channel, unit = -1, channel_fd, unit_fd;

	if (argc != 4) {
		fputs("usage: pppoe INTERFACE REMOTE-MAC SESSION\n", stderr);
		return 2;
	}
	channel = open_session(argv[1], argv[2], atoi(argv[3]));
	channel_fd = open_ppp();
	unit_fd = open_ppp();
	if (ioctl(channel_fd, PPPIOCATTCHAN, &channel) < 0)
		die("attach to the session");
	if (ioctl(unit_fd, PPPIOCNEWUNIT, &unit) < 0 || ioctl(channel_fd, PPPIOCCONNECT, &unit) < 0)
		die("make an interface");
	printf("ppp%d\n", unit);
	fflush(stdout);
	for (;;)
		pause();
}
