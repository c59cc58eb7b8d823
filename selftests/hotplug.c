// SPDX-License-Identifier: GPL-2.0-only
/*
 * DIMMs that the host plugs and unplugs while pages of the pool, free and in use,
 * are on them. The last case seals the vmemmap, so that its DIMM cannot leave.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "dimm.h"
#include "hvo.h"

#define DIMM	"256"		/* MiB: two blocks */
#define DIMM_PAGES	((256UL << 20) / PAGE)
#define DIMM_VMEMMAP	(DIMM_PAGES * STRUCT_PAGE)
#define CYCLES	5
#define EMPTY_CYCLES	12
#define POOL	60L		/* pages, which fit on one block of the DIMM */
#define USED	25L		/* of these are mapped */
#define SMALL	(16UL << 20)	/* ordinary memory beside them */

/* Must have the same values again after a DIMM is unplugged; in pages and KiB */
struct account {
	long vmemmap, tables, total, unexplained;
};

/*
 * Memory that is neither free nor counted as used. Leaked page tables and vmemmap
 * pages are part of it.
 */
static long unexplained_kib(void)
{
	static const char * const known[] = {
		"Buffers:", "Cached:", "SwapCached:", "AnonPages:", "Slab:", "KernelStack:",
		"PageTables:", "Percpu:", "Hugetlb:",
	};
	long kib = hvo_meminfo("MemTotal") - hvo_free_kib() - hvo_vmstat("nr_memmap_pages") * 4;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		kib -= hvo_keyed("/proc/meminfo", known[i]);
	return kib;
}

/*
 * The vmemmap counts as if no page were optimized. A page that leaves the boot-time
 * vmemmap is added to MemTotal permanently, so the total includes that vmemmap.
 */
static struct account take_account(void)
{
	return (struct account) {
		.vmemmap = hvo_whole_vmemmap(),
		.tables = hvo_table_kib(),
		.total = hvo_meminfo("MemTotal") + hvo_vmstat("nr_memmap_boot_pages") * 4,
		.unexplained = unexplained_kib(),
	};
}

static int same_account(const struct account *a, const struct account *b)
{
	CHECK(a->vmemmap == b->vmemmap, "%ld and %ld vmemmap pages", a->vmemmap, b->vmemmap);
	CHECK(a->tables >= 0, "no page-table dump");
	CHECK(a->tables == b->tables, "%ld and %ld KiB of tables", a->tables, b->tables);
	CHECK(a->total == b->total, "%ld and %ld KiB in total", a->total, b->total);
	return KSFT_PASS;
}

/* The kernel onlines it, to ZONE_MOVABLE because of movable_node. */
static int add_dimm(void)
{
	int i;

	ASK_HOST("plug 1 " DIMM);
	find_added_blocks();
	CHECK(nr_blocks * block_pages() * PAGE == 256UL << 20, "%d blocks", nr_blocks);
	CHECK(count_blocks("online") == nr_blocks, "%d are online",
	      count_blocks("online"));
	for (i = 0; i < nr_blocks; i++)
		CHECK(block_is(blocks[i], "valid_zones", "Movable"), "block %lu", blocks[i]);
	return KSFT_PASS;
}

static int nonsense_is_refused_by_the_host(void)
{
	struct account before = take_account(), after;
	const char *answer = ask_host("plug 1 8192");

	CHECK(strstr(answer, "add: "), "%s", answer);
	answer = ask_host("unplug 1");
	CHECK(strstr(answer, "device_del: ") == answer, "%s", answer);
	answer = ask_host("dance");
	CHECK(!strcmp(answer, "not understood: dance"), "%s", answer);
	after = take_account();
	return same_account(&before, &after);
}

static int plugged_memory_is_mapped_right(void)
{
	bool ptes = hvo_base_mapped() && !hosts_itself();
	struct account before = take_account(), after;
	int i;

	if (add_dimm() != KSFT_PASS)
		return KSFT_FAIL;
	after = take_account();
	CHECK(after.vmemmap - before.vmemmap ==
	      (long)(DIMM_PAGES * (STRUCT_PAGE + hvo_page_ext()) / PAGE), "%ld",
	      after.vmemmap - before.vmemmap);
	CHECK(after.tables - before.tables == (long)(ptes * DIMM_VMEMMAP / 512 >> 10), "%ld",
	      after.tables - before.tables);
	for (i = 0; i < nr_blocks; i++)
		CHECK(mapped_by_ptes(blocks[i]) == ptes, "block %lu", blocks[i]);
	ASK_HOST("unplug 1");
	for (i = 0; i < nr_blocks; i++)
		CHECK(!mapped_by_ptes(blocks[i]), "block %lu still has PTEs",
		      blocks[i]);
	after = take_account();
	return same_account(&before, &after);
}

