/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vmemmap mapped by base pages, and the PTE swap that frees and restores
 * parts of it. The design is told at the top of mm/vmemmap_base.c.
 */
#ifndef _LINUX_VMEMMAP_BASE_H
#define _LINUX_VMEMMAP_BASE_H

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/types.h>

/**
 * struct vmemmap_batch - remaps that share one TLB flush
 * @freed: runs of adjacent vmemmap pages that nothing maps any more (stale TLB
 *	entries may): the first page of each, with their number in page->private
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
bool vmemmap_base_enabled(void);
void vmemmap_base_enable(bool enable);
int vmemmap_base_populate(unsigned long start, unsigned long end, int node);
unsigned long vmemmap_base_table_pages(void);

void vmemmap_base_wait_walkers(bool expedite);
int vmemmap_base_optimize(unsigned long start, unsigned long end,
			  struct vmemmap_batch *batch);
int vmemmap_base_restore(unsigned long start, unsigned long end,
			 struct vmemmap_batch *batch);
void vmemmap_base_flush(struct vmemmap_batch *batch);

void vmemmap_base_set_reserve(unsigned int nr_pages);
unsigned int vmemmap_base_reserve_pages(void);
unsigned long vmemmap_base_reserve_used(void);
#else
static inline bool vmemmap_base_enabled(void)
{
	return false;
}

static inline int vmemmap_base_populate(unsigned long start, unsigned long end,
					int node)
{
	return -EOPNOTSUPP;
}
#endif /* CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP */

#endif /* _LINUX_VMEMMAP_BASE_H */
