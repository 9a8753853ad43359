/* SPDX-License-Identifier: Apache-2.0 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/lock.h"
#include "messageparser.h"

/* A full spool has about so many segments, as one goes at a time; but they are neither tiny nor long to read. */
#define SEGMENTS 16
#define SEGMENT_MIN (64u << 10)
#define SEGMENT_MAX (4u << 20)

/* In the middle, so that others have room before it. */
#define FIRST_NUMBER 1000000000u
#define NUMBER_DIGITS 10
#define SUFFIX ".ipfix"

#define WINDOW_LEN (128u << 10) /* longer than a message */

#define MODE 0640 /* who speaks with whom is nobody else's business */
#define DIRECTORY_MODE 0750

#define VERSION 10

struct SpoolTemplates {
	GPtrArray *messages; /* of IpfixMessage */
	char *layout;
	uint64_t len;
};

typedef struct {
	uint64_t number;
	uint64_t size;	/* as far as it is whole */
	uint64_t begin; /* of data; templates are before it */
	uint64_t popped;
	uint64_t acknowledged;
	uint64_t noted; /* what is before it may have been sent by a process before this one */
	ExportSum waiting;
	Sequences steps; /* of the same */
	char *layout;
	bool is_read; /* else nothing is known of it but its size, and what `position` says */
} Segment;

/* A part of a segment in memory. */
typedef struct {
	int fd;
	int error_number; /* of the last attempt to read */
	uint64_t at;
	size_t len;
	uint8_t octets[WINDOW_LEN];
} Window;

struct Spool {
	char *path;
	uint64_t max_octets;
	SpoolLost on_lost;
	void *user_data;
	int lock;
	int position;
	GQueue segments; /* the oldest is the head */
	guint unread;
	uint64_t used; /* octets of all segments */
	uint64_t next_number;
	ExportSum waiting; /* of those that have been read */
	ExportSum found;   /* when they were read: spool_found() */
	/* What is written to; NULL: the next message begins another. */
	Segment *written;
	int written_fd;
	Sequences sequences;
	uint8_t message[IPFIX_MESSAGE_MAX];
	/* What is popped from; NULL: none yet. */
	Segment *opened;
	Window *window;
	MessageParser *parser;
};

static uint16_t peek16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void add_waiting(Spool *spool, Segment *segment, uint32_t domain,
			const IpfixContents *contents)
{
	export_sum_add_contents(&segment->waiting, contents);
	export_sum_add_contents(&spool->waiting, contents);
	sequences_advance(&segment->steps, domain, contents->records);
}

static void take_waiting(Spool *spool, Segment *segment, uint32_t domain,
			 const IpfixContents *contents)
{
	ExportSum rest = segment->waiting, gone;

	export_sum_subtract_contents(&rest, contents);
	/* Of records with templates of the user's it cannot always be read how much they are of. */
	if (!rest.messages)
		rest = (ExportSum){ 0 };
	gone = export_sum_excess(&segment->waiting, &rest);
	spool->waiting = export_sum_excess(&spool->waiting, &gone);
	segment->waiting = rest;
	sequences_advance(&segment->steps, domain, -contents->records);
}

/* Templates */

SpoolTemplates *spool_templates_new(const GPtrArray *messages)
{
	SpoolTemplates *templates = g_new0(SpoolTemplates, 1);
	g_autoptr(MessageParser) parser = message_parser_new();

	templates->messages = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < messages->len; i++) {
		const IpfixMessage *message = messages->pdata[i];

		(void)message_parser_take(parser, message->data, message->contents.len);
		g_ptr_array_add(templates->messages,
				g_memdup2(message, sizeof(*message) + message->contents.len));
		templates->len += message->contents.len;
	}
	templates->layout = message_parser_layout(parser);
	return templates;
}

void spool_templates_free(SpoolTemplates *templates)
{
	if (!templates)
		return;
	g_ptr_array_unref(templates->messages);
	g_free(templates->layout);
	g_free(templates);
}

const char *spool_templates_layout(const SpoolTemplates *templates)
{
	return templates->layout;
}

/* Segments */

static Segment *segment_new(uint64_t number)
{
	Segment *segment = g_new0(Segment, 1);

	segment->number = number;
	return segment;
}

static void segment_free(gpointer data)
{
	Segment *segment = data;

	sequences_clear(&segment->steps);
	g_free(segment->layout);
	g_free(segment);
}

