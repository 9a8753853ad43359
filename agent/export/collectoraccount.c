/* SPDX-License-Identifier: Apache-2.0 */
#include "collectoraccount.h"

const char *const export_error_names[EXPORT_ERRORS] = {
	[EXPORT_ERROR_SEND] = "send",	  [EXPORT_ERROR_REFUSED] = "refused",
	[EXPORT_ERROR_QUEUE] = "queue",	  [EXPORT_ERROR_ENCODE] = "encode",
	[EXPORT_ERROR_BROKEN] = "broken", [EXPORT_ERROR_SPOOL] = "spool",
};

void collector_account_add_made(CollectorAccount *account, const IpfixContents *contents)
{
	export_sum_add_contents(&account->counters.made, contents);
}

void collector_account_add_sent(CollectorAccount *account, const IpfixContents *contents)
{
	export_sum_add_contents(&account->counters.sent, contents);
}

void collector_account_add_moved(CollectorAccount *account, const IpfixContents *contents)
{
	export_sum_add_contents(&account->counters.moved, contents);
}

void collector_account_add_sum_dropped(CollectorAccount *account, const ExportSum *sum,
				       ExportErrorReason reason)
{
	ExportCounters *counters = &account->counters;

	counters->errors[reason] += sum->messages;
	export_sum_add(&counters->dropped, sum);
	export_sum_add(&counters->dropped_for[reason], sum);
}

void collector_account_add_dropped(CollectorAccount *account, const IpfixContents *contents,
				   ExportErrorReason reason)
{
	ExportSum sum = { 0 };

	export_sum_add_contents(&sum, contents);
	collector_account_add_sum_dropped(account, &sum, reason);
}

void collector_account_add_repeated(CollectorAccount *account, const IpfixContents *contents)
{
	ExportCounters *counters = &account->counters;

	counters->repeated_records += contents->flow_records;
	counters->repeated_packets += contents->packets;
	counters->repeated_octets += contents->octets;
}

ExportSum collector_account_untold(const CollectorAccount *account)
{
	const ExportCounters *counters = &account->counters;
	ExportSum told = counters->sent;

	export_sum_add(&told, &counters->moved);
	export_sum_add(&told, &counters->dropped);
	return export_sum_excess(&counters->made, &told);
}
