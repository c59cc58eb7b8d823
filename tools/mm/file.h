/* SPDX-License-Identifier: GPL-2.0-only */
/* Files below the root of --root; what fails sets errno. */
#ifndef HVOADM_FILE_H
#define HVOADM_FILE_H

#include <stdbool.h>

extern const char *root;	/* "": the machine's own files */

const char *below_root(const char *path);
bool exists(const char *path);
char *read_text(const char *path);
bool write_knob(const char *path, const char *text);
bool write_file(const char *path, const char *text);

#endif
