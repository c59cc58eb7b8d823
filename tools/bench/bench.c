// SPDX-License-Identifier: GPL-2.0-only
/*
 * The steps that tools/bench/run measures in a guest, each timed by the processor's time
 * stamp counter. In a guest whose clock counts instructions, that is the number of
 * instructions plus the time that the guest was idle. Prints "name value".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>
#include "window.h"

#define POOL(size)	"/sys/kernel/mm/hugepages/hugepages-" size "kB/nr_hugepages"
#define POOL_2M		POOL("2048")
#define POOL_1G		POOL("1048576")
#define EXPEDITED	"/sys/kernel/rcu_expedited"

static uint64_t now(void)
{
	return __builtin_ia32_rdtsc();
}

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static void tell(const char *name, uint64_t value)
{
	printf("%s %" PRIu64 "\n", name, value);
}

static void set(const char *path, long value)
{
	char text[24];
	int length = snprintf(text, sizeof(text), "%ld\n", value);
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, length) != length || close(fd))
		fail(path);
}

static long get(const char *path)
{
	FILE *file = fopen(path, "r");
	long value;

	if (!file || fscanf(file, "%ld", &value) != 1 || fclose(file))
		fail(path);
	return value;
}

/* The sum of all lines of /proc/vmstat whose names begin with @prefix */
static uint64_t counters(const char *prefix)
{
	FILE *file = fopen("/proc/vmstat", "r");
	char name[64];
	uint64_t value, sum = 0;

	if (!file)
		fail("/proc/vmstat");
	while (fscanf(file, "%63s %" SCNu64, name, &value) == 2)
		if (!strncmp(name, prefix, strlen(prefix)))
			sum += value;
	fclose(file);
	return sum;
}

/* Resizes a pool and returns the time that took. Exits if the size is not reached. */
static uint64_t resize(const char *pool, long pages)
{
	uint64_t start = now(), took;

	window_mark(WINDOW_OPENS);
	set(pool, pages);
	window_mark(WINDOW_CLOSES);
	took = now() - start;
	if (get(pool) != pages) {
		fprintf(stderr, "%s: %ld pages, not %ld\n", pool, get(pool), pages);
		exit(1);
	}
	return took;
}

/* Twice, because stock splits mappings when the pool first grows. */
static void pool_2m(long pages)
{
	uint64_t allocated = counters("pgalloc_");

	resize(POOL_2M, pages);
	tell("allocated", counters("pgalloc_") - allocated);
	resize(POOL_2M, 0);
	resize(POOL_2M, pages);
	resize(POOL_2M, 0);
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *values, unsigned int nr)
{
	qsort(values, nr, sizeof(*values), ascending);
	return values[nr / 2];
}

static void pool_1g(long unused)
{
	(void)unused;
	resize(POOL_1G, 1);
	resize(POOL_1G, 0);
}

/* The median of several rounds, for a clock that is not repeatable */
static void rounds(long pages)
{
	uint64_t grow[9], shrink[9];
	int i;

	set(POOL_2M, 0);
	for (i = 0; i < 9; i++) {
		grow[i] = resize(POOL_2M, pages);
		shrink[i] = resize(POOL_2M, 0);
	}
	tell("grow", median(grow, 9));
	tell("shrink", median(shrink, 9));
}

/* One page more and one page less, including the time spent waiting */
static void single_pages(long pages)
{
	uint64_t grow[21], shrink[21];
	int i;

	resize(POOL_2M, pages);
	for (i = 0; i < 21; i++) {
		grow[i] = resize(POOL_2M, pages + 1);
		shrink[i] = resize(POOL_2M, pages);
		usleep(20000);
	}
	tell("grow_single", median(grow, 21));
	tell("shrink_single", median(shrink, 21));
	resize(POOL_2M, 0);
}

/* membarrier() waits for a grace period where there is more than one processor. */
static void expedited_wait(long unused)
{
	uint64_t took[21], start;
	int i;

	(void)unused;
	set(EXPEDITED, 1);
	for (i = 0; i < 21; i++) {
		usleep(20000);
		start = now();
		if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0))
			fail("membarrier");
		took[i] = now() - start;
	}
	set(EXPEDITED, 0);
	tell("expedited_wait", median(took, 21));
}

static uint64_t free_pages(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.freeram * info.mem_unit / 4096;
}

