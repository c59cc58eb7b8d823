// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many RCU grace periods the growing pool waits for. They are expedited only
 * when root adds a few pages. Kernels without fake heads wait for none. Kprobes count
 * the calls of synchronize_rcu() and synchronize_rcu_expedited().
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hvo.h"

#define TRACING		"/sys/kernel/tracing/"
#define NOBODY		65534
#define MANY		512L
#define FEW		8L
#define OVERCOMMIT	POOL_2M "nr_overcommit_hugepages"

struct waits {
	int ordinary, expedited;
};

static struct shared {
	atomic_bool ready, go;
} *shared;

static void clear(const char *path)
{
	close(open(path, O_WRONLY | O_TRUNC));
}

static bool count_waits(pid_t pid)
{
	hvo_write(TRACING "events/hvo/enable", 0);
	clear(TRACING "kprobe_events");
	clear(TRACING "trace");
	return !hvo_write_str(TRACING "kprobe_events", "p:hvo/ordinary synchronize_rcu\n"
			      "p:hvo/expedited synchronize_rcu_expedited\n") &&
		!hvo_write(TRACING "set_event_pid", pid) &&
		!hvo_write(TRACING "events/hvo/enable", 1);
}

static struct waits counted_waits(void)
{
	FILE *trace = fopen(TRACING "trace", "r");
	struct waits waits = { 0, 0 };
	char line[512];

	while (trace && fgets(line, sizeof(line), trace)) {
		if (line[0] == '#')
			continue;
		waits.ordinary += !!strstr(line, ": ordinary: ");
		waits.expedited += !!strstr(line, ": expedited: ");
	}
	if (trace)
		fclose(trace);
	hvo_write(TRACING "events/hvo/enable", 0);
	return waits;
}

static int waits_a_batch(void)
{
	return hvo_optimizing() && hvo_fake_heads();
}

static int grow_by(long pages, struct waits *waits)
{
	long before = hvo_read(POOL_2M "nr_hugepages"), pool;

	CHECK(count_waits(getpid()), "no kprobe events");
	pool = hvo_pool(before + pages);
	*waits = counted_waits();
	CHECK(pool == before + pages, "%ld pages", pool);
	return KSFT_PASS;
}

static int many_pages_wait_once(void)
{
	struct waits waits;

	TRY(grow_by(MANY, &waits));
	CHECK(waits.ordinary == waits_a_batch(), "%d waits", waits.ordinary);
	CHECK(!waits.expedited, "%d expedited", waits.expedited);
	return KSFT_PASS;
}

static int few_pages_are_expedited(void)
{
	static const long sizes[] = { 1, FEW };
	struct waits waits;
	int i;

	for (i = 0; i < 2; i++) {
		TRY(grow_by(sizes[i], &waits));
		CHECK(!waits.ordinary, "%d waits for %ld pages", waits.ordinary, sizes[i]);
		CHECK(waits.expedited == waits_a_batch(), "%d expedited for %ld pages",
		      waits.expedited, sizes[i]);
	}
	TRY(grow_by(FEW + 1, &waits));
	CHECK(waits.ordinary == waits_a_batch() && !waits.expedited,
	      "%d waits, %d expedited for %ld pages", waits.ordinary, waits.expedited, FEW + 1);
	return KSFT_PASS;
}

/* Allocates surplus pages: by one reservation, or by faults (MAP_NORESERVE). */
static void map_as_nobody(long pages, int flags)
{
	char *map;
	long i;

	if (setgid(NOBODY) || setuid(NOBODY))
		_exit(2);
	shared->ready = true;
	while (!shared->go)
		usleep(1000);
	map = mmap(NULL, pages * HUGE_2M, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | flags, -1, 0);
	if (map == MAP_FAILED)
		_exit(3);
	for (i = 0; flags && i < pages; i++)
		map[i * HUGE_2M] = 1;
	shared->ready = false;
	while (shared->go)
		usleep(1000);
	_exit(0);
}

static int surplus(long pages, int flags, struct waits *waits)
{
	long optimized = 0;
	int status = 0;
	pid_t pid;

	shared->ready = false;
	shared->go = false;
	CHECK(!hvo_write(OVERCOMMIT, pages), "refused");
	pid = fork();
	if (!pid)
		map_as_nobody(pages, flags);
	while (!shared->ready && !waitpid(pid, &status, WNOHANG))
		usleep(1000);
	CHECK(!status && count_waits(pid), "no kprobe events, or status %#x", status);
	shared->go = true;
	while (shared->ready && !waitpid(pid, &status, WNOHANG))
		usleep(1000);
	*waits = counted_waits();
	optimized = hvo_optimized();
	shared->go = false;
	if (!status)
		waitpid(pid, &status, 0);
	hvo_write(OVERCOMMIT, 0);
	CHECK(!status, "status %#x", status);
	CHECK(optimized == hvo_optimizing() * pages, "%ld optimized", optimized);
	return KSFT_PASS;
}

static int one_mapping_of_surplus_pages_waits_once(void)
{
	struct waits waits;

	TRY(surplus(MANY, 0, &waits));
	CHECK(waits.ordinary == waits_a_batch(), "%d waits", waits.ordinary);
	CHECK(!waits.expedited, "%d expedited", waits.expedited);
	return KSFT_PASS;
}

static int nobody_expedites(void)
{
	struct waits waits;

	TRY(surplus(1, 0, &waits));
	CHECK(!waits.expedited, "%d expedited by a reservation", waits.expedited);
	TRY(surplus(4, MAP_NORESERVE, &waits));
	CHECK(waits.ordinary == 4 * waits_a_batch() && !waits.expedited,
	      "%d waits, %d expedited by faults", waits.ordinary, waits.expedited);
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(many_pages_wait_once),
	HVO_CASE(few_pages_are_expedited),
	HVO_CASE(one_mapping_of_surplus_pages_waits_once),
	HVO_CASE(nobody_expedites),
};

int main(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	HVO_RUN(cases);
}
