// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>
#include "print.h"

/* Only a terminal gets colours. */
const char *colour(const char *code, int fd)
{
	return isatty(fd) && !getenv("NO_COLOR") ? code : "";
}

/* Until the next call */
const char *amount(int64_t kb)
{
	static char text[32];

	if (llabs(kb) < 1024)
		snprintf(text, sizeof(text), "%" PRId64 " KiB", kb);
	else if (llabs(kb) < 1024 * 1024)
		snprintf(text, sizeof(text), "%.1f MiB", kb / 1024.0);
	else
		snprintf(text, sizeof(text), "%.1f GiB", kb / (1024.0 * 1024));
	return text;
}
