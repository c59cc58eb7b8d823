// SPDX-License-Identifier: GPL-2.0-only
/*
 * The seal maps the vmemmap by PMDs again, but for that of the pool, while struct pages
 * are read and written. hvo.share= is the share of memory in the pool, in per cent (10).
 * hvo.plug=1 says that the host can plug a DIMM.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "dimm.h"
#include "hvo.h"

#define KPF_HUGE	(1UL << 17)
#define KPF_NOPAGE	(1UL << 20)
#define REGION		(HUGE_2M / STRUCT_PAGE)	/* pages behind one table or PMD */
#define WORK_SIZE	(16 * HUGE_2M)

static atomic_bool *stop;

/* Reads every struct page: true if it could. */
static bool walk(void)
{
	static uint64_t flags[REGION];
	int fd = open("/proc/kpageflags", O_RDONLY);
	ssize_t got;

	while ((got = read(fd, flags, sizeof(flags))) > 0)
		;
	close(fd);
	return fd >= 0 && !got;
}

/* Allocates and frees memory, which writes to struct pages: true if content is kept. */
static bool allocate(void)
{
	char *map = mmap(NULL, WORK_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool good;

	if (map == MAP_FAILED)
		return false;
	hvo_fill(map, WORK_SIZE, getpid());
	good = hvo_filled(map, WORK_SIZE, getpid());
	munmap(map, WORK_SIZE);
	return good;
}

static pid_t begin(bool (*work)(void))
{
	pid_t pid = fork();
	bool good = true;

	if (pid)
		return pid;
	while (good && !*stop)
		good = work();
	_exit(!good);
}

static bool ended_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && !status;
}

static long pool_of_share(void)
{
	char word[16];
	long share = hvo_cmdline("hvo.share", word, sizeof(word)) ? atol(word) : 10;

	return hvo_meminfo("MemTotal") / 2048 * share / 100;
}

static int seal_beside_work(void)
{
	pid_t walker, allocator;

	stop = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	walker = begin(walk);
	allocator = begin(allocate);
	usleep(300000);
	CHECK(!hvo_write(SYSCTL_SEAL, 1), "cannot seal");
	usleep(300000);
	*stop = true;
	CHECK(ended_well(walker), "a walker failed");
	CHECK(ended_well(allocator), "content of memory");
	return KSFT_PASS;
}

static int sealing_beside_work(void)
{
	NEED(!hvo_read(SYSCTL_SEAL), "sealed from boot");
	HVO_POOL(pool_of_share());
	CHECK(hvo_read(HVO_SYSFS "collapsed_kb") == 0, "collapsed before");
	return seal_beside_work();
}

/*
 * Whether there are struct pages, and one of them is of a HugeTLB page. Where there is
 * none, some kernels say so by a flag and others have no flag.
 */
static bool look_at(uint64_t region, bool *huge)
{
	static uint64_t flags[REGION];
	int fd = open("/proc/kpageflags", O_RDONLY);
	ssize_t got = pread(fd, flags, sizeof(flags), region * sizeof(flags));
	bool there = false;
	size_t i;

	close(fd);
	*huge = false;
	for (i = 0; got > 0 && i < got / sizeof(flags[0]); i++) {
		there |= flags[i] && !(flags[i] & KPF_NOPAGE);
		*huge |= !!(flags[i] & KPF_HUGE);
	}
	return there;
}

static bool leaf_in_dump(unsigned long addr)
{
	static struct hvo_range ranges[4096];
	static int nr;
	int i;

	nr = nr ?: hvo_vmemmap_ranges(ranges, 4096);
	for (i = 0; i < nr; i++)
		if (ranges[i].start <= addr && addr < ranges[i].end)
			return ranges[i].leaf_pmd;
	return false;
}

