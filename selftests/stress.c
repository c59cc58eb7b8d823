// SPDX-License-Identifier: GPL-2.0-only
/*
 * All operations at the same time, for hvo.seconds= (60 by default). Pools are
 * resized while other workers use, migrate and examine pages. Workers verify the
 * content of their pages. At the end no vmemmap page may be missing. hvo.walkers=0
 * leaves out the pfn walkers that DEBUG_VM_PGFLAGS stops on stock as well.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "hvo.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define MEMORY		"/sys/devices/system/memory/"
#define KEPT		(8 * HUGE_2M)
#define DISK_SIZE	HUGE_2M
#define GRACE_SECONDS	90	/* for the last round of a worker */

struct shared {
	atomic_bool stop;
	atomic_flag memory_goes;
	struct {
		long rounds, done;	/* done: operations that succeeded */
		char broken[128];
	} worker[32];
};

static struct shared *shared;
static int self;
static unsigned int rng;
static char *kept;
static pid_t keeper;
static long memory_pages, biggest_pool, nr_blocks;

static unsigned long below(unsigned long limit)
{
	return ((unsigned long)rand_r(&rng) << 16 ^ rand_r(&rng)) % limit;
}

static void did_it(bool really)
{
	shared->worker[self].done += really;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	snprintf(shared->worker[self].broken, sizeof(shared->worker[self].broken),
		 "%s (%s)", what, strerror(errno));
	_exit(1);
}

static void pause_ms(long ms)
{
	usleep(ms * 1000);
}

/*
 * Linux 6.12 frees an unpoisoned page to its block even while that block goes
 * offline. When the block is online again, the page is allocated a second time. So
 * soft offline and memory offlining take turns.
 */
static bool my_turn(void)
{
	while (atomic_flag_test_and_set(&shared->memory_goes)) {
		if (shared->stop)
			return false;
		pause_ms(1);
	}
	return true;
}

static void turn_is_over(void)
{
	atomic_flag_clear(&shared->memory_goes);
}

/* ---- workers that change the pools --------------------------------------- */

static void resize(void)
{
	did_it(!hvo_write(POOL_2M "nr_hugepages", below(biggest_pool)));
	if (!below(4))
		did_it(!hvo_write(POOL_2M "nr_hugepages", 0));
	pause_ms(below(50));
}

static void demote(void)
{
	hvo_write(POOL_1G "nr_hugepages", 1);
	did_it(hvo_read(POOL_1G "free_hugepages") == 1 && !hvo_write(POOL_1G "demote", 1));
	hvo_write(POOL_1G "nr_hugepages", 0);
	pause_ms(500);
}

static void turn_knob(void)
{
	did_it(!hvo_write(SYSCTL_OPTIMIZE, below(4) > 0));
	pause_ms(below(300));
}

/* ---- workers that use huge pages ------------------------------------------ */

/*
 * Populates the mapping at once, and without SIGBUS if there is no page: offlining
 * can take reserved pages away, also with the feature off.
 */
static char *map_some(size_t size)
{
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	if (!madvise(map, size, MADV_POPULATE_WRITE))
		return map;
	munmap(map, size);
	return NULL;
}

static void overcommit(void)
{
	size_t size = (1 + below(8)) * HUGE_2M;
	char *map;

	hvo_write(POOL_2M "nr_overcommit_hugepages", biggest_pool / 4);
	map = map_some(size);
	did_it(map);
	if (map)
		munmap(map, size);
	hvo_write(POOL_2M "nr_overcommit_hugepages", 0);
}

static void use(void)
{
	size_t size = (1 + below(8)) * HUGE_2M;
	unsigned long seed = below(1UL << 30);
	char *map = map_some(size);

	if (map) {
		hvo_fill(map, size, seed);
		pause_ms(below(100));
		must(hvo_filled(map, size, seed), "content of a huge page");
		munmap(map, size);
	}
	did_it(map);
}

static void quit_quietly(int sig)
{
	(void)sig;
	_exit(0);
}

