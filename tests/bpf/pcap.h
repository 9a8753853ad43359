/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that were captured, of Ethernet: what is in a file as tcpdump writes it (draft-ietf-opsawg-pcap), in our byte order
 * or the other one.
 */
#ifndef FLOWTALLY_TESTS_PCAP_H
#define FLOWTALLY_TESTS_PCAP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <glib.h>

#define PCAP_MAGIC 0xa1b2c3d4u
#define PCAP_HEADER_LEN 24
#define PCAP_RECORD_LEN 16 /* seconds, microseconds, captured octets, all octets */
#define PCAP_FRAMES_MAX 256

struct pcap_frame {
	const uint8_t *octets;
	uint32_t len;
};

struct pcap {
	struct pcap_frame frames[PCAP_FRAMES_MAX];
	unsigned int n;
};

static inline uint32_t pcap_number(const char *octets, bool swapped)
{
	uint32_t number;

	memcpy(&number, octets, sizeof(number));
	return swapped ? GUINT32_SWAP_LE_BE(number) : number;
}

/* @file is borrowed. False: it is none, or there is no frame in it. */
static inline bool pcap_read(struct pcap *pcap, const char *file, size_t len)
{
	bool swapped;

	if (len < PCAP_HEADER_LEN)
		return false;
	swapped = pcap_number(file, false) != PCAP_MAGIC;
	for (size_t at = PCAP_HEADER_LEN; at + PCAP_RECORD_LEN <= len;) {
		uint32_t octets = pcap_number(file + at + 8, swapped);

		at += PCAP_RECORD_LEN;
		if (octets > len - at || pcap->n == PCAP_FRAMES_MAX)
			return false;
		pcap->frames[pcap->n++] = (struct pcap_frame){ (const uint8_t *)file + at, octets };
		at += octets;
	}
	return pcap->n;
}

#endif
