/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One YAML document, as a tree of libyaml's nodes.
 *
 * What would make a tree endless or its reading slow is refused: anchors and aliases, deep nesting,
 * large files. So are tags, which would say of a value what only its reader can know, and more than
 * one document in a file.
 */
#ifndef FLOWTALLY_DOCUMENT_H
#define FLOWTALLY_DOCUMENT_H

#include <stdbool.h>

#include <glib.h>
#include <yaml.h>

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(yaml_document_t, yaml_document_delete)

/*
 * The caller deletes @document in any case, which is all zero. An empty file has no root node. The
 * error reads "FILE:LINE: reason", or "FILE: reason" if the file cannot be read.
 */
bool document_load(yaml_document_t *document, const char *path, GError **error);

/* From our own text, which is known to be YAML. */
void document_load_text(yaml_document_t *document, const char *text);

#endif
