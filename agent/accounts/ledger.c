/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger.h"

#include <string.h>

#include <linux/if_ether.h>

#define VLAN_TAG_LEN 4
#define FCS_LEN 4

const char *const ledger_class_names[LEDGER_CLASSES] = {
	[LEDGER_INTERNET] = "internet",		[LEDGER_LOCAL] = "local",
	[LEDGER_MAC_ONLY] = "mac-only",		[LEDGER_ADDRESS_LIMIT] = "address-limit",
	[LEDGER_DEVICE_LIMIT] = "device-limit", [LEDGER_ROUTER] = "router",
	[LEDGER_MULTICAST] = "multicast",	[LEDGER_NOT_IP] = "not-ip",
	[LEDGER_MALFORMED] = "malformed",	[LEDGER_OUTSIDE] = "outside",
	[LEDGER_NO_HOSTS] = "no-hosts",
};

const char *const flow_class_names[FLOW_CLASSES] = {
	[FLOW_COUNTED] = "counted", [FLOW_ELSEWHERE] = "elsewhere", [FLOW_LIMIT] = "limit",
	[FLOW_NOT_IP] = "not-ip",   [FLOW_MALFORMED] = "malformed", [FLOW_UNSAMPLED] = "unsampled",
};

const char *const hook_names[HOOKS] = {
	[HOOK_INGRESS] = "receive",
	[HOOK_EGRESS] = "transmit",
};

/* What an interface counted from an attachment to the last sweep. */
typedef struct {
	Bounds attached; /* its counter when the hook was attached, and ... */
	Bounds now;	 /* ... at the last sweep */
} Counter;

typedef struct {
	uint64_t id; /* interface_id() */
	bool moving; /* the interface counted something since the sweep before */
	Counter frames[HOOKS];
	Counter octets[HOOKS];
} Attachment;

typedef struct {
	const char *interface; /* interned */
	struct ledger_sheet sheets[HOOKS];
	Volume flows[HOOKS]; /* what came to them */
	LinkBounds closed;   /* the sums of the attachments that are over */
	const char *excuse;  /* ledger_excuse() */
	GArray *attachments; /* of Attachment: those that are not */
} LedgerAccount;

struct Ledger {
	GPtrArray *accounts; /* of LedgerAccount */
	uint64_t max_in_flight;
};

struct seen {
	uint64_t frames;
	uint64_t skb_octets;
	uint64_t tagged;
};

struct ledger_row {
	char interface[TOTALS_NAME_MAX];
	struct seen seen[HOOKS];
	LinkBounds closed;
};
_Static_assert(sizeof(struct ledger_row) == 64 + 2 * 24 + 64, "ledger_row is on disk");

/* A row a class, so that later versions can have more of them. */
struct class_row {
	char interface[TOTALS_NAME_MAX];
	uint32_t hook;
	uint32_t class;
	struct ledger_entry entry;
};
_Static_assert(sizeof(struct class_row) == 64 + 8 + 32, "class_row is on disk");

struct sizes_row {
	char interface[TOTALS_NAME_MAX];
	struct packet_sizes sizes[HOOKS];
};
_Static_assert(sizeof(struct sizes_row) == 64 + 2 * 72, "sizes_row is on disk");

struct flows_row {
	char interface[TOTALS_NAME_MAX];
	Volume flows[HOOKS];
};
_Static_assert(sizeof(struct flows_row) == 64 + 2 * 24, "flows_row is on disk");

/* Of version 0.1. */
struct ledger_row_0_1 {
	char interface[TOTALS_NAME_MAX];
	struct {
		struct seen seen;
		struct ledger_entry classes[LEDGER_MALFORMED + 1];
	} sheets[HOOKS];
	LinkBounds closed;
};
_Static_assert(sizeof(struct ledger_row_0_1) == 64 + 2 * (24 + 9 * 32) + 64,
	       "ledger_row_0_1 is on disk");

struct attachment_row {
	char interface[TOTALS_NAME_MAX];
	uint64_t id;
	Counter frames[HOOKS];
	Counter octets[HOOKS];
};
_Static_assert(sizeof(struct attachment_row) == 72 + 4 * 32, "attachment_row is on disk");

static void account_free(gpointer data)
{
	LedgerAccount *account = data;

	g_array_unref(account->attachments);
	g_free(account);
}