struct shared {
	atomic_ulong least, looks;
	atomic_bool stop, full;
};

/* Polls the free memory, in a process of its own. */
static void watch_free(struct shared *shared)
{
	uint64_t pages;

	while (!shared->stop) {
		pages = free_pages();
		if (pages < shared->least)
			shared->least = pages;
		shared->looks++;
	}
	_exit(0);
}

/* Pages that are not optimized leave nothing to flush. */
static void nothing_to_flush(long pages)
{
	resize(POOL_2M, pages);
	resize(POOL_2M, 0);
}

static long available_kib(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = -1;

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "MemAvailable: %ld", &kib);
	if (file)
		fclose(file);
	return kib;
}

/* Allocates memory until only @leave_kib are available, and keeps it. */
static pid_t hog(struct shared *shared, long leave_kib)
{
	const size_t step = 1 << 20;
	pid_t pid = fork();
	void *map;

	if (!pid) {
		while (available_kib() > leave_kib) {
			map = mmap(NULL, step, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
			if (map == MAP_FAILED)
				break;
		}
		shared->full = true;
		pause();
	}
	while (!shared->full)
		usleep(1000);
	return pid;
}

/* The largest drop of free memory while a pool shrinks */
static uint64_t peak_of(struct shared *shared, long pages, long leave_kib)
{
	uint64_t before;
	unsigned long looks;
	pid_t other = 0;

	resize(POOL_2M, pages);
	shared->full = false;
	if (leave_kib)
		other = hog(shared, leave_kib);
	usleep(100000);
	before = free_pages();
	shared->least = before;
	looks = shared->looks;
	resize(POOL_2M, 0);
	looks = shared->looks - looks;
	if (looks < 100) {
		fprintf(stderr, "free memory was read only %lu times; is the host busy?\n", looks);
		exit(1);
	}
	if (other) {
		kill(other, SIGKILL);
		waitpid(other, NULL, 0);
	}
	return before - shared->least;
}

static uint64_t worst_peak(struct shared *shared, long pages, long leave_kib)
{
	uint64_t peak, most = 0;
	int i;

	for (i = 0; i < 5; i++) {
		peak = peak_of(shared, pages, leave_kib);
		if (peak > most)
			most = peak;
	}
	return most;
}

/*
 * How much memory shrinking a pool takes before it frees any, with enough memory and
 * with nearly none available. Per-CPU lists are kept short, because pages in them do
 * not count as free.
 */
static void shrink_peak(long pages)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t watch;

	if (shared == MAP_FAILED)
		fail("mmap");
	set("/proc/sys/vm/percpu_pagelist_high_fraction", 100000);
	watch = fork();
	if (!watch)
		watch_free(shared);
	tell("shrink_peak", worst_peak(shared, pages, 0));
	tell("shrink_peak_scarce", worst_peak(shared, pages, 4096));
	shared->stop = true;
	waitpid(watch, NULL, 0);
}

/* Page faults, fork and exit, which look up the heads of pages all the time */
static void faults(long mib)
{
	size_t size = (size_t)mib << 20, at;
	uint64_t start = now();
	char *map;
	int i;

	for (i = 0; i < 4; i++) {
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (map == MAP_FAILED)
			fail("mmap");
		for (at = 0; at < size; at += 4096)
			map[at] = 1;
		if (!fork())
			_exit(0);
		wait(NULL);
		munmap(map, size);
	}
	tell("faults", now() - start);
}

static void boot(long unused)
{
	(void)unused;
	window_mark(WINDOW_CLOSES);
}

static void expedite(long on)
{
	set(EXPEDITED, on);
}

static const struct {
	const char *name;
	void (*run)(long number);
} steps[] = {
	{ "boot", boot }, { "expedite", expedite }, { "pool", pool_2m },
	{ "plain", nothing_to_flush }, { "gigantic", pool_1g }, { "rounds", rounds },
	{ "single", single_pages }, { "wait", expedited_wait }, { "peak", shrink_peak },
	{ "faults", faults },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strcmp(argv[1], steps[i].name))
			continue;
		steps[i].run(argc > 2 ? atol(argv[2]) : 0);
		return 0;
	}
	fprintf(stderr, "usage: bench STEP [NUMBER]; the steps are");
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		fprintf(stderr, " %s", steps[i].name);
	fprintf(stderr, "\n");
	return 2;
}
