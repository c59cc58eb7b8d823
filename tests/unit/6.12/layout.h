/* SPDX-License-Identifier: GPL-2.0-only */
/* What the layout of Linux 6.12 uses of the kernel, and how its tails look */
#ifndef HVO_UNIT_LAYOUT_H
#define HVO_UNIT_LAYOUT_H

#define UNIT_WAITS 1		/* grace periods of a batch */
#define UNIT_LAYOUT_PAGES 0	/* allocated once, for good */

#define EXPORT_SYMBOL(name)
struct static_key_false { bool on; };
#define DEFINE_STATIC_KEY_FALSE(name) struct static_key_false name
#define static_branch_enable(key) ((key)->on = true)
extern struct static_key_false hugetlb_optimize_vmemmap_key;

struct zone { int unused; };

static inline unsigned long unit_compound_info(const struct page *head)
{
	return (unsigned long)head + 1;
}

/* @addr: that of the tail with @info */
static inline struct page *unit_head_of(unsigned long info, unsigned long addr)
{
	return (struct page *)(info - 1);
}

static inline unsigned long unit_tail_flags(const struct page *head)
{
	return 0;
}

static inline bool unit_is_shared(uint64_t pte)
{
	return !(pte & 2);
}

/* @first: the PTE of the page with @head */
static inline uint64_t unit_shared_pte(const struct page *head, uint64_t first)
{
	return first & ~2UL;
}

static inline bool unit_may_share(const struct page *head, uint64_t pte)
{
	struct folio *first = page_to_virt(pte_page((pte_t){ pte }));

	return hugetlb_optimize_vmemmap_key.on && folio_test_hugetlb_vmemmap_optimized(first);
}

#endif