/* Copy-on-write has no reservation in the child, so SIGBUS is not a failure. */
static void child_copies(char *map, size_t size, unsigned long seed)
{
	signal(SIGBUS, quit_quietly);
	if (!hvo_filled(map, size, seed))
		_exit(1);
	hvo_fill(map, size, seed + 1);
	_exit(!hvo_filled(map, size, seed + 1));
}

static void fork_and_exit(void)
{
	size_t size = 2 * HUGE_2M;
	unsigned long seed = below(1UL << 30);
	char *map = map_some(size);
	int status = 1;
	pid_t pid;

	if (!map)
		return;
	hvo_fill(map, size, seed);
	pid = fork();
	if (!pid)
		child_copies(map, size, seed);
	must(pid > 0 && waitpid(pid, &status, 0) == pid && !status, "content in the child");
	must(hvo_filled(map, size, seed), "content in the parent");
	munmap(map, size);
	did_it(true);
}

static void direct_io(void)
{
	static int disk = -1;
	size_t size = (1 + below(64)) * PAGE, from = below(256) * PAGE;
	size_t to = below(448) * PAGE;
	char *map = map_some(HUGE_2M);

	if (disk < 0)
		disk = open("/dev/ram0", O_RDONLY | O_DIRECT);
	must(disk >= 0, "/dev/ram0");
	if (!map)
		return;
	must(pread(disk, map + to, size, from) == (ssize_t)size, "O_DIRECT");
	must(hvo_filled(map + to, size, from / 8), "content read by O_DIRECT");
	munmap(map, HUGE_2M);
	did_it(true);
}

static void read_remotely(void)
{
	static char copy[64 * PAGE];
	size_t from = below(KEPT / PAGE - 64) * PAGE;
	struct iovec here = { copy, sizeof(copy) }, there = { kept + from, sizeof(copy) };

	must(process_vm_readv(keeper, &here, 1, &there, 1, 0) == sizeof(copy),
	     "process_vm_readv");
	must(hvo_filled(copy, sizeof(copy), from / 8), "content of another task");
	did_it(true);
}

static void move(void)
{
	unsigned long seed = below(1UL << 30), nodes[2] = { 1, 2 };
	int node = below(2), where = -1;
	char *map = map_some(HUGE_2M);
	void *page = map;

	if (!map)
		return;
	hvo_fill(map, HUGE_2M, seed);
	if (below(2))
		did_it(!syscall(SYS_move_pages, 0, 1, &page, &node, &where, 2) && where == node);
	else
		did_it(syscall(SYS_migrate_pages, 0, 8, &nodes[node], &nodes[!node]) >= 0);
	must(hvo_filled(map, HUGE_2M, seed), "content of a page that was moved");
	munmap(map, HUGE_2M);
}

static void fail_and_repair(char *page)
{
	uint64_t pfn = hvo_pfn(page);

	if (!madvise(page, PAGE, MADV_SOFT_OFFLINE)) {
		did_it(true);
		hvo_write("/sys/kernel/debug/hwpoison/unpoison-pfn", pfn);
	}
}

static void soft_offline(void)
{
	unsigned long seed = below(1UL << 30);
	char *map = map_some(HUGE_2M);

	if (!map)
		return;
	hvo_fill(map, HUGE_2M, seed);
	if (my_turn()) {
		fail_and_repair(map + below(512) * PAGE);
		turn_is_over();
	}
	must(hvo_filled(map, HUGE_2M, seed), "content after soft offline");
	munmap(map, HUGE_2M);
	pause_ms(200);
}

/* ---- pfn walkers, and compaction --------------------------------------------- */

static long read_all(const char *path, size_t chunk, long size)
{
	static char buffer[1 << 16];
	int fd = open(path, O_RDONLY);
	long at = 0;
	ssize_t got;

	must(fd >= 0, path);
	while (at < size && !shared->stop) {
		got = pread(fd, buffer, chunk, at);
		if (got <= 0)
			break;
		at += got;
	}
	close(fd);
	return at;
}

static void walk_pages(void)
{
	static const char * const files[] = {
		"/proc/kpageflags", "/proc/kpagecount", "/proc/kpagecgroup",
	};

	did_it(read_all(files[below(3)], 1 << 16, memory_pages * 8) > 0);
}

