/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of the kernel that the project's files in mm/ use, for user space, in three
 * sections:
 *
 *   stubs   do nothing, because the effect is not visible here
 *   plain   simple equivalents of kernel code: pages, counters
 *   wired   what the tests check: page tables that really map, TLB entries that can be
 *           stale, an allocator that fails on demand and knows every page's state
 *
 * Memory is a file (memfd), and a PTE is an mmap() of one of its pages. So struct
 * pages alias as they do in the kernel, and a write to a read-only tail faults.
 */
#ifndef HVO_UNIT_KERNEL_H
#define HVO_UNIT_KERNEL_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* ---- stubs ---------------------------------------------------------------- */

#define __init
#define __meminit
#define __read_mostly
#define __initdata
#define unlikely(x) (x)
#define cond_resched() do { } while (0)
#define clear_page_tag_ref(page) do { } while (0)
#define vmemmap_verify(pte, node, start, end) do { } while (0)
#define smp_wmb() unit_barrier()
#define smp_mb() do { } while (0)
#define READ_ONCE(x) (x)
#define WRITE_ONCE(x, value) ((x) = (value))
#define DECLARE_RWSEM(name) int name
#define BUILD_BUG_ON(cond) _Static_assert(!(cond), #cond)
#define __NR_USED_SUBPAGE 3

/* ---- plain ---------------------------------------------------------------- */

#define CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP 1
#define CONFIG_MEMORY_FAILURE 1
#define CONFIG_PAGE_OWNER 0
#define IS_ENABLED(option) (option)

typedef uint8_t u8;
typedef unsigned int gfp_t;
typedef struct { long counter; } atomic_long_t;
#define atomic_long_inc(v) ((v)->counter++)
#define atomic_long_add(nr, v) ((v)->counter += (nr))
#define atomic_long_sub(nr, v) ((v)->counter -= (nr))
#define atomic_long_read(v) ((v)->counter)

#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PMD_SIZE (1UL << 21)
#define PTRS_PER_PTE 512
#define SZ_1K 1024
#define HZ 100
#define NUMA_NO_NODE (-1)

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define __ffs(n) ((unsigned int)__builtin_ctzl(n))
#define ilog2(n) ((unsigned int)(31 - __builtin_clz(n)))
#define rounddown_pow_of_two(n) (1UL << ilog2(n))
#define xchg(p, value) ({ typeof(*(p)) _old = *(p); *(p) = (value); _old; })
#define IS_ALIGNED(n, size) (((n) & ((size) - 1)) == 0)
#define is_power_of_2(n) ((n) && !((n) & ((n) - 1)))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_head {
	struct hlist_node *first;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

/* from tools/include of the kernel, which has no list_count_nodes() */
#include "list.h"

static inline size_t list_count_nodes(struct list_head *list)
{
	struct list_head *entry;
	size_t count = 0;

	list_for_each(entry, list)
		count++;
	return count;
}

/* 64 bytes; compound_head overlays the list, as in the kernel */
struct page {
	unsigned long flags;
	union {
		struct list_head lru;
		struct {
			unsigned long compound_head;
			void *filler;
		};
	};
	void *mapping;
	unsigned long index;
	unsigned long private;
	int _mapcount;
	int _refcount;
	unsigned long memcg_data;
};

struct folio {
	union {
		struct page page;
		struct {
			unsigned long flags;
			struct list_head lru;
		};
	};
	struct page rest[3];
};

_Static_assert(sizeof(struct page) == 64, "struct page");

#define PG_reserved_bit 1UL
#define PG_head_bit 2UL
#define PG_hwpoison_bit 4UL
#define HPG_optimized_bit 1UL

#define PageReserved(page) (((page)->flags & PG_reserved_bit) != 0)
#define PageHWPoison(page) (((page)->flags & PG_hwpoison_bit) != 0)
#define folio_page(folio, n) (&(folio)->page + (n))
extern bool memory_failure_begun;
#define folio_test_hugetlb_vmemmap_optimized(f) (((f)->page.private & HPG_optimized_bit) != 0)
#define folio_set_hugetlb_vmemmap_optimized(f) ((f)->page.private |= HPG_optimized_bit)
#define folio_clear_hugetlb_vmemmap_optimized(f) ((f)->page.private &= ~HPG_optimized_bit)

#define HUGE_MAX_HSTATE 2
struct hstate {
	unsigned int order;
	char name[32];
};
extern struct hstate hstates[HUGE_MAX_HSTATE];
#define for_each_hstate(h) for (h = hstates; h < hstates + HUGE_MAX_HSTATE; h++)
#define hstate_index(h) ((int)((h) - hstates))
#define hstate_is_gigantic(h) ((h)->order > 10)
#define pages_per_huge_page(h) (1UL << (h)->order)

