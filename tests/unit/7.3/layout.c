// SPDX-License-Identifier: GPL-2.0-only
/* What the layout of Linux 7.3 calls */
#include "kernel.h"
#include "world.h"

struct zone unit_zones[2];
struct list_head huge_boot_pages[2];
struct unit_seen unit_seen;

int vmemmap_populate_hvo(unsigned long addr, unsigned long end, unsigned int order,
			 struct zone *zone, unsigned long headsize)
{
	ENSURE(order == GIGANTIC_ORDER && headsize == PAGE_SIZE);
	unit_seen.addr = addr;
	unit_seen.end = end;
	unit_seen.zone = zone;
	unit_seen.populated++;
	return 0;
}

void sparse_init_early_section(int nid, struct page *map, unsigned long nr, unsigned long flags)
{
	ENSURE(nid == 1 && flags == SECTION_IS_VMEMMAP_PREINIT);
	ENSURE(pfn_to_page(nr * PAGES_PER_SECTION) == map);
	ENSURE((unsigned long)map == unit_seen.addr + unit_seen.sections * PMD_SIZE);
	unit_seen.sections++;
}
