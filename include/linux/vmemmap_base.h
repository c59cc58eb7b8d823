/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vmemmap mapped by base pages, and the PTE swap that frees and restores
 * parts of it. The design is described at the top of mm/vmemmap_base.c.
 */
#ifndef _LINUX_VMEMMAP_BASE_H
#define _LINUX_VMEMMAP_BASE_H

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/types.h>

struct page;

/**
 * struct vmemmap_batch - remaps that share one TLB flush
 * @freed: vmemmap pages that nothing maps any more; stale TLB entries may
 * @spare: pages that were allocated for restoring and not needed yet
 * @nr_spare: how many these are
 * @nr_restored: how many were used
 * @start: lowest vmemmap address that was remapped
 * @end: end of the highest vmemmap range that was remapped, 0 if none was
 */
struct vmemmap_batch {
	struct list_head freed;
	struct list_head spare;
	unsigned long nr_spare;
	unsigned long nr_restored;
	unsigned long start;
	unsigned long end;
};

#define VMEMMAP_BATCH_INIT(batch) {		\
	.freed = LIST_HEAD_INIT((batch).freed),	\
	.spare = LIST_HEAD_INIT((batch).spare),	\
	.start = ULONG_MAX,			\
}

#ifdef CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP
/* mm/sparse-vmemmap.c */
extern bool vmemmap_base_enabled;
int vmemmap_populate_base(unsigned long start, unsigned long end, int node);

/* mm/vmemmap_base.c */
int vmemmap_base_optimize(unsigned long start, unsigned long end,
			  struct vmemmap_batch *batch);
int vmemmap_base_restore(unsigned long start, unsigned long end,
			 struct vmemmap_batch *batch);
void vmemmap_base_flush(struct vmemmap_batch *batch);

/* mm/vmemmap_pages.c */
int vmemmap_pages_alloc(struct vmemmap_batch *batch, unsigned long nr_pages,
			int node);
struct page *vmemmap_pages_take(struct vmemmap_batch *batch);
unsigned long vmemmap_pages_release_boot(struct page *page,
					 unsigned long nr_pages);
void vmemmap_pages_free(struct vmemmap_batch *batch);
void vmemmap_pages_keep_reserve(void);
void vmemmap_pages_drop_reserve(void);
unsigned long vmemmap_pages_reserve(void);
unsigned long vmemmap_pages_reserve_used(void);

/* mm/vmemmap_collapse.c */
void vmemmap_collapse(void);
unsigned long vmemmap_collapsed(void);
#else
#define vmemmap_base_enabled	false

static inline int vmemmap_populate_base(unsigned long start, unsigned long end,
					int node)
{
	return -EOPNOTSUPP;
}
#endif /* CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP */

#endif /* _LINUX_VMEMMAP_BASE_H */