Ledger *ledger_new(uint64_t max_in_flight)
{
	Ledger *ledger = g_new0(Ledger, 1);

	ledger->accounts = g_ptr_array_new_with_free_func(account_free);
	ledger->max_in_flight = max_in_flight;
	return ledger;
}

void ledger_free(Ledger *ledger)
{
	if (!ledger)
		return;
	g_ptr_array_unref(ledger->accounts);
	g_free(ledger);
}

static LedgerAccount *find(const Ledger *ledger, const char *interface)
{
	for (guint i = 0; i < ledger->accounts->len; i++) {
		LedgerAccount *account = ledger->accounts->pdata[i];

		if (!strcmp(account->interface, interface))
			return account;
	}
	return NULL;
}

static LedgerAccount *find_or_add(Ledger *ledger, const char *interface)
{
	LedgerAccount *account = find(ledger, interface);

	if (account)
		return account;
	account = g_new0(LedgerAccount, 1);
	account->interface = g_intern_string(interface);
	account->attachments = g_array_new(FALSE, FALSE, sizeof(Attachment));
	g_ptr_array_add(ledger->accounts, account);
	return account;
}

static Attachment *find_attachment(const LedgerAccount *account, uint64_t id)
{
	for (guint i = 0; account && i < account->attachments->len; i++) {
		Attachment *attachment = &g_array_index(account->attachments, Attachment, i);

		if (attachment->id == id)
			return attachment;
	}
	return NULL;
}

/* Adds what was counted from an attachment to now. */
static void add_counter(Bounds *sum, const Counter *counter)
{
	const Bounds *now = &counter->now, *attached = &counter->attached;

	/* Not below zero: the bounds may overlap, and a driver may have set its counter back. */
	sum->low += now->low > attached->high ? now->low - attached->high : 0;
	sum->high += now->high > attached->low ? now->high - attached->low : 0;
}

static void add_attachment(LinkBounds *sum, const Attachment *attachment)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		add_counter(&sum->frames[hook], &attachment->frames[hook]);
		add_counter(&sum->octets[hook], &attachment->octets[hook]);
	}
}

static void close_attachment(LedgerAccount *account, Attachment *attachment)
{
	add_attachment(&account->closed, attachment);
	g_array_remove_index_fast(
		account->attachments,
		(guint)(attachment - &g_array_index(account->attachments, Attachment, 0)));
}

void ledger_attach(Ledger *ledger, const char *interface, uint64_t id, const LinkBounds *link)
{
	LedgerAccount *account = find_or_add(ledger, interface);
	Attachment attachment = { .id = id };

	ledger_detach(ledger, interface, id);
	for (int hook = 0; hook < HOOKS; hook++) {
		attachment.frames[hook] = (Counter){ link->frames[hook], link->frames[hook] };
		attachment.octets[hook] = (Counter){ link->octets[hook], link->octets[hook] };
	}
	g_array_append_val(account->attachments, attachment);
}

void ledger_excuse(Ledger *ledger, const char *interface, const char *why)
{
	find_or_add(ledger, interface)->excuse = why;
}

bool ledger_is_attached(const Ledger *ledger, const char *interface, uint64_t id)
{
	return find_attachment(find(ledger, interface), id) != NULL;
}

void ledger_detach(Ledger *ledger, const char *interface, uint64_t id)
{
	LedgerAccount *account = find(ledger, interface);
	Attachment *attachment = find_attachment(account, id);

	if (attachment)
		close_attachment(account, attachment);
}

void ledger_detach_all(Ledger *ledger)
{
	for (guint i = 0; i < ledger->accounts->len; i++) {
		LedgerAccount *account = ledger->accounts->pdata[i];

		while (account->attachments->len)
			close_attachment(account,
					 &g_array_index(account->attachments, Attachment, 0));
	}
}

static void entry_add(struct ledger_entry *sum, const struct ledger_entry *entry)
{
	sum->frames += entry->frames;
	sum->packets += entry->packets;
	sum->octets += entry->octets;
	sum->layer2_octets += entry->layer2_octets;
}