static void walk_pagemap(void)
{
	char path[64];
	int fd;
	uint64_t entries[512];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", keeper);
	fd = open(path, O_RDONLY);
	must(fd >= 0, path);
	did_it(pread(fd, entries, sizeof(entries), (uintptr_t)kept / PAGE * 8) ==
	       sizeof(entries));
	close(fd);
}

static void walk_idle(void)
{
	static char ones[4096];
	int fd = open("/sys/kernel/mm/page_idle/bitmap", O_RDWR);
	long at = below(memory_pages / 64 / 512) * 4096;

	must(fd >= 0, "page_idle");
	memset(ones, 0xff, sizeof(ones));
	did_it(pwrite(fd, ones, sizeof(ones), at) == sizeof(ones));
	did_it(pread(fd, ones, sizeof(ones), at) == sizeof(ones));
	close(fd);
}

static void compact(void)
{
	did_it(!hvo_write("/proc/sys/vm/compact_memory", 1));
	pause_ms(below(200));
}

/* ---- workers that take memory offline ---------------------------------------- */

static void wake_up(int sig)
{
	(void)sig;
}

/* Offlining retries until it succeeds or a signal comes. */
static void take_and_give_back(const char *path)
{
	struct sigaction action = { .sa_handler = wake_up };
	bool gone;

	sigaction(SIGALRM, &action, NULL);
	alarm(10);
	gone = !hvo_write_str(path, "offline");
	alarm(0);
	did_it(gone);
	if (gone)
		must(!hvo_write_str(path, "online_movable") || !hvo_write_str(path, "online"),
		     "the block does not go online");
}

static void offline_and_online(void)
{
	char path[128], state[16];

	snprintf(path, sizeof(path), MEMORY "memory%lu/state", below(nr_blocks));
	if (hvo_read_word(path, state, sizeof(state)) || strcmp(state, "online"))
		return;
	if (my_turn()) {
		take_and_give_back(path);
		turn_is_over();
	}
	pause_ms(below(300));
}

struct worker {
	const char *name;
	void (*round)(void);
};

#define WORKER(fn) { #fn, fn }

static const struct worker workers[] = {
	WORKER(resize), WORKER(overcommit), WORKER(demote), WORKER(turn_knob),
	WORKER(use), { "use_too", use }, WORKER(fork_and_exit), WORKER(direct_io),
	WORKER(read_remotely), WORKER(move), WORKER(soft_offline),
	WORKER(walk_pages), { "walk_pages_too", walk_pages }, WORKER(walk_pagemap),
	WORKER(walk_idle), WORKER(compact), WORKER(offline_and_online),
};

#define NR_WORKERS ((int)(sizeof(workers) / sizeof(workers[0])))

static bool walks_pfns(void (*round)(void))
{
	return round == walk_pages || round == walk_idle;
}

/* Returns the reason, or NULL. */
static const char *cannot_run(const struct worker *worker)
{
	char word[16];

	if (worker->round == move && access("/sys/devices/system/node/node1", F_OK))
		return "there is one node only";
	if (walks_pfns(worker->round) && hvo_cmdline("hvo.walkers", word, sizeof(word)) &&
	    !atoi(word))
		return "hvo.walkers=0";
	return NULL;
}

static pid_t start(int nr)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	self = nr;
	rng = nr + 1;
	while (!shared->stop) {
		workers[nr].round();
		shared->worker[nr].rounds++;
	}
	_exit(0);
}

/* Returns NULL, or an error message. */
static const char *stop_worker(pid_t pid, int nr, time_t deadline)
{
	static char why[200];
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (time(NULL) > deadline) {
			kill(pid, SIGKILL);
			return "the worker hangs";
		}
		pause_ms(50);
	}
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return NULL;
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "signal %d", WTERMSIG(status));
	else
		snprintf(why, sizeof(why), "broken: %s", shared->worker[nr].broken);
	return why;
}

static void find_blocks(void)
{
	char path[128], word[32] = "0";
	long nr;

	for (nr = 0; nr < 1024; nr++) {
		snprintf(path, sizeof(path), MEMORY "memory%ld", nr);
		if (!access(path, F_OK))
			nr_blocks = nr + 1;
	}
	hvo_read_word(MEMORY "block_size_bytes", word, sizeof(word));
	memory_pages = nr_blocks * (strtoul(word, NULL, 16) / PAGE);
}