/* In KiB, over cycles after a first one; -1 if a cycle failed */
static long lost_in_empty_cycles(void)
{
	struct account before, after;
	int i;

	for (i = 0; i <= EMPTY_CYCLES; i++) {
		if (i == 1)
			before = take_account();
		if (add_dimm() != KSFT_PASS || strcmp(ask_host("unplug 1"), "ok"))
			return -1;
	}
	after = take_account();
	ksft_print_msg("%ld KiB unaccounted, before %ld\n", after.unexplained,
		       before.unexplained);
	if (same_account(&before, &after) != KSFT_PASS)
		return -1;
	return after.unexplained > before.unexplained ?
		after.unexplained - before.unexplained : 0;
}

/*
 * A leak of one page table per block may be smaller than the noise. But a leak
 * recurs in each cycle, and noise does not. One clean measurement is enough.
 */
static int empty_cycles_lose_nothing(void)
{
	long lost = 0, limit = 0;
	int tries;

	for (tries = 0; tries < 3; tries++) {
		lost = lost_in_empty_cycles();
		CHECK(lost >= 0, "a cycle has failed");
		limit = EMPTY_CYCLES * 4 * nr_blocks / 2;
		if (lost < limit)
			return KSFT_PASS;
	}
	CHECK(lost < limit, "%ld KiB lost", lost);
	return KSFT_PASS;
}

static long count_hot(const char *map, long pages, size_t size)
{
	long i, hot = 0;

	for (i = 0; i < pages; i++)
		hot += is_hot(hvo_pfn(map + i * size));
	return hot;
}

/* Pool pages on one block of the DIMM, used and free ones, and ordinary memory */
struct load {
	char *huge, *small;
};

/* Writing to all of it takes too long under emulation. */
#define PART	(64UL << 10)
static const size_t parts[] = { 0, HUGE_2M / 2, HUGE_2M - PART };

static void fill(char *page, uint64_t seed)
{
	int i;

	for (i = 0; i < 3; i++)
		hvo_fill(page + parts[i], PART, seed + i);
}

static bool filled(const char *page, uint64_t seed)
{
	return hvo_filled(page + parts[0], PART, seed) &&
		hvo_filled(page + parts[1], PART, seed + 1) &&
		hvo_filled(page + parts[2], PART, seed + 2);
}