static void sheet_add(struct ledger_sheet *sum, const struct ledger_sheet *sheet)
{
	sum->seen.frames += sheet->seen.frames;
	sum->seen.skb_octets += sheet->seen.skb_octets;
	sum->seen.tagged += sheet->seen.tagged;
	for (int i = 0; i < LEDGER_CLASSES; i++)
		entry_add(&sum->classes[i], &sheet->classes[i]);
	for (int i = 0; i < FLOW_CLASSES; i++)
		entry_add(&sum->flow_classes[i], &sheet->flow_classes[i]);
	for (int i = 0; i < PACKET_SIZES; i++)
		sum->sizes.packets[i] += sheet->sizes.packets[i];
	sum->sizes.layer2_octets += sheet->sizes.layer2_octets;
}

static void bounds_add(Bounds *bounds, uint64_t seen)
{
	bounds->low += seen;
	bounds->high += seen;
}

/* Returns whether the counter has moved. */
static bool counter_advance(Counter *counter, const Bounds *bounds, uint64_t seen)
{
	Bounds before = counter->now;

	if (bounds)
		counter->now = *bounds;
	else
		bounds_add(&counter->now, seen);
	return counter->now.high != before.low;
}

static void attachment_advance(Attachment *attachment, const struct ledger_sheet *sheets,
			       const LinkBounds *link)
{
	attachment->moving = false;
	for (int hook = 0; hook < HOOKS; hook++) {
		attachment->moving |= counter_advance(&attachment->frames[hook],
						      link ? &link->frames[hook] : NULL,
						      sheets[hook].seen.frames);
		(void)counter_advance(&attachment->octets[hook], link ? &link->octets[hook] : NULL,
				      sheets[hook].seen.skb_octets);
	}
}

void ledger_add(Ledger *ledger, const char *interface, uint64_t id,
		const struct ledger_sheet *sheets, const LinkBounds *link)
{
	LedgerAccount *account = find_or_add(ledger, interface);
	Attachment *attachment = find_attachment(account, id);

	for (int hook = 0; hook < HOOKS; hook++)
		sheet_add(&account->sheets[hook], &sheets[hook]);
	if (attachment) {
		attachment_advance(attachment, sheets, link);
		return;
	}
	for (int hook = 0; hook < HOOKS; hook++) {
		bounds_add(&account->closed.frames[hook], sheets[hook].seen.frames);
		bounds_add(&account->closed.octets[hook], sheets[hook].seen.skb_octets);
	}
}

void ledger_add_flows(Ledger *ledger, const char *interface, enum hook hook, const Volume *volume)
{
	volume_add(&find_or_add(ledger, interface)->flows[hook], volume);
}

static struct ledger_entry sheet_total(const struct ledger_sheet *sheet)
{
	struct ledger_entry total = { 0 };

	for (int i = 0; i < LEDGER_CLASSES; i++)
		entry_add(&total, &sheet->classes[i]);
	return total;
}

static int64_t difference(uint64_t seen, Bounds link)
{
	if (seen < link.low)
		return (int64_t)(link.low - seen);
	if (seen > link.high)
		return -(int64_t)(seen - link.high);
	return 0;
}

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? (uint64_t)-value : (uint64_t)value;
}

/* Drivers differ in what they count. */
typedef struct {
	uint64_t frames;
	uint64_t octets;
	const char *explanation;
} Basis;

/* Sets the row's differences on the basis by which its interface counts: the one which leaves none, else
 * the one on which the fewest frames differ. */
static const char *fit(LedgerRow *row, const Basis *bases, size_t n)
{
	const Basis *fitting = NULL;

	for (size_t i = 0; i < n; i++) {
		int64_t frames = difference(bases[i].frames, row->link_frames);
		int64_t octets = difference(bases[i].octets, row->link_octets);
		bool exact = !frames && !octets;

		if (fitting && !exact && magnitude(frames) >= magnitude(row->frames_difference))
			continue;
		fitting = &bases[i];
		row->frames_difference = frames;
		row->octets_difference = octets;
		if (exact)
			break;
	}
	return fitting->explanation;
}

static const char *explain_difference(const LedgerRow *row)
{
	if (row->frames_difference > 0)
		return row->hook == HOOK_INGRESS ? "frames that never reached the hook" :
						   "frames that went around the hook";
	if (row->frames_difference < 0)
		return row->hook == HOOK_INGRESS ? "frames that the interface did not count" :
						   "frames that were not sent after the hook";
	return "frames of another length than the interface counts";
}

/* What was counted to flows is in flows, to the octet. */
static bool has_all_flows(const LedgerRow *row)
{
	const struct ledger_entry *counted = &row->sheet.flow_classes[FLOW_COUNTED];

	return counted->packets == row->flows.packets && counted->octets == row->flows.octets &&
	       counted->layer2_octets == row->flows.layer2_octets;
}

