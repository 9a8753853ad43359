/* SPDX-License-Identifier: Apache-2.0 */
#include "exportsum.h"

#include <glib.h>

static ExportSum sum_of(const IpfixContents *contents)
{
	return (ExportSum){
		.messages = 1,
		.message_octets = contents->len,
		.records = contents->records,
		.flow_records = contents->flow_records,
		.packets = contents->packets,
		.octets = contents->octets,
	};
}

static uint64_t excess(uint64_t whole, uint64_t part)
{
	return whole - MIN(whole, part);
}

void export_sum_add(ExportSum *sum, const ExportSum *other)
{
	sum->messages += other->messages;
	sum->message_octets += other->message_octets;
	sum->records += other->records;
	sum->flow_records += other->flow_records;
	sum->packets += other->packets;
	sum->octets += other->octets;
}

ExportSum export_sum_excess(const ExportSum *whole, const ExportSum *part)
{
	return (ExportSum){
		.messages = excess(whole->messages, part->messages),
		.message_octets = excess(whole->message_octets, part->message_octets),
		.records = excess(whole->records, part->records),
		.flow_records = excess(whole->flow_records, part->flow_records),
		.packets = excess(whole->packets, part->packets),
		.octets = excess(whole->octets, part->octets),
	};
}

void export_sum_add_contents(ExportSum *sum, const IpfixContents *contents)
{
	const ExportSum one = sum_of(contents);

	export_sum_add(sum, &one);
}

void export_sum_subtract_contents(ExportSum *sum, const IpfixContents *contents)
{
	const ExportSum one = sum_of(contents);

	*sum = export_sum_excess(sum, &one);
}