static inline int kstrtobool(const char *s, bool *value)
{
	if (!s || !*s)
		return -EINVAL;
	if (strchr("yYtT1", *s) || !strncmp(s, "on", 2) || !strncmp(s, "On", 2))
		*value = true;
	else if (strchr("nNfF0", *s) || !strncmp(s, "of", 2) || !strncmp(s, "Of", 2))
		*value = false;
	else
		return -EINVAL;
	return 0;
}

/* ---- wired ---------------------------------------------------------------- */

#define VMEMMAP_START 0x200000000000UL
#define DIRECT_START 0x300000000000UL

#define NR_TABLES 9UL
#define NR_VMEMMAP_PAGES (NR_TABLES * PTRS_PER_PTE)
#define NR_PFNS (NR_VMEMMAP_PAGES * PAGE_SIZE / sizeof(struct page))
#define PAGES_PER_SECTION (PMD_SIZE / sizeof(struct page))

#define vmemmap ((struct page *)VMEMMAP_START)
#define pfn_to_page(pfn) (vmemmap + (pfn))
#define page_to_pfn(page) ((unsigned long)((page) - vmemmap))
#define page_to_virt(page) ((void *)(DIRECT_START + page_to_pfn(page) * PAGE_SIZE))
#define virt_to_page(virt) pfn_to_page(((unsigned long)(virt) - DIRECT_START) >> PAGE_SHIFT)
#define __pa(virt) ((unsigned long)(virt) - DIRECT_START)
#define PHYS_PFN(phys) ((phys) >> PAGE_SHIFT)
#define PFN_PHYS(pfn) ((pfn) << PAGE_SHIFT)
int page_to_nid(const struct page *page);
#define get_order(size) ((int)__builtin_ctzl((size) >> PAGE_SHIFT))
#define copy_page(to, from) memcpy(to, from, PAGE_SIZE)

typedef unsigned long phys_addr_t;
typedef struct { uint64_t v; } pte_t, pmd_t, pud_t, p4d_t, pgd_t;
typedef unsigned long pgprot_t;
#define PAGE_KERNEL 3UL
#define PAGE_KERNEL_RO 1UL
#define PAGE_KERNEL_LARGE 7UL

extern pmd_t unit_pmds[NR_TABLES];
extern pte_t unit_tables[NR_TABLES][PTRS_PER_PTE];
extern struct mm_struct { bool locked; } init_mm;

#define table_of(addr) (((addr) - VMEMMAP_START) / PMD_SIZE)
#define pmd_addr_end(addr, end) min((((addr) + PMD_SIZE) & ~(PMD_SIZE - 1)), (end))
#define pmd_leaf(pmd) ((pmd).v == 2)
/* The pages of page tables are behind all others. */
#define TABLE_PFN (2 * NR_VMEMMAP_PAGES)
#define pmd_page(pmd) pfn_to_page(TABLE_PFN + (&(pmd) - unit_pmds))
#define pmd_none(pmd) ((pmd).v == 0)
#define pmd_pfn(pmd) ((pmd).v * 0 + TABLE_PFN)
#define ptep_get(pte) (*(pte))
#define pfn_pte(pfn, prot) ((pte_t){ (pfn) << PAGE_SHIFT | (prot) })
#define mk_pte(page, prot) pfn_pte(page_to_pfn(page), prot)
#define pte_pfn(pte) ((pte).v >> PAGE_SHIFT)
#define pte_page(pte) pfn_to_page(pte_pfn(pte))
#define pte_same(a, b) ((a).v == (b).v)
#define pfn_pmd(pfn, prot) ((pmd_t){ (pfn) << PAGE_SHIFT | (prot) })
#define max_pfn NR_PFNS
#define pfn_to_section_nr(pfn) ((pfn) / PAGES_PER_SECTION)
bool valid_section_nr(unsigned long nr);

pmd_t *pmd_off_k(unsigned long addr);
pte_t *pte_offset_kernel(pmd_t *pmd, unsigned long addr);
void set_pte_at(struct mm_struct *mm, unsigned long addr, pte_t *pte, pte_t value);
void set_pmd(pmd_t *pmd, pmd_t value);
#define boot_cpu_has_bug(bug) world.cpu_bug
void flush_tlb_kernel_range(unsigned long start, unsigned long end);
void flush_tlb_all(void);
void get_online_mems(void);
void put_online_mems(void);
void mmap_write_lock(struct mm_struct *mm);
void mmap_write_unlock(struct mm_struct *mm);
void unit_barrier(void);

pgd_t *vmemmap_pgd_populate(unsigned long addr, int node);
p4d_t *vmemmap_p4d_populate(pgd_t *pgd, unsigned long addr, int node);
pud_t *vmemmap_pud_populate(p4d_t *p4d, unsigned long addr, int node);
pmd_t *vmemmap_pmd_populate(pud_t *pud, unsigned long addr, int node);
void *vmemmap_alloc_block_buf(unsigned long size, int node, void *altmap);
int vmemmap_populate_basepages(unsigned long start, unsigned long end, int node, void *altmap);
bool slab_is_available(void);
void split_page(struct page *page, int order);