static bool has_flow_classes(const struct ledger_sheet *sheet)
{
	for (int i = 0; i < FLOW_CLASSES; i++) {
		if (sheet->flow_classes[i].frames)
			return true;
	}
	return false;
}

static void reconcile(LedgerRow *row, uint64_t max_in_flight, const char *excuse)
{
	const struct ledger_sheet *sheet = &row->sheet;
	uint64_t packets = row->total.packets, wire_octets = row->total.layer2_octets;
	const Basis bases[] = {
		{ sheet->seen.frames, sheet->seen.skb_octets,
		  "the interface counts frames before segmentation" },
		{ sheet->seen.frames, sheet->seen.skb_octets + VLAN_TAG_LEN * sheet->seen.tagged,
		  "the interface counts frames before segmentation, with VLAN tags" },
		/* A bridge: br_pass_frame_up() in net/bridge/br_input.c */
		{ sheet->seen.frames, sheet->seen.skb_octets - ETH_HLEN * sheet->seen.frames,
		  "the interface counts frames before segmentation, without Ethernet headers" },
		{ packets, wire_octets, "the interface counts segments" },
		{ packets, wire_octets + FCS_LEN * packets,
		  "the interface counts segments, with FCS" },
	};

	row->explanation = fit(row, bases, G_N_ELEMENTS(bases));
	row->balanced = row->total.frames == sheet->seen.frames && has_all_flows(row);
	if (!has_all_flows(row)) {
		row->explanation = "flows do not have all that was counted to them";
		return;
	}
	if (!row->frames_difference && !row->octets_difference)
		return;
	if (row->frames_difference && magnitude(row->frames_difference) <= max_in_flight) {
		row->explanation = "frames on their way between the hook and the interface";
		return;
	}
	row->balanced &= excuse != NULL;
	row->explanation = excuse ? excuse : explain_difference(row);
}

static bool is_moving(const LedgerAccount *account)
{
	for (guint i = 0; i < account->attachments->len; i++) {
		if (g_array_index(account->attachments, Attachment, i).moving)
			return true;
	}
	return false;
}

static LinkBounds sum_link(const LedgerAccount *account)
{
	LinkBounds sum = account->closed;

	for (guint i = 0; i < account->attachments->len; i++)
		add_attachment(&sum, &g_array_index(account->attachments, Attachment, i));
	return sum;
}

static LedgerRow make_row(const Ledger *ledger, const LedgerAccount *account, enum hook hook)
{
	LinkBounds link = sum_link(account);
	LedgerRow row = {
		.interface = account->interface,
		.hook = hook,
		.sheet = account->sheets[hook],
		.total = sheet_total(&account->sheets[hook]),
		.link_frames = link.frames[hook],
		.link_octets = link.octets[hook],
		.meters_flows = has_flow_classes(&account->sheets[hook]),
		.flows = account->flows[hook],
		.meters_sizes = account->sheets[hook].sizes.layer2_octets > 0,
	};

	reconcile(&row, is_moving(account) ? ledger->max_in_flight : 0, account->excuse);
	return row;
}

GArray *ledger_list(const Ledger *ledger)
{
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(LedgerRow));

	for (guint i = 0; i < ledger->accounts->len; i++) {
		for (int hook = 0; hook < HOOKS; hook++) {
			LedgerRow row = make_row(ledger, ledger->accounts->pdata[i], hook);

			g_array_append_val(rows, row);
		}
	}
	return rows;
}

bool ledger_is_balanced(const Ledger *ledger)
{
	for (guint i = 0; i < ledger->accounts->len; i++) {
		for (int hook = 0; hook < HOOKS; hook++) {
			if (!make_row(ledger, ledger->accounts->pdata[i], hook).balanced)
				return false;
		}
	}
	return true;
}

Volume ledger_ignored(const Ledger *ledger)
{
	static const enum ledger_class ignored[] = { LEDGER_DEVICE_LIMIT, LEDGER_ROUTER,
						     LEDGER_MULTICAST,	  LEDGER_NOT_IP,
						     LEDGER_MALFORMED,	  LEDGER_OUTSIDE,
						     LEDGER_NO_HOSTS };
	Volume sum = { 0 };

	for (guint i = 0; i < ledger->accounts->len; i++) {
		const LedgerAccount *account = ledger->accounts->pdata[i];

		for (int hook = 0; hook < HOOKS; hook++) {
			for (size_t j = 0; j < G_N_ELEMENTS(ignored); j++) {
				const struct ledger_entry *entry =
					&account->sheets[hook].classes[ignored[j]];

				sum.packets += entry->packets;
				sum.octets += entry->octets;
				sum.layer2_octets += entry->layer2_octets;
			}
		}
	}
	return sum;
}

