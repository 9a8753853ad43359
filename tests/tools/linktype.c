/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives a tun or tap interface another type of link (ARPHRD_*), which it keeps.
 *
 *   linktype INTERFACE NUMBER
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);

	if (argc != 3) {
		fputs("usage: linktype INTERFACE NUMBER\n", stderr);
		return 2;
	}
	strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 ||
	    ioctl(fd, TUNSETLINK, atoi(argv[2])) < 0) {
		fprintf(stderr, "linktype: %s: %s\n", argv[1], strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