static char *segment_path(const Spool *spool, const Segment *segment)
{
	return g_strdup_printf("%s/%0*" PRIu64 SUFFIX, spool->path, NUMBER_DIGITS, segment->number);
}

static bool parse_name(const char *name, uint64_t *number)
{
	g_autofree char *digits = g_strndup(name, NUMBER_DIGITS);

	return strlen(name) == NUMBER_DIGITS + strlen(SUFFIX) &&
	       !strcmp(name + NUMBER_DIGITS, SUFFIX) &&
	       g_ascii_string_to_unsigned(digits, 10, 1, G_MAXUINT32, number, NULL);
}

/* Windows */

static Window *window_new(int fd)
{
	Window *window = g_new(Window, 1);

	window->fd = fd;
	window->error_number = 0;
	window->at = 0;
	window->len = 0;
	return window;
}

static void window_free(Window *window)
{
	if (!window)
		return;
	close(window->fd);
	g_free(window);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Window, window_free)

static const uint8_t *window_look(const Window *window, uint64_t at, size_t len)
{
	if (at < window->at || at + len > window->at + window->len)
		return NULL;
	return window->octets + (at - window->at);
}

/* The window then begins @at, and ends before @end. */
static bool window_move(Window *window, uint64_t at, uint64_t end)
{
	ssize_t len;

	do
		len = pread(window->fd, window->octets, MIN(WINDOW_LEN, end - at), (off_t)at);
	while (len < 0 && errno == EINTR);
	window->error_number = len < 0 ? errno : 0;
	window->at = at;
	window->len = len < 0 ? 0 : (size_t)len;
	return len > 0;
}

/* The message at @at, whose length goes to @len, in what is before @end. NULL: there is no whole one. */
static const uint8_t *window_message(Window *window, uint64_t at, uint64_t end, size_t *len)
{
	const uint8_t *head = window_look(window, at, IPFIX_HEADER_LEN);

	if (!head) {
		if (!window_move(window, at, end))
			return NULL;
		head = window_look(window, at, IPFIX_HEADER_LEN);
	}
	if (!head || peek16(head) != VERSION || peek16(head + 2) < IPFIX_HEADER_LEN)
		return NULL;
	*len = peek16(head + 2);
	if (window_look(window, at, *len))
		return head;
	return window_move(window, at, end) ? window_look(window, at, *len) : NULL;
}

static Window *open_segment(const Spool *spool, const Segment *segment, uint64_t *size)
{
	g_autofree char *path = segment_path(spool, segment);
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return NULL;
	}
	*size = (uint64_t)status.st_size;
	return window_new(fd);
}

/* Gone */

static void close_opened(Spool *spool)
{
	spool->opened = NULL;
	g_clear_pointer(&spool->window, window_free);
	g_clear_pointer(&spool->parser, message_parser_free);
}

static void close_written(Spool *spool)
{
	if (!spool->written)
		return;
	spool->written = NULL;
	close(spool->written_fd);
	sequences_clear(&spool->sequences);
}

/* Its file stays. */
static void forget_segment(Spool *spool, Segment *segment)
{
	if (segment == spool->opened)
		close_opened(spool);
	if (segment == spool->written)
		close_written(spool);
	spool->used -= segment->size;
	spool->unread -= !segment->is_read;
	spool->waiting = export_sum_excess(&spool->waiting, &segment->waiting);
	g_queue_remove(&spool->segments, segment);
	segment_free(segment);
}

static void remove_segment(Spool *spool, Segment *segment)
{
	g_autofree char *path = segment_path(spool, segment);

	(void)unlink(path);
	forget_segment(spool, segment);
}

static void lose_segment(Spool *spool, Segment *segment, bool is_full, const char *why)
{
	const SpoolLoss loss = { .sum = segment->waiting,
				 .layout = segment->layout,
				 .steps = &segment->steps,
				 .is_full = is_full,
				 .why = why };

	if (loss.sum.messages)
		spool->on_lost(&loss, spool->user_data);
	remove_segment(spool, segment);
}

static void lose_broken(Spool *spool, Segment *segment)
{
	g_autofree char *path = segment_path(spool, segment);
	g_autofree char *why = g_strdup_printf("%s: cannot be read any more", path);

	lose_segment(spool, segment, false, why);
}

/* What is there at the beginning */

