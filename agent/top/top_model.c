/* SPDX-License-Identifier: Apache-2.0 */
#include "top_model.h"

#include <string.h>

#include "top_flows.h"

struct TopModel {
	TopDevices *devices;
	TopFlows *flows; /* of the device that is shown; NULL: they are not */
	GPtrArray *rows; /* of TopRow */
	TopState state;
	GHashTable *positions; /* of rows by key, while frozen */
	char *interface;
	char *filters[TOP_VIEWS]; /* NULL: none */
	char *device;		  /* the key of the one whose addresses or flows are shown */
	char *selected;		  /* a row's key */
};

TopModel *top_model_new(void)
{
	TopModel *model = g_new0(TopModel, 1);

	model->devices = top_devices_new();
	model->rows = g_ptr_array_new_with_free_func(g_free);
	model->positions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	model->state.filter = "";
	return model;
}

void top_model_free(TopModel *model)
{
	if (!model)
		return;
	g_ptr_array_unref(model->rows);
	top_devices_free(model->devices);
	top_flows_free(model->flows);
	g_hash_table_unref(model->positions);
	for (int view = 0; view < TOP_VIEWS; view++)
		g_free(model->filters[view]);
	g_free(model->interface);
	g_free(model->device);
	g_free(model->selected);
	g_free(model);
}

const TopState *top_model_state(const TopModel *model)
{
	return &model->state;
}

const GPtrArray *top_model_rows(const TopModel *model)
{
	return model->rows;
}

/* --- rows */

/* What overflows is of any family. */
static bool is_of_family(const TopAccount *account, TopFamily family)
{
	return family == TOP_ALL_FAMILIES || account->family == family;
}

static TopRow *device_row(const TopModel *model, const TopDevice *device)
{
	TopRow *row = NULL;
	GHashTableIter accounts;
	const TopAccount *account;

	g_hash_table_iter_init(&accounts, device->accounts);
	while (g_hash_table_iter_next(&accounts, NULL, (gpointer *)&account)) {
		if (!is_of_family(account, model->state.family))
			continue;
		if (!row) {
			row = g_new0(TopRow, 1);
			row->key = device->key;
			row->name = device->name;
			row->host = device->host;
			row->place = device->interface;
		}
		top_figures_add(&row->figures, &account->shown);
	}
	return row;
}

static TopRow *account_row(const TopAccount *account)
{
	TopRow *row = g_new0(TopRow, 1);

	row->key = account->key;
	row->name = account->name;
	row->host = account->address;
	row->place = account->scope;
	row->family = account->family_name;
	row->figures = account->shown;
	return row;
}

static bool contains(const char *text, const char *folded)
{
	g_autofree char *other = text ? g_utf8_casefold(text, -1) : NULL;

	return other && strstr(other, folded);
}

/* NULL fits all. */
static bool row_fits(const TopRow *row, const char *folded)
{
	return !folded || contains(row->name, folded) || contains(row->host, folded) ||
	       contains(row->place, folded);
}

static bool address_fits(const TopDevice *device, const char *folded)
{
	GHashTableIter accounts;
	const TopAccount *account;

	g_hash_table_iter_init(&accounts, device->accounts);
	while (g_hash_table_iter_next(&accounts, NULL, (gpointer *)&account)) {
		if (contains(account->address, folded))
			return true;
	}
	return false;
}

static void build_devices(TopModel *model, const char *folded)
{
	GHashTableIter devices;
	const TopDevice *device;

	g_hash_table_iter_init(&devices, model->devices->devices);
	while (g_hash_table_iter_next(&devices, NULL, (gpointer *)&device)) {
		TopRow *row;

		if (!device->shown ||
		    (model->interface && strcmp(device->interface, model->interface)))
			continue;
		row = device_row(model, device);
		if (row && (row_fits(row, folded) || address_fits(device, folded)))
			g_ptr_array_add(model->rows, row);
		else
			g_free(row);
	}
}

static void build_addresses(GPtrArray *rows, const TopDevice *device, TopFamily family,
			    const char *folded)
{
	GHashTableIter accounts;
	const TopAccount *account;

	g_hash_table_iter_init(&accounts, device->accounts);
	while (g_hash_table_iter_next(&accounts, NULL, (gpointer *)&account)) {
		TopRow *row;

		if (!is_of_family(account, family))
			continue;
		row = account_row(account);
		if (row_fits(row, folded))
			g_ptr_array_add(rows, row);
		else
			g_free(row);
	}
}