static int put_on_dimm(struct load *load, uint64_t seed)
{
	int i;

	CHECK(hvo_pool(POOL) == POOL, "no pool");
	load->huge = hvo_map(POOL * HUGE_2M, HUGE_2M);
	CHECK(load->huge, "no mapping");
	CHECK(count_hot(load->huge, POOL, HUGE_2M) == POOL,
	      "only %ld of %ld are on the DIMM",
	      count_hot(load->huge, POOL, HUGE_2M), POOL);
	CHECK(hvo_optimized() == (hvo_optimizing() && !hosts_itself() ? POOL : 0), "%ld",
	      hvo_optimized());
	munmap(load->huge + USED * HUGE_2M, (POOL - USED) * HUGE_2M);
	for (i = 0; i < USED; i++)
		fill(load->huge + i * HUGE_2M, seed + i);

	load->small = mmap(NULL, SMALL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	CHECK(load->small != MAP_FAILED, "%s", strerror(errno));
	hvo_fill(load->small, SMALL, seed);
	CHECK(count_hot(load->small, SMALL >> 16, 1UL << 16),
	      "no small page on the DIMM");
	return KSFT_PASS;
}

static int content_is_whole(const struct load *load, uint64_t seed)
{
	long i;

	for (i = 0; i < USED; i++)
		CHECK(filled(load->huge + i * HUGE_2M, seed + i), "huge page %ld", i);
	CHECK(hvo_filled(load->small, SMALL, seed), "ordinary memory");
	return KSFT_PASS;
}

/* Pages in use were migrated, and free ones have left the pool. */
static int all_has_moved(const struct load *load, uint64_t seed)
{
	long i;

	CHECK(count_blocks(NULL) == 0, "%d blocks are left", count_blocks(NULL));
	for (i = 0; i < USED; i++)
		CHECK(!is_hot(hvo_pfn(load->huge + i * HUGE_2M)), "page %ld has not moved", i);
	CHECK(hvo_read(POOL_2M "nr_hugepages") == USED, "%ld in the pool",
	      hvo_read(POOL_2M "nr_hugepages"));
	CHECK(hvo_optimized() == hvo_optimizing() * USED, "%ld optimized", hvo_optimized());
	return content_is_whole(load, seed);
}

static int drop(struct load *load)
{
	munmap(load->huge, USED * HUGE_2M);
	munmap(load->small, SMALL);
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	return KSFT_PASS;
}

static int one_cycle(uint64_t seed)
{
	struct load load;

	if (add_dimm() != KSFT_PASS || put_on_dimm(&load, seed) != KSFT_PASS)
		return KSFT_FAIL;
	ASK_HOST("unplug 1");
	if (all_has_moved(&load, seed) != KSFT_PASS)
		return KSFT_FAIL;
	return drop(&load);
}

/* The first cycle fills caches; later ones must not use more memory. */
static int cycles_give_everything_back(void)
{
	struct account before = take_account(), after;
	long first = 0;
	int i;

	for (i = 0; i < CYCLES; i++) {
		if (one_cycle(100 * i) != KSFT_PASS)
			return KSFT_FAIL;
		after = take_account();
		if (same_account(&before, &after) != KSFT_PASS)
			return KSFT_FAIL;
		if (!i)
			first = after.unexplained;
		ksft_print_msg("cycle %d: %ld KiB unaccounted\n", i,
			       after.unexplained);
	}
	CHECK(after.unexplained - first < 128, "%ld KiB lost", after.unexplained - first);
	return KSFT_PASS;
}

/* The pipe holds a reference without a mapping, so the page cannot be migrated. */
static int pin(void *addr, int ends[2])
{
	struct iovec page = { .iov_base = addr, .iov_len = PAGE };

	CHECK(!pipe(ends), "%s", strerror(errno));
	CHECK(vmsplice(ends[1], &page, 1, 0) == PAGE, "%s", strerror(errno));
	return KSFT_PASS;
}

static void unpin(int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

/* Waits up to 60 seconds until migration has failed @times */
static bool migration_fails(long times)
{
	long goal = hvo_vmstat("pgmigrate_fail") + times;
	int i;

	for (i = 0; i < 600 && hvo_vmstat("pgmigrate_fail") < goal; i++)
		usleep(100000);
	return hvo_vmstat("pgmigrate_fail") >= goal;
}

static void wake_up(int signal)
{
	(void)signal;
}

static pid_t start_offline(unsigned long block)
{
	struct sigaction action = { .sa_handler = wake_up };
	pid_t child = fork();

	if (!child) {
		sigaction(SIGUSR1, &action, NULL);
		_exit(-block_write(block, "offline"));
	}
	return child;
}

/* Offlining through sysfs retries while a page is pinned, until a signal comes. */
static int pinned_block_stays_online(const struct load *load)
{
	unsigned long block = hvo_pfn(load->huge) / block_pages();
	pid_t child = start_offline(block);
	int status = 0;

	CHECK(migration_fails(3), "too few failed migrations");
	kill(child, SIGUSR1);
	CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EINTR, "status %x", status);
	CHECK(count_blocks("online") == nr_blocks, "%d blocks", count_blocks("online"));
	CHECK(hvo_pfn(load->huge) / block_pages() == block, "the page has moved");
	return KSFT_PASS;
}

/* The kernel keeps retrying, so the page may be isolated: do not check its pfn. */
static int pinned_dimm_stays(const struct load *load)
{
	ASK_HOST("begin-unplug 1");
	CHECK(migration_fails(3), "too few failed migrations");
	CHECK(count_blocks(NULL) == nr_blocks, "%d blocks", count_blocks(NULL));
	return content_is_whole(load, 7);
}

static int pinned_memory_leaves_when_it_can(void)
{
	struct account before = take_account(), loaded, after;
	struct load load;
	int ends[2];

	if (add_dimm() != KSFT_PASS || put_on_dimm(&load, 7) != KSFT_PASS ||
	    pin(load.huge + 5 * PAGE, ends) != KSFT_PASS)
		return KSFT_FAIL;
	loaded = take_account();
	if (pinned_block_stays_online(&load) != KSFT_PASS)
		return KSFT_FAIL;
	after = take_account();
	if (same_account(&loaded, &after) != KSFT_PASS ||
	    pinned_dimm_stays(&load) != KSFT_PASS)
		return KSFT_FAIL;
	unpin(ends);
	ASK_HOST("end-unplug 1");
	if (all_has_moved(&load, 7) != KSFT_PASS || drop(&load) != KSFT_PASS)
		return KSFT_FAIL;
	after = take_account();
	return same_account(&before, &after);
}

static int refused_and_unharmed(const struct load *load, uint64_t seed)
{
	struct account before = take_account(), after;
	const char *answer = ask_host("unplug 1");
	int i;

	CHECK(strstr(answer, "the guest refused") == answer, "%s", answer);
	CHECK(count_blocks("online") == nr_blocks, "%d blocks", count_blocks("online"));
	/* because of movable_node: the kernel does not remember their former zone */
	for (i = 0; i < nr_blocks; i++)
		CHECK(block_is(blocks[i], "valid_zones", "Movable"), "block %lu", blocks[i]);
	CHECK(hvo_read(POOL_2M "nr_hugepages") >= POOL, "%ld in the pool",
	      hvo_read(POOL_2M "nr_hugepages"));
	after = take_account();
	return content_is_whole(load, seed) == KSFT_PASS ? same_account(&before, &after) :
		KSFT_FAIL;
}

/* Reserved pages cannot be dissolved. */
static int reserved_memory_leaves_when_it_can(void)
{
	struct account before = take_account(), after;
	size_t size = (POOL - USED) * HUGE_2M;
	struct load load;
	char *promise;

	if (add_dimm() != KSFT_PASS || put_on_dimm(&load, 8) != KSFT_PASS)
		return KSFT_FAIL;
	promise = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	CHECK(promise != MAP_FAILED, "%s", strerror(errno));
	if (refused_and_unharmed(&load, 8) != KSFT_PASS)
		return KSFT_FAIL;
	CHECK(hvo_read(POOL_2M "nr_hugepages") == POOL, "%ld in the pool",
	      hvo_read(POOL_2M "nr_hugepages"));
	munmap(promise, size);
	ASK_HOST("unplug 1");
	if (all_has_moved(&load, 8) != KSFT_PASS || drop(&load) != KSFT_PASS)
		return KSFT_FAIL;
	after = take_account();
	return same_account(&before, &after);
}

/* Memory with its own vmemmap has no optimized pages, so it can be unplugged. */
static int sealed_memory_stays(void)
{
	struct load load;
	int i;

	NEED(hvo_optimizing(), "pages are not being optimized");
	if (add_dimm() != KSFT_PASS || put_on_dimm(&load, 9) != KSFT_PASS)
		return KSFT_FAIL;
	CHECK(!hvo_write(SYSCTL_SEAL, 1), "cannot seal");
	if (hosts_itself()) {
		ASK_HOST("unplug 1");
		CHECK(count_blocks(NULL) == 0, "%d blocks are left", count_blocks(NULL));
		return KSFT_PASS;
	}
	for (i = 0; i < 2; i++)
		if (refused_and_unharmed(&load, 9) != KSFT_PASS)
			return KSFT_FAIL;
	CHECK(hvo_optimized() == POOL, "%ld optimized", hvo_optimized());
	ksft_print_msg("%ld pages in the pool, before %ld\n", hvo_read(POOL_2M "nr_hugepages"),
		       POOL);
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(nonsense_is_refused_by_the_host),
	HVO_CASE(plugged_memory_is_mapped_right),
	HVO_CASE(empty_cycles_lose_nothing),
	HVO_CASE(cycles_give_everything_back),
	HVO_CASE(pinned_memory_leaves_when_it_can),
	HVO_CASE(reserved_memory_leaves_when_it_can),
	HVO_CASE(sealed_memory_stays),
};

int main(void)
{
	HVO_RUN(cases);
}