static bool fill_disk(void)
{
	int disk = open("/dev/ram0", O_WRONLY);
	char *data = malloc(DISK_SIZE);
	bool good;

	hvo_fill(data, DISK_SIZE, 0);
	good = disk >= 0 && write(disk, data, DISK_SIZE) == DISK_SIZE && !fsync(disk);
	close(disk);
	free(data);
	return good;
}

static bool keep_some(void)
{
	keeper = getpid();
	hvo_pool(KEPT / HUGE_2M);
	kept = hvo_map(KEPT, HUGE_2M);
	if (kept)
		hvo_fill(kept, KEPT, 0);
	return kept;
}

static long duration(void)
{
	char word[16];

	return hvo_cmdline("hvo.seconds", word, sizeof(word)) ? atol(word) : 60;
}

static void report(int nr, const char *why)
{
	ksft_print_msg("%s: %ld rounds, %ld successes\n", workers[nr].name,
		       shared->worker[nr].rounds, shared->worker[nr].done);
	if (!why && !shared->worker[nr].done)
		why = "no operation succeeded";
	if (why)
		ksft_print_msg("%s\n", why);
	ksft_test_result(!why, "%s\n", workers[nr].name);
}

static void run_all(void)
{
	pid_t pids[NR_WORKERS] = { 0 };
	time_t deadline;
	int i;

	for (i = 0; i < NR_WORKERS; i++)
		if (!cannot_run(&workers[i]))
			pids[i] = start(i);
	sleep(duration());
	shared->stop = true;
	deadline = time(NULL) + GRACE_SECONDS;
	for (i = 0; i < NR_WORKERS; i++)
		if (pids[i])
			report(i, stop_worker(pids[i], i, deadline));
		else
			ksft_test_result_skip("%s: %s\n", workers[i].name, cannot_run(&workers[i]));
}

static bool reserve_is_full(void)
{
	int tries;

	for (tries = 0; tries < 50; tries++) {
		if (hvo_read(HVO_SYSFS "reserve_kb") == RESERVE_KIB)
			return true;
		pause_ms(100);
	}
	return !hvo_mode_is("on");
}

static bool empty_the_pools(void)
{
	hvo_write(POOL_1G "nr_hugepages", 0);
	return !hvo_empty_pool() && !hvo_read(POOL_1G "nr_hugepages");
}

static void result(bool good, const char *name)
{
	ksft_test_result(good, "%s\n", name);
}

int main(void)
{
	long pages = hvo_vmemmap_pages(), kills = hvo_vmstat("oom_kill");

	ksft_print_header();
	find_blocks();
	biggest_pool = hvo_meminfo("MemFree") / 2048 * 2 / 5;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || !nr_blocks || !fill_disk() || !keep_some())
		ksft_exit_fail_msg("cannot prepare: %s\n", strerror(errno));
	ksft_set_plan(NR_WORKERS + 6);
	/* for demote(): later a contiguous GiB is rarely free */
	hvo_write(POOL_1G "nr_hugepages", 1);
	run_all();

	result(hvo_filled(kept, KEPT, 0), "what_was_kept_is_as_it_was");
	munmap(kept, KEPT);
	hvo_write(SYSCTL_OPTIMIZE, hvo_mode_is("on"));
	ksft_print_msg("%ld restore failures\n",
		       hvo_read(HVO_SYSFS "restore_failures"));
	result(empty_the_pools(), "the_pools_can_be_emptied");
	result(hvo_saved_kib() == 0 && hvo_vmemmap_base() && !hvo_tail_kib(),
	       "nothing_is_left_optimized");
	ksft_print_msg("%ld vmemmap pages before, %ld after\n", pages, hvo_vmemmap_pages());
	result(hvo_vmemmap_pages() == pages, "no_vmemmap_page_is_missing");
	result(reserve_is_full(), "the_reserve_is_full");
	result(hvo_vmstat("oom_kill") == kills, "nobody_was_killed");
	ksft_finished();
}