static TopRow *flow_row(const TopFlow *flow)
{
	TopRow *row = g_new0(TopRow, 1);

	row->key = flow->key;
	row->name = flow->far;
	row->place = flow->near;
	row->family = flow->family_name;
	row->figures = flow->shown;
	return row;
}

static void build_flows(TopModel *model, const char *folded)
{
	GHashTableIter flows;
	const TopFlow *flow;

	g_hash_table_iter_init(&flows, model->flows->flows);
	while (g_hash_table_iter_next(&flows, NULL, (gpointer *)&flow)) {
		TopFamily family = model->state.family;
		TopRow *row;

		if (family != TOP_ALL_FAMILIES && flow->family != family)
			continue;
		row = flow_row(flow);
		if (row_fits(row, folded))
			g_ptr_array_add(model->rows, row);
		else
			g_free(row);
	}
}

/* --- order */

static int compare_numbers(double a, double b)
{
	return (a < b) - (a > b);
}

static double total_rate(const TopRow *row, RateWindow window)
{
	return row->figures.rate[DIRECTION_DOWNLOAD][window] +
	       row->figures.rate[DIRECTION_UPLOAD][window];
}

static int compare_volumes(const TopRow *a, const TopRow *b, enum direction direction)
{
	uint64_t of_a = a->figures.octets[direction], of_b = b->figures.octets[direction];

	return (of_a < of_b) - (of_a > of_b);
}

static int compare_by_key(const TopRow *a, const TopRow *b, TopKey key, RateWindow window)
{
	switch (key) {
	case TOP_BY_DOWNLOAD:
		return compare_numbers(a->figures.rate[DIRECTION_DOWNLOAD][window],
				       b->figures.rate[DIRECTION_DOWNLOAD][window]);
	case TOP_BY_UPLOAD:
		return compare_numbers(a->figures.rate[DIRECTION_UPLOAD][window],
				       b->figures.rate[DIRECTION_UPLOAD][window]);
	case TOP_BY_NAME:
		return g_ascii_strcasecmp(a->name, b->name);
	case TOP_BY_PLACE:
		return g_ascii_strcasecmp(a->place, b->place);
	case TOP_BY_DOWNLOADED:
		return compare_volumes(a, b, DIRECTION_DOWNLOAD);
	case TOP_BY_UPLOADED:
		return compare_volumes(a, b, DIRECTION_UPLOAD);
	case TOP_BY_TOTAL:
	default:
		return compare_numbers(total_rate(a, window), total_rate(b, window));
	}
}

/* G_MAXINT: it has none yet. */
static int position_of(const TopModel *model, const TopRow *row)
{
	gpointer position;

	if (!model->state.frozen ||
	    !g_hash_table_lookup_extended(model->positions, row->key, NULL, &position))
		return G_MAXINT;
	return GPOINTER_TO_INT(position);
}

/* What the key does not tell apart still has one order. */
static gint compare_rows(gconstpointer first, gconstpointer second, gpointer user_data)
{
	const TopRow *a = *(const TopRow *const *)first, *b = *(const TopRow *const *)second;
	const TopModel *model = user_data;
	int position_a = position_of(model, a), position_b = position_of(model, b), result;

	if (position_a != position_b)
		return position_a < position_b ? -1 : 1;
	result = compare_by_key(a, b, model->state.key, model->state.window);
	if (model->state.reversed)
		result = -result;
	if (!result)
		result = g_ascii_strcasecmp(a->name, b->name);
	return result ? result : strcmp(a->key, b->key);
}

/* Those that have no position yet come after those that have. */
static void remember_positions(TopModel *model)
{
	for (guint i = 0; i < model->rows->len; i++) {
		const TopRow *row = model->rows->pdata[i];
		int next = (int)g_hash_table_size(model->positions);

		if (!g_hash_table_contains(model->positions, row->key))
			g_hash_table_insert(model->positions, g_strdup(row->key),
					    GINT_TO_POINTER(next));
	}
}

static void find_selection(TopModel *model)
{
	model->state.has_selection = false;
	for (guint i = 0; model->selected && i < model->rows->len; i++) {
		const TopRow *row = model->rows->pdata[i];

		if (!strcmp(row->key, model->selected)) {
			model->state.has_selection = true;
			model->state.selected = i;
			return;
		}
	}
}

static const TopDevice *device_shown(const TopModel *model)
{
	return model->device ? g_hash_table_lookup(model->devices->devices, model->device) : NULL;
}

