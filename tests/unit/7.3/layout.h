/* SPDX-License-Identifier: GPL-2.0-only */
/* What the layout of Linux 7.3 uses of the kernel, and how its tails look */
#ifndef HVO_UNIT_LAYOUT_H
#define HVO_UNIT_LAYOUT_H

#define UNIT_WAITS 0		/* grace periods of a batch */
#define UNIT_LAYOUT_PAGES 4	/* allocated once, for good: two zones, two orders */

#define PMD_SHIFT 21
#define PUD_SHIFT 28		/* that of GIGANTIC_ORDER */
#define VMEMMAP_TAIL_MIN_ORDER 7
#define NR_VMEMMAP_TAILS 12

/* The zones of the nodes, one each */
struct zone {
	const char *name;
	struct page *vmemmap_tails[NR_VMEMMAP_TAILS];
};
extern struct zone unit_zones[2];
#define for_each_populated_zone(zone) for (zone = unit_zones; zone < unit_zones + 2; zone++)
#define zone_to_nid(zone) ((int)((zone) - unit_zones))
#define page_zone(page) (&unit_zones[page_to_nid(page)])
#define huge_page_order(h) ((h)->order)
#define compound_order(head) ((unsigned int)(head)[1].private)

#define ZONE_BIT(zone) (0x100UL << zone_to_nid(zone))

static inline void init_compound_tail(struct page *tail, const struct page *head,
				      unsigned int order, struct zone *zone)
{
	tail->_mapcount = -1;
	tail->flags |= ZONE_BIT(zone);
	tail->mapping = TAIL_MAPPING;
	tail->compound_head = -(sizeof(struct page) << order) + 1;
}

struct notifier_block { int unused; };
struct memory_notify { unsigned long start_pfn; };
#define MEM_GOING_ONLINE 2UL
#define NOTIFY_DONE 0
#define notifier_from_errno(errno) (-(errno))
#define hotplug_memory_notifier(fn, priority) 0

/* Of memory from boot: a page's own start has this in the kernel. */
struct huge_bootmem_page {
	struct list_head list;
	struct hstate *hstate;
	unsigned long flags;
	unsigned long unit_pfn;
};
extern struct list_head huge_boot_pages[2];
#define HUGE_BOOTMEM_HVO 1UL
#define SECTION_IS_VMEMMAP_PREINIT 32UL
#define virt_to_phys(huge) PFN_PHYS((huge)->unit_pfn)
#define panic(fmt, ...) unit_fail(__FILE__, __LINE__, fmt)
struct unit_node { struct zone *node_zones; };
#define NODE_DATA(nid) (&(struct unit_node){ unit_zones })
#define zone_spans_pfn(zone, pfn) ((zone) == &unit_zones[1])
extern struct unit_seen {
	unsigned long addr, end;
	struct zone *zone;
	int populated, sections;
} unit_seen;
int vmemmap_populate_hvo(unsigned long addr, unsigned long end, unsigned int order,
			 struct zone *zone, unsigned long headsize);
void sparse_init_early_section(int nid, struct page *map, unsigned long nr, unsigned long flags);

static inline struct page **unit_tails_of(struct zone *zone, unsigned int order)
{
	return &zone->vmemmap_tails[order - VMEMMAP_TAIL_MIN_ORDER];
}

static inline unsigned long unit_compound_info(const struct page *head)
{
	return -(sizeof(struct page) << compound_order(head)) + 1;
}

/* @addr: that of the tail with @info */
static inline struct page *unit_head_of(unsigned long info, unsigned long addr)
{
	return (struct page *)(addr & (info - 1));
}

static inline unsigned long unit_tail_flags(const struct page *head)
{
	return ZONE_BIT(page_zone(head));
}

static inline bool unit_is_shared(uint64_t pte)
{
	struct page *page = pte_page((pte_t){ pte });
	struct zone *zone;
	int i;

	for_each_populated_zone(zone)
		for (i = 0; i < NR_VMEMMAP_TAILS; i++)
			if (zone->vmemmap_tails[i] == page)
				return true;
	return false;
}

/* @first: the PTE of the page with @head */
static inline uint64_t unit_shared_pte(const struct page *head, uint64_t first)
{
	struct page *tails = *unit_tails_of(page_zone(head), compound_order(head));

	return pfn_pte(page_to_pfn(tails), PAGE_KERNEL).v;
}

static inline bool unit_may_share(const struct page *head, uint64_t pte)
{
	const struct page *tails = page_to_virt(pte_page((pte_t){ pte }));
	int i;

	for (i = 0; i < PAGE_SIZE / sizeof(struct page); i++)
		if (!unit_is_tail(tails + i, head))
			return false;
	return pte == unit_shared_pte(head, 0);
}

#endif
