// SPDX-License-Identifier: GPL-2.0-only
/* Reads and writes files. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hvoadm.h"

const char *root = "";

/* Until the next call. Longer than the kernel takes, so that it refuses what is cut off. */
const char *below_root(const char *path)
{
	static char full[2 * PATH_MAX];

	snprintf(full, sizeof(full), "%s%s%s", root, *root && *path != '/' ? "/" : "", path);
	return full;
}

/* A file that cannot be looked at may exist: reading it will say why it cannot be read. */
bool exists(const char *path)
{
	return !access(below_root(path), F_OK) || errno != ENOENT;
}

/* Until the next call. What follows a NUL is no text. */
char *read_text(const char *path)
{
	static char *text, empty[1];
	static size_t size;
	FILE *file = fopen(below_root(path), "re");
	ssize_t length;
	int error;

	if (!file)
		return NULL;
	errno = 0;
	length = getdelim(&text, &size, '\0', file);
	error = errno;
	fclose(file);
	errno = error;
	if (length >= 0)
		return text;
	return error ? NULL : empty;
}

/* All that write return 0, or what went wrong. */
static int write_all(int fd, const char *text)
{
	ssize_t length = strlen(text), written = write(fd, text, length);

	return written == length ? 0 : written < 0 ? errno : ENOSPC;
}

/* A knob is there already, and takes one write. */
int write_knob(const char *path, const char *text)
{
	int fd = open(below_root(path), O_WRONLY | O_CLOEXEC), error;

	if (fd < 0)
		return errno;
	error = write_all(fd, text);
	close(fd);
	return error;
}

/*
 * Whoever reads the file sees the old text or the new one. Signals wait until the file
 * beside it is gone.
 */
int write_file(const char *path, const char *text)
{
	char beside[2 * PATH_MAX + 8];
	sigset_t all, former;
	int fd, error;

	snprintf(beside, sizeof(beside), "%s.XXXXXX", below_root(path));
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &former);
	fd = mkostemp(beside, O_CLOEXEC);
	error = fd < 0 ? errno : write_all(fd, text);
	if (!error && (fchmod(fd, 0644) || fsync(fd) || rename(beside, below_root(path))))
		error = errno;
	if (fd >= 0 && error)
		unlink(beside);
	if (fd >= 0)
		close(fd);
	sigprocmask(SIG_SETMASK, &former, NULL);
	return error;
}