static void build_rows(TopModel *model)
{
	const char *filter = model->filters[model->state.view];
	g_autofree char *folded = filter ? g_utf8_casefold(filter, -1) : NULL;

	g_ptr_array_set_size(model->rows, 0);
	if (model->state.view == TOP_ADDRESSES)
		build_addresses(model->rows, device_shown(model), model->state.family, folded);
	else if (model->state.view == TOP_FLOWS)
		build_flows(model, folded);
	else
		build_devices(model, folded);
}

static guint count_devices(const TopModel *model)
{
	GHashTableIter devices;
	const TopDevice *device;
	guint n = 0;

	g_hash_table_iter_init(&devices, model->devices->devices);
	while (g_hash_table_iter_next(&devices, NULL, (gpointer *)&device))
		n += device->shown && device->host;
	return n;
}

static void set_view(TopModel *model, TopView view)
{
	/* Their texts may go. */
	g_ptr_array_set_size(model->rows, 0);
	g_clear_pointer(&model->flows, top_flows_free);
	if (view == TOP_FLOWS)
		model->flows = top_flows_new();
	if (view == TOP_DEVICES)
		g_clear_pointer(&model->device, g_free);
	model->state.view = view;
}

static void describe_flows(TopState *state, const TopFlows *flows)
{
	state->flows_ms = flows ? flows->shown_ms : 0;
	state->flows_metered = flows && flows->metered;
	state->flows_cut = flows && flows->cut;
}

/* After each change. */
static void arrange(TopModel *model)
{
	TopState *state = &model->state;

	if (state->view != TOP_DEVICES && !device_shown(model))
		set_view(model, TOP_DEVICES);
	build_rows(model);
	g_ptr_array_sort_with_data(model->rows, compare_rows, model);
	if (state->frozen)
		remember_positions(model);
	find_selection(model);
	state->total = (TopFigures){ 0 };
	for (guint i = 0; i < model->rows->len; i++)
		top_figures_add(&state->total, &((const TopRow *)model->rows->pdata[i])->figures);
	state->devices = count_devices(model);
	describe_flows(state, model->flows);
	state->device = device_shown(model) ? device_shown(model)->name : NULL;
	state->interface = model->interface;
	state->filter = model->filters[state->view] ? model->filters[state->view] : "";
}

GPtrArray *top_model_addresses(const TopModel *model, const char *key)
{
	GPtrArray *rows = g_ptr_array_new_with_free_func(g_free);
	const TopDevice *device = g_hash_table_lookup(model->devices->devices, key);

	if (device)
		build_addresses(rows, device, model->state.family, NULL);
	g_ptr_array_sort_with_data(rows, compare_rows, (gpointer)model);
	return rows;
}

/* What is shown becomes what the last document says. */
static void show(TopModel *model)
{
	const TopDevices *devices = model->devices;

	/* Their texts go with the devices. */
	g_ptr_array_set_size(model->rows, 0);
	top_devices_show(model->devices);
	model->state.time_ms = devices->last_ms;
	model->state.measured_ms = devices->last_ms - devices->start_ms;
}

bool top_model_add(TopModel *model, const json_t *document, GError **error)
{
	if (!top_devices_add(model->devices, document, error))
		return false;
	if (!model->state.paused)
		show(model);
	arrange(model);
	return true;
}

static gint busier_first(gconstpointer first, gconstpointer second)
{
	const TopAccount *a = *(const TopAccount *const *)first,
			 *b = *(const TopAccount *const *)second;
	uint64_t of_a = a->shown.octets[DIRECTION_DOWNLOAD] + a->shown.octets[DIRECTION_UPLOAD];
	uint64_t of_b = b->shown.octets[DIRECTION_DOWNLOAD] + b->shown.octets[DIRECTION_UPLOAD];

	return (of_a < of_b) - (of_a > of_b);
}

/* Of const char *, each once, the busiest first; the caller's to unref. */
static GPtrArray *addresses_of(const TopDevice *device)
{
	g_autoptr(GPtrArray) accounts = g_ptr_array_new();
	GPtrArray *addresses = g_ptr_array_new();
	GHashTableIter iter;
	gpointer account;

	g_hash_table_iter_init(&iter, device->accounts);
	while (g_hash_table_iter_next(&iter, NULL, &account))
		g_ptr_array_add(accounts, account);
	g_ptr_array_sort(accounts, busier_first);
	for (guint i = 0; i < accounts->len; i++) {
		char *address = ((const TopAccount *)accounts->pdata[i])->address;

		if (address &&
		    !g_ptr_array_find_with_equal_func(addresses, address, g_str_equal, NULL))
			g_ptr_array_add(addresses, address);
	}
	return addresses;
}