/* Whatever it has been, it is no message now. */
static void cut(Spool *spool, Segment *segment, int fd, uint64_t file_size)
{
	g_autofree char *path = segment_path(spool, segment);
	g_autofree char *why = g_strdup_printf("%s: its last message is not whole: %" PRIu64
					       " octets are left out",
					       path, file_size - segment->size);
	const SpoolLoss loss = { .sum = { .messages = 1 }, .why = why };

	if (ftruncate(fd, (off_t)segment->size) < 0)
		g_info("%s: %s", path, g_strerror(errno));
	export_sum_add(&spool->found, &loss.sum);
	spool->on_lost(&loss, spool->user_data);
}

static void count_read(Spool *spool, Segment *segment, const MessageParser *parser, uint64_t at)
{
	uint64_t end = at + message_parser_contents(parser)->len;

	if (end <= segment->acknowledged)
		return;
	/* A position within a message is none. */
	segment->acknowledged = MIN(segment->acknowledged, at);
	add_waiting(spool, segment, message_parser_domain(parser), message_parser_contents(parser));
	export_sum_add_contents(&spool->found, message_parser_contents(parser));
}

static void read_messages(Spool *spool, Segment *segment, Window *window, uint64_t end)
{
	g_autoptr(MessageParser) parser = message_parser_new();
	const uint8_t *message;
	size_t len;
	uint64_t at = 0;

	segment->begin = 0;
	while ((message = window_message(window, at, end, &len)) &&
	       message_parser_take(parser, message, len)) {
		if (message_parser_has_data(parser) && !segment->layout) {
			segment->layout = message_parser_layout(parser);
			segment->begin = at;
			segment->acknowledged = MAX(segment->acknowledged, at);
		}
		if (segment->layout)
			count_read(spool, segment, parser, at);
		at += len;
	}
	segment->size = at;
}

/* Somebody may find a use for it. */
static void leave_unreadable(Spool *spool, Segment *segment, int error_number)
{
	g_autofree char *path = segment_path(spool, segment);
	g_autofree char *why =
		g_strdup_printf("%s: %s: it is left there", path, g_strerror(error_number));
	const SpoolLoss loss = { .why = why };

	spool->on_lost(&loss, spool->user_data);
	forget_segment(spool, segment);
}

/* False: there is nothing in it that waits, and it has gone. */
static bool read_segment(Spool *spool, Segment *segment)
{
	uint64_t size = 0;
	g_autoptr(Window) window = open_segment(spool, segment, &size);

	if (!window) {
		leave_unreadable(spool, segment, errno);
		return false;
	}
	spool->used -= segment->size;
	read_messages(spool, segment, window, size);
	spool->used += segment->size;
	if (window->error_number) {
		leave_unreadable(spool, segment, window->error_number);
		return false;
	}
	segment->acknowledged = MIN(segment->acknowledged, segment->size);
	segment->popped = segment->acknowledged;
	segment->is_read = true;
	spool->unread--;
	if (segment->size < size)
		cut(spool, segment, window->fd, size);
	if (segment->waiting.messages)
		return true;
	remove_segment(spool, segment);
	return false;
}

bool spool_load(Spool *spool)
{
	for (GList *item = spool->segments.head; spool->unread && item; item = item->next) {
		Segment *segment = item->data;

		if (segment->is_read)
			continue;
		(void)read_segment(spool, segment);
		break;
	}
	return !spool->unread;
}

static int compare_segments(gconstpointer a, gconstpointer b, gpointer user_data)
{
	const Segment *first = a, *second = b;

	return (first->number > second->number) - (first->number < second->number);
}

static void add_found(Spool *spool, uint64_t number)
{
	Segment *segment = segment_new(number);
	g_autofree char *path = segment_path(spool, segment);
	struct stat status;

	if (lstat(path, &status) < 0 || !S_ISREG(status.st_mode)) {
		segment_free(segment);
		return;
	}
	segment->size = (uint64_t)status.st_size;
	spool->used += segment->size;
	spool->unread++;
	spool->next_number = MAX(spool->next_number, number + 1);
	g_queue_insert_sorted(&spool->segments, segment, compare_segments, NULL);
}

static bool list_segments(Spool *spool, GError **error)
{
	g_autoptr(GDir) directory = g_dir_open(spool->path, 0, error);
	const char *name;

	while (directory && (name = g_dir_read_name(directory))) {
		uint64_t number;

		if (parse_name(name, &number))
			add_found(spool, number);
	}
	return directory;
}

/* Position: up to where it has been acknowledged, and up to where it may have been sent. */

#define POSITION_FORMAT "%020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %020" PRIu64 "\n"
#define POSITION_LEN 84

typedef struct {
	uint64_t acknowledged_segment, acknowledged;
	uint64_t noted_segment, noted;
} Position;

