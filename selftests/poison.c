// SPDX-License-Identifier: GPL-2.0-only
/*
 * Injected memory errors. Only 4 KiB are lost, and the hwpoison mark moves to the
 * struct page of these 4 KiB, which did not exist when the error was injected.
 */
#define _GNU_SOURCE /* vmsplice */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hvo.h"

#define SYSFS_MEMORY "/sys/devices/system/memory/"

#ifndef MADV_HWPOISON
#define MADV_HWPOISON		100
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define POOL 4L

/*
 * The head (0), struct pages in the same vmemmap page (1, 5), the first struct page
 * of a vmemmap page, which is a fake head while optimized (64, 448), one in the
 * middle of a vmemmap page (70), and the last one (511)
 */
static const int subpages[] = { 0, 1, 5, 64, 70, 448, 511 };

#define NR_SUBPAGES ((int)(sizeof(subpages) / sizeof(subpages[0])))

static long vmemmap_before, corrupted_before;

static void remember(void)
{
	vmemmap_before = hvo_vmemmap_pages();
	corrupted_before = hvo_meminfo("HardwareCorrupted");
}

/* In pages of 4 KiB */
static long corrupted(void)
{
	return (hvo_meminfo("HardwareCorrupted") - corrupted_before) / 4;
}

static int all_is_as_before(void)
{
	HVO_POOL(0);
	CHECK(corrupted() == 0, "%ld pages", corrupted());
	CHECK(hvo_vmemmap_pages() == vmemmap_before, "%ld missing",
	      vmemmap_before - hvo_vmemmap_pages());
	CHECK(hvo_optimized() == 0, "%ld optimized", hvo_optimized());
	return KSFT_PASS;
}

/* The pool has @pages pages, and as many are optimized as should be. */
static int pool_is(long pages)
{
	long optimized = hvo_optimizing() * pages;

	CHECK(hvo_read(POOL_2M "nr_hugepages") == pages, "%ld in the pool",
	      hvo_read(POOL_2M "nr_hugepages"));
	CHECK(hvo_read(POOL_2M "surplus_hugepages") == 0, "%ld surplus",
	      hvo_read(POOL_2M "surplus_hugepages"));
	CHECK(hvo_optimized() == optimized, "%ld optimized", hvo_optimized());
	CHECK(vmemmap_before - hvo_vmemmap_pages() == optimized * TAILS_2M, "%ld freed",
	      vmemmap_before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

/* Of the 512 pages from @pfn only page @sub is marked, and one error is counted. */
static int only_this_is_poisoned(uint64_t pfn, int sub)
{
	CHECK(corrupted() == 1, "%ld pages", corrupted());
	CHECK(hvo_poisoned(pfn + sub, 1) == 1, "page %d is not marked", sub);
	CHECK(hvo_poisoned(pfn, 512) == 1, "%d are marked", hvo_poisoned(pfn, 512));
	return KSFT_PASS;
}

static uint64_t free_page(void)
{
	char *map = hvo_map(HUGE_2M, HUGE_2M);
	uint64_t pfn;

	if (!map)
		return 0;
	pfn = hvo_pfn(map);
	munmap(map, HUGE_2M);
	return pfn;
}

static sigjmp_buf back;
static siginfo_t bus;

static void on_bus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	bus = *info;
	siglongjmp(back, sig);
}

static void catch_bus(void)
{
	struct sigaction action = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };

	memset(&bus, 0, sizeof(bus));
	sigaction(SIGBUS, &action, NULL);
}

/* Whether a read at @addr gets SIGBUS for a memory error in the whole 2 MiB page */
static bool is_lost(const char *addr)
{
	catch_bus();
	if (!sigsetjmp(back, 1)) {
		(void)__atomic_load_n(addr, __ATOMIC_SEQ_CST);
		return false;
	}
	return bus.si_code == BUS_MCEERR_AR && bus.si_addr_lsb == 21;
}

static int poison_by_owner(char *addr)
{
	catch_bus();
	if (!sigsetjmp(back, 1))
		return madvise(addr, PAGE, MADV_HWPOISON) ? -errno : 0;
	return bus.si_code == BUS_MCEERR_AR && bus.si_addr == addr ? 0 : -EINVAL;
}

