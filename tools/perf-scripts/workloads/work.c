// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "window.h"
#include "work.h"

size_t work_size;
long work_operations;
const char *work_dir = ".";

static void print_help(FILE *to)
{
	fprintf(to, "usage: %s [--size MIB] [--operations N] [--dir DIR]\n%s\n"
		"  --size MIB       memory to work on (a quarter of what is available)\n"
		"  --operations N   number of operations (%ld)\n"
		"  --dir DIR        for files (the current one)\n"
		"Prints one line of JSON.\n", work.name, work.does, work.operations);
	exit(to == stderr ? 2 : 0);
}

void work_fail(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", work.name, what, strerror(errno));
	exit(1);
}

char *work_map(size_t size)
{
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		work_fail("no memory");
	madvise(map, size, MADV_NOHUGEPAGE);
	return map;
}

char *work_memory(size_t size)
{
	char *map = work_map(size);
	size_t page;

	for (page = 0; page < size; page += PAGE)
		map[page] = 1;
	return map;
}

uint64_t work_random(uint64_t below)
{
	static uint64_t state = 0x9e3779b97f4a7c15UL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static size_t quarter_of_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = 0;

	while (file && fgets(line, sizeof(line), file) &&
	       sscanf(line, "MemAvailable: %ld", &kib) != 1)
		continue;
	if (file)
		fclose(file);
	return (size_t)kib * 1024 / 4 & -PAGE;
}

static long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*end || end == text || value <= 0)
		print_help(stderr);
	return value;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "size", required_argument, NULL, 's' },
		{ "operations", required_argument, NULL, 'o' },
		{ "dir", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	work_size = quarter_of_memory();
	work_operations = work.operations;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			work_size = (size_t)number(optarg) << 20;
			break;
		case 'o':
			work_operations = number(optarg);
			break;
		case 'd':
			work_dir = optarg;
			break;
		default:
			print_help(option == 'h' ? stdout : stderr);
		}
	}
	if (optind < argc)
		print_help(stderr);
	if (!work_size)
		work_fail("cannot tell how much memory is available; use --size");
}

int main(int argc, char **argv)
{
	double seconds;
	long done;

	parse(argc, argv);
	if (work.prepare)
		work.prepare();
	window_open();
	done = work.run();
	seconds = window_close();
	printf("{\"name\": \"%s\", \"operations\": %ld, \"seconds\": %.6f, \"mib\": %zu}\n",
	       work.name, done, seconds, work_size >> 20);
	return 0;
}
