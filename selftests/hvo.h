/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the hvo-base tests: pool, sysctls, page tables, hwpoison, kernel log */
#ifndef HVO_H
#define HVO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../kselftest.h"

#define PAGE		4096UL
#define HUGE_2M		(2UL << 20)
#define HUGE_1G		(1UL << 30)
#define STRUCT_PAGE	64UL
#define TAILS_2M	7	/* vmemmap pages of a 2 MiB page that hold only tails */
#define TAILS_1G	4095
#define SAVED_2M	(TAILS_2M * 4L)	/* KiB that optimizing a page saves */
#define SAVED_1G	(TAILS_1G * 4L)
#define RESERVE_KIB	32L	/* one block of 8 pages: all or nothing */

#define HVO_SYSFS	"/sys/kernel/mm/hugetlb_vmemmap/"
#define HVO_SYSFS_FILES	7
#define POOL_2M		"/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define POOL_1G		"/sys/kernel/mm/hugepages/hugepages-1048576kB/"
#define SYSCTL_OPTIMIZE	"/proc/sys/vm/hugetlb_optimize_vmemmap"
#define SYSCTL_SEAL	"/proc/sys/vm/hugetlb_vmemmap_seal"

/* A case returns KSFT_PASS, or KSFT_FAIL (CHECK, TRY) or KSFT_SKIP (NEED). */
struct hvo_case {
	const char *name;
	int (*run)(void);
};

#define HVO_CASE(fn) { #fn, fn }

extern const char *hvo_why;

#define CHECK(cond, fmt, ...) do {					\
	if (!(cond)) {							\
		ksft_print_msg("line %d: " #cond ": " fmt "\n",		\
			       __LINE__, ##__VA_ARGS__);		\
		return KSFT_FAIL;					\
	}								\
} while (0)

/* For functions that use CHECK(): also prints the line of the caller. */
#define TRY(call) do {							\
	int _ret = (call);						\
									\
	CHECK(_ret == KSFT_PASS, "see above");				\
} while (0)

#define NEED(cond, why) do {						\
	if (!(cond)) {							\
		hvo_why = (why);					\
		return KSFT_SKIP;					\
	}								\
} while (0)

/* Runs all cases and exits. With @empty, empties the pools before each case. */
void hvo_run(const struct hvo_case *cases, unsigned int nr, bool empty);
#define HVO_RUN(cases)		hvo_run(cases, sizeof(cases) / sizeof(cases[0]), true)
#define HVO_RUN_AS_IS(cases)	hvo_run(cases, sizeof(cases) / sizeof(cases[0]), false)

/*
 * Read and write files with one value. On error hvo_read() and hvo_keyed() return
 * -1, the others a negative errno.
 */
long hvo_read(const char *path);
int hvo_read_word(const char *path, char *word, size_t size);
int hvo_write(const char *path, long value);
int hvo_write_str(const char *path, const char *text);
long hvo_keyed(const char *path, const char *key);
#define hvo_vmstat(key)		hvo_keyed("/proc/vmstat", key)
#define hvo_meminfo(key)	hvo_keyed("/proc/meminfo", key ":")

bool hvo_mode_is(const char *mode);
bool hvo_base_mapped(void);
bool hvo_optimizing(void);
bool hvo_cmdline(const char *name, char *value, size_t size);

/* Sets the size of the 2 MiB pool; returns the new size or a negative errno. */
long hvo_pool(long pages);
#define HVO_POOL(pages) do {						\
	long _wanted = (pages), _got = hvo_pool(_wanted);		\
									\
	CHECK(_got == _wanted, "pool %ld, not %ld", _got, _wanted);	\
} while (0)
/* Empties the 2 MiB pool, including surplus pages; returns how many are left. */
long hvo_empty_pool(void);
long hvo_vmemmap_pages(void);
/* Memory saved by all optimized pages, 2 MiB and 1 GiB together */
long hvo_saved_kib(void);
/*
 * Number of optimized 2 MiB pages, if no 1 GiB page is optimized. -1 if the saved
 * memory is not a multiple of what one 2 MiB page saves.
 */
long hvo_optimized(void);
/* Number of vmemmap pages if no HugeTLB page were optimized */
long hvo_whole_vmemmap(void);
/* Free memory, including the per-CPU lists */
long hvo_free_kib(void);

void *hvo_map(size_t size, size_t page_size);
uint64_t hvo_pfn(const void *addr);

/* Mapped ranges of the vmemmap, from /sys/kernel/debug/page_tables/kernel */
struct hvo_range {
	unsigned long start, end;
	bool leaf_pmd, read_only;
};

int hvo_vmemmap_ranges(struct hvo_range *ranges, int max);
/* Size of the PTE tables of the vmemmap; -1 if the dump shows no vmemmap */
long hvo_table_kib(void);
unsigned long hvo_vmemmap_base(void);

/* The PTE that maps @addr, read from /proc/kcore; 0 if no PTE maps it */
uint64_t hvo_vmemmap_pte(unsigned long addr);
#define PTE_RW		2UL
#define PTE_FRAME(pte)	(((pte) & 0x000ffffffffff000UL) >> 12)

/* 8 bytes of kernel memory, and the address of a symbol; 0 if there is none */
uint64_t hvo_kernel_word(unsigned long addr);
unsigned long hvo_symbol(const char *name);
/* Bytes of page_ext per page, which are counted as vmemmap; 0 without page_ext */
long hvo_page_ext(void);
/* Call this after memory hotplug, which changes the layout of /proc/kcore. */
void hvo_memory_changed(void);

/* The first @nr vmemmap PTEs of the huge page at @pfn; -1 if one does not exist */
int hvo_huge_ptes(uint64_t pfn, uint64_t *ptes, int nr);

/*
 * Kernels with fake heads map the tails of an optimized page to its own first vmemmap
 * page, read-only. Later ones map them to one page for all in the zone, writable.
 */
bool hvo_fake_heads(void);
/* How many of the @tails PTEs behind the first are not those of an optimized page */
int hvo_wrong_tails(const uint64_t *ptes, int tails);
/* How much of the vmemmap is mapped as the tails of optimized pages, in KiB */
unsigned long hvo_tail_kib(void);
/* Whether the first and the last of the @tails vmemmap pages are those of an optimized page */
bool hvo_shares_tails(uint64_t pfn, int tails);

/* Inject and undo a memory error; return 0 or a negative errno. */
int hvo_poison(uint64_t pfn);
int hvo_unpoison(uint64_t pfn);
/* How many of the @nr pages from @pfn have the hwpoison flag; -1 on error */
int hvo_poisoned(uint64_t pfn, int nr);
bool hvo_is_huge(uint64_t pfn);

void hvo_fill(void *addr, size_t size, uint64_t seed);
bool hvo_filled(const void *addr, size_t size, uint64_t seed);

/* How many lines with @text can still be read from /dev/kmsg, open as @fd */
int hvo_log_lines(int fd, const char *text);
/* Whether the kernel has logged a line with @text since hvo_log_mark() */
void hvo_log_mark(void);
bool hvo_logged(const char *text);

#endif