static void save_accounts(const Ledger *ledger, TotalsWriter *writer)
{
	totals_writer_begin(writer, TOTALS_LEDGER, sizeof(struct ledger_row));
	for (guint i = 0; i < ledger->accounts->len; i++) {
		const LedgerAccount *account = ledger->accounts->pdata[i];
		struct ledger_row row = { .closed = account->closed };

		g_strlcpy(row.interface, account->interface, sizeof(row.interface));
		for (int hook = 0; hook < HOOKS; hook++)
			memcpy(&row.seen[hook], &account->sheets[hook].seen,
			       sizeof(row.seen[hook]));
		totals_writer_add(writer, &row);
	}
}

/* One of the two sets of classes. */
typedef struct {
	TotalsTable table;
	size_t offset; /* in struct ledger_sheet */
	uint32_t n;
} ClassSet;

static const ClassSet host_classes = { TOTALS_LEDGER_CLASSES,
				       offsetof(struct ledger_sheet, classes), LEDGER_CLASSES };
static const ClassSet flow_classes = { TOTALS_LEDGER_FLOW_CLASSES,
				       offsetof(struct ledger_sheet, flow_classes), FLOW_CLASSES };

static struct ledger_entry *entry_of(LedgerAccount *account, const ClassSet *set, uint32_t hook,
				     uint32_t class)
{
	char *sheet = (char *)&account->sheets[hook];

	return (struct ledger_entry *)(void *)(sheet + set->offset) + class;
}

static void save_classes(const Ledger *ledger, const ClassSet *set, TotalsWriter *writer)
{
	totals_writer_begin(writer, set->table, sizeof(struct class_row));
	for (guint i = 0; i < ledger->accounts->len; i++) {
		LedgerAccount *account = ledger->accounts->pdata[i];
		struct class_row row = { 0 };

		g_strlcpy(row.interface, account->interface, sizeof(row.interface));
		for (row.hook = 0; row.hook < HOOKS; row.hook++) {
			for (row.class = 0; row.class < set->n; row.class ++) {
				row.entry = *entry_of(account, set, row.hook, row.class);
				totals_writer_add(writer, &row);
			}
		}
	}
}

static void save_flows_of(const LedgerAccount *account, TotalsWriter *writer)
{
	struct flows_row row = { .flows = { account->flows[0], account->flows[1] } };

	g_strlcpy(row.interface, account->interface, sizeof(row.interface));
	totals_writer_add(writer, &row);
}

static void save_sizes_of(const LedgerAccount *account, TotalsWriter *writer)
{
	struct sizes_row row = { 0 };

	g_strlcpy(row.interface, account->interface, sizeof(row.interface));
	for (int hook = 0; hook < HOOKS; hook++)
		row.sizes[hook] = account->sheets[hook].sizes;
	totals_writer_add(writer, &row);
}

static void save_attachments_of(const LedgerAccount *account, TotalsWriter *writer)
{
	for (guint i = 0; i < account->attachments->len; i++) {
		const Attachment *attachment = &g_array_index(account->attachments, Attachment, i);
		struct attachment_row row = { .id = attachment->id };

		g_strlcpy(row.interface, account->interface, sizeof(row.interface));
		memcpy(row.frames, attachment->frames, sizeof(row.frames));
		memcpy(row.octets, attachment->octets, sizeof(row.octets));
		totals_writer_add(writer, &row);
	}
}

void ledger_save(const Ledger *ledger, TotalsWriter *writer)
{
	save_accounts(ledger, writer);
	save_classes(ledger, &host_classes, writer);
	save_classes(ledger, &flow_classes, writer);
	totals_writer_begin(writer, TOTALS_LEDGER_FLOWS, sizeof(struct flows_row));
	for (guint i = 0; i < ledger->accounts->len; i++)
		save_flows_of(ledger->accounts->pdata[i], writer);
	totals_writer_begin(writer, TOTALS_PACKET_SIZES, sizeof(struct sizes_row));
	for (guint i = 0; i < ledger->accounts->len; i++)
		save_sizes_of(ledger->accounts->pdata[i], writer);
	totals_writer_begin(writer, TOTALS_ATTACHMENTS, sizeof(struct attachment_row));
	for (guint i = 0; i < ledger->accounts->len; i++)
		save_attachments_of(ledger->accounts->pdata[i], writer);
}