char *top_model_flows_request(TopModel *model)
{
	const TopDevice *device = device_shown(model);
	g_autoptr(GPtrArray) addresses = NULL;

	if (!model->flows || !device)
		return NULL;
	addresses = addresses_of(device);
	return top_flows_request(model->flows, device->host, addresses);
}

static void show_flows(TopModel *model)
{
	g_ptr_array_set_size(model->rows, 0);
	top_flows_show(model->flows);
}

/* A pause is of what is shown: the first document is. */
bool top_model_add_flows(TopModel *model, const json_t *document, GError **error)
{
	if (!model->flows)
		return true;
	if (!top_flows_add(model->flows, document, error))
		return false;
	if (!model->state.paused || !model->flows->shown_ms)
		show_flows(model);
	arrange(model);
	return true;
}

/* --- what the user wants */

/* The order is another one, and if it was frozen, so is that. */
static void rearrange(TopModel *model)
{
	g_hash_table_remove_all(model->positions);
	arrange(model);
}

void top_model_sort(TopModel *model, TopKey key, RateWindow window)
{
	if (key != model->state.key)
		model->state.reversed = false;
	model->state.key = key;
	model->state.window = window;
	rearrange(model);
}

void top_model_reverse(TopModel *model)
{
	model->state.reversed = !model->state.reversed;
	rearrange(model);
}

void top_model_freeze(TopModel *model, bool frozen)
{
	model->state.frozen = frozen;
	rearrange(model);
}

void top_model_pause(TopModel *model, bool paused)
{
	model->state.paused = paused;
	if (!paused && model->devices->last_ms)
		show(model);
	if (!paused && model->flows && model->flows->last_ms)
		show_flows(model);
	arrange(model);
}

void top_model_filter(TopModel *model, const char *text)
{
	char **filter = &model->filters[model->state.view];
	char *copy = *text ? g_strdup(text) : NULL;

	g_free(*filter);
	*filter = copy;
	arrange(model);
}

void top_model_choose_interface(TopModel *model, const char *interface)
{
	char *copy = g_strdup(interface);

	g_free(model->interface);
	model->interface = copy;
	arrange(model);
}

/* The first one in the order of names after the present one; NULL after the last. */
void top_model_next_interface(TopModel *model)
{
	GHashTableIter devices;
	const TopDevice *device;
	const char *next = NULL;

	g_hash_table_iter_init(&devices, model->devices->devices);
	while (g_hash_table_iter_next(&devices, NULL, (gpointer *)&device)) {
		if (device->shown &&
		    (!model->interface || strcmp(device->interface, model->interface) > 0) &&
		    (!next || strcmp(device->interface, next) < 0))
			next = device->interface;
	}
	top_model_choose_interface(model, next);
}

void top_model_choose_family(TopModel *model, TopFamily family)
{
	model->state.family = family;
	arrange(model);
}

static void select_row(TopModel *model, guint i)
{
	const TopRow *row = model->rows->pdata[i];

	g_free(model->selected);
	model->selected = g_strdup(row->key);
	find_selection(model);
}

void top_model_select(TopModel *model, int rows)
{
	gint64 target = model->state.has_selection ? (gint64)model->state.selected + rows : 0;

	if (model->rows->len)
		select_row(model, (guint)CLAMP(target, 0, (gint64)model->rows->len - 1));
}

void top_model_unselect(TopModel *model)
{
	g_clear_pointer(&model->selected, g_free);
	find_selection(model);
}

/* Whether there is one to be shown now. */
static bool choose_device(TopModel *model)
{
	const TopRow *row;

	if (model->state.view != TOP_DEVICES)
		return true;
	if (!model->rows->len)
		return false;
	row = model->rows->pdata[model->state.has_selection ? model->state.selected : 0];
	if (!row->host)
		return false;
	model->device = g_strdup(row->key);
	return true;
}

void top_model_enter(TopModel *model, TopView view)
{
	if (view == model->state.view || !choose_device(model))
		return;
	set_view(model, view);
	g_clear_pointer(&model->filters[view], g_free);
	g_clear_pointer(&model->selected, g_free);
	arrange(model);
}

void top_model_leave(TopModel *model)
{
	if (model->state.view == TOP_DEVICES)
		return;
	g_free(model->selected);
	model->selected = g_strdup(model->device);
	set_view(model, TOP_DEVICES);
	arrange(model);
}
