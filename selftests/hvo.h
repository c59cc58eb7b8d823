/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of hvo-base share: the pool, the knobs, two page-table oracles. */
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
#define RESERVE_KIB	32L	/* one block of 8 pages, or nothing */

#define HVO_SYSFS	"/sys/kernel/mm/hugetlb_vmemmap/"
#define POOL_2M		"/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define POOL_1G		"/sys/kernel/mm/hugepages/hugepages-1048576kB/"
#define SYSCTL_OPTIMIZE	"/proc/sys/vm/hugetlb_optimize_vmemmap"
#define SYSCTL_SEAL	"/proc/sys/vm/hugetlb_vmemmap_seal"

/* A case returns KSFT_PASS, or through these macros KSFT_FAIL or KSFT_SKIP. */
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

/* For steps that CHECK for themselves: the line of the caller, below that of the step */
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

/* Runs all cases, each with the pools emptied before or not; does not return. */
void hvo_run(const struct hvo_case *cases, unsigned int nr, bool empty);
#define HVO_RUN(cases)		hvo_run(cases, sizeof(cases) / sizeof(cases[0]), true)
#define HVO_RUN_AS_IS(cases)	hvo_run(cases, sizeof(cases) / sizeof(cases[0]), false)

/* Files with one value. Reading returns -1, writing a negative errno. */
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

/* Sets the pool of 2 MiB pages; returns how many there are then. */
long hvo_pool(long pages);
#define HVO_POOL(pages) do {						\
	long _wanted = (pages), _got = hvo_pool(_wanted);		\
									\
	CHECK(_got == _wanted, "pool %ld, not %ld", _got, _wanted);	\
} while (0)
/* Empties it, of surplus pages too; returns how many are left. */
long hvo_empty_pool(void);
long hvo_vmemmap_pages(void);
/* What all optimized pages save, of both sizes together */
long hvo_saved_kib(void);
/*
 * How many 2 MiB pages are optimized, while no 1 GiB page is; -1 if what is saved is
 * no whole number of them.
 */
long hvo_optimized(void);
/* How many vmemmap pages there would be if none were optimized */
long hvo_whole_vmemmap(void);
/* Free memory, with what waits in per-CPU lists */
long hvo_free_kib(void);

void *hvo_map(size_t size, size_t page_size);
uint64_t hvo_pfn(const void *addr);

/* /sys/kernel/debug/page_tables/kernel, the mapped ranges of the vmemmap */
struct hvo_range {
	unsigned long start, end;
	bool leaf_pmd, read_only;
};

int hvo_vmemmap_ranges(struct hvo_range *ranges, int max);
/* Page tables that map parts of the vmemmap; -1 if the dump shows no vmemmap */
long hvo_table_kib(void);
unsigned long hvo_vmemmap_base(void);

/* Page tables read out of /proc/kcore; 0 where nothing is mapped by a PTE */
uint64_t hvo_vmemmap_pte(unsigned long addr);
#define PTE_RW		2UL
#define PTE_FRAME(pte)	(((pte) & 0x000ffffffffff000UL) >> 12)

/* The memory of the kernel, and where its symbols are; 0 where there is nothing */
uint64_t hvo_kernel_word(unsigned long addr);
unsigned long hvo_symbol(const char *name);
/* What debug kernels keep for each page in bytes; it is counted as vmemmap, too. */
long hvo_page_ext(void);
/* To be called when memory has come or gone: /proc/kcore is laid out anew then. */
void hvo_memory_changed(void);

/* The PTEs of all vmemmap pages of the huge page at @pfn, first to last */
int hvo_huge_ptes(uint64_t pfn, uint64_t *ptes, int nr);
/* Whether the first of them and the last, @tails behind it, are the same page */
bool hvo_shares_tails(uint64_t pfn, int tails);

/* Memory errors on purpose: negative errno as from hvo_write(). */
int hvo_poison(uint64_t pfn);
int hvo_unpoison(uint64_t pfn);
/* How many of the @nr pages from @pfn carry the mark of an error */
int hvo_poisoned(uint64_t pfn, int nr);
bool hvo_is_huge(uint64_t pfn);

void hvo_fill(void *addr, size_t size, uint64_t seed);
bool hvo_filled(const void *addr, size_t size, uint64_t seed);

/* Whether the kernel has logged a line with @text since the last mark */
void hvo_log_mark(void);
bool hvo_logged(const char *text);

#endif