static LedgerAccount *account_named(Ledger *ledger, const char name[TOTALS_NAME_MAX])
{
	g_autofree char *interface = g_strndup(name, TOTALS_NAME_MAX);

	return find_or_add(ledger, interface);
}

static void load_account(Ledger *ledger, const void *from)
{
	const struct ledger_row *row = from;
	LedgerAccount *account = account_named(ledger, row->interface);

	for (int hook = 0; hook < HOOKS; hook++)
		memcpy(&account->sheets[hook].seen, &row->seen[hook], sizeof(row->seen[hook]));
	account->closed = row->closed;
}

static void load_account_0_1(Ledger *ledger, const void *from)
{
	const struct ledger_row_0_1 *row = from;
	LedgerAccount *account = account_named(ledger, row->interface);

	for (int hook = 0; hook < HOOKS; hook++)
		memcpy(&account->sheets[hook], &row->sheets[hook], sizeof(row->sheets[hook]));
	account->closed = row->closed;
}

static void load_class_of(Ledger *ledger, const ClassSet *set, const struct class_row *row)
{
	if (row->hook < HOOKS && row->class < set->n)
		*entry_of(account_named(ledger, row->interface), set, row->hook, row->class) =
			row->entry;
}

static void load_class(Ledger *ledger, const void *from)
{
	load_class_of(ledger, &host_classes, from);
}

static void load_flow_class(Ledger *ledger, const void *from)
{
	load_class_of(ledger, &flow_classes, from);
}

static void load_flows(Ledger *ledger, const void *from)
{
	const struct flows_row *row = from;

	memcpy(account_named(ledger, row->interface)->flows, row->flows, sizeof(row->flows));
}

static void load_sizes(Ledger *ledger, const void *from)
{
	const struct sizes_row *row = from;
	LedgerAccount *account = account_named(ledger, row->interface);

	for (int hook = 0; hook < HOOKS; hook++)
		account->sheets[hook].sizes = row->sizes[hook];
}

static void load_attachment(Ledger *ledger, const void *from)
{
	const struct attachment_row *row = from;
	Attachment attachment = { .id = row->id };

	memcpy(attachment.frames, row->frames, sizeof(row->frames));
	memcpy(attachment.octets, row->octets, sizeof(row->octets));
	g_array_append_val(account_named(ledger, row->interface)->attachments, attachment);
}

static const struct {
	TotalsTable table;
	size_t row_size;
	void (*load)(Ledger *ledger, const void *row);
} tables[] = {
	{ TOTALS_LEDGER_0_1, sizeof(struct ledger_row_0_1), load_account_0_1 },
	/* By ifindex alone: they are over, as the tables of 0.1 are not adopted. */
	{ TOTALS_ATTACHMENTS_0_1, sizeof(struct attachment_row), load_attachment },
	{ TOTALS_LEDGER, sizeof(struct ledger_row), load_account },
	{ TOTALS_LEDGER_CLASSES, sizeof(struct class_row), load_class },
	{ TOTALS_LEDGER_FLOW_CLASSES, sizeof(struct class_row), load_flow_class },
	{ TOTALS_LEDGER_FLOWS, sizeof(struct flows_row), load_flows },
	{ TOTALS_PACKET_SIZES, sizeof(struct sizes_row), load_sizes },
	{ TOTALS_ATTACHMENTS, sizeof(struct attachment_row), load_attachment },
};

/* All can be read, or none is loaded. */
bool ledger_load(Ledger *ledger, TotalsReader *reader, GError **error)
{
	const void *rows[G_N_ELEMENTS(tables)];
	size_t n[G_N_ELEMENTS(tables)];

	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
		if (!totals_reader_rows(reader, tables[i].table, tables[i].row_size, &rows[i],
					&n[i], error))
			return false;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
		for (size_t row = 0; row < n[i]; row++)
			tables[i].load(ledger, (const char *)rows[i] + row * tables[i].row_size);
	}
	return true;
}