/* Two oracles for it: the dump of the page tables, and the tables in /proc/kcore */
static int only_the_pool_has_tables(void)
{
	unsigned long base = hvo_vmemmap_base(), addr;
	long leaves = 0, tables = 0;
	uint64_t region;
	bool huge;

	for (region = 0; region < (8UL << 30) / PAGE / REGION; region++) {
		if (!look_at(region, &huge))
			continue;
		addr = base + region * HUGE_2M;
		CHECK(leaf_in_dump(addr) == !huge, "region %lu, huge %d", region, huge);
		CHECK(!hvo_vmemmap_pte(addr) == !huge, "region %lu, huge %d", region, huge);
		leaves += !huge;
		tables += huge;
	}
	ksft_print_msg("%ld PMDs, %ld tables\n", leaves, tables);
	CHECK(leaves, "nothing was collapsed");
	CHECK(hvo_read(HVO_SYSFS "collapsed_kb") == leaves * 2048, "%ld KiB collapsed",
	      hvo_read(HVO_SYSFS "collapsed_kb"));
	CHECK(hvo_table_kib() == tables * 4, "%ld KiB of tables", hvo_table_kib());
	CHECK(hvo_read(HVO_SYSFS "reserve_kb") == 0, "there is a reserve");
	return KSFT_PASS;
}

static int the_pool_can_be_used(void)
{
	long pages = hvo_read(POOL_2M "free_hugepages");
	char *map;

	NEED(pages, "the pool is empty");
	map = hvo_map(pages * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping of %ld pages", pages);
	hvo_fill(map, pages * HUGE_2M, 1);
	CHECK(hvo_filled(map, pages * HUGE_2M, 1), "content");
	munmap(map, pages * HUGE_2M);
	CHECK(hvo_optimized() == pages, "%ld of %ld optimized", hvo_optimized(), pages);
	return KSFT_PASS;
}

static int a_plugged_dimm_has_pmds_and_can_go(void)
{
	long pages = hvo_vmemmap_pages();
	char word[16];
	int i;

	NEED(hvo_cmdline("hvo.plug", word, sizeof(word)), "the host has no such DIMM");
	ASK_HOST("plug 1 256");
	hvo_memory_changed();
	find_added_blocks();
	CHECK(nr_blocks, "no block has come");
	for (i = 0; i < nr_blocks; i++) {
		block_write(blocks[i], "online_movable");
		CHECK(!mapped_by_ptes(blocks[i]), "block %lu has PTEs", blocks[i]);
	}
	CHECK(allocate() && walk(), "it cannot be used");
	for (i = 0; i < nr_blocks; i++)
		CHECK(!block_write(blocks[i], "offline"), "block %lu", blocks[i]);
	ASK_HOST("unplug 1");
	CHECK(count_blocks(NULL) == 0, "%d blocks are left", count_blocks(NULL));
	CHECK(hvo_vmemmap_pages() == pages, "%ld vmemmap pages are lost",
	      pages - hvo_vmemmap_pages());
	return KSFT_PASS;
}

/* memmap= makes memory from boot of DIMM 1. PMDs map it here. */
static int memory_from_boot_can_go(void)
{
	long pages = hvo_vmemmap_pages(), tables = hvo_table_kib(), gone;
	char word[32];
	int i;

	NEED(hvo_cmdline("memmap", word, sizeof(word)), "the host has no such DIMM");
	find_added_blocks();
	CHECK(nr_blocks, "the DIMM has no block");
	for (i = 0; i < nr_blocks; i++)
		CHECK(!block_write(blocks[i], "offline"), "block %lu", blocks[i]);
	ASK_HOST("unplug 1");
	CHECK(count_blocks(NULL) == 0, "%d blocks are left", count_blocks(NULL));
	gone = nr_blocks * block_pages() * (STRUCT_PAGE + hvo_page_ext()) / PAGE;
	CHECK(pages - hvo_vmemmap_pages() == gone, "%ld vmemmap pages freed, not %ld",
	      pages - hvo_vmemmap_pages(), gone);
	CHECK(hvo_table_kib() == tables, "%ld KiB of tables, not %ld", hvo_table_kib(), tables);
	CHECK(allocate() && walk(), "the rest cannot be used");
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(sealing_beside_work),
	HVO_CASE(only_the_pool_has_tables),
	HVO_CASE(the_pool_can_be_used),
	HVO_CASE(memory_from_boot_can_go),
	HVO_CASE(a_plugged_dimm_has_pmds_and_can_go),
};

int main(void)
{
	if (!hvo_base_mapped())
		ksft_exit_skip("PMDs map the vmemmap\n");
	HVO_RUN_AS_IS(cases);
}