#define GFP_KERNEL (1u | __GFP_RECLAIM)
#define GFP_NOWAIT 32u
#define __GFP_NOWARN 2u
#define __GFP_NORETRY 4u
#define __GFP_RETRY_MAYFAIL 8u
#define __GFP_MEMALLOC 16u
#define __GFP_NOMEMALLOC 64u
#define __GFP_RECLAIM 128u
#define __GFP_THISNODE 256u
#define __GFP_ZERO 512u
#define PAGE_ALLOC_COSTLY_ORDER 3u
struct page *alloc_pages_node(int node, gfp_t gfp, int order);
#define alloc_pages(gfp, order) alloc_pages_node(NUMA_NO_NODE, gfp, order)
#define __free_page(page) __free_pages(page, 0)
bool mem_alloc_profiling_enabled(void);
void __free_pages(struct page *page, unsigned int order);
bool page_ref_freeze(struct page *page, int count);
void page_ref_unfreeze(struct page *page, int count);
void ClearPageReserved(struct page *page);
void adjust_managed_page_count(struct page *page, long count);
void drain_all_pages(void *zone);
bool unit_is_tail(const struct page *page, const struct page *head);
#include "layout.h"		/* that of the kernel version */
struct zoneref { struct zone *zone; };
enum zone_type { ZONE_NORMAL, ZONE_MOVABLE };
#define gfp_zone(gfp) ZONE_NORMAL
#define high_wmark_pages(zone) 1000UL
struct zoneref *node_zonelist(int node, gfp_t gfp);
#define for_each_zone_zonelist(each, ref, list, highest) \
	for (ref = (list); (each = ref->zone); ref++)
bool zone_watermark_ok(struct zone *zone, unsigned int order, unsigned long mark,
		       int highest, unsigned int flags);
void kmemleak_free_part_phys(phys_addr_t phys, size_t size);
void memmap_pages_add(long nr);
void memmap_boot_pages_add(long nr);

void synchronize_rcu(void);
void synchronize_rcu_expedited(void);

void down_read(int *sem);
void up_read(int *sem);
int down_write_killable(int *sem);
void up_write(int *sem);

struct work_struct { int unused; };
struct delayed_work {
	struct work_struct work;
	void (*fn)(struct work_struct *work);
};
#define DECLARE_DELAYED_WORK(name, f) struct delayed_work name = { .fn = (f) }
#define PF_WQ_WORKER 32u
struct task_struct { unsigned int flags; };
extern struct task_struct unit_task;
#define current (&unit_task)
void schedule_delayed_work(struct delayed_work *work, unsigned long delay);
void cancel_delayed_work_sync(struct delayed_work *work);

__attribute__((format(printf, 1, 2))) void unit_printk(const char *fmt, ...);
#define pr_warn(...) unit_printk(__VA_ARGS__)
#define pr_err(...) unit_printk(__VA_ARGS__)
#define pr_info(...) unit_printk(__VA_ARGS__)

extern int (*unit_early_param)(char *value);
#define early_param(name, fn) int (*unit_early_param)(char *) = fn
/* the tests call them by name */
#define early_initcall(fn)
#define late_initcall(fn)

struct ctl_table {
	const char *procname;
	void *data;
	int maxlen;
	int mode;
	int (*proc_handler)(const struct ctl_table *table, int write, void *buffer,
			    size_t *lenp, loff_t *ppos);
	void *extra1, *extra2;
};
extern int unit_zero, unit_one;
#define SYSCTL_ZERO (&unit_zero)
#define SYSCTL_ONE (&unit_one)
int proc_dointvec_minmax(const struct ctl_table *table, int write, void *buffer,
			 size_t *lenp, loff_t *ppos);
#define register_sysctl_init(dir, table) unit_register_sysctls(table, sizeof(table) / sizeof(*(table)))
void unit_register_sysctls(struct ctl_table *table, size_t nr);

struct kobject { int unused; };
struct attribute {
	const char *name;
};
struct kobj_attribute {
	struct attribute attr;
	ssize_t (*show)(struct kobject *kobj, struct kobj_attribute *attr, char *buf);
};
struct attribute_group {
	const char *name;
	struct attribute **attrs;
};
#define __ATTR_RO(_name) { .attr = { .name = #_name }, .show = _name##_show }
extern struct kobject *mm_kobj;
int sysfs_create_group(struct kobject *kobj, const struct attribute_group *group);
#define sysfs_emit(buf, ...) sprintf(buf, __VA_ARGS__)

#endif
