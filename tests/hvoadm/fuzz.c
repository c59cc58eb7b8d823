// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs all commands on a tree of files, one of which is changed at random before. Each
 * must return 0 to 3. The changes are the same each time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int hvoadm_main(int argc, char **argv);

#define LONGEST	4096

static char *root;
static unsigned int seed = 1;
static const char * const interesting[] = {
	"", "\n", "-1\n", "0\n", "1\n", "7 7\n", "4398046511104\n", "4398046511105\n",
	"18446744073709551615\n", "18446744073709551616\n", "99999999999999999999999\n", "0x10\n",
	"on\n", "boot", "hugetlb_free_vmemmap=", "submenu 'a' {\n\tmenuentry 'b 1+hvo' {\n",
	"MemTotal: 4398046511104 kB\n", "%s%n\n", "'\"`$(x)\n", "\xff\xfe\n",
};

static unsigned int below(unsigned int limit)
{
	return rand_r(&seed) % limit;
}

static size_t load(const char *path, char *text)
{
	int fd = open(path, O_RDONLY);
	ssize_t length = fd < 0 ? 0 : read(fd, text, LONGEST / 2);

	close(fd);
	return length < 0 ? 0 : length;
}

static void store(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, length) != (ssize_t)length)
		exit(5);
	close(fd);
}

static void mutate(const char *path, char *text, size_t length)
{
	const char *word = interesting[below(sizeof(interesting) / sizeof(interesting[0]))];
	size_t at = below(length + 1), added = strlen(word), i;

	switch (below(5)) {
	case 0:
		unlink(path);
		mkdir(path, 0755);
		return;
	case 1:
		store(path, text, at);
		return;
	case 2:
		store(path, word, added);
		return;
	case 3:
		memmove(text + at + added, text + at, length - at);
		memcpy(text + at, word, added);
		store(path, text, length + added);
		return;
	default:
		for (i = below(4) + 1; length && i; i--)
			text[below(length)] = below(256);
		store(path, text, length);
	}
}

static void run_all(void)
{
	char *lines[][8] = {
		{ "hvoadm", "--root", root, "estimate" },
		{ "hvoadm", "--root", root, "status", "--json" },
		{ "hvoadm", "--root", root, "status" },
		{ "hvoadm", "--root", root, "check" },
		{ "hvoadm", "--root", root, "prometheus" },
		{ "hvoadm", "--root", root, "enable", "boot", "--dry-run" },
		{ "hvoadm", "--root", root, "disable", "--dry-run" },
		{ "hvoadm", "--root", root, "seal", "--yes" },
	};
	size_t i;
	int argc, status;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		for (argc = 0; lines[i][argc]; argc++)
			;
		optind = 0;
		status = hvoadm_main(argc, lines[i]);
		if (status < 0 || status > 3)
			abort();
	}
}

int main(int argc, char **argv)
{
	char text[LONGEST], former[LONGEST];
	int rounds = atoi(argv[2]), told = dup(1), null = open("/dev/null", O_RDWR);

	root = argv[1];
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	while (rounds--) {
		const char *path = argv[3 + below(argc - 3)];
		size_t length = load(path, former);

		/* The last line is the round that failed. */
		dprintf(told, "%s is changed, seed %u\n", path, seed);
		memcpy(text, former, length);
		mutate(path, text, length);
		run_all();
		rmdir(path);
		store(path, former, length);
	}
	return 0;
}