static int free_page_leaves_the_pool(void)
{
	uint64_t pfn;
	int i;

	for (i = 0; i < NR_SUBPAGES; i++) {
		remember();
		CHECK(hvo_pool(POOL) == POOL, "no pool");
		pfn = free_page();
		CHECK(pfn, "no page");
		CHECK(!hvo_poison(pfn + subpages[i]), "page %d", subpages[i]);
		TRY(pool_is(POOL - 1));
		TRY(only_this_is_poisoned(pfn, subpages[i]));
		CHECK(hvo_poison(pfn + subpages[i]) == -EHWPOISON, "no -EHWPOISON");
		TRY(only_this_is_poisoned(pfn, subpages[i]));
		CHECK(!hvo_unpoison(pfn + subpages[i]), "page %d", subpages[i]);
		CHECK(hvo_poisoned(pfn, 512) == 0, "marks are left");
		TRY(all_is_as_before());
	}
	return KSFT_PASS;
}

/* Poisons a page again after unpoison: it is an ordinary free page then. */
static int poison_again_after_unpoison(void)
{
	uint64_t pfn;
	int i;

	remember();
	CHECK(hvo_pool(POOL) == POOL, "no pool");
	pfn = free_page() + 70;
	CHECK(!hvo_poison(pfn), "first time");
	for (i = 0; i < 5; i++) {
		CHECK(!hvo_unpoison(pfn), "round %d", i);
		CHECK(hvo_unpoison(pfn) == -EBUSY, "unpoisoned twice");
		CHECK(!hvo_poison(pfn), "round %d", i);
		TRY(only_this_is_poisoned(pfn - 70, 70));
	}
	CHECK(!hvo_unpoison(pfn), "last time");
	return all_is_as_before();
}

/* A pool of most of the free memory must not contain the poisoned page. */
static int poisoned_page_is_not_handed_out(void)
{
	long wanted = hvo_meminfo("MemFree") * 3 / 4 / 2048, i, all;
	uint64_t pfn;
	char *map;

	remember();
	CHECK(hvo_pool(POOL) == POOL, "no pool");
	pfn = free_page();
	CHECK(!hvo_poison(pfn + 70), "page 70");
	all = hvo_pool(wanted);
	map = hvo_map(all * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping of %ld pages", all);
	for (i = 0; i < all; i++)
		CHECK(hvo_pfn(map + i * HUGE_2M) != pfn, "the pool has it");
	munmap(map, all * HUGE_2M);
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	TRY(only_this_is_poisoned(pfn, 70));
	CHECK(!hvo_unpoison(pfn + 70), "page 70");
	return all_is_as_before();
}

static int mapped_page(bool by_owner)
{
	uint64_t pfn;
	char *map;
	int i, ret;

	for (i = 0; i < NR_SUBPAGES; i++) {
		remember();
		CHECK(hvo_pool(POOL) == POOL, "no pool");
		map = hvo_map(2 * HUGE_2M, HUGE_2M);
		CHECK(map, "no mapping");
		hvo_fill(map + HUGE_2M, HUGE_2M, i);
		pfn = hvo_pfn(map);
		ret = by_owner ? poison_by_owner(map + subpages[i] * PAGE) :
			hvo_poison(pfn + subpages[i]);
		CHECK(!ret, "page %d: %s", subpages[i], strerror(-ret));
		CHECK(is_lost(map) && is_lost(map + HUGE_2M - 1), "still readable");
		CHECK(hvo_filled(map + HUGE_2M, HUGE_2M, i), "the other page changed");
		TRY(pool_is(POOL - 1));
		TRY(only_this_is_poisoned(pfn, subpages[i]));
		munmap(map, 2 * HUGE_2M);
		CHECK(!hvo_unpoison(pfn + subpages[i]), "page %d", subpages[i]);
		TRY(all_is_as_before());
	}
	return KSFT_PASS;
}

static int mapped_page_is_lost_as_a_whole(void)
{
	return mapped_page(false);
}

static int owner_may_poison_its_own(void)
{
	return mapped_page(true);
}

/* Both processes lose the poisoned page, and keep the other one. */
static int two_processes(char *map)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(is_lost(map) && hvo_filled(map + HUGE_2M, HUGE_2M, 3) ? 0 : 1);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid, "no child process");
	CHECK(status == 0, "the child has failed");
	CHECK(is_lost(map) && hvo_filled(map + HUGE_2M, HUGE_2M, 3), "the parent has failed");
	return KSFT_PASS;
}

