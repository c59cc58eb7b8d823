/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the vmemmap of an optimised compound page looks like on Linux 6.12.
 *
 * 6.12 maps the tails to the compound page's own first vmemmap page. Seen
 * through a tail mapping, the head struct page at its start is a "fake head";
 * page_fixed_fake_head() tells it from the real one while
 * hugetlb_optimize_vmemmap_key is enabled.
 *
 * Included by mm/vmemmap_base.c alone.
 */
#ifndef _MM_VMEMMAP_LAYOUT_H
#define _MM_VMEMMAP_LAYOUT_H

#include <linux/build_bug.h>
#include <linux/init.h>
#include <linux/jump_label.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/pfn.h>
#include <linux/pgalloc_tag.h>
#include <linux/rcupdate.h>

DEFINE_STATIC_KEY_FALSE(hugetlb_optimize_vmemmap_key);
EXPORT_SYMBOL(hugetlb_optimize_vmemmap_key);

/**
 * vmemmap_layout_init - make the rest of the kernel ready for fake heads
 *
 * Once and for all, before the first of them can exist: switching the key takes
 * the CPU hotplug lock, which must not nest in what optimizing holds.
 *
 * Context: Boot, one CPU up.
 */
static inline void __init vmemmap_layout_init(void)
{
	static_branch_enable(&hugetlb_optimize_vmemmap_key);
}

/**
 * vmemmap_layout_tail_page - the page that the tail vmemmap is mapped to
 * @head: head struct page of the compound page, at its vmemmap address
 * @first: the page that @head lies in
 *
 * Return: the page to map read-only in place of every tail vmemmap page.
 */
static inline struct page *vmemmap_layout_tail_page(const struct page *head,
						    struct page *first)
{
	return first;
}

/**
 * vmemmap_layout_fill - write the tail struct pages of one vmemmap page
 * @to: kernel address of the page to fill, PAGE_SIZE bytes
 * @head: head struct page of the compound page; its refcount is zero
 *
 * All struct pages of a tail vmemmap page are alike, and the first vmemmap
 * page holds such tails too, but only behind struct folio: what lies in front
 * carries the folio's own data and must not be seen a second time.
 */
static inline void vmemmap_layout_fill(void *to, const struct page *head)
{
	BUILD_BUG_ON(2 * sizeof(struct folio) > PAGE_SIZE);
	copy_page(to, (void *)head);
	memcpy(to, (void *)head + sizeof(struct folio), sizeof(struct folio));
}

/**
 * vmemmap_layout_wait_walkers - let every reference taken on a whim get done
 * @expedite: prefer a short wait here to few interrupts elsewhere
 *
 * In one RCU read section, page_ref_add_unless() checks that a struct page is
 * no fake head, then that its refcount is in use, and then writes to it. A tail
 * that becomes read-only meanwhile can trip it twice: if the refcount was in
 * use before the folio was frozen, and if the tail was no fake head before it
 * was remapped and shows the refcount of the real head, in use again, now.
 * Hence one grace period between freezing and remapping, and one between
 * remapping and handing the folio on.
 *
 * Context: Process context, may sleep.
 */
static inline void vmemmap_layout_wait_walkers(bool expedite)
{
	if (expedite)
		synchronize_rcu_expedited();
	else
		synchronize_rcu();
}

/**
 * vmemmap_layout_release_boot_page - make a page of memblock's one that can be freed
 * @page: the page; PageReserved, and without bootmem info, because the memory
 *	map of base-mapped memory is not registered there
 *
 * It has one reference then, like a page that was allocated. Who calls adds it to
 * the zone's managed pages.
 */
static inline void vmemmap_layout_release_boot_page(struct page *page)
{
	kmemleak_free_part_phys(PFN_PHYS(page_to_pfn(page)), PAGE_SIZE);
	clear_page_tag_ref(page);
	ClearPageReserved(page);
}

#endif /* _MM_VMEMMAP_LAYOUT_H */