static Position position_of(const Spool *spool)
{
	const GList *head = spool->segments.head;
	const Segment *first = head ? head->data : NULL;
	const Segment *noted = spool->opened ? spool->opened : first;

	/* Numbers are not used again, also where nothing is left. */
	if (!first)
		return (Position){ .acknowledged_segment = spool->next_number - 1 };
	return (Position){
		.acknowledged_segment = first->number,
		.acknowledged = first->acknowledged,
		.noted_segment = noted->number,
		.noted = spool->opened ? MAX(noted->noted, spool->window->at + spool->window->len) :
					 noted->noted,
	};
}

void spool_save_position(Spool *spool)
{
	const Position position = position_of(spool);
	char text[POSITION_LEN + 1];

	(void)snprintf(text, sizeof(text), POSITION_FORMAT, position.acknowledged_segment,
		       position.acknowledged, position.noted_segment, position.noted);
	/* Without it more is sent again after a crash. */
	if (pwrite(spool->position, text, POSITION_LEN, 0) != POSITION_LEN)
		g_info("%s/position: %s", spool->path, g_strerror(errno));
}

static Position read_position(const Spool *spool)
{
	char text[POSITION_LEN + 1] = "";
	Position position = { 0 };

	if (pread(spool->position, text, POSITION_LEN, 0) != POSITION_LEN ||
	    sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &position.acknowledged_segment, &position.acknowledged, &position.noted_segment,
		   &position.noted) != 4)
		return (Position){ 0 };
	return position;
}

static void apply_position(Spool *spool)
{
	const Position position = read_position(spool);

	for (GList *item = spool->segments.head; item; item = item->next) {
		Segment *segment = item->data;

		if (segment->number == position.acknowledged_segment)
			segment->acknowledged = position.acknowledged;
		if (segment->number == position.noted_segment)
			segment->noted = position.noted;
		else if (segment->number < position.noted_segment)
			segment->noted = UINT64_MAX;
	}
	if (position.acknowledged_segment >= spool->next_number &&
	    position.acknowledged_segment < UINT32_MAX)
		spool->next_number = position.acknowledged_segment + 1;
}

static bool open_directory(Spool *spool, GError **error)
{
	g_autofree char *position = g_build_filename(spool->path, "position", NULL);

	/* Not its parents: where these are not there, a disk may not be. */
	if (mkdir(spool->path, DIRECTORY_MODE) < 0 && errno != EEXIST) {
		error_from_errno(error, errno, "%s", spool->path);
		return false;
	}
	spool->lock = lock_take(spool->path, error);
	if (spool->lock < 0)
		return false;
	spool->position = open(position, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, MODE);
	if (spool->position < 0)
		error_from_errno(error, errno, "%s", position);
	return spool->position >= 0;
}

Spool *spool_new(const char *path, uint64_t max_octets, SpoolLost on_lost, void *user_data,
		 GError **error)
{
	g_autoptr(Spool) spool = g_new0(Spool, 1);

	spool->path = g_strdup(path);
	spool->max_octets = max_octets;
	spool->on_lost = on_lost;
	spool->user_data = user_data;
	spool->lock = spool->position = -1;
	spool->next_number = FIRST_NUMBER;
	g_queue_init(&spool->segments);
	if (!open_directory(spool, error) || !list_segments(spool, error))
		return NULL;
	apply_position(spool);
	return g_steal_pointer(&spool);
}

void spool_free(Spool *spool)
{
	if (!spool)
		return;
	if (spool->position >= 0) {
		/* What was read in advance has not been sent. */
		close_opened(spool);
		spool_save_position(spool);
		close(spool->position);
	}
	close_written(spool);
	lock_release(spool->lock, spool->path);
	g_queue_clear_full(&spool->segments, segment_free);
	g_free(spool->path);
	g_free(spool);
}

void spool_set_max(Spool *spool, uint64_t max_octets)
{
	spool->max_octets = max_octets;
}

/* Writing */

static bool write_message(Spool *spool, const IpfixMessage *message, GError **error)
{
	const size_t len = message->contents.len;
	ssize_t written;

	memcpy(spool->message, message->data, len);
	sequences_stamp(&spool->sequences, message, spool->message);
	/* What is written of one that does not fit is written over by the next. */
	written = pwrite(spool->written_fd, spool->message, len, (off_t)spool->written->size);
	if (written != (ssize_t)len) {
		error_from_errno(error, written < 0 ? errno : ENOSPC, "spool %s", spool->path);
		(void)!ftruncate(spool->written_fd, (off_t)spool->written->size);
		sequences_unstamp(&spool->sequences, message);
		return false;
	}
	spool->written->size += len;
	spool->used += len;
	return true;
}

