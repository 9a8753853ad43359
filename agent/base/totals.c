/* SPDX-License-Identifier: Apache-2.0 */
#include "totals.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "error.h"
#include "file.h"

#define MAGIC "flowtal1"
#define ALIGNMENT 8

struct header {
	char magic[8];
	uint32_t tables;
	uint32_t crc; /* of all that follows the header */
};
_Static_assert(sizeof(struct header) == 16, "header is on disk");

/* Before the rows of each table, which are padded to ALIGNMENT as a whole. */
struct table {
	uint32_t number;
	uint32_t row_size;
	uint64_t rows;
};
_Static_assert(sizeof(struct table) == 16, "table is on disk");

struct TotalsWriter {
	GByteArray *bytes;
	size_t table; /* where the current one begins, 0: none yet */
	uint32_t tables;
};

struct TotalsReader {
	char *path;
	char *bytes;
	size_t len;
};

TotalsWriter *totals_writer_new(void)
{
	static const struct header empty = { .magic = MAGIC };
	TotalsWriter *writer = g_new0(TotalsWriter, 1);

	writer->bytes = g_byte_array_new();
	g_byte_array_append(writer->bytes, (const guint8 *)&empty, sizeof(empty));
	return writer;
}

void totals_writer_free(TotalsWriter *writer)
{
	if (!writer)
		return;
	g_byte_array_unref(writer->bytes);
	g_free(writer);
}

static struct table *current_table(TotalsWriter *writer)
{
	return (struct table *)(void *)(writer->bytes->data + writer->table);
}

static void pad(GByteArray *bytes)
{
	static const guint8 zeros[ALIGNMENT];

	g_byte_array_append(bytes, zeros, -bytes->len % ALIGNMENT);
}

void totals_writer_begin(TotalsWriter *writer, TotalsTable number, size_t row_size)
{
	const struct table table = { .number = number, .row_size = (uint32_t)row_size };

	pad(writer->bytes);
	writer->table = writer->bytes->len;
	writer->tables++;
	g_byte_array_append(writer->bytes, (const guint8 *)&table, sizeof(table));
}

void totals_writer_add(TotalsWriter *writer, const void *row)
{
	g_byte_array_append(writer->bytes, row, current_table(writer)->row_size);
	current_table(writer)->rows++;
}

static uint32_t checksum(const void *bytes, size_t len)
{
	return (uint32_t)crc32_z(0, (const unsigned char *)bytes + sizeof(struct header),
				 len - sizeof(struct header));
}

bool totals_writer_replace(TotalsWriter *writer, const char *path, GError **error)
{
	struct header *header;

	pad(writer->bytes);
	header = (struct header *)(void *)writer->bytes->data;
	header->tables = writer->tables;
	header->crc = checksum(writer->bytes->data, writer->bytes->len);
	return file_replace(path, writer->bytes->data, writer->bytes->len, 0600, error);
}

/* The table after @table, or the first one; NULL past the last. The file has been checked. */
static const struct table *next_table(const TotalsReader *reader, const struct table *table)
{
	const char *next = reader->bytes + sizeof(struct header);

	if (table) {
		size_t len = (size_t)table->rows * table->row_size;

		next = (const char *)(table + 1) + len + -len % ALIGNMENT;
	}
	return next < reader->bytes + reader->len ? (const struct table *)(const void *)next : NULL;
}

static const char *find_fault(const TotalsReader *reader)
{
	const struct header *header = (const struct header *)(const void *)reader->bytes;
	size_t offset = sizeof(*header);

	if (reader->len < sizeof(*header) || memcmp(header->magic, MAGIC, sizeof(header->magic)))
		return "not a file of sums of this version";
	if (header->crc != checksum(reader->bytes, reader->len))
		return "damaged (its checksum is wrong)";
	for (uint32_t i = 0; i < header->tables; i++) {
		const struct table *table =
			(const struct table *)(const void *)(reader->bytes + offset);
		size_t left = reader->len - offset;
		size_t len;

		if (left < sizeof(*table) || !table->row_size)
			return "damaged (a table is cut short)";
		left -= sizeof(*table);
		if (table->rows > left / table->row_size)
			return "damaged (a table is cut short)";
		len = (size_t)table->rows * table->row_size;
		len += -len % ALIGNMENT;
		if (len > left)
			return "damaged (a table is cut short)";
		offset += sizeof(*table) + len;
	}
	return offset == reader->len ? NULL : "damaged (it is too long)";
}

TotalsReader *totals_reader_new(const char *path, GError **error)
{
	g_autoptr(TotalsReader) reader = g_new0(TotalsReader, 1);
	const char *fault;

	reader->path = g_strdup(path);
	if (!file_read(path, &reader->bytes, &reader->len, error))
		return NULL;
	fault = find_fault(reader);
	if (fault) {
		error_set(error, "%s: %s", path, fault);
		return NULL;
	}
	return g_steal_pointer(&reader);
}

void totals_reader_free(TotalsReader *reader)
{
	if (!reader)
		return;
	g_free(reader->path);
	g_free(reader->bytes);
	g_free(reader);
}

bool totals_reader_rows(TotalsReader *reader, TotalsTable number, size_t row_size,
			const void **rows, size_t *n, GError **error)
{
	*rows = NULL;
	*n = 0;
	for (const struct table *table = next_table(reader, NULL); table;
	     table = next_table(reader, table)) {
		if (table->number != number)
			continue;
		if (table->row_size != row_size) {
			error_set(error,
				  "%s: rows of table %d have %" G_GUINT32_FORMAT
				  " octets, not %zu: another version wrote it",
				  reader->path, (int)number, table->row_size, row_size);
			return false;
		}
		*rows = table + 1;
		*n = (size_t)table->rows;
		return true;
	}
	return true;
}