static char *map_shared(size_t size)
{
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS |
			 MAP_HUGETLB | MAP_POPULATE, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

/* Several errors in one page, each injected twice; @first is the first result. */
static int hit_many_times(uint64_t pfn, int first)
{
	int i;

	for (i = 0; i < NR_SUBPAGES; i++) {
		CHECK(hvo_poison(pfn + subpages[i]) == (i ? -EHWPOISON : first), "page %d",
		      subpages[i]);
		CHECK(hvo_poison(pfn + subpages[i]) == -EHWPOISON, "page %d", subpages[i]);
		CHECK(corrupted() == i + 1, "%ld pages", corrupted());
	}
	return KSFT_PASS;
}

/* Only the head has the mark, although fake heads show it too. */
static int only_the_head_can_be_unpoisoned(uint64_t pfn)
{
	int i;

	for (i = 1; i < NR_SUBPAGES; i++)
		CHECK(hvo_unpoison(pfn + subpages[i]) == -EBUSY, "page %d", subpages[i]);
	CHECK(corrupted() > 0, "no error is counted any more");
	CHECK(!hvo_unpoison(pfn), "cannot unpoison the head");
	CHECK(corrupted() == 0, "%ld pages", corrupted());
	return KSFT_PASS;
}

/*
 * A poisoned page stays in its file, so it can be hit many times. When the file is
 * gone, the page stays in the pool, but is not free before it is unpoisoned.
 */
static int shared_page_is_hit_many_times(void)
{
	uint64_t pfn;
	char *map;

	remember();
	CHECK(hvo_pool(POOL) == POOL, "no pool");
	map = map_shared(2 * HUGE_2M);
	CHECK(map, "no mapping");
	hvo_fill(map + HUGE_2M, HUGE_2M, 3);
	pfn = hvo_pfn(map);
	TRY(hit_many_times(pfn, 0));
	TRY(two_processes(map));
	munmap(map, 2 * HUGE_2M);
	TRY(pool_is(POOL));
	CHECK(hvo_read(POOL_2M "free_hugepages") == POOL - 1, "the poisoned page is free");
	TRY(only_the_head_can_be_unpoisoned(pfn));
	CHECK(hvo_read(POOL_2M "free_hugepages") == POOL, "still not free");
	return all_is_as_before();
}

/*
 * Leaves a poisoned page in the pool. The page is pinned when the error is handled,
 * so it cannot be dissolved. The error is in page @sub, or in all subpages[] if that
 * is -1.
 */
static uint64_t poison_a_pool_page(int sub)
{
	char *map = hvo_map(HUGE_2M, HUGE_2M);
	struct iovec part = { .iov_base = map, .iov_len = PAGE };
	uint64_t pfn;
	int pipes[2];

	if (!map || pipe(pipes))
		return 0;
	pfn = hvo_pfn(map);
	if (vmsplice(pipes[1], &part, 1, 0) != PAGE)
		return 0;
	if (sub < 0 ? hit_many_times(pfn, -EBUSY) : hvo_poison(pfn + sub) != -EBUSY)
		pfn = 0;
	munmap(map, HUGE_2M);
	close(pipes[0]);
	close(pipes[1]);
	return pfn;
}

/* When the pool shrinks, each mark moves to the struct page of its 4 KiB. */
static int shrinking_moves_the_marks(void)
{
	uint64_t pfn;
	int i;

	remember();
	CHECK(hvo_pool(POOL) == POOL, "no pool");
	pfn = poison_a_pool_page(-1);
	CHECK(pfn, "no page");
	TRY(pool_is(POOL));
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	CHECK(corrupted() == NR_SUBPAGES, "%ld pages", corrupted());
	CHECK(hvo_poisoned(pfn, 512) == NR_SUBPAGES, "%d are marked", hvo_poisoned(pfn, 512));
	for (i = 0; i < NR_SUBPAGES; i++) {
		CHECK(hvo_poisoned(pfn + subpages[i], 1) == 1, "page %d", subpages[i]);
		CHECK(!hvo_unpoison(pfn + subpages[i]), "page %d", subpages[i]);
	}
	return all_is_as_before();
}

/*
 * Whether a mapping of @pages pages of the pool contains @pfn. With one poisoned
 * page, a pool of n pages can map n - 1.
 */
static bool pool_gives(uint64_t pfn, long pages)
{
	char *map = hvo_map(pages * HUGE_2M, HUGE_2M);
	bool found = false;
	long i;

	for (i = 0; map && i < pages; i++)
		found |= hvo_pfn(map + i * HUGE_2M) == pfn;
	if (map)
		munmap(map, pages * HUGE_2M);
	return found;
}

static int pool_page_can_be_unpoisoned(void)
{
	uint64_t pfn;

	remember();
	CHECK(hvo_pool(POOL) == POOL, "no pool");
	pfn = poison_a_pool_page(70);
	CHECK(pfn, "no page");
	TRY(pool_is(POOL));
	CHECK(!pool_gives(pfn, POOL - 1), "poisoned page handed out");
	TRY(only_the_head_can_be_unpoisoned(pfn));
	CHECK(pool_gives(pfn, POOL), "not handed out after unpoison");
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	CHECK(hvo_poisoned(pfn, 512) == 0, "marks are left");
	return all_is_as_before();
}

/* Soft offline migrates the huge page. Its content stays the same. */
static int soft_offline_keeps_content(void)
{
	char *map, text[32];
	uint64_t pfn;
	int i, ret;

	for (i = 0; i < NR_SUBPAGES; i++) {
		remember();
		CHECK(hvo_pool(POOL) == POOL, "no pool");
		map = i % 2 ? map_shared(HUGE_2M) : hvo_map(HUGE_2M, HUGE_2M);
		CHECK(map, "no mapping");
		hvo_fill(map, HUGE_2M, i);
		pfn = hvo_pfn(map);
		snprintf(text, sizeof(text), "0x%lx", (pfn + subpages[i]) * PAGE);
		ret = i < 3 ? hvo_write_str(SYSFS_MEMORY "soft_offline_page", text) :
			madvise(map + subpages[i] * PAGE, PAGE, MADV_SOFT_OFFLINE);
		CHECK(!ret, "page %d", subpages[i]);
		CHECK(hvo_filled(map, HUGE_2M, i), "content changed");
		CHECK(hvo_pfn(map) != pfn, "the page was not migrated");
		TRY(pool_is(POOL - 1));
		TRY(only_this_is_poisoned(pfn, subpages[i]));
		munmap(map, HUGE_2M);
		CHECK(!hvo_unpoison(pfn + subpages[i]), "page %d", subpages[i]);
		TRY(all_is_as_before());
	}
	return KSFT_PASS;
}

/*
 * A mark on free memory is still there after that memory was in the pool. It is not
 * lost with a freed vmemmap page, and not copied into restored ones. The head is
 * left out: a mark there counts for the whole page, with or without the feature.
 */
static int mark_survives_the_pool(void)
{
	long wanted = hvo_meminfo("MemFree") * 3 / 4 / 2048;
	uint64_t pfn;
	int i;

	/* with debugging or init_on_alloc it hands out no block with such a page */
	NEED(!(uint32_t)hvo_kernel_word(hvo_symbol("check_pages_enabled")),
	     "the page allocator checks pages");
	for (i = 1; i < NR_SUBPAGES; i++) {
		remember();
		CHECK(hvo_pool(POOL) == POOL, "no pool");
		pfn = poison_a_pool_page(subpages[i]);
		CHECK(pfn, "no page");
		CHECK(hvo_pool(0) == 0, "pool not emptied");
		TRY(only_this_is_poisoned(pfn, subpages[i]));
		hvo_pool(wanted);
		CHECK(hvo_is_huge(pfn), "the pool does not have it");
		CHECK(hvo_pool(0) == 0, "pool not emptied");
		TRY(only_this_is_poisoned(pfn, subpages[i]));
		CHECK(!hvo_unpoison(pfn + subpages[i]), "page %d", subpages[i]);
		TRY(all_is_as_before());
	}
	return KSFT_PASS;
}

static struct hvo_range ranges_before[4096], ranges_after[4096];
static int nr_ranges;

static int seal_the_pool(void)
{
	NEED(hvo_optimizing(), "pages are not being optimized");
	remember();
	CHECK(hvo_pool(POOL) == POOL, "no pool");
	CHECK(!hvo_write(SYSCTL_SEAL, 1), "cannot seal");
	nr_ranges = hvo_vmemmap_ranges(ranges_before, 4096);
	CHECK(nr_ranges > 0 && nr_ranges < 4096, "%d ranges", nr_ranges);
	return KSFT_PASS;
}

/* The pool and the mapping of the vmemmap have not changed. */
static int sealed_pool_is_whole(void)
{
	CHECK(hvo_read(POOL_2M "nr_hugepages") == POOL, "%ld in the pool",
	      hvo_read(POOL_2M "nr_hugepages"));
	CHECK(hvo_optimized() == POOL, "%ld optimized", hvo_optimized());
	CHECK(vmemmap_before - hvo_vmemmap_pages() == POOL * TAILS_2M, "%ld freed",
	      vmemmap_before - hvo_vmemmap_pages());
	CHECK(hvo_vmemmap_ranges(ranges_after, 4096) == nr_ranges &&
	      !memcmp(ranges_before, ranges_after, nr_ranges * sizeof(ranges_before[0])),
	      "the vmemmap was remapped");
	return KSFT_PASS;
}

static int sealed_free_page_stays(void)
{
	uint64_t pfn;
	int i, ret;

	ret = seal_the_pool();
	if (ret != KSFT_PASS)
		return ret;
	pfn = free_page();
	for (i = 0; i < NR_SUBPAGES; i++) {
		ret = hvo_poison(pfn + subpages[i]);
		CHECK(ret == (i ? -EHWPOISON : -EBUSY), "%s", strerror(-ret));
		CHECK(hvo_poison(pfn + subpages[i]) == -EHWPOISON, "page %d", subpages[i]);
		CHECK(corrupted() == i + 1, "%ld pages", corrupted());
	}
	TRY(sealed_pool_is_whole());
	CHECK(!pool_gives(pfn, POOL - 1), "poisoned page handed out");
	CHECK(!hvo_unpoison(pfn), "cannot unpoison the head");
	CHECK(corrupted() == 0, "%ld pages", corrupted());
	CHECK(pool_gives(pfn, POOL), "not handed out after unpoison");
	return sealed_pool_is_whole();
}

static int sealed_mapped_page_is_lost_but_stays(void)
{
	uint64_t pfn;
	char *map;

	NEED(hvo_read(HVO_SYSFS "sealed") == 1, "not sealed");
	CHECK(hvo_pool(POOL) == POOL, "cannot take back surplus pages");
	map = hvo_map(2 * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	hvo_fill(map + HUGE_2M, HUGE_2M, 9);
	pfn = hvo_pfn(map);
	CHECK(hvo_poison(pfn + 64) == -EBUSY, "expected -EBUSY");
	CHECK(is_lost(map), "still readable");
	CHECK(hvo_filled(map + HUGE_2M, HUGE_2M, 9), "the other page changed");
	munmap(map, 2 * HUGE_2M);
	CHECK(corrupted() == 1, "%ld pages", corrupted());
	CHECK(!pool_gives(pfn, POOL - 1), "poisoned page handed out");
	CHECK(!hvo_unpoison(pfn), "cannot unpoison the head");
	CHECK(pool_gives(pfn, POOL), "not handed out after unpoison");
	return sealed_pool_is_whole();
}

/* The old page cannot leave the pool: -EBUSY, but no content and no page is lost. */
static int sealed_soft_offline_keeps_content(void)
{
	char *map, text[32];
	uint64_t pfn;

	NEED(hvo_read(HVO_SYSFS "sealed") == 1, "not sealed");
	CHECK(hvo_pool(POOL) == POOL, "cannot take back surplus pages");
	pfn = free_page();
	snprintf(text, sizeof(text), "0x%lx", (pfn + 70) * PAGE);
	CHECK(hvo_write_str(SYSFS_MEMORY "soft_offline_page", text) == -EBUSY, "a free page");
	map = hvo_map(HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	hvo_fill(map, HUGE_2M, 10);
	CHECK(madvise(map + 70 * PAGE, PAGE, MADV_SOFT_OFFLINE) < 0 && errno == EBUSY, "%s",
	      strerror(errno));
	CHECK(hvo_filled(map, HUGE_2M, 10), "content changed");
	munmap(map, HUGE_2M);
	CHECK(corrupted() == 0, "%ld pages", corrupted());
	return sealed_pool_is_whole();
}

static const struct hvo_case cases[] = {
	HVO_CASE(free_page_leaves_the_pool),
	HVO_CASE(poison_again_after_unpoison),
	HVO_CASE(poisoned_page_is_not_handed_out),
	HVO_CASE(mapped_page_is_lost_as_a_whole),
	HVO_CASE(owner_may_poison_its_own),
	HVO_CASE(shared_page_is_hit_many_times),
	HVO_CASE(shrinking_moves_the_marks),
	HVO_CASE(pool_page_can_be_unpoisoned),
	HVO_CASE(soft_offline_keeps_content),
	HVO_CASE(mark_survives_the_pool),
	/* sealed from here on */
	HVO_CASE(sealed_free_page_stays),
	HVO_CASE(sealed_mapped_page_is_lost_but_stays),
	HVO_CASE(sealed_soft_offline_keeps_content),
};

int main(void)
{
	if (access("/sys/kernel/debug/hwpoison/corrupt-pfn", W_OK))
		ksft_exit_skip("no hwpoison-inject\n");
	HVO_RUN(cases);
}