/* Beside its neighbours, @before @next or, if that is NULL, behind all. */
static bool begin_segment(Spool *spool, uint64_t number, GList *next,
			  const SpoolTemplates *templates, GError **error)
{
	Segment *segment = segment_new(number);
	g_autofree char *path = segment_path(spool, segment);

	close_written(spool);
	spool->written_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
	if (spool->written_fd < 0) {
		error_from_errno(error, errno, "spool %s", path);
		segment_free(segment);
		return false;
	}
	segment->is_read = true;
	segment->layout = g_strdup(templates->layout);
	spool->written = segment;
	g_queue_insert_before(&spool->segments, next, segment);
	for (guint i = 0; i < templates->messages->len; i++) {
		if (write_message(spool, templates->messages->pdata[i], error))
			continue;
		remove_segment(spool, segment);
		return false;
	}
	segment->begin = segment->popped = segment->acknowledged = segment->size;
	return true;
}

static bool append(Spool *spool, const IpfixMessage *message, GError **error)
{
	Segment *segment = spool->written;

	if (write_message(spool, message, error)) {
		add_waiting(spool, segment, message->observation_domain, &message->contents);
		return true;
	}
	/* Of templates alone there is no use. */
	if (segment->size == segment->begin)
		remove_segment(spool, segment);
	return false;
}

static uint64_t segment_limit(const Spool *spool)
{
	return CLAMP(spool->max_octets / SEGMENTS, SEGMENT_MIN, SEGMENT_MAX);
}

/* Whether @message goes to the segment that is written to. */
static bool fits(const Spool *spool, const IpfixMessage *message, const SpoolTemplates *templates)
{
	const Segment *segment = spool->written;

	return segment && !strcmp(segment->layout, templates->layout) &&
	       (segment->size == segment->begin ||
		segment->size + message->contents.len <= segment_limit(spool));
}

static bool is_too_full(const Spool *spool, uint64_t more)
{
	return spool->used + more > spool->max_octets;
}

static void make_room(Spool *spool, uint64_t octets)
{
	Segment *oldest;

	while (is_too_full(spool, octets) && (oldest = g_queue_peek_head(&spool->segments))) {
		if (oldest->is_read || read_segment(spool, oldest))
			lose_segment(spool, oldest, true, "the spool is full");
	}
}

bool spool_push(Spool *spool, const IpfixMessage *message, const SpoolTemplates *templates,
		GError **error)
{
	make_room(spool,
		  message->contents.len + (fits(spool, message, templates) ? 0 : templates->len));
	if (!fits(spool, message, templates) &&
	    !begin_segment(spool, spool->next_number++, NULL, templates, error))
		return false;
	return append(spool, message, error);
}

static Segment *first_waiting(const Spool *spool, GList **place)
{
	for (GList *item = spool->segments.head; item; item = item->next) {
		Segment *segment = item->data;

		if (segment->is_read && !segment->waiting.messages)
			continue;
		if (place)
			*place = item;
		return segment;
	}
	return NULL;
}

/* The number of the first of @n segments before @next, so that those before it are not touched. */
static uint64_t number_before(const GList *next, uint64_t n)
{
	const Segment *after = next->data;
	const Segment *before = next->prev ? next->prev->data : NULL;
	uint64_t last = before ? before->number : 0;

	return after->number - last > n ? after->number - n : last + 1;
}

static uint64_t segments_for(const Spool *spool, const GPtrArray *messages,
			     const SpoolTemplates *templates)
{
	uint64_t octets = 0, n;

	for (guint i = 0; i < messages->len; i++)
		octets += ((const IpfixMessage *)messages->pdata[i])->contents.len;
	/* A message more may just not have fitted. */
	n = octets / (segment_limit(spool) - MIN(segment_limit(spool) / 2, templates->len)) + 1;
	return MIN(2 * n, messages->len);
}

guint spool_push_front(Spool *spool, const GPtrArray *messages, const SpoolTemplates *templates,
		       GError **error)
{
	GList *next = NULL;
	uint64_t number = 0, n = segments_for(spool, messages, templates);
	guint pushed;

	if (first_waiting(spool, &next))
		number = number_before(next, n);
	close_written(spool);
	for (pushed = 0; pushed < messages->len; pushed++) {
		const IpfixMessage *message = messages->pdata[pushed];

		if (!fits(spool, message, templates) &&
		    !begin_segment(spool, next ? number++ : spool->next_number++, next, templates,
				   error))
			break;
		if (!append(spool, message, error))
			break;
	}
	close_written(spool);
	/* These have not been read, let alone sent. */
	close_opened(spool);
	make_room(spool, 0);
	spool_save_position(spool);
	return pushed;
}

/* Reading */

bool spool_is_empty(const Spool *spool)
{
	return !spool->waiting.messages && !spool->unread;
}

ExportSum spool_waiting(const Spool *spool)
{
	return spool->waiting;
}

ExportSum spool_found(const Spool *spool)
{
	return spool->found;
}

/* All before what has been popped is read again: there may be templates among it. */
static bool open_for_popping(Spool *spool, Segment *segment)
{
	const uint8_t *message;
	uint64_t size;
	size_t len;

	if (spool->opened == segment)
		return true;
	close_opened(spool);
	spool->window = open_segment(spool, segment, &size);
	if (!spool->window || size < segment->size)
		return false;
	spool->opened = segment;
	spool->parser = message_parser_new();
	for (uint64_t at = 0; at < segment->popped; at += len) {
		message = window_message(spool->window, at, segment->popped, &len);
		if (!message || !message_parser_take(spool->parser, message, len))
			return false;
	}
	return true;
}

/* The segment that has the next message, ready to be read; NULL: there is none. */
static Segment *ready_segment(Spool *spool)
{
	Segment *segment;

	while ((segment = first_waiting(spool, NULL))) {
		if (!segment->is_read && !read_segment(spool, segment))
			continue;
		if (open_for_popping(spool, segment))
			return segment;
		lose_broken(spool, segment);
	}
	return NULL;
}

const char *spool_layout(Spool *spool)
{
	const Segment *segment = ready_segment(spool);

	return segment ? segment->layout : NULL;
}

GPtrArray *spool_announcements(Spool *spool)
{
	GPtrArray *messages = g_ptr_array_new_with_free_func(g_free);
	const Segment *segment = ready_segment(spool);
	g_autoptr(MessageParser) parser = message_parser_new();
	const uint8_t *octets;
	size_t len;

	for (uint64_t at = 0; segment && at < segment->begin; at += len) {
		octets = window_message(spool->window, at, segment->begin, &len);
		if (!octets || !message_parser_take(parser, octets, len))
			break;
		g_ptr_array_add(messages, message_parser_copy(parser, octets));
	}
	return messages;
}

/* What is in the window is noted as sent before it is. */
static const uint8_t *look_at_next(Spool *spool, const Segment *segment, size_t *len)
{
	const Window *window = spool->window;
	uint64_t noted = window->at + window->len;
	const uint8_t *octets = window_message(spool->window, segment->popped, segment->size, len);

	if (octets && window->at + window->len != noted)
		spool_save_position(spool);
	return octets;
}

IpfixMessage *spool_pop(Spool *spool, SpoolPlace *place)
{
	Segment *segment;

	while ((segment = ready_segment(spool))) {
		size_t len;
		const uint8_t *octets = look_at_next(spool, segment, &len);

		if (!octets || !message_parser_take(spool->parser, octets, len)) {
			lose_broken(spool, segment);
			continue;
		}
		*place = (SpoolPlace){ segment->number, segment->popped, segment->popped + len,
				       segment->popped < segment->noted };
		segment->popped += len;
		take_waiting(spool, segment, message_parser_domain(spool->parser),
			     message_parser_contents(spool->parser));
		return message_parser_copy(spool->parser, octets);
	}
	return NULL;
}

static Segment *find_segment(const Spool *spool, uint64_t number)
{
	for (GList *item = spool->segments.head; item; item = item->next) {
		Segment *segment = item->data;

		if (segment->number == number)
			return segment;
	}
	return NULL;
}

bool spool_unpop(Spool *spool, const SpoolPlace *place, const IpfixMessage *message)
{
	Segment *segment = find_segment(spool, place->segment);

	if (!segment)
		return false;
	segment->popped = place->begin;
	add_waiting(spool, segment, message->observation_domain, &message->contents);
	return true;
}

void spool_acknowledge(Spool *spool, const SpoolPlace *place)
{
	Segment *segment = find_segment(spool, place->segment);

	if (!segment)
		return;
	segment->acknowledged = MAX(segment->acknowledged, place->end);
	if (segment->acknowledged == segment->size)
		remove_segment(spool, segment);
}
